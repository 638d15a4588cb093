"""Pictures as the terms of a sum: small, with signs between them and their names or shares below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.parts.inks import Colour, inks
from coursekit.explore.parts.letters import fitting, font, sized, write
from coursekit.explore.parts.shelf import badge, colour_of, thumb
from coursekit.explore.widget.panel import Picture

STAGE = 620  # CSS pixels of the strip, and of the results below it: room for sliders beside them in a usual notebook
WIDTH, SIDE, SIGN, TOP = 1280, 192, 52, 12  # pixels of strip, picture, gap; shown at half of it
BELOW = 46  # pixels for the words


@dataclass(frozen=True)
class Term:
    """An image [C, H, W] with its letter and the sign before it; below it words, and a bar as long as its share."""

    sign: str
    letter: str
    image: Tensor
    words: str
    share: float | None = None

    @property
    def colour(self) -> Colour:
        """The letter's, grey for a share of nothing."""
        return inks().open if self.share == 0 else colour_of(self.letter)


def equation(terms: Sequence[Term], extra: Sequence[str] = ()) -> Picture:
    """The terms in a row, then lines of words that belong to the sum, then an equals sign: uint8 [250, 1280, 3]."""
    out = Image.new("RGB", (WIDTH, TOP + SIDE + BELOW), inks().paper)
    draw, left = ImageDraw.Draw(out), TOP
    for term in terms:
        left += sign(draw, left, term.sign)
        show(out, draw, left, term)
        left += SIDE
    left += added(draw, left, extra) if extra else 0
    sign(draw, left, "=")
    return np.asarray(out)


def added(draw: ImageDraw.ImageDraw, left: int, lines: Sequence[str]) -> int:
    """Lines of words below each other, smaller where there is little room; the pixels that they took."""
    step = min(34, (2 * TOP + SIDE - 8) // len(lines))
    size = min(*(sized(line, WIDTH - left - 22 - SIGN, 26) for line in lines), step)
    for row, line in enumerate(lines):
        height = TOP + SIDE / 2 + step * (row - (len(lines) - 1) / 2)
        draw.text((left + 22, height), line, inks().ink, font(size), anchor="lm")
    return 22 + round(max(font(size).getlength(line) for line in lines))


def sign(draw: ImageDraw.ImageDraw, left: int, symbol: str) -> int:
    """A sign at half the pictures' height; the pixels it took, none for an empty one."""
    draw.text((left + SIGN / 2, TOP + SIDE / 2), symbol, inks().ink, font(40), anchor="mm")
    return SIGN if symbol else 0


def show(out: Image.Image, draw: ImageDraw.ImageDraw, left: int, term: Term) -> None:
    """A term's picture, framed in its colour, its letter, and what stands below."""
    draw.rectangle((left - 4, TOP - 4, left + SIDE + 3, TOP + SIDE + 3), outline=term.colour, width=4)
    out.paste(thumb(term.image, SIDE), (left, TOP))
    badge(draw, (left - 4, TOP - 4), term.letter, term.colour, side=34)
    below = TOP + SIDE + 8
    if term.share is not None:
        draw.rectangle((left, below, left + SIDE - 1, below + 7), fill=inks().line)
        draw.rectangle((left, below, left + max(1, round(term.share * SIDE)) - 1, below + 7), fill=term.colour)
        below += 7
    written(out, (left, below), term.words)


def written(out: Image.Image, at: tuple[int, int], words: str) -> None:
    """Words in the middle below a picture, smaller if they are long."""
    size = fitting(words, SIDE + SIGN - 8, 12)
    wide = font(2 * size).getlength(words)
    write(out, (max(4, round(at[0] + (SIDE - wide) / 2)), at[1]), words, SIDE + SIGN, size, inks().words)
