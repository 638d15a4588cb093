"""Who plays with whom in image-to-image translation: pictures, generators and critics as boxes and arrows."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from torch import Tensor

from coursekit.figures.game import box, flow
from coursekit.figures.plots import BLUE, GREEN, INK, ORANGE, Picture, axes, to_array

Shown = Mapping[str, Tensor]  # the name of an item → its picture
WORDS = {
    "a": "$x_A$", "fake_b": "$g_{A2B}(x_A)$", "again_a": r"$\hat{x}_A$", "b": "$x_B$", "fake_a": "$g_{B2A}(x_B)$",
    "again_b": r"$\hat{x}_B$", "x": "$x$", "drawn": "$g(x)$", "y": "$y$",
}  # fmt: skip
SIDE = 1.15  # of a picture, in the units of the drawing
LEFT, RIGHT, DROP = 3.0, 8.2, 1.75


def pix2pix(pictures: Shown | None = None, *, alt: str = "") -> Picture:
    """Pix2Pix as boxes and arrows: the generator hits its target, the critic sees pairs.

    `pictures`: images [C, H, W] for "x", "drawn" (g(x)) and "y"; where one is missing stand its letters.
    """
    figure, ax = _sheet((8.6, 3.5), (0.2, 11.3), (-0.65, 4.2))
    items = {"x": (0.9, 2.9), "drawn": (5.0, 2.9), "y": (5.0, 0.9)}
    for name, place in items.items():
        _item(ax, place, name, pictures or {}, above=name != "y")
    box(ax, (2.95, 2.9), "generator\n$g$", ORANGE, 1.5)
    box(ax, (8.5, 2.9), "critic\n$D(x, g(x))$", BLUE, 1.7)
    box(ax, (8.5, 0.9), "critic\n$D(x, y)$", BLUE, 1.7)
    _flows(ax, ((1.6, 2.9), (2.15, 2.9)), ((3.75, 2.9), (4.3, 2.9)), ((5.7, 2.9), (7.6, 2.9)), ((5.7, 0.9), (7.6, 0.9)))
    _flows(ax, ((9.4, 2.9), (10.0, 2.9)), ((9.4, 0.9), (10.0, 0.9)))
    flow(ax, (1.25, 3.55), (8.5, 3.48), INK, bend=-0.1)
    flow(ax, (0.9, 2.25), (8.2, 0.36), INK, bend=0.33)
    ax.annotate("", xy=(5.0, 1.5), xytext=(5.0, 2.3), arrowprops={"arrowstyle": "<|-|>", "color": GREEN, "lw": 1.8})
    ax.text(5.15, 1.9, "L1", va="center", fontsize=9.5, color=INK)
    for height, words in ((2.9, "generated?"), (0.9, "real?")):
        ax.text(10.1, height, words, va="center", fontsize=9.5, color=INK)
    said = "Boxes and arrows. The generator makes g(x) of x. An arrow with two heads, L1, joins g(x) and the target y. "
    return Picture(figure, alt or f"{said}The critic is shown two pairs: x with g(x), and x with y.")


def cyclegan(pictures: Shown | None = None, *, alt: str = "") -> Picture:
    """CycleGAN as boxes and arrows: both ways round, items of A on the left and of B on the right.

    `pictures`: images [C, H, W] for "a", "fake_b" (its translation), "again_a" (that one's), and for "b", "fake_a" and
    "again_b"; where one is missing stand its letters.
    """
    figure, ax = _sheet((8.2, 5.2), (-0.2, 11.4), (-0.85, 6.6))
    _round(ax, ("a", "fake_b", "again_a"), LEFT, RIGHT, 5.7, (("A2B", ORANGE), ("B2A", GREEN)), pictures or {})
    _round(ax, ("b", "fake_a", "again_b"), RIGHT, LEFT, 1.75, (("B2A", GREEN), ("A2B", ORANGE)), pictures or {})
    box(ax, (0.65, 2.85), "$D_A$", BLUE, 1.1)
    box(ax, (10.55, 2.85), "$D_B$", BLUE, 1.1)
    _flows(ax, ((LEFT - 0.65, 5.5), (0.8, 3.45)), ((LEFT - 0.65, 0.9), (0.8, 2.25)))
    _flows(ax, ((RIGHT + 0.65, 4.65), (10.4, 3.45)), ((RIGHT + 0.65, 1.6), (10.4, 2.25)))
    said = (
        "Boxes and arrows, items of A on the left and of B on the right. g_A2B translates x_A, and g_B2A translates "
        "that back; g_B2A translates x_B, and g_A2B translates that back. Arrows with two heads, the cycle loss, join "
        "each item with what came back. D_A is shown x_A and the translation of x_B, D_B is shown x_B and that of x_A."
    )
    return Picture(figure, alt or said)


def _round(ax: Axes, items: Any, home: float, away: float, top: float, nets: Any, pictures: Shown) -> None:
    """There, and back to `home` 1.75 below the start, with the cycle loss between start and end."""
    bottom, middle, inwards = top - DROP, top - DROP / 2, 0.7 if away > home else -0.7
    for name, place in zip(items, ((home, top), (away, middle), (home, bottom)), strict=True):
        _item(ax, place, name, pictures, above=name == items[0])
    centre = (home + away) / 2
    for (way, colour), y in zip(nets, (top, bottom), strict=True):
        box(ax, (centre, y), f"$g_{{{way}}}$", colour, 0.9)
    near, far = centre - 0.8 * inwards, centre + 0.8 * inwards
    _flows(ax, ((home + inwards, top), (near, top)), ((far, top), (away - inwards, middle + 0.25)))
    _flows(ax, ((away - inwards, middle - 0.25), (far, bottom)), ((near, bottom), (home + inwards, bottom)))
    look = {"arrowstyle": "<|-|>", "color": INK, "lw": 1.8, "shrinkA": 0, "shrinkB": 0}
    outside = home - 0.45 * inwards
    ax.annotate("", xy=(outside, bottom + SIDE / 2), xytext=(outside, top - SIDE / 2), arrowprops=look)
    side = "left" if inwards > 0 else "right"
    ax.text(outside + 0.2 * inwards, middle + 0.08, "cycle loss", ha=side, va="center", fontsize=9, color=INK)


def _sheet(size: tuple[float, float], x: tuple[float, float], y: tuple[float, float]) -> tuple[Any, Axes]:
    figure, ax = axes(size=size)
    ax.set(xlim=x, ylim=y, aspect="equal")
    ax.set_axis_off()
    return figure, ax


def _item(ax: Axes, place: tuple[float, float], name: str, pictures: Shown, *, above: bool = False) -> None:
    """An image with its words, or a box with them."""
    if name not in pictures:
        box(ax, place, WORDS[name], INK, SIDE + 0.05)
        return
    left, bottom = place[0] - SIDE / 2, place[1] - SIDE / 2
    ax.imshow(to_array(pictures[name]), extent=(left, left + SIDE, bottom, bottom + SIDE), interpolation="nearest")
    ax.text(place[0], bottom + SIDE + 0.2 if above else bottom - 0.2, WORDS[name], ha="center", va="center",
            fontsize=9.5, color=INK)  # fmt: skip


def _flows(ax: Axes, *ways: Any) -> None:
    for start, end in ways:
        flow(ax, start, end, INK)
