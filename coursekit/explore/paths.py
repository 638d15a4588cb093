"""Two ways from one face to another: a blend of the pixels, and a straight line in h."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.data import faces
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import Pen, picture
from coursekit.explore.parts.held import one_thread
from coursekit.explore.parts.inks import inks
from coursekit.explore.widget.controls import Slider, State
from coursekit.explore.widget.panel import Panel, Picture

CHART = (300, 220)
Distances = Mapping[str, Sequence[float]]


class PathExplorer(Explorer):
    """x_t = (1 − t) x_A + t x_B beside x_t = featureMap((1 − t) h_A + t h_B).

    `factors_a` and `factors_b` are [14] or [1, 14]. `distances` = {"pixels": [...], "factors": [...]} are distances
    to the manifold at evenly spaced t from 0 to 1 (see `metrics.distance_to_manifold`), shown as captions and curves.
    With `ends_first` it starts at A, and still picture and words show A and B alone: what lies between them can be
    predicted.
    """

    title = "Two ways from A to B"
    alt = (
        "A face turns into another, at five moments of two ways: blended in pixels, with two faces shining through "
        "each other half-way, and along a straight line of factors, where every picture is a face"
    )
    sheet_panels = (0, 1)
    sheet_columns = 3

    def __init__(self, factors_a: Tensor, factors_b: Tensor, distances: Distances | None = None, *,
                 size: int = 64, ends_first: bool = False) -> None:
        super().__init__()
        self.moments: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
        if ends_first:
            self.moments = (0.0, 1.0)
            self.alt = "Face A and face B, at the start and at the end of two ways: a blend of pixels, a line in h"
        self.ends = torch.stack([factors_a.flatten(), factors_b.flatten()])  # [2, F]
        self.size = size
        start = 0.0 if ends_first else 0.5
        self.controls = (Slider("t", low=0.0, high=1.0, step=0.01, value=start, help="0: face A … 1: face B"),)
        given = distances or {}
        self.distances = {name: np.asarray(given[name], float) for name in ("pixels", "factors") if given}
        self.panels = (Panel("blend of pixels", 216), Panel("line in h", 216))
        if self.distances:
            self.panels += (Panel("distance to the manifold", 220, smooth=True),)
        with one_thread():
            self.pair = faces.render(self.ends, size)  # [2, 3, H, W]

    def at(self, name: str, t: float) -> float:
        """The distance at t, between the given ones by a straight line."""
        table = self.distances[name]
        return float(np.interp(t, np.linspace(0, 1, len(table)), table))

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        t = state["t"]
        blend = torch.lerp(self.pair[0], self.pair[1], t)
        line = faces.render(torch.lerp(self.ends[:1], self.ends[1:], t), self.size)[0]
        shown = (picture(blend), picture(line))
        return (*shown, curves(self.distances, t)) if self.distances else shown

    def captions(self, state: State) -> tuple[str, ...]:
        words = tuple(panel.caption for panel in self.panels)
        if not self.distances:
            return words
        measured = (f"{self.at('pixels', state['t']):.3f} off", f"{self.at('factors', state['t']):.3f} off")
        return f"{words[0]}: {measured[0]}", f"{words[1]}: {measured[1]}", words[2]

    def readout(self, state: State) -> str:
        t = state["t"]
        if not self.distances:
            return f"t = {t:.2f}"
        return (
            f"t = {t:.2f}: distance to the manifold (root mean square a number) {self.at('pixels', t):.3f} for the "
            f"blend, {self.at('factors', t):.3f} on the line in h"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        return [(f"t = {t:.2f}", self.state(t=t)) for t in self.moments]


def curves(distances: Mapping[str, np.ndarray], t: float) -> Picture:
    """Both distances over t, blend orange and line in h blue, with a dot at t."""
    left, top, right, bottom = 14, 26, CHART[0] - 14, CHART[1] - 24
    pen, ink = Pen(Image.new("RGB", CHART, inks().paper)), inks()
    highest = max(1e-6, *(float(table.max()) for table in distances.values()))
    pen.line([(left, bottom), (right, bottom)], ink.line, 1.5)
    pen.text((left, CHART[1] - 5), "A", size=14, anchor="lb")
    pen.text((right, CHART[1] - 5), "B", size=14, anchor="rb")
    for name, colour, words in (("factors", ink.blue, "line in h"), ("pixels", ink.orange, "blend")):
        xs = np.linspace(left, right, len(distances[name]))
        ys = bottom - (bottom - top) * distances[name] / highest
        pen.line(list(zip(xs.tolist(), ys.tolist(), strict=True)), colour, 2.5)
        here = (left + (right - left) * t, float(np.interp(left + (right - left) * t, xs, ys)))
        pen.disc(here, 5.5, colour)
        pen.text((left if name == "factors" else right, 5), words, colour, 14, "la" if name == "factors" else "ra")
    return np.asarray(pen.image)
