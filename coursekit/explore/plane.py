"""The plane of a two-dimensional code: a point under the reader's hand, and the picture that it decodes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.checked import check_codes
from coursekit.explore.parts.codemap import CodeMap
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.held import Function, held, one_thread, runs_on
from coursekit.explore.parts.inks import kept
from coursekit.explore.widget.controls import Control, Point, State, Toggle
from coursekit.explore.widget.panel import Panel, Picture

PEAK = -math.log(2 * math.pi)  # log P(0) in nats
FEW = 250  # codes that are shown over the decoded grid, and ellipses


class LatentPlane(Explorer):
    """A map of codes h and, for the point on it, the decoded picture g_d(h).

    `decode` [n, 2] → [n, C, H, W] in [0, 1]: a model's method (`vae.decode`) or a function. `codes` [n, 2]: the codes
    of known pictures (`vae.encode(x).mean`), `labels` [n] their classes, whole numbers from 0, `names` their names.
    `spread` [n, 2]: the standard deviations of Q(h|x), for a toggle that draws them as ellipses. `low`, `high`: the
    box of the map on both axes. `grid`: pictures in a row of the toggle that decodes h from −2 to 2. `start`: where
    the point stands; by default in the middle of the first class. *Surprise me* draws h from the prior N(0, I).
    Raises ValueError for codes that are not [n, 2] or other sizes that do not fit.
    """

    title = "The plane of codes: every point is a picture"

    def __init__(self, decode: Function, codes: Tensor, labels: Tensor | None = None, *, low: float = -3.0,
                 high: float = 3.0, spread: Tensor | None = None, names: Sequence[str] | None = None,
                 start: tuple[float, float] | None = None, grid: int = 15) -> None:
        super().__init__()
        check_codes(codes, labels, spread)
        if grid < 2:
            raise ValueError(f"grid: want 2 pictures in a row or more, got {grid}")
        self.codes, self.labels, self.spread = codes.detach().float(), labels, spread
        self.names, self.count, self.decode = names, grid, held(decode)
        self.device, self.map = runs_on((self.decode,), codes), CodeMap(low, high)
        self.grounds: dict[tuple[bool, bool], Callable[[], Picture]] = {}
        self.controls = self._controls(start or self._middle())
        self.ground(self.state())
        outside = len(codes) - int(self.map.inside(self.codes).sum())
        beyond = f"; {outside:,} lie outside" if outside else ""
        self.panels = (Panel(f"codes of {len(codes):,} pictures{beyond}", 400, smooth=True),
                       Panel("decoded x = g_d(h)", 216))
        self.sheet_columns = 2
        self.alt = (
            "A map of codes, coloured by class, with circles at one and two standard deviations of the prior and a "
            "point on it; beside it the picture that the point decodes to: in the middle of a class, between two "
            "classes, far from all codes; and the map with decoded pictures laid under it"
        )

    def _middle(self) -> tuple[float, float]:
        """The code in the middle of the first class."""
        own = self.codes if self.labels is None else self.codes[self.labels == self.labels.min()]
        x, y = own.median(0).values.clamp(self.map.low, self.map.high).tolist()
        return round(x, 3), round(y, 3)

    def _controls(self, start: tuple[float, float]) -> tuple[Control, ...]:
        low, high = self.map.low, self.map.high
        point = Point("point", value=start, low=low, high=high, frame=self.map.frame, step=0.05, trail=160, film=1,
                      axes=("h₁", "h₂"), label="h", help="the code that is decoded")
        grid = Toggle("grid", label="decoded grid −2 … 2", help="lay the pictures of many codes under the map")
        spread = Toggle("spread", label="σ of Q(h|x)", help="an ellipse of one standard deviation around some codes")
        return (point, grid, *((spread,) if self.spread is not None else ()))

    def h(self, state: State) -> Tensor:
        """The code under the point: [1, 2]."""
        return torch.tensor([state["point"]]).to(self.codes)

    def nearest(self, state: State) -> tuple[int, float]:
        """The number of the nearest known code and its distance."""
        away = (self.codes - self.h(state)).norm(dim=1)
        return int(away.argmin()), float(away.min())

    def ground(self, state: State) -> Picture:
        """The map, as the toggles say; drawn once for each, and once in each page's colours."""
        key = bool(state["grid"]), bool(state.get("spread"))
        if key not in self.grounds:
            self.grounds[key] = kept(partial(self._ground, *key))
        return self.grounds[key]()

    @torch.no_grad()
    def _ground(self, grid: bool, spread: bool) -> Picture:
        with one_thread():
            decoded = self.decode(self.map.grid(self.count).to(self.codes)) if grid else None
        return self.map.draw(self.codes, self.labels, names=self.names, decoded=decoded,
                             spread=self.spread if spread else None, most=FEW if grid or spread else None)

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        return self.ground(state), picture(self.decode(self.h(state))[0])

    def captions(self, state: State) -> tuple[str, ...]:
        x, y = state["point"]
        return self.panels[0].caption, f"decoded from h = ({x:.2f}, {y:.2f})".replace("-", "−")

    def readout(self, state: State) -> str:
        x, y = state["point"]
        log_p = PEAK - (x * x + y * y) / 2
        i, away = self.nearest(state)
        whose = "" if self.labels is None else f" (class {self._name(int(self.labels[i]))})"
        return (
            f"h = ({x:.2f}, {y:.2f}) · log P(h) = {log_p:.2f} nats, {PEAK:.2f} at the middle · "
            f"nearest known code{whose} {away:.2f} away"
        ).replace("-", "−")

    def _name(self, label: int) -> str:
        return str(self.names[label]) if self.names else str(label)

    def surprise(self, generator: torch.Generator | None = None) -> State:
        low, high = self.map.low, self.map.high
        x, y = torch.randn(2, generator=generator).clamp(low, high).tolist()
        return self.state(point=(round(x, 3), round(y, 3)))

    def _between(self) -> tuple[float, float]:
        """Halfway from the start to the middle of the nearest other class; without labels halfway to 0."""
        x, y = self.state()["point"]
        if self.labels is None or len(self.labels.unique()) < 2:
            return x / 2, y / 2
        middles = torch.stack([self.codes[self.labels == label].median(0).values for label in self.labels.unique()])
        away = (middles - torch.tensor([x, y]).to(middles)).norm(dim=1)
        x1, y1 = middles[away.argsort()[1]].clamp(self.map.low, self.map.high).tolist()
        return round((x + x1) / 2, 3), round((y + y1) / 2, 3)

    def _emptiest(self) -> tuple[float, float]:
        """The place of a coarse grid over the map that is farthest from all codes."""
        steps = torch.linspace(self.map.low, self.map.high, 13)[1:-1]
        places = torch.cartesian_prod(steps, steps)
        away = torch.cdist(places, self.codes.cpu()).amin(1)
        x, y = places[away.argmax()].tolist()
        return round(x, 3), round(y, 3)

    def contact_states(self) -> list[tuple[str, State]]:
        return [
            ("where codes of one class are", self.state()),
            ("between two classes", self.state(point=self._between())),
            ("where no code is", self.state(point=self._emptiest())),
            ("the decoded grid under the codes", self.state(grid=True)),
        ]
