"""Pictures of the adversarial game: clouds of points side by side, and who plays against whom."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from coursekit.figures.plots import BLUE, FAINT, GREEN, INK, ORANGE, Picture, axes

Cloud = Tensor | Sequence[Tensor]
PALE = {BLUE: "#dcecf6", ORANGE: "#fdf0d5", GREEN: "#d9f0e8", INK: "#f1f2f4"}


def clouds(
    panels: Mapping[str, Cloud], *, alt: str, reach: float | Sequence[float] = 1.6, columns: int | None = None,
    size: float = 2.3, names: Sequence[str] = (), dot: float = 5, colours: Sequence[str] = (BLUE, ORANGE),
) -> Picture:  # fmt: skip
    """Points [n, 2] under each panel's title: generated ones, in orange, or two clouds, the first data, in blue.

    `reach`: how far the axes go from 0, or (left, right, bottom, top); `names` of the clouds stand in the first panel.
    """
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    figure, grid = axes(rows, columns, size=(size * columns, (size + 0.25) * rows), squeeze=False)
    for ax in grid.flat[len(panels) :]:
        ax.set_visible(False)
    for ax, (title, cloud) in zip(grid.flat, panels.items(), strict=False):
        several = [cloud] if isinstance(cloud, Tensor) else list(cloud)
        for points, colour in zip(several, colours[-len(several) :], strict=True):
            ax.scatter(*points.detach().T, s=dot, color=colour, linewidths=0)
        square(ax, reach, title)
    for name, colour in zip(names, colours, strict=False):
        grid.flat[0].scatter([], [], s=20, color=colour, label=name)
    if names:
        grid.flat[0].legend(frameon=False, fontsize=8, loc="upper left", borderpad=0, handletextpad=0.1)
    return Picture(figure, alt)


def square(ax: Axes, reach: float | Sequence[float], title: str = "") -> None:
    """Equal scales and no ticks, from −reach to reach, or over (left, right, bottom, top)."""
    left, right, bottom, top = (-reach, reach, -reach, reach) if isinstance(reach, float | int) else reach
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[])
    ax.set_title(title, fontsize=9.5, color=INK)
    ax.grid(False)
    ax.spines[:].set(visible=True, color=FAINT, linewidth=0.6)


def architecture(*, alt: str) -> Picture:
    """A GAN as boxes and arrows: what flows forwards, and below it the way of the gradients."""
    figure, ax = axes(size=(9, 3.1))
    ax.set(xlim=(0, 12.4), ylim=(-0.2, 4.1))
    ax.set_axis_off()
    box(ax, (1.0, 1.2), "code h\n~ N(0, I)", INK)
    box(ax, (3.8, 1.2), "generator\n$g_{gen}$", ORANGE)
    box(ax, (6.6, 1.2), "generated x\nlabel 0", INK)
    box(ax, (6.6, 3.3), "data x\nlabel 1", INK)
    box(ax, (9.2, 2.25), "discriminator\nD(x) = σ(l(x))", BLUE, 2.1)
    for start, end in (((1.8, 1.2), (3.0, 1.2)), ((4.6, 1.2), (5.8, 1.2)), ((7.4, 1.35), (8.15, 1.95)),
                       ((7.4, 3.15), (8.15, 2.6)), ((10.25, 2.25), (11.05, 2.25))):  # fmt: skip
        flow(ax, start, end, INK)
    ax.text(11.15, 2.25, "chance that\nx is data", va="center", fontsize=9.5, color=INK)
    flow(ax, (9.2, 1.7), (3.8, 0.62), ORANGE, bend=-0.32)
    ax.text(6.6, -0.12, "the generator's gradient: through D, whose weights stay", ha="center", fontsize=9, color=INK)
    flow(ax, (10.9, 2.65), (9.9, 2.85), BLUE, bend=0.6)
    ax.text(10.3, 3.3, "the discriminator's gradient\ngoes no further than D", ha="center", fontsize=9, color=INK)
    return Picture(figure, alt)


def box(ax: Axes, centre: tuple[float, float], words: str, colour: str, width: float = 1.6) -> None:
    """Words in a round box of this width and height 1."""
    corner = (centre[0] - width / 2, centre[1] - 0.5)
    style = "round,pad=0.02,rounding_size=0.15"
    look = {"facecolor": PALE[colour], "edgecolor": colour, "linewidth": 1.4}
    ax.add_patch(FancyBboxPatch(corner, width, 1.0, boxstyle=style, **look))  # type: ignore[arg-type]
    ax.text(*centre, words, ha="center", va="center", fontsize=9.5, color=INK)


def flow(ax: Axes, start: Any, end: Any, colour: str, bend: float = 0.0) -> None:
    """An arrow; one that bends is dashed."""
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.6, "connectionstyle": f"arc3,rad={bend}",
             "linestyle": "--" if bend else "-"}  # fmt: skip
    ax.annotate("", xy=end, xytext=start, arrowprops=style)
