"""A row of pictures with names below them, one of them marked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.parts.draw import Pen
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import font, sized
from coursekit.explore.parts.shelf import thumb
from coursekit.explore.widget.panel import Picture

WIDTH, GAP, EDGE, LINE, LETTERS, LEAST = 1280, 16, 12, 29, 25, 6  # pixels; room for so many pictures at least


def row(images: Sequence[Tensor], names: Sequence[str], chosen: int) -> Picture:
    """Pictures [C, H, W] side by side, their names in up to two lines, the chosen one's in a frame and in orange."""
    places = max(LEAST, len(images))
    room = (WIDTH - 2 * EDGE - (places - 1) * GAP) // places
    side = room // 64 * 64 or room  # pixels of 32 and 64 stay sharp
    pen = Pen(Image.new("RGB", (WIDTH, EDGE + side + 12 + 2 * LINE), inks().paper))
    first = (WIDTH - len(images) * (side + GAP) + GAP) // 2
    for i, (x, name) in enumerate(zip(images, names, strict=True)):
        left = first + i * (side + GAP)
        if i == chosen:
            box = (left - 6, EDGE - 6, left + side + 5, EDGE + side + 5)
            ImageDraw.Draw(pen.image).rectangle(box, outline=inks().orange, width=4)
        pen.image.paste(thumb(x, side), (left, EDGE))
        for line, words in enumerate(halved(name, side)):
            at = left + side / 2, EDGE + side + 10 + LINE * line
            pen.text(at, words, inks().orange if i == chosen else inks().words, sized(words, side, LETTERS), "mt")
    return np.asarray(pen.image)


def halved(name: str, room: float) -> list[str]:
    """The name in one line if it fits, else in the two that are most alike in length."""
    words = name.split(" ")
    if len(words) == 1 or font(LETTERS).getlength(name) <= room:
        return [name]
    cuts = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    return list(min(cuts, key=lambda lines: max(map(font(LETTERS).getlength, lines))))
