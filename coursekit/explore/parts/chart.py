"""A small chart: axes, curves with their names, bars; drawn without pyplot (see `draw`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from coursekit.explore.parts.draw import Pen, Point
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import centred, sized

LEFT, TOP, RIGHT, BOTTOM = 76, 42, 20, 60  # pixels around the axes
EDGE = 10  # pixels above the words at the top, and below the name at the foot: a page rounds the corners
SIZE = 21  # of letters: charts are shown at little more than half their size


class Chart:
    """From numbers to pixels: x in (x0, x1), by ratios if `log`; y from 0 up to `most`."""

    def __init__(self, size: tuple[int, int], x: tuple[float, float], most: float, *, log: bool = False) -> None:
        self.size, self.x, self.most, self.log = size, x, max(most, 1e-12), log and x[1] > x[0]
        self.ground = Image.new("RGB", size, inks().paper)
        self.pen = Pen(self.ground)

    def at(self, x: float, y: float) -> Point:
        """The pixel of a point; what is above the chart at its upper edge."""
        low, high = self.x
        share = np.log(x / low) / np.log(high / low) if self.log else (x - low) / max(high - low, 1e-12)
        rise = min(max(y / self.most, 0.0), 1.0)
        width, height = self.size
        return LEFT + float(share) * (width - LEFT - RIGHT), height - BOTTOM - rise * (height - TOP - BOTTOM)

    def axes(self, marks: Mapping[float, str], name: str, unit: str = "") -> None:
        """A rule for each of a few round numbers of y, marks and a name along x, the unit of y at the top."""
        for value in round_numbers(self.most):
            start, end = self.at(self.x[0], value), self.at(self.x[1], value)
            self.pen.line([start, end], inks().line, 1)
            self.pen.text((LEFT - 8, start[1]), f"{value:g}", size=sized(f"{value:g}", LEFT - 10, SIZE), anchor="rm")
        bottom = self.size[1] - BOTTOM
        for x, words in marks.items():
            middle = centred(words, self.at(x, 0)[0], self.size[0], SIZE)
            self.pen.text((middle, bottom + 9), words, size=SIZE, anchor="mt")
        middle = (LEFT + self.size[0] - RIGHT) / 2
        self.pen.text((middle, self.size[1] - EDGE), name, size=SIZE, anchor="mb")
        self.pen.text((LEFT, EDGE), unit, size=SIZE, anchor="lt")

    def curve(self, xs: Sequence[float], ys: Sequence[float], colour: Sequence[int], *, points: bool = False) -> None:
        """A line through points (at least one), each marked with a dot if asked."""
        line = [self.at(x, y) for x, y in zip(xs, ys, strict=True)]
        if len(line) > 1:
            self.pen.line(line, colour, 2.5)
        for place in line if points else ():
            self.pen.disc(place, 3.5, colour)

    def legend(self, names: Mapping[str, Sequence[int]]) -> None:
        """The curves' names in their colours, right-aligned at the top."""
        for row, (name, colour) in enumerate(names.items()):
            self.pen.text((self.size[0] - RIGHT, EDGE + 26 * row), name, colour, SIZE, "rt")

    def marked(self, places: Sequence[tuple[float, float, Sequence[int]]]) -> np.ndarray:
        """The chart with a large dot at each (x, y, colour): uint8 [H, W, 3]. The chart itself stays."""
        pen = Pen(self.ground.copy())
        for x, y, _ in places:
            pen.line([self.at(x, 0), self.at(x, y)], inks().faint, 1, 0.6)
        for x, y, colour in places:
            pen.disc(self.at(x, y), 8, inks().paper)
            pen.disc(self.at(x, y), 6, colour)
        return np.asarray(pen.image)


def round_numbers(most: float) -> list[float]:
    """0 and two to five multiples of 1, 2 or 5 · 10^m up to `most`."""
    rough = most / 5
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [float(f"{i * step:.6g}") for i in range(int(most / step + 1e-9) + 1)]


def bars(size: tuple[int, int], values: np.ndarray, coloured: Sequence[int], names: Sequence[str], name: str,
         span: float) -> np.ndarray:
    """Bars for values [n], up or down from a line, at most `span` high; some coloured, with a name each."""
    image = Image.new("RGB", size, inks().paper)
    draw, pen, ink = ImageDraw.Draw(image), Pen(image), inks()
    signed = bool((values < 0).any())
    top, bottom = 34, size[1] - 34
    zero = (top + bottom) / 2 if signed else bottom
    wide = (size[0] - 20) / len(values)
    place = {int(j): word for j, word in zip(coloured, names, strict=True)}
    for j, value in enumerate(values):
        x, y = 10 + j * wide, zero - float(np.clip(value / span, -1, 1)) * (zero - top)
        broad = max(2.0, wide - 1) if j not in place else max(5.0, wide - 1)
        draw.rectangle((x, min(y, zero), x + broad - 1, max(y, zero)), fill=ink.orange if j in place else ink.faint)
        if j in place:
            pen.text((x + broad / 2, min(y, zero) - 3), place[j], ink.ink, SIZE, "mb")
    pen.line([(8, zero), (size[0] - 8, zero)], ink.faint, 1)
    pen.text((size[0] / 2, size[1] - 4), name, ink.words, SIZE, "mb")
    return np.asarray(image)
