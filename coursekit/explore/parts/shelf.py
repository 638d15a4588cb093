"""Small pictures to pick from, with marks for what is picked, and frames that say right or wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.inks import Colour, inks, kept
from coursekit.explore.parts.letters import font
from coursekit.explore.widget.panel import Picture

LETTERS = "ABCD"


def colour_of(letter: str) -> Colour:
    """What everything of a letter is drawn in."""
    return inks().curves[LETTERS.index(letter)]


def thumb(image: Tensor, side: int) -> Image.Image:
    """An image [C, H, W] as a square of that many pixels: sharp if it fits, smooth if not."""
    small = Image.fromarray(picture(image)).convert("RGB")
    way = Image.Resampling.NEAREST if side % small.width == 0 else Image.Resampling.LANCZOS
    return small.resize((side, side), way)


def framed(image: Tensor, right: bool | None) -> Picture:
    """An image [C, H, W] in a frame: green if right, orange if wrong, grey if that is open."""
    grey = picture(image)
    inner = grey if grey.ndim == 3 else grey[..., None].repeat(3, 2)
    wide, ink = frame_width(inner.shape[0]), inks()
    out = np.empty((inner.shape[0] + 4 * wide, inner.shape[1] + 4 * wide, 3), np.uint8)
    out[:] = ink.open if right is None else ink.green if right else ink.orange
    out[wide:-wide, wide:-wide] = ink.paper
    out[2 * wide : -2 * wide, 2 * wide : -2 * wide] = inner
    return out


def frame_width(side: int) -> int:
    """Pixels of a frame around a picture of that side."""
    return max(1, side // 40)


class Shelf:
    """Numbered pictures in rows. `side`: of each in pixels."""

    def __init__(self, images: Tensor, *, side: int, columns: int, gap: int = 8, line: int = 20) -> None:
        self.side, self.gap, self.columns = side, gap, columns
        self.step = (side + gap, side + gap + line)
        self.thumbs = [thumb(image, side) for image in images]
        self.ground = kept(self._ground)

    def _ground(self) -> Image.Image:
        """The pictures with their numbers, none picked."""
        ground = Image.new("RGB", self.size, inks().paper)
        draw = ImageDraw.Draw(ground)
        for i, small in enumerate(self.thumbs):
            left, top = self.corner(i)
            ground.paste(small, (left, top))
            below = left + self.side / 2, top + self.side + 5
            draw.text(below, str(i + 1), inks().words, font(16), anchor="mt")
        return ground

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        rows = -(-len(self.thumbs) // self.columns)
        return self.columns * self.step[0] + self.gap, rows * self.step[1] + self.gap

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Where its cells lie, a picture with half of the gap around it in each: left, top, right, bottom in shares."""
        (width, height), half = self.size, self.gap / 2
        return half / width, half / height, 1 - half / width, 1 - half / height

    def corner(self, i: int) -> tuple[int, int]:
        """Left and top of a picture."""
        return self.gap + i % self.columns * self.step[0], self.gap + i // self.columns * self.step[1]

    def marked(self, picks: Sequence[int], strong: Sequence[bool]) -> Picture:
        """The shelf with a coloured frame and a letter on each picked picture; paler letters count for nothing."""
        out = self.ground().copy()
        draw = ImageDraw.Draw(out)
        for order, (letter, i, counts) in enumerate(zip(LETTERS, picks, strong, strict=False)):
            left, top = self.corner(i)
            colour = colour_of(letter) if counts else inks().open
            inset = 3 * picks[:order].count(i)  # who picks the same picture stands inside
            box = (left - 4 + inset, top - 4 + inset, left + self.side + 3 - inset, top + self.side + 3 - inset)
            draw.rectangle(box, outline=colour, width=3)
            badge(draw, (left + 21 * picks[:order].count(i) - 4, top - 4), letter, colour)
        return np.asarray(out)


def badge(draw: ImageDraw.ImageDraw, at: tuple[int, int], letter: str, colour: Sequence[int], side: int = 20) -> None:
    """A letter in a coloured square."""
    x, y = at
    draw.rectangle((x, y, x + side - 1, y + side - 1), fill=tuple(colour))
    ink = inks().ink if tuple(colour) == inks().open else inks().on
    draw.text((x + side / 2, y + side / 2), letter, ink, font(round(0.7 * side)), anchor="mm")
