"""A strip of pictures whose codes lie on a line, with a mark where the reader's picture stands."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.parts.draw import Pen
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import sized
from coursekit.explore.parts.shelf import thumb
from coursekit.explore.widget.panel import Picture

STRIP, GAP, EDGE, WORDS = 1120, 8, 10, 40  # pixels: width, between pictures, around, for the words below


def strip(images: Tensor, words: Sequence[str], place: float, most: int) -> Picture:
    """Pictures [n, C, H, W] side by side, words below them, and a mark where the reader's picture stands.

    There is room for `most` of them: fewer stand in the middle.
    """
    side = (STRIP - 2 * EDGE - (most - 1) * GAP) // most
    pen = Pen(Image.new("RGB", (STRIP, 2 * EDGE + side + WORDS), inks().paper))
    each, below = side + GAP, EDGE + side + 6
    first = (STRIP - len(images) * each + GAP) // 2
    for i, x in enumerate(images):
        pen.image.paste(thumb(x, side), (first + i * each, EDGE))
        middle, size = first + i * each + side / 2, sized(words[i], side, 24)
        pen.text((middle, EDGE + side + 14), words[i], inks().words, size, "mt")
    draw, start = ImageDraw.Draw(pen.image), first + side / 2
    draw.line((start, below, start + each * (len(images) - 1), below), inks().line, 2)
    draw.circle((start + each * place, below), 6, inks().orange)
    return np.asarray(pen.image)
