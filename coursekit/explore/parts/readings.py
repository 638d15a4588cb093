"""What a net reads on a translation, beside what it reads where nothing was translated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from coursekit.explore.parts.draw import FINE, Pen
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import sized
from coursekit.explore.widget.panel import Picture
from coursekit.models.horse_reader import POSE, Reading

SIZE = (1280, 250)  # pixels, shown at half of it
TOP, FOOT, LEFT, RIGHT, LETTERS = 36, 46, 42, 8, 25  # pixels around the columns, and of words
NEAR = 0.3  # a factor that is read so near to the truth's is kept
FAINT = {"b": ("coat",), "a": ("width", "tint")}  # what the other domain does not show, read on the way back

Column = tuple[str, float, float]  # a name, what is read on the truth, what is read on the translation


def columns(seen: Reading, to: str) -> list[Column]:
    """What is read on the pose of [translation, truth], and on [way back, start] of what the other domain hides."""
    made, truth, back, start = range(4)
    pose = [(name, seen.pose[truth, i].item(), seen.pose[made, i].item()) for i, name in enumerate(POSE)]
    hidden = {"coat": seen.coat, "width": seen.stripes[:, 1], "tint": seen.stripes[:, 2]}
    return pose + [(name, hidden[name][start].item(), hidden[name][back].item()) for name in FAINT[to]]


def kept(read: Sequence[Column]) -> tuple[list[str], list[str]]:
    """The names of the factors of the pose and the landscape that are kept, and of those that are lost."""
    near = {name: abs(is_ - was) <= NEAR for name, was, is_ in read[: len(POSE)]}
    return [name for name in near if near[name]], [name for name in near if not near[name]]


def told(seen: Reading, read: Sequence[Column], to: str) -> str:
    """A line in words: which animal, which way it looks, what is kept and what is lost."""
    chance = seen.zebra[0].item() if to == "b" else 1 - seen.zebra[0].item()
    facing = bool((seen.right[0] > 0.5) == (seen.right[1] > 0.5))
    near, far = kept(read)
    words = [f"read as a {'zebra' if to == 'b' else 'horse'}: {100 * chance:.0f} %",
             f"looks {'right' if seen.right[0] > 0.5 else 'left'}{'' if facing else ', the wrong way'}",
             f"kept: {', '.join(near) or 'nothing'}"]  # fmt: skip
    return " · ".join([*words, *([f"lost: {', '.join(far)}"] if far else [])])


def drawn(read: Sequence[Column]) -> Picture:
    """A column for each, from −1 to 1: a ring for the truth, a dot for the translation, blue if it is near."""
    fine = Image.new("RGB", (FINE * SIZE[0], FINE * SIZE[1]), inks().paper)
    draw, wide = ImageDraw.Draw(fine), (SIZE[0] - LEFT - RIGHT) / (len(POSE) + 2)
    for height in map(height_of, (-1, 0, 1)):
        draw.line((FINE * (LEFT + 12), height, FINE * (LEFT + wide * len(read) - 6), height), inks().line, 3)
    for i, (_, was, is_) in enumerate(read):
        mark(draw, FINE * (LEFT + wide * (i + 0.5)), height_of(was), height_of(is_), abs(is_ - was) <= NEAR)
    pen = Pen(fine.reduce(FINE))
    for i, (name, *_) in enumerate(read):
        words = name if i < len(POSE) else f"↩ {name}"
        at = LEFT + wide * (i + 0.5), SIZE[1] - FOOT + 12
        pen.text(at, words, inks().ink, sized(words, wide - 6, LETTERS), "mt")
    for value, words in ((1, "+1"), (0, "0"), (-1, "−1")):
        pen.text((LEFT + 4, height_of(value) / FINE), words, inks().words, LETTERS - 2, "rm")
    return np.asarray(pen.image)


def height_of(value: float) -> float:
    """Where a number stands, in pixels of the fine drawing."""
    low = SIZE[1] - FOOT
    return FINE * (low - (low - TOP) * (value + 1) / 2)


def mark(draw: ImageDraw.ImageDraw, x: float, was: float, is_: float, near: bool) -> None:
    """A ring, a dot, and a line between them."""
    colour = inks().blue if near else inks().orange
    draw.line((x, was, x, is_), colour, 3 * FINE)
    draw.circle((x, was), 11 * FINE, inks().ink)
    draw.circle((x, was), 8 * FINE, inks().paper)
    draw.circle((x, is_), 8 * FINE, colour)
