"""The course's plots: one quiet style, colours that colour-blind eyes tell apart, alt texts throughout.

Every function returns a `Picture`. It shows itself in a notebook as a PNG whose metadata carries the alt
text, and as a stable line of text elsewhere. None touches `pyplot`: no main thread is needed, none stays open.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import Module

from coursekit.figures.png import encode
from coursekit.heap import give_back
from coursekit.models.base import eval_mode

BLUE, ORANGE, GREEN, PINK, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
COLOURS = (BLUE, ORANGE, GREEN, PINK, SKY, RED)
INK, FAINT = "#2b2f36", "#9aa0a8"
SIGNED = LinearSegmentedColormap.from_list("signed", [BLUE, "#ffffff", RED])
DPI = 144


class Picture:
    """A figure and the words for those who do not see it.

    `figure` stays open for changes; `alt` says what it shows, in a sentence.
    """

    def __init__(self, figure: Figure, alt: str):
        if not alt.strip():
            raise ValueError("alt must say what the picture shows; got an empty text")
        self.figure, self.alt = figure, " ".join(alt.split())

    def png(self) -> bytes:
        """The picture as PNG bytes, in 256 colours where that saves much."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=DPI)
        packed = encode(Image.open(buffer))
        give_back()  # what a cell has computed for its picture it needs no more
        return packed

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        data = {"image/png": base64.b64encode(self.png()).decode(), "text/plain": repr(self)}
        width = round(self.figure.get_figwidth() * 100)
        return data, {"image/png": {"alt": self.alt, "width": width}, "alt": self.alt}

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


def axes(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (6.4, 3.6), **kwargs: Any) -> Any:
    """A figure and its axes in the course's style; `size` in inches, as (width, height).

    Returns `(figure, ax)` for one cell and `(figure, array of axes)` for several, like `pyplot.subplots`.
    """
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    grid = figure.subplots(rows, columns, **kwargs)
    for ax in np.ravel(grid):
        _style(ax)
    return figure, grid


def _style(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(FAINT)
    ax.tick_params(colors=INK, labelsize=9, length=3)
    ax.grid(alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.title.set_fontsize(10.5)
    ax.xaxis.label.set_color(INK)
    ax.yaxis.label.set_color(INK)


def to_array(image: Tensor | np.ndarray) -> np.ndarray:
    """One image [C, H, W] or [H, W] as an array that `imshow` takes ([H, W, 3] or [H, W]), cut to [0, 1]."""
    array = image.detach().cpu().numpy() if isinstance(image, Tensor) else np.asarray(image)
    if array.ndim == 3 and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    return array.squeeze(-1).clip(0, 1) if array.shape[-1] == 1 and array.ndim == 3 else array.clip(0, 1)


def draw(ax: Axes, image: Tensor | np.ndarray, title: str = "", *, smooth: bool = False, **kwargs: Any) -> None:
    """Draw one image on `ax` without ticks; grey ones on a scale from 0 to 1 (or as `kwargs` say)."""
    options = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "antialiased" if smooth else "nearest"}
    ax.imshow(image if "cmap" in kwargs else to_array(image), **{**options, **kwargs})
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=9.5, color=INK)


def images(
    batch: Tensor | Sequence[Tensor],
    titles: Sequence[str] | None = None,
    *,
    alt: str,
    columns: int | None = None,
    scale: float = 1.1,
    rows: Sequence[str] | None = None,
    **kwargs: Any,
) -> Picture:
    """A grid of images.

    Args:
        batch: images [n, C, H, W], or a list of [C, H, W].
        titles: a word over each image (fewer are allowed: the first row only, say).
        columns: images in a row (default: all of them, up to ten).
        scale: inches of an image's width; the height follows from the first image's shape.
        rows: a word at the left of each row.
        kwargs: passed to `draw` (a colour map, say).
    """
    pictures, titles = list(batch), list(titles or [])
    columns = columns or min(len(pictures), 10)
    count = -(-len(pictures) // columns)
    high, wide = pictures[0].shape[-2:]
    height = count * scale * high / wide * 1.04 + (0.25 if titles else 0)
    longest = max((len(line) for word in rows or [] for line in word.splitlines()), default=0)
    width = columns * scale + (0.15 + 0.075 * longest if rows else 0)  # beside the words the images keep their size
    figure, grid = axes(count, columns, size=(width, height), squeeze=False)
    for i, ax in enumerate(grid.flat):
        if i < len(pictures):
            draw(ax, pictures[i], titles[i] if i < len(titles) else "", **kwargs)
        else:
            ax.set_visible(False)
    for ax, word in zip(grid[:, 0], rows or [], strict=False):
        ax.set_ylabel(word, fontsize=9.5, rotation=0, ha="right", va="center", labelpad=8)
    return Picture(figure, alt)


class Redrawn:
    """A place in a cell's output for one picture: the first is displayed, each further one takes its place."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, picture: Picture) -> Picture:
        """That picture, from now on; elsewhere than in a notebook nothing is drawn."""
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)
        return picture


class Strip:
    """A training's companion that shows images above their reconstructions, redrawn every so many steps.

    `Strip(model, x, alt=...)` with images x [n, C, H, W]; give it to `training.fit(..., along=[strip])`. In a notebook
    it keeps one picture, the last; elsewhere it draws nothing. `latest` is the last `Picture`.
    """

    def __init__(self, model: Module, x: Tensor, *, alt: str, every: int = 100) -> None:
        if every < 1:
            raise ValueError(f"every: want at least 1 step, got {every}")
        self.model, self.x, self.alt, self.every = model, x, alt, every
        self.latest = self._drawn()
        self._place = Redrawn()

    def after(self, step: int, terms: Mapping[str, float]) -> None:
        """Redraw if it is time."""
        if step % self.every and step != 1:
            return
        self.latest = self._place.show(self._drawn())

    def _drawn(self) -> Picture:
        with torch.no_grad(), eval_mode(self.model):
            rebuilt = self.model(self.x)
        return images([*self.x, *rebuilt], alt=self.alt, columns=len(self.x), rows=["input", "rebuilt"])


def curves(
    lines: Mapping[str, tuple[Any, Any] | Any],
    *,
    alt: str,
    xlabel: str,
    ylabel: str,
    title: str = "",
    dots: Collection[str] = (),
    size: tuple[float, float] = (6.0, 3.2),
    **settings: Any,
) -> Picture:
    """Named lines in one plot.

    `lines` maps a name to y-values, or to a pair (x, y); those named in `dots` are drawn as points (measurements
    beside a theory, say). `settings` go to `Axes.set` (xscale, ylim, …).
    """
    figure, ax = axes(size=size)
    for (name, line), colour in zip(lines.items(), COLOURS * 9, strict=False):
        x, y = line if isinstance(line, tuple) else (np.arange(1, len(line) + 1), line)
        style = {"marker": "o", "linestyle": "", "markersize": 4, "zorder": 3} if name in dots else {"linewidth": 2}
        ax.plot(np.asarray(x), np.asarray(y), color=colour, label=name, **style)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title, **settings)
    if len(lines) > 1:
        ax.legend(frameon=False, fontsize=9)
    return Picture(figure, alt)


def heatmaps(
    matrices: Mapping[str, Any],
    *,
    alt: str,
    limit: float = 1.0,
    labels: Sequence[str] | None = None,
    size: float = 3.1,
) -> Picture:
    """Matrices side by side, coloured from −`limit` (blue) over 0 (white) to +`limit` (red)."""
    figure, grid = axes(1, len(matrices), size=(size * len(matrices) + 0.6, size), squeeze=False)
    for ax, (name, matrix) in zip(grid[0], matrices.items(), strict=True):
        shown = ax.imshow(np.asarray(matrix), cmap=SIGNED, vmin=-limit, vmax=limit, interpolation="nearest")
        ax.grid(False)
        ax.set(title=name, xticks=[], yticks=[])
        if labels is not None and len(labels) == len(matrix):
            ax.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
            ax.set_yticks(range(len(labels)), labels, fontsize=8)
    figure.colorbar(shown, ax=grid[0, -1], shrink=0.8)
    return Picture(figure, alt)


def bars(
    values: Mapping[str, float],
    *,
    alt: str,
    xlabel: str,
    size: tuple[float, float] | None = None,
    fmt: str = "{:.2g}",
) -> Picture:
    """Horizontal bars, one for each name, with the value written at its end."""
    figure, ax = axes(size=size or (5.6, 0.6 + 0.36 * len(values)))
    names, numbers = list(values), [float(v) for v in values.values()]
    drawn = ax.barh(names, numbers, color=BLUE, height=0.62)
    ax.bar_label(drawn, [fmt.format(v) for v in numbers], padding=4, fontsize=9, color=INK)
    ax.invert_yaxis()
    ax.grid(axis="y", alpha=0)
    ax.margins(x=0.12)
    ax.set(xlabel=xlabel)
    return Picture(figure, alt)


def arrow(ax: Axes, start: Any, vector: Any, *, colour: str, label: str = "", width: float = 2.4) -> None:
    """An arrow from `start` [2] along `vector` [2], named at its head."""
    a = (float(start[0]), float(start[1]))
    b = (a[0] + float(vector[0]), a[1] + float(vector[1]))
    ax.annotate(
        "",
        xy=b,
        xytext=a,
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0},
    )
    if label:
        ax.annotate(label, xy=b, xytext=(5, 4), textcoords="offset points", color=colour, fontsize=10, weight="bold")
