"""Trainings side by side: what their curves do, and what they draw at the end."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from coursekit.figures.game import square
from coursekit.figures.plots import BLUE, FAINT, GREEN, INK, ORANGE, PINK, RED, Picture, axes, draw

SCORES = {"real": BLUE, "generated": ORANGE, "generated, generator's turn": PINK}
LOSSES = {"critic loss": GREEN, "generator loss": RED}
SIDE = 4  # images of samples along one side
WILD = 100.0  # curves that go beyond are drawn on a scale that is logarithmic in the distance from 0
TICKS = [-1e8, -1e4, -100, 0, 100, 1e4, 1e8]


class Trained(Protocol):
    """A training that is over: curves and the steps they belong to, samples at a few stages {step: items}."""

    @property
    def curves(self) -> dict[str, Tensor]:
        """{name: values}."""
        ...

    @property
    def steps(self) -> Tensor:
        """Where the curves' points lie."""
        ...

    @property
    def stages(self) -> dict[int, Tensor]:
        """{step: points [n, 2] or images [n, C, H, W]}."""
        ...


def trainings(runs: Mapping[str, Trained], *, alt: str, centres: Tensor, size: float = 2.35) -> Picture:
    """One column for each run: mean scores, losses, the critic's slope, and the samples, in grey those of the start.

    `centres` [k, 2]: where the data's modes are, for runs of points. Curves are those of `checks.failures.Run`.
    """
    figure, grid = axes(4, len(runs), size=(size * len(runs) + 0.3, 8.3), squeeze=False,
                        height_ratios=[1, 1, 0.6, 1.5])  # fmt: skip
    for column, (title, run) in enumerate(runs.items()):
        scores, losses, slope, samples = grid[:, column]
        scores.set_title(title, fontsize=13, weight="bold", color=INK)
        _lines(scores, run, SCORES)
        _lines(losses, run, LOSSES)
        _lines(slope, run, {"slope": INK})
        slope.set(xlabel="step")
        slope.set_ylim(bottom=0)
        _samples(samples, run.stages, centres)
    for ax, word in zip(grid[:, 0], ("mean score l", "loss", "slope of l", "samples"), strict=True):
        ax.set_ylabel(word)
    _keys(figure, grid)
    return Picture(figure, alt)


def _lines(ax: Axes, run: Trained, colours: Mapping[str, str]) -> None:
    for name, colour in colours.items():
        dashed = "--" if name.endswith("turn") else "-"
        ax.plot(run.steps, run.curves[name], color=colour, label=name, linewidth=1.3, linestyle=dashed)
    ax.tick_params(labelsize=8)
    ax.margins(x=0.02)
    values = torch.cat([run.curves[name] for name in colours])
    _scaled(ax, float(values.min()), float(values.max()))


def _scaled(ax: Axes, low: float, high: float) -> None:
    """A flat curve is to look flat, and one that jumps by thousands is not to hide the rest."""
    if max(-low, high) > WILD:
        ax.set_yscale("symlog", linthresh=1)
        ax.set_ylim(3 * low if low < -1 else -1, 3 * high if high > 1 else 1)
        ax.set_yticks([tick for tick in TICKS if 3 * low <= tick <= 3 * high])
    elif high - low < 1:
        ax.set_ylim((low + high - 1.1) / 2, (low + high + 1.1) / 2)


def _samples(ax: Axes, stages: Mapping[int, Tensor], centres: Tensor) -> None:
    first, last = (stages[key(stages)] for key in (min, max))
    if last.ndim > 2:
        draw(ax, _mosaic(last[: SIDE**2]))
        return
    reach = max(1.5 * float(centres.abs().max()), 1.1 * float(last.abs().max()))
    ax.scatter(*_xy(centres), s=60 * 4.5 / reach, facecolors="none", edgecolors=BLUE, linewidths=1.2, zorder=3)
    ax.scatter(*_xy(first), s=3, color=FAINT, linewidths=0, alpha=0.6)
    ax.scatter(*_xy(last), s=5, color=ORANGE, linewidths=0)
    square(ax, reach, f"±{reach:.2g}")


def _xy(points: Tensor) -> tuple[Any, Any]:
    return points[:, 0], points[:, 1]


def _mosaic(images: Tensor) -> Tensor:
    """[SIDE², C, H, W] → one image, with a white line between."""
    framed = torch.nn.functional.pad(images, (1, 1, 1, 1), value=1.0)
    rows = [torch.cat(list(framed[i : i + SIDE]), 2) for i in range(0, len(framed), SIDE)]
    return torch.cat(rows, 1)


def _keys(figure: Any, grid: np.ndarray) -> None:
    """One legend for all columns, above them."""
    handles = [line for ax in grid[:2, 0] for line in ax.get_lines()]
    figure.legend(
        handles=handles,
        ncols=len(handles) if grid.shape[1] > 2 else 3,
        loc="outside upper center",
        frameon=False,
        fontsize=9,
    )
