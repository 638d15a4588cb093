"""Many small things on an image in one stroke each: discs, a field of arrows; and paper with a few words."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.parts.draw import Plane
from coursekit.explore.parts.inks import Colour, inks
from coursekit.explore.parts.letters import font
from coursekit.explore.widget.panel import Picture


def spots(draw: ImageDraw.ImageDraw, places: np.ndarray, radius: float, colour: Colour) -> None:
    """Discs at pixels [n, 2]."""
    for place in places:
        draw.circle(tuple(place), radius, colour)


def field(draw: ImageDraw.ImageDraw, where: Plane, x: Tensor, move: Tensor, longest: float, fine: int) -> None:
    """Arrows x → x + move [n, 2] on an image `fine` times as large as it is shown, none longer than `longest`."""
    length, colour = move.norm(dim=1, keepdim=True).clamp(min=1e-9), inks().faint
    ends = where.pixels((x + move * (longest / length).clamp(max=1)).numpy())
    for start, end in zip(where.pixels(x.numpy()), ends, strict=True):
        tip = (end - start) * min(1.0, 7 * fine / max(float(np.hypot(*(end - start))), 1e-6))
        side = 0.45 * np.array([-tip[1], tip[0]])
        draw.line([*start, *(end - tip)], colour, round(1.5 * fine))
        draw.polygon([tuple(end), tuple(end - tip + side), tuple(end - tip - side)], colour)


def blank(size: tuple[int, int], words: str = "") -> Picture:
    """Paper with a few words in its middle."""
    image = Image.new("RGB", size, inks().paper)
    ImageDraw.Draw(image).text((size[0] / 2, size[1] / 2), words, inks().words, font(26), anchor="mm")
    return np.asarray(image)
