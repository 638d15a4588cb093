"""A walk between two codes: does a straight line in the code stay among pictures that nature could have drawn?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

import numpy as np
import torch
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.held import Function, held, one_thread, runs_on
from coursekit.explore.parts.inks import Colour, inks, kept
from coursekit.explore.widget.controls import Slider, State
from coursekit.explore.widget.panel import Panel, Picture

CHART = (480, 330)
MOMENTS = 17  # of t at which distances are measured
LINE, BLEND = "line in the code", "blend of pixels"
Distances = Mapping[str, Sequence[float]]
Measure = Callable[[Tensor], Tensor]


class Walk(Explorer):
    """x_t = g_d((1 − t) g_e(x_A) + t g_e(x_B)) beside the blend (1 − t) x_A + t x_B.

    `encode` [n, C, H, W] → [n, K] and `decode` back, methods of a model or functions; `image_a`, `image_b`
    [C, H, W] or [1, C, H, W]. `others`: further models by name, {"VAE": (encode, decode)}, each with a picture of
    its own. `distances`: how far each way is from the manifold, as a curve below: a function [n, C, H, W] → [n],
    asked at 17 moments (`lambda x: metrics.distance_to_manifold(x)[0]`), or its values at evenly spaced t from 0
    to 1 under the ways' names, {"line in the code": [...], "blend of pixels": [...]}. With
    `rebuilt` the blend is one of the two reconstructions, so that both ways have the same ends. Raises ValueError
    for distances under other names.
    """

    title = "A walk from A to B: through the code, or through the pixels"

    def __init__(self, encode: Function, decode: Function, image_a: Tensor, image_b: Tensor, *,
                 distances: Distances | Measure | None = None,
                 others: Mapping[str, tuple[Function, Function]] | None = None, name: str = LINE,
                 rebuilt: bool = False) -> None:
        super().__init__()
        ends = torch.stack([x[0] if x.ndim == 4 else x for x in (image_a, image_b)])  # [2, C, H, W]
        check_images(ends)
        models = {name: (encode, decode), **(others or {})}
        self.decoders = {way: held(pair[1]) for way, pair in models.items()}
        self.ends, self.device = ends, runs_on(self.decoders.values(), ends)
        with torch.no_grad(), one_thread():
            self.codes = {way: held(pair[0])(ends) for way, pair in models.items()}  # each [2, K]
            self.blended = self.decoders[name](self.codes[name]) if rebuilt else ends  # [2, C, H, W]
        self.ways = (*models, BLEND)
        self.tables = self._tables(distances)
        self.controls = (Slider("t", low=0.0, high=1.0, step=0.01, value=0.5, help="0: picture A … 1: picture B"),)
        self.panels = tuple(Panel(way, 200) for way in self.ways)
        if self.tables:
            self.panels += (Panel("distance to the manifold", 270, smooth=True),)
            self.chart = kept(self._chart)
        self.sheet_columns = 1 if self.tables or others else 3
        named = f" ({', '.join(models)})" if others else ""
        self.alt = (
            f"A picture turns into another, at moments of {len(self.ways)} ways: decoded from a straight line between "
            f"two codes{named}, and blended in pixels, where "
            "both shine through each other" + (
                "; below, how far each is from the pictures that nature could draw" if self.tables else "")
        )

    def at(self, way: str, t: Tensor) -> Tensor:
        """The pictures of a way at moments t [n]: [n, C, H, W]."""
        weights = t.to(self.ends)[:, None]  # [n, 1]
        if way == BLEND:
            start, end = self.blended.flatten(1)
            return torch.lerp(start, end, weights).unflatten(1, self.ends.shape[1:])
        start, end = self.codes[way]
        return self.decoders[way](torch.lerp(start, end, weights))

    def colours(self) -> dict[str, Colour]:
        """The blend orange, the first model blue, others in other colours."""
        blend, *models = inks().curves
        return {**dict(zip(self.ways, cycle(models), strict=False)), BLEND: blend}

    def _tables(self, distances: Distances | Measure | None) -> dict[str, np.ndarray]:
        """Distances of each way at evenly spaced t; measured here if there is a function for it."""
        if distances is None:
            return {}
        if callable(distances):
            t = torch.linspace(0, 1, MOMENTS)
            with torch.no_grad(), one_thread():
                return {way: distances(self.at(way, t)).cpu().numpy() for way in self.ways}
        if set(distances) != set(self.ways):
            raise ValueError(f"distances: want one for each of {', '.join(self.ways)}, got {', '.join(distances)}")
        return {way: np.asarray(distances[way], float) for way in self.ways}

    def distance(self, way: str, t: float) -> float:
        """The distance at t, between the measured ones by a straight line."""
        table = self.tables[way]
        return float(np.interp(t, np.linspace(0, 1, len(table)), table))

    def _chart(self) -> Chart:
        chart = Chart(CHART, (0.0, 1.0), 1.25 * max(float(table.max()) for table in self.tables.values()))
        chart.axes({0.0: "A", 0.5: "t = 0.5", 1.0: "B"}, "")
        colours = self.colours()
        for way in reversed(self.ways):
            table = self.tables[way]
            chart.curve(np.linspace(0, 1, len(table)).tolist(), table.tolist(), colours[way])
        chart.legend(colours)
        return chart

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        t = state["t"]
        shown = tuple(picture(self.at(way, torch.tensor([t]))[0]) for way in self.ways)
        if not self.tables:
            return shown
        colours = self.colours()
        return (*shown, self.chart().marked([(t, self.distance(way, t), colours[way]) for way in self.ways]))

    def captions(self, state: State) -> tuple[str, ...]:
        words = tuple(panel.caption for panel in self.panels)
        if not self.tables:
            return words
        return (*(f"{way}: {self.distance(way, state['t']):.3f} off" for way in self.ways), words[-1])

    def readout(self, state: State) -> str:
        t = state["t"]
        if not self.tables:
            line, blend = (self.at(way, torch.tensor([t])) for way in (self.ways[0], BLEND))
            apart = (line - blend).square().mean().sqrt()
            return f"t = {t:.2f}: the two pictures differ by {apart:.3f} a number (root mean square)"
        measured = ", ".join(f"{self.distance(way, t):.3f} on the {way}" for way in self.ways)
        return f"t = {t:.2f}: distance to the manifold (root mean square a number) {measured}"

    def contact_states(self) -> list[tuple[str, State]]:
        moments = (0.0, 0.25, 0.5, 0.75, 1.0) if self.sheet_columns > 1 else (0.0, 0.5, 1.0)
        return [(f"t = {t:.2f}", self.state(t=t)) for t in moments]
