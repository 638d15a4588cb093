"""Pictures of image generators: how they grow, what they learn step by step, where they look, and how they score."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from coursekit.figures.game import square
from coursekit.figures.plots import BLUE, FAINT, GREEN, INK, ORANGE, RED, Picture, Redrawn, axes, draw, images

Rows = Mapping[str, Mapping[str, float]]


class Stages:
    """A training's companion that keeps what a generator draws at some steps: one row of pictures for each.

    `Stages(make, at=(1, 50, 200), alt=...)`: `make()` gives images [n, C, H, W], of the same codes each time; give it
    to `training.fit(..., along=[stages])`. In a notebook it keeps one picture, which grows by a row at each of the
    steps; elsewhere it draws nothing. `latest` is the last `Picture`, None before the first of the steps.
    """

    def __init__(self, make: Callable[[], Tensor], *, at: Sequence[int], alt: str, scale: float = 0.62) -> None:
        if not at or min(at) < 1:
            raise ValueError(f"at: want steps, counted from 1, got {tuple(at)}")
        self.make, self.at, self.alt, self.scale = make, frozenset(at), alt, scale
        self.rows: dict[str, Tensor] = {}
        self.latest: Picture | None = None
        self._place = Redrawn()

    def after(self, step: int, terms: Mapping[str, float]) -> None:
        """One more row if it is time."""
        if step not in self.at:
            return
        self.rows[f"step {step:,}"] = self.make()
        shown = [image for row in self.rows.values() for image in row]
        columns = len(shown) // len(self.rows)
        drawn = images(shown, alt=self.alt, columns=columns, rows=list(self.rows), scale=self.scale)
        self.latest = self._place.show(drawn)


def feature_maps(sizes: Sequence[tuple[int, int]], notes: Sequence[str] = (), *, alt: str, start: str = "") -> Picture:
    """A convolutional net as a row of boxes: (channels, side) of each map in order, the height being the side.

    A box's width is the root of its channels, to scale; `notes` stand over the arrows between the boxes.
    """
    figure, ax = axes(size=(9.2, 3.0))
    ax.set_axis_off()
    left, gap, tallest = 0.0, 1.5, max(side for _, side in sizes)
    if start:
        ax.text(left, 0, start, ha="center", va="center", fontsize=9.5, color=INK)
        left += 0.45
    for number, (channels, side) in enumerate(sizes):
        width, height = 0.05 * channels**0.5, 2.4 * side / tallest
        if number or start:
            _between(ax, left, gap, notes[number - (not start)] if number - (not start) < len(notes) else "")
            left += gap
        corner = (left, -height / 2)
        ax.add_patch(Rectangle(corner, width, height, facecolor="#dcecf6", edgecolor=BLUE, linewidth=1.2))
        words = f"{channels:,} of\n{side}×{side}"
        ax.text(left + width / 2, -height / 2 - 0.1, words, ha="center", va="top", fontsize=8.5, color=INK)
        left += width
    ax.set(xlim=(-0.7, left + 0.5), ylim=(-1.75, 1.35))
    return Picture(figure, alt)


def _between(ax: Axes, left: float, gap: float, note: str) -> None:
    look = {"arrowstyle": "-|>", "color": FAINT, "lw": 1.4}
    ax.annotate("", xy=(left + gap - 0.12, 0), xytext=(left + 0.12, 0), arrowprops=look)
    ax.text(left + gap / 2, 0.12, note, ha="center", va="bottom", fontsize=7.5, color=INK)


def scoreboard(
    rows: Rows, columns: Mapping[str, str], *, alt: str, goals: Mapping[str, float] | None = None,
    logarithmic: Sequence[str] = (), best: Mapping[str, Callable[..., float]] | None = None, height: float = 0.3,
    from_zero: bool = False,
) -> Picture:  # fmt: skip
    """Some figures of each of several models, a panel for each figure, a dot with its value for each model.

    `columns` maps a figure's name to the panel's title; a figure that a model lacks leaves its place empty. `goals` are
    dotted lines; `best` says for a figure whether `max` or `min` is to be drawn in another colour;
    `from_zero`: each axis begins at 0.
    """
    figure, grid = axes(1, len(columns), size=(10, 0.75 + height * len(rows)), sharey=True, squeeze=False)
    for ax, (key, title) in zip(grid[0], columns.items(), strict=True):
        found = {name: values[key] for name, values in rows.items() if key in values}
        chosen = (best or {}).get(key)
        winner = chosen(found.values()) if chosen and found else None
        _dots(ax, list(rows), found, winner)
        ax.set_title(title, fontsize=9.5, color=INK)
        if goals and key in goals:
            ax.axvline(goals[key], color=FAINT, linestyle=":", linewidth=1.4)
        if key in logarithmic:
            ax.set_xscale("log")
        ax.margins(x=0.3)
        if from_zero:
            ax.set_xlim(left=0)
    grid[0, 0].set_yticks(range(len(rows)), list(rows))
    return Picture(figure, alt)


def _dots(ax: Axes, names: list[str], found: Mapping[str, float], winner: float | None) -> None:
    for name, value in found.items():
        place, colour = names.index(name), ORANGE if value == winner else BLUE
        ax.plot([value], [place], "o", color=colour, markersize=5)
        words = rounded(value)
        spot = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "fontsize": 7.5, "color": INK}
        ax.annotate(words, (value, place), **spot)  # type: ignore[arg-type]
    ax.set_ylim(len(names) - 0.5, -0.7)
    ax.tick_params(axis="x", labelsize=7.5)


def rounded(value: float) -> str:
    """Two digits, and no power of ten: "0.00003", "0.97", "12.3", "120"."""
    if abs(value) >= 10:
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")


def cross_table(
    counts: Tensor, *, alt: str, xlabel: str, ylabel: str, rows: Sequence[int] = (), size: float = 4.2
) -> Picture:
    """Whole numbers [p, q] as a table on blue, each row's share deciding how dark; zeros are left out.

    `rows`: the order of the rows, by number; as they are if not given.
    """
    order = list(rows) or list(range(len(counts)))
    counts = counts[order]
    figure, ax = axes(size=(size * counts.shape[1] / len(counts) + 0.6, size))
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    ax.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    for (i, j), share in _entries(shares):
        if counts[i, j]:
            ax.text(j, i, f"{int(counts[i, j])}", ha="center", va="center", fontsize=7.5,
                    color="white" if share > 0.7 else INK)  # fmt: skip
    ax.set(xticks=range(counts.shape[1]), xlabel=xlabel, ylabel=ylabel)
    ax.set_yticks(range(len(counts)), order)
    ax.grid(False)
    return Picture(figure, alt)


def _entries(matrix: Tensor) -> list[tuple[tuple[int, int], float]]:
    return [((i, j), float(value)) for i, row in enumerate(matrix) for j, value in enumerate(row)]


def attention(pictures: Tensor, weights: Tensor, places: Sequence[tuple[int, int]], *, alt: str) -> Picture:
    """Where each place of a map looks: images [n, C, S, S] in a row, and below, for each place, the weights on them.

    weights [n, K, K] with K = k² places of a k×k map, row by row: what row j looks at; `places` are its (row, column).
    """
    side = round(weights.shape[1] ** 0.5)
    cell = pictures.shape[-1] / side
    figure, grid = axes(len(places) + 1, len(pictures), size=(1.45 * len(pictures), 1.5 * (len(places) + 1)))
    for ax, image in zip(grid[0], pictures, strict=True):
        draw(ax, image)
    for row, (i, j) in zip(grid[1:], places, strict=True):
        for ax, image, beta in zip(row, pictures, weights, strict=True):
            draw(ax, image.mean(0))
            look = beta[i * side + j].reshape(side, side).numpy()
            extent = (-0.5, pictures.shape[-1] - 0.5, pictures.shape[-1] - 0.5, -0.5)
            ax.imshow(look, cmap="inferno", alpha=0.72, extent=extent, vmin=0, interpolation="nearest")
            corner = (j * cell - 0.5, i * cell - 0.5)
            ax.add_patch(Rectangle(corner, cell, cell, fill=False, edgecolor="white", linewidth=1.6))
    return Picture(figure, alt)


def balls(panels: Mapping[str, tuple[Tensor, Tensor]], *, k: int, alt: str, reach: float = 3.2) -> Picture:
    """How precision and recall are counted in the plane: balls to the k-th neighbour around the real points, in blue,
    and what is generated, in orange, hits filled and misses hollow. A panel is (real [n, 2], generated [m, 2])."""
    figure, grid = axes(1, len(panels), size=(2.55 * len(panels), 3.0), squeeze=False)
    for ax, (title, (real, made)) in zip(grid[0], panels.items(), strict=True):
        radius = _radius(real, k)
        for centre, size in zip(real.tolist(), radius.tolist(), strict=True):
            ax.add_patch(Circle((centre[0], centre[1]), size, facecolor=BLUE, alpha=0.07, linewidth=0))
        hit = (torch.cdist(made, real) <= radius).any(1)
        ax.scatter(*real.T, s=7, color=BLUE, linewidths=0)
        ax.scatter(*made[hit].T, s=13, color=ORANGE, linewidths=0)
        ax.scatter(*made[~hit].T, s=13, facecolors="none", edgecolors=RED, linewidths=1)
        square(ax, reach, title)
    return Picture(figure, alt)


def _radius(x: Tensor, k: int) -> Tensor:
    return torch.cdist(x, x).kthvalue(k + 1, dim=1).values  # the nearest is the point itself


def with_error(
    lines: Mapping[str, tuple[Any, Tensor]], *, alt: str, xlabel: str, ylabel: str, title: str = "", **settings: Any
) -> Picture:
    """Lines (x [p], y [tries, p]): the mean over tries, and a band from the worst to the best of them."""
    figure, ax = axes(size=(6.2, 3.3))
    for (name, (x, y)), colour in zip(lines.items(), (BLUE, ORANGE, GREEN, RED, INK), strict=False):
        ax.plot(x, y.mean(0), color=colour, linewidth=2, marker="o", markersize=4, label=name)
        ax.fill_between(x, y.amin(0), y.amax(0), color=colour, alpha=0.15, linewidth=0)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, **settings)
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=9)
    return Picture(figure, alt)
