"""The field of a denoiser: an arrow from every point of the plane to where the denoiser puts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import Pen, Plane, dots
from coursekit.explore.parts.held import held, runs_on
from coursekit.explore.parts.inks import Colour, inks, kept
from coursekit.explore.widget.controls import Control, Point, State, Stops, Toggle
from coursekit.explore.widget.panel import Panel, Picture

SIZE = (640, 520)
ACROSS = 19  # arrows in a row
STEPS = 12  # of the path

Denoise = Callable[[Tensor, float], Tensor]
Score = Callable[[Tensor, float], Tensor]


class DenoisingField(Explorer):
    """The field D(x) − x of a denoiser D in the plane, and the path x ← D(x) from a start under the reader's hand.

    `denoise`: {σ: D}, models [n, 2] → [n, 2] trained with noise of that σ; or a function (x, σ) → [n, 2] with the
    σs to choose from in `sigma`. `points` [m, 2]: the data. `score`: a function (x, σ) → ∇ log p_σ(x) [n, 2]; then a
    toggle draws σ² ∇ log p_σ(x) in blue, which the best denoiser's field equals. Arrows end where D puts the point;
    longer ones are cut at the grid's spacing. Raises ValueError for points that are not [m, 2] or no positive σ.
    """

    title = "The field of a denoiser: D(x) − x"

    def __init__(self, denoise: Mapping[float, Callable[[Tensor], Tensor]] | Denoise, points: Tensor, *,
                 sigma: Sequence[float] | None = None, score: Score | None = None,
                 start: tuple[float, float] | None = None, seed: int = 0) -> None:
        super().__init__()
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise ValueError(f"points: want [m, 2] with m >= 2, got {list(points.shape)}")
        self.points, self.score = points, score
        self.denoise, self.sigmas, self.device = chosen(denoise, sigma, points)
        self.noise = torch.randn(points.shape, generator=torch.Generator().manual_seed(seed)).to(points)
        low, high = points.amin(0).tolist(), points.amax(0).tolist()
        wide = 0.22 * max(high[0] - low[0], high[1] - low[1])
        self.box = (low[0] - wide, low[1] - wide, high[0] + wide, high[1] + wide)
        self.plane = Plane(self.box, SIZE, margin=6)
        self.ground = kept(self._ground)
        self.controls = self._controls(start)
        words = "points (grey), the field D(x) − x (orange)" + (", σ² ∇ log p (blue)" if score else "")
        self.panels = (Panel(words, 480, smooth=True),)
        self.alt = (
            "Points in the plane and an arrow at each place of a grid, from there to where the denoiser puts it, for "
            "several levels of noise: the arrows lead towards the points or, with much noise, towards their mean; a "
            "path of repeated steps follows them"
        )

    def _controls(self, start: tuple[float, float] | None) -> tuple[Control, ...]:
        x0, y0, x1, y1 = (round(edge, 2) for edge in self.box)
        at = start or (x0 + 0.42 * (x1 - x0), y0 + 0.24 * (y1 - y0))
        words = "the noise that the denoiser was made for"
        several = [Stops("sigma", stops=self.sigmas, label="noise σ", help=words)] if len(self.sigmas) > 1 else []
        (left, top), (right, bottom) = self.plane.pixels(np.array([[x0, y1], [x1, y0]])) / SIZE
        place = Point("start", value=(round(at[0], 2), round(at[1], 2)), low=(x0, y0), high=(x1, y1), step=0.02,
                      frame=(left, top, right, bottom), help="where the path x ← D(x) starts")
        closed = Toggle("closed", label="closed form σ² ∇ log p", help="the field of the best denoiser there is")
        return (*several, place, *((closed,) if self.score else ()))

    def _ground(self) -> Image.Image:
        """Some of the points."""
        places = self.plane.pixels(self.points[:800].cpu().numpy())
        return dots(SIZE, places, np.tile(np.array([inks().pale_grey], np.uint8), (len(places), 1)), 2.6)

    def sigma(self, state: State) -> float:
        """The noise level of a state."""
        return state.get("sigma", self.sigmas[0])

    def grid(self) -> Tensor:
        """Where the arrows start: [n, 2], at equal steps across the picture."""
        half = (np.array(SIZE) / 2 - 16) / self.plane.scale
        rows = round(ACROSS * half[1] / half[0])
        sides = zip(self.plane.centre, half, (ACROSS, rows), strict=True)
        x, y = (torch.linspace(middle - reach, middle + reach, count) for middle, reach, count in sides)
        return torch.cartesian_prod(x.float(), y.float()).to(self.points)

    def path(self, state: State) -> Tensor:
        """The start and what comes of it, x ← D(x): [STEPS + 1, 2]."""
        x = torch.tensor([state["start"]]).to(self.points)
        way = [x]
        for _ in range(STEPS):
            way.append(self.denoise(way[-1], self.sigma(state)))
        return torch.cat(way)

    def disagreement(self, state: State) -> float:
        """‖D(x) − x − σ² ∇ log p_σ(x)‖ / ‖σ² ∇ log p_σ(x)‖ over the data with noise σ: root mean squares."""
        assert self.score is not None
        sigma = self.sigma(state)
        x = self.points + sigma * self.noise
        exact = sigma**2 * self.score(x, sigma)
        return float((self.denoise(x, sigma) - x - exact).norm() / exact.norm())

    def render(self, state: State, final: bool = True) -> Picture:
        pen, start, sigma = Pen(self.ground().copy()), self.grid(), self.sigma(state)
        ink = inks()
        if state.get("closed") and self.score is not None:
            self._arrows(pen, start, sigma**2 * self.score(start, sigma), ink.blue, 4.5)
        self._arrows(pen, start, self.denoise(start, sigma) - start, ink.orange, 2)
        way = [tuple(place) for place in self.plane.pixels(np.nan_to_num(self.path(state).cpu().numpy()))]
        pen.line(way, ink.paper, 7, 0.8)
        pen.line(way, ink.ink, 2.5)
        pen.discs(way[1:], 3.5, ink.ink)
        return np.asarray(pen.image)

    def _arrows(self, pen: Pen, start: Tensor, move: Tensor, colour: Colour, width: float) -> None:
        """Arrows start → start + move, cut at the spacing of the grid."""
        places = self.plane.pixels(start.cpu().numpy())
        along = move.cpu().numpy() * self.plane.scale * (1, -1)
        length = np.hypot(*along.T)[:, None]
        spacing = 0.92 * (SIZE[0] - 32) / (ACROSS - 1)
        along = along * np.minimum(1, spacing / np.maximum(length, 1e-9))
        pen.arrows(places, places + along, colour, width, 4 + 2 * width)

    def readout(self, state: State) -> str:
        way = self.path(state)
        near = [float((self.points - place).norm(dim=1).min()) for place in (way[0], way[1], way[-1])]
        steps = f"{near[1]:.2f} after one step, {near[2]:.2f} after {STEPS}"
        words = f"nearest data point: {near[0]:.2f} away at the start, {steps}"
        if self.score is None:
            return words
        return f"{words} · the field differs from σ² ∇ log p by {100 * self.disagreement(state):.0f} % on noisy data"

    def contact_states(self) -> list[tuple[str, State]]:
        if len(self.sigmas) == 1:
            return [("start", self.state())]
        chosen = sorted({self.sigmas[0], self.sigmas[len(self.sigmas) // 2], self.sigmas[-1]})
        return [(f"σ = {sigma:g}", self.state(sigma=sigma)) for sigma in chosen]


def chosen(denoise: Mapping[float, Callable[[Tensor], Tensor]] | Denoise, sigma: Sequence[float] | None,
           points: Tensor) -> tuple[Denoise, tuple[float, ...], str]:
    """The denoiser as a function (x, σ), its σs in rising order, and the device on which it moves the points."""
    sigmas = tuple(sorted(denoise if isinstance(denoise, Mapping) else sigma or ()))
    if not sigmas or sigmas[0] <= 0:
        raise ValueError(f"sigma: want one positive noise level or more, got {list(sigmas)}")
    if not isinstance(denoise, Mapping):
        still = held(denoise)
        return still, sigmas, runs_on((still,), points)
    models = {level: held(model) for level, model in denoise.items()}
    return lambda x, level: models[level](x), sigmas, runs_on(models.values(), points)
