"""Words in pictures: one font everywhere, lines that fit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SCALE = 2  # still pictures are drawn at twice the size: crisp on fine screens
SMALLEST = 7  # letters


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The same letters everywhere (DejaVu, which comes with matplotlib; it has Greek and a true minus)."""
    import matplotlib  # here: only pictures with text need it

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def wrapped(text: str, width: int) -> list[str]:
    """The text's lines, broken between words where they would not fit in small letters."""
    out = []
    for line in text.splitlines():
        out.append("")
        for word in line.split(" "):
            longer = f"{out[-1]} {word}".strip()
            if out[-1] and font(SMALLEST * SCALE).getlength(longer) > width:
                out.append(word)
            else:
                out[-1] = longer
    return out


def write(image: Image.Image, at: tuple[int, int], text: str, width: int, size: int, fill: tuple[int, ...]) -> None:
    """Text in one line, smaller if it would not fit into the width."""
    ImageDraw.Draw(image).text(at, text, fill, font(fitting(text, width, size) * SCALE))


def fitting(text: str, width: int, size: int) -> int:
    """The largest size, at most `size`, in which a line fits into the width."""
    return next((s for s in range(size, SMALLEST, -1) if font(s * SCALE).getlength(text) <= width), SMALLEST)


def sized(text: str, room: float, size: int) -> int:
    """The largest size in the picture's own pixels, at most `size`, in which a line fits into the room."""
    return next((s for s in range(size, SMALLEST, -1) if font(s).getlength(text) <= room), SMALLEST)


def centred(text: str, x: float, width: float, size: int) -> float:
    """Where the middle of a line goes: at x, or as near to it as keeps all letters on a picture of that width."""
    half = font(size).getlength(text) / 2 + 2
    return min(max(x, half), width - half)


def minus(words: str) -> str:
    """True minus signs; −0.00 as 0.00."""
    return words.replace("-", "−").replace("−0.00,", "0.00,")


def counted(number: int, word: str) -> str:
    """"1 step", "2 steps"."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def listed(values: Sequence[float], digits: int = 2) -> str:
    """Numbers in a row: "0.25, 0.50 and 1.00"."""
    *first, last = (minus(f"{round(value, digits) + 0.0:.{digits}f}") for value in values)
    return f"{', '.join(first)} and {last}" if first else last
