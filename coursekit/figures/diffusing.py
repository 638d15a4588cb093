"""Pictures of denoising: who pulls at a noisy picture, and the ways that points take from noise to data."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from coursekit.figures.game import square
from coursekit.figures.plots import BLUE, FAINT, INK, ORANGE, Picture, axes, draw

Rows = Mapping[str, tuple[Tensor, Tensor, Tensor]]

WINS = 0.99  # so large a share counts as all of it


def pull(rows: Rows, images: Tensor, *, titles: tuple[str, str] = ("x", "D(x)"), side: float = 0.72) -> Picture:
    """Who pulls at a noisy picture: a row for each level of noise, with x, D(x) and the share of each stored picture.

    `rows`: name → (x [C, H, W], D(x) [C, H, W], shares [m]); `images` [m, C, H, W]: what is stored, drawn below the
    bars. The alt text says how many pictures have a share of at least a hundredth in each row. Raises ValueError for
    no row, or shares that are not [m].
    """
    _check(rows, len(images))
    m = len(images)
    size = (side * (m + 2) + 1, side * 1.06 * (len(rows) + 1))
    figure, grid = axes(len(rows) + 1, m + 2, size=size, squeeze=False, width_ratios=[1.15, 1.15] + [1] * m)
    for line, (name, (x, answer, shares)) in zip(grid, rows.items(), strict=False):
        draw(line[0], x)
        draw(line[1], answer)
        line[0].set_ylabel(name, fontsize=9.5, rotation=0, ha="right", va="center", labelpad=8)
        for ax, share in zip(line[2:], shares.tolist(), strict=True):
            _bar(ax, share)
    for ax, title in zip(grid[0], titles, strict=False):
        ax.set_title(title, fontsize=9.5, color=INK)
    for ax, image in zip(grid[-1, 2:], images, strict=True):
        draw(ax, image)
    for ax in grid[-1, :2]:
        ax.set_visible(False)
    told = "; ".join(f"{name}: {_winners(shares)}" for name, (_, _, shares) in rows.items())
    said = f"A noisy picture, its denoised self and a bar for the share of each of {m} stored pictures."
    return Picture(figure, f"{said} {told}.")


def _check(rows: Rows, m: int) -> None:
    if not rows:
        raise ValueError("rows: want at least one, got none")
    for name, (_, _, shares) in rows.items():
        if shares.shape != (m,):
            raise ValueError(f"rows: want shares [{m}], got {list(shares.shape)} in {name!r}")


def _bar(ax: Axes, share: float) -> None:
    """A bar from 0 to 1, with its number."""
    ax.bar([0], [share], color=ORANGE, width=0.7)
    ax.set(xlim=(-0.6, 0.6), ylim=(0, 1.25), xticks=[], yticks=[])
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    if share >= 0.01:
        ax.text(0, share + 0.03, f"{100 * share:.0f} %", ha="center", va="bottom", fontsize=7.5, color=INK)


def _winners(shares: Tensor) -> str:
    if float(shares.max()) >= WINS:
        return f"all is picture {int(shares.argmax()) + 1}'s"
    return f"{int((shares >= 0.01).sum())} pictures share, the largest with {100 * float(shares.max()):.0f} %"


def walks(
    points: Tensor, panels: Mapping[str, Sequence[Tensor]], *, reach: float | None = None, near: float = 0.1,
    size: float = 2.5,
) -> Picture:  # fmt: skip
    """Paths of points in the plane: data in blue, each path in orange from its start (a ring) to its end (a dot).

    `points` [m, 2]; `panels`: title → the places [n, 2] after each step. The alt text says which share of the ends
    lies within `near` of a data point. Raises ValueError for paths of less than two places.
    """
    figure, grid = axes(1, len(panels), size=(size * len(panels), size + 0.3), squeeze=False)
    reach = 1.15 * float(points.abs().max()) if reach is None else reach
    told = []
    for ax, (title, places) in zip(grid[0], panels.items(), strict=True):
        if len(places) < 2:
            raise ValueError(f"panels: want at least two places of each path, got {len(places)} in {title!r}")
        way = torch.stack(list(places))  # [steps + 1, n, 2]
        ax.scatter(*points.T, s=16, color=BLUE, linewidths=0, zorder=2)
        ax.plot(way[..., 0], way[..., 1], color=ORANGE, linewidth=0.8, alpha=0.7, zorder=1)
        ax.scatter(*way[0].T, s=9, facecolors="none", edgecolors=FAINT, linewidths=0.8, zorder=2)
        ax.scatter(*way[-1].T, s=12, color=ORANGE, linewidths=0, zorder=3)
        there = (torch.cdist(way[-1], points).amin(1) < near).float().mean().item()
        square(ax, reach, f"{title}: {100 * there:.0f} % arrive")
        told.append(f"{' '.join(title.split())}: {100 * there:.0f} % of the paths end within {near:g} of a data point")
    return Picture(figure, f"Clusters of points, and the paths that others take from noise. {'; '.join(told)}.")
