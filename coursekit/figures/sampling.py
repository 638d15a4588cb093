"""Pictures of diffusion models: the chain of noise and its way back, and curves side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from torch import Tensor

from coursekit.figures.plots import BLUE, COLOURS, INK, ORANGE, Picture, axes, draw

Lines = Mapping[str, tuple[Any, Any]]


def chain(pictures: Sequence[Tensor], times: Sequence[int], *, alt: str, side: float = 1.25) -> Picture:
    """A picture under more and more noise: arrows to the right, q, add noise; arrows back, p, remove it.

    `pictures`: x_t [C, H, W] at each of `times`. Raises ValueError unless there is a time for each, and two at least.
    """
    if len(pictures) != len(times) or len(times) < 2:
        raise ValueError(f"times: want one for each of at least two pictures, got {len(times)} for {len(pictures)}")
    n, gap = len(pictures), 0.5 * side
    size = (n * side + (n - 1) * gap, side + 0.95)
    figure, grid = axes(1, n, size=size)
    figure.set_layout_engine("none")
    for k, (ax, x, t) in enumerate(zip(grid, pictures, times, strict=True)):
        ax.set_position((k * (side + gap) / size[0], 0.42 / size[1], side / size[0], side / size[1]))
        draw(ax, x, f"$x_{{{t}}}$")
    for k in range(n - 1):
        left = (k * (side + gap) + side) / size[0]
        _between(figure, left, gap / size[0])
    words = {"fontsize": 9.5, "ha": "center", "va": "center"}
    figure.text(0.5, 0.94, "q: scale a little, add a little noise", color=BLUE, **words)
    figure.text(0.5, 0.06, "p: remove a little noise (learnt)", color=ORANGE, **words)
    return Picture(figure, alt)


def _between(figure: Figure, left: float, width: float) -> None:
    """The two arrows between neighbours."""
    for height, colour, (start, end) in ((0.64, BLUE, (0.15, 0.85)), (0.4, ORANGE, (0.85, 0.15))):
        figure.add_artist(_arrow((left + start * width, height), (left + end * width, height), colour))


def _arrow(start: tuple[float, float], end: tuple[float, float], colour: str) -> FancyArrowPatch:
    return FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, linewidth=1.8, color=colour)


def beside(
    panels: Mapping[str, Lines], *, alt: str, xlabel: str, ylabel: str, size: tuple[float, float] = (9.4, 3.3),
    dotted: Mapping[str, float] | None = None, **settings: Any,
) -> Picture:  # fmt: skip
    """Named lines in panels side by side that share their axes: title → name → (x, y), each point a dot.

    `dotted`: a word → the height of a dotted line in every panel. A name has one colour throughout; the legend
    stands in the last panel. `settings` go to `Axes.set` (xscale, ylim, …). Raises ValueError for no panel.
    """
    if not panels:
        raise ValueError("panels: want at least one, got none")
    names = list(dict.fromkeys(name for lines in panels.values() for name in lines))
    figure, grid = axes(1, len(panels), size=size, squeeze=False, sharey=True)
    for ax, (title, lines) in zip(grid[0], panels.items(), strict=True):
        for name, (x, y) in lines.items():
            _line(ax, name, x, y, COLOURS[names.index(name) % len(COLOURS)])
        for word, height in (dotted or {}).items():
            ax.axhline(height, color=INK, linestyle=":", linewidth=1.2, label=word)
        ax.set(xlabel=xlabel, **settings)
        ax.set_title(title, fontsize=10, color=INK)
    grid[0, 0].set_ylabel(ylabel)
    known = {str(line.get_label()): line for ax in grid[0] for line in ax.lines}
    grid[0, -1].legend(known.values(), known.keys(), frameon=False, fontsize=8.5)
    return Picture(figure, alt)


def _line(ax: Axes, name: str, x: Any, y: Any, colour: str) -> None:
    ax.plot(np.asarray(x), np.asarray(y), color=colour, label=name, linewidth=1.8, marker="o", markersize=3.5)
