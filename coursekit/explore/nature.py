"""Nature's desk: every factor of a face under the reader's hand, and what the picture's numbers do."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.data import faces
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import Pen, Plane, dots, picture
from coursekit.explore.parts.held import one_thread
from coursekit.explore.parts.inks import inks, kept, readable_on
from coursekit.explore.parts.letters import font
from coursekit.explore.widget.controls import Control, Slider, State, Toggle
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.linear import PCA

MAP = 32  # the map is fitted on faces of this size
EDGE = 300  # pixels of the map
CELLS, CELL = 4, 84  # the close-up shows 4 × 4 pixels, each in a field of 84

GROUPS = {
    "pose": ("turn", "nod", "gaze"),
    "shape": ("width", "smile", "eyes", "brows"),
    "colour": ("skin", "hair", "light"),
}
EXAMPLES: tuple[tuple[str, dict[str, float]], ...] = (
    ("all factors 0", {}),
    ("smile +1", {"smile": 1.0}),
    ("turn −1, gaze −1", {"turn": -1.0, "gaze": -1.0}),
    ("skin, hair, light", {"skin": 0.8, "hair": -1.0, "light": 0.7, "smile": 0.5}),
    ("glasses, long hair", {"glasses": True, "long_hair": True, "hair": 0.6, "smile": 0.7}),
    ("beard, nod +0.6", {"beard": True, "nod": 0.6, "skin": 0.2, "hair": -0.3, "width": 0.6}),
)


class NaturesDesk(Explorer):
    """Each of the 14 factors h a control; the face x = featureMap(h), some of its numbers, its place among others.

    `size`: pixels of the picture's side. `among`: how many random faces the map is made of (their two leading
    principal components). `controls` may be limited to some factors by name with `only`.
    """

    title = "Nature’s desk: 14 numbers make a face"
    alt = (
        "Drawn faces under six settings of nature’s factors: the neutral face; smiling; turned with the gaze aside; "
        "darker skin and black hair in light from the right; glasses and long hair; a beard and a lowered head"
    )
    sheet_panels = (0,)

    def __init__(self, size: int = 64, *, among: int = 600, only: tuple[str, ...] = (), seed: int = 0) -> None:
        super().__init__()
        self.size = size
        self.controls = tuple(c for c in map(control, ordered()) if not only or c.name in only)
        self.panels = (
            Panel(f"{size} × {size} pixels, 3 numbers each", 330),
            Panel("16 pixels’ red numbers", 148, smooth=True),
            Panel(f"place among {among} faces", 148, smooth=True, below=True),
        )
        with one_thread():
            self.neutral = faces.render(factors_of(self.state()), size)[0]
            self.place = FaceMap(faces.sample_factors(among, generator=torch.Generator().manual_seed(seed)))
        self._last: tuple[State, Tensor] = (self.state(), self.neutral)

    def face(self, state: State) -> Tensor:
        """The picture of a state, [3, size, size] in [0, 1]; the last one is kept."""
        known, image = self._last
        if known != state:
            image = faces.render(factors_of(state), self.size)[0]
            self._last = (dict(state), image)
        return image

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        image = picture(self.face(state))
        return image, close_up(image), self.place.draw(factors_of(state), steps=24 if final else 8)

    def readout(self, state: State) -> str:
        image = self.face(state)
        moved = sum(state[c.name] != c.value for c in self.controls)
        change = image - self.neutral
        changed = int((change.abs() > 1 / 255).sum())
        share = 100 * changed / change.numel()
        return (
            f"{moved} of {len(self.controls)} factors moved → {changed:,} of the {change.numel():,} numbers changed "
            f"({share:.0f} %), by {change.square().mean().sqrt():.3f} in the root mean square"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        known = {c.name for c in self.controls}
        return [(label, self.state(**named)) for label, named in EXAMPLES if set(named) <= known]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn = dict(zip(faces.FACTORS, faces.sample_factors(1, generator=generator)[0].tolist(), strict=True))
        return self.state(**{c.name: as_value(c, drawn[c.name]) for c in self.controls})


class FaceMap:
    """Faces as points of a plane, their two leading principal components, each in the mean colour of its middle."""

    def __init__(self, others: Tensor) -> None:
        x = faces.render(others, MAP)
        self.pca = PCA(2).fit(x)
        self.places = self.pca.transform(x).numpy()
        low, high = self.places.min(0), self.places.max(0)
        self.plane = Plane((low[0], low[1], high[0], high[1]), (EDGE, EDGE), margin=22)
        self.colours = (x[:, :, 10:22, 10:22].mean((2, 3)) * 255).byte().numpy()  # [n, 3]
        self.ground = kept(self._ground)

    def _ground(self) -> Image.Image:
        return dots((EDGE, EDGE), self.plane.pixels(self.places), self.colours, radius=3.4)

    def draw(self, h: Tensor, steps: int) -> Picture:
        """The map with the way from the neutral face to this one: straight in h, a curve among pictures."""
        share = torch.linspace(0, 1, steps)[:, None]
        neutral = torch.zeros_like(h)
        way = self.plane.pixels(self.pca.transform(faces.render(neutral + share * (h - neutral), MAP)).numpy())
        pen, ink = Pen(self.ground().copy()), inks()
        points = [(float(x), float(y)) for x, y in way]
        pen.line(points, ink.paper, 6, 0.8)
        pen.line(points, ink.orange, 3)
        pen.disc(points[0], 4, ink.ink)
        pen.disc(points[-1], 10, ink.paper)
        pen.disc(points[-1], 7.5, ink.orange)
        return np.asarray(pen.image)


def close_up(image: Picture) -> Picture:
    """The pixels at the corner of the mouth, large, each with its red number 0 … 255."""
    size = image.shape[0]
    top, left = round(size * 0.69) - CELLS // 2, round(size * 0.57) - CELLS // 2
    patch = image[top : top + CELLS, left : left + CELLS]
    large = Image.fromarray(np.ascontiguousarray(patch.repeat(CELL, 0).repeat(CELL, 1)))
    for row, line in enumerate(patch):
        for column, pixel in enumerate(line):
            large.paste(readable_on(pixel), (column * CELL, row * CELL), numeral(int(pixel[0])))
    return np.asarray(large)


@cache
def numeral(number: int) -> Image.Image:
    """A number as a mask for one field of the close-up."""
    mask = Image.new("L", (CELL, CELL))
    ImageDraw.Draw(mask).text((CELL / 2, CELL / 2), str(number), 215, font(31), anchor="mm")
    return mask


def ordered() -> list[str]:
    """The factors in the order of the desk: by group, attributes last."""
    return [name for group in GROUPS.values() for name in group] + list(faces.ATTRIBUTES)


def control(name: str) -> Control:
    """The slider or toggle of a factor."""
    if name in faces.ATTRIBUTES:
        return Toggle(name, help=faces.MEANINGS[name], group="attributes")
    low, high = faces.RANGES[name]
    group = next(title for title, names in GROUPS.items() if name in names)
    return Slider(name, low=low, high=high, step=0.01, value=0.0, help=faces.MEANINGS[name], group=group)


def as_value(control: Control, number: float) -> float | bool:
    """A factor's number as the value of its control."""
    return number > 0.5 if isinstance(control, Toggle) else round(number, 2)


def factors_of(state: State) -> Tensor:
    """A state → factors [1, 14] in the renderer's order; what has no control is 0."""
    return torch.tensor([[float(state.get(name, 0.0)) for name in faces.FACTORS]])
