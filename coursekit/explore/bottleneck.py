"""Bottleneck: how wide a code has to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.held import held, one_thread, runs_on
from coursekit.explore.parts.inks import inks, kept
from coursekit.explore.widget.controls import State, Stops
from coursekit.explore.widget.panel import Panel, Picture

CHART = (520, 360)
COLUMNS, SHOWN = 4, 16
OWN = "autoencoder"

Errors = Mapping[str, Mapping[int, float]]


class Bottleneck(Explorer):
    """x̂ = g_d(g_e(x)) for autoencoders with codes of different sizes; the error against the size.

    `models`: {code size: model}, two or more, each a function x [n, C, H, W] → x̂ of that shape. `images`: held-out
    pictures; the first 16 are shown, the error is the mean of (x̂ − x)² over all of them and all their numbers.
    `errors`: further curves by name, {"PCA": {1: 0.06, 2: 0.05, …}}, mean squared errors too. `name`: what the
    models are called. Raises ValueError for fewer than two sizes or sizes below 1.
    """

    title = "Bottleneck: how wide must the code be?"

    def __init__(self, models: Mapping[int, Callable[[Tensor], Tensor]], images: Tensor, *,
                 errors: Errors | None = None, size: int | None = None, name: str = OWN) -> None:
        super().__init__()
        check_images(images)
        sizes = tuple(sorted(models))
        if len(sizes) < 2 or sizes[0] < 1:
            raise ValueError(f"models: want two or more code sizes, all at least 1, got {list(sizes)}")
        self.images, self.name = images[:SHOWN], name
        self.numbers = images[0].numel()
        still = {k: held(models[k]) for k in sizes}
        self.device = runs_on(still.values(), images)
        own, self.rebuilt = self._measured(still, images)
        self.errors: dict[str, dict[int, float]] = {name: own} | {n: dict(e) for n, e in (errors or {}).items()}
        help_ = "how many numbers the code h has; each size is a model of its own"
        self.controls = (Stops("size", stops=sizes, value=size, label="code size", help=help_),)
        self.panels = (Panel("originals x", 232), Panel("rebuilt x̂", 232), Panel("error against code size", 290, True))
        self.sheet_columns = 1
        self.alt = (
            f"{len(self.images)} pictures, the same rebuilt by autoencoders with codes of {sizes[0]} to {sizes[-1]} "
            "numbers, and the error, which falls as the code gets wider"
        )
        self.chart = kept(self._chart)

    @staticmethod
    def _measured(models: Mapping[int, Callable[[Tensor], Tensor]], images: Tensor
                  ) -> tuple[dict[int, float], dict[int, Tensor]]:
        """The error of each model, and its reconstructions of the pictures that are shown."""
        errors, shown = {}, {}
        for size, model in models.items():
            with torch.no_grad(), one_thread():
                x_hat = torch.cat([model(chunk) for chunk in images.split(256)])
            errors[size] = float((x_hat - images).square().mean())
            shown[size] = x_hat[:SHOWN].clone()
        return errors, shown

    def _chart(self) -> Chart:
        marks = sorted({size for curve in self.errors.values() for size in curve})
        most = max(error for curve in self.errors.values() for error in curve.values())
        chart = Chart(CHART, (marks[0], marks[-1]), 1.05 * most, log=True)
        chart.axes({size: str(size) for size in sparse(self.errors[self.name])}, "code size", "mean (x̂ − x)²")
        colours = dict(zip(self.errors, inks().curves, strict=False))
        for name, colour in reversed(list(colours.items())):
            curve = sorted(self.errors[name].items())
            chart.curve([k for k, _ in curve], [e for _, e in curve], colour, points=name == self.name)
        chart.legend(colours)
        return chart

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        size = state["size"]
        grids = (picture(tiled(x.clamp(0, 1), COLUMNS)) for x in (self.images, self.rebuilt[size]))
        return (*grids, self.chart().marked([(size, self.errors[self.name][size], inks().orange)]))

    def readout(self, state: State) -> str:
        size = state["size"]
        further = list(self.errors.items())[1:]
        others = "".join(f", {name} {curve[size]:.4f}" for name, curve in further if size in curve)
        return (
            f"{self.numbers:,} numbers → {size}, compression {self.numbers / size:.3g} : 1 · "
            f"squared error per number: {self.name} {self.errors[self.name][size]:.4f}{others}"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        sizes = sorted(self.errors[self.name])
        chosen = sorted({sizes[0], sizes[len(sizes) // 2], sizes[-1]})
        return [(self.readout(self.state(size=k)), self.state(size=k)) for k in chosen]


def sparse(sizes: Mapping[int, float]) -> list[int]:
    """The sizes whose names fit below the chart: each at least 1.45 times the one before."""
    kept: list[int] = []
    for size in sorted(sizes):
        if not kept or size >= 1.45 * kept[-1]:
            kept.append(size)
    return kept
