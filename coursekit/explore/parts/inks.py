"""The colours that charts are drawn with: one set for a light page, one for a dark page, and which of them is meant.

A picture of a model or of the data has colours of its own, which no page changes. All that is drawn around and beside
it asks `inks()` while it draws, never before: a colour that was looked up at import, or once in `__init__`, is
the light page's for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Colour = tuple[int, int, int]
Drawn = TypeVar("Drawn")


@dataclass(frozen=True, eq=False)
class Inks:
    """One set of colours. `blue`, `orange`, `green` and `grey` are apart for colour-blind eyes."""

    paper: Colour
    ink: Colour  # what matters most: a path, a sign, an axis' name
    faint: Colour  # strokes and bars behind it
    words: Colour  # numbers and names that stay in the background, but are read
    line: Colour  # the rules of a grid
    blue: Colour
    orange: Colour
    green: Colour
    grey: Colour
    open: Colour  # a frame while nothing is known, a letter that counts for nothing
    on: Colour  # a letter on blue, orange, green or grey
    nothing: Colour  # of signed numbers, the zero
    between: float  # the grey of the gaps between pictures of a grid, 0 … 1
    pale_blue: Colour  # many points at once, behind what is drawn over them
    pale_grey: Colour
    pale_orange: Colour
    rim: Colour  # one pixel around a picture whose edge may be like the paper
    hues: tuple[Colour, ...]  # of classes

    @property
    def curves(self) -> tuple[Colour, ...]:
        """The colours of curves in their order."""
        return self.orange, self.blue, self.green, self.grey


LIGHT = Inks(
    paper=(250, 249, 246), ink=(38, 42, 51), faint=(128, 134, 145), words=(104, 110, 122), line=(222, 221, 216),
    blue=(33, 102, 172), orange=(214, 96, 20), green=(0, 140, 104), grey=(96, 102, 114), open=(196, 198, 202),
    on=(255, 255, 255), nothing=(247, 247, 247), between=1.0, pale_blue=(150, 178, 208), pale_grey=(178, 192, 208),
    pale_orange=(246, 205, 175), rim=(205, 205, 200),
    hues=(  # ten that colour-blind eyes tell apart (P. Tol's muted scheme, black in place of its pale grey)
        (51, 34, 136), (204, 102, 119), (17, 119, 51), (136, 204, 238), (221, 204, 119), (136, 34, 85),
        (68, 170, 153), (153, 153, 51), (170, 68, 153), (40, 40, 40),
    ),
)  # fmt: skip
DARK = Inks(
    paper=(26, 27, 30), ink=(230, 232, 236), faint=(142, 148, 159), words=(160, 165, 175), line=(54, 57, 63),
    blue=(98, 156, 250), orange=(247, 148, 66), green=(56, 220, 148), grey=(158, 154, 168), open=(92, 96, 104),
    on=(20, 21, 24), nothing=(22, 23, 26), between=0.16, pale_blue=(70, 102, 140), pale_grey=(84, 98, 116),
    pale_orange=(112, 66, 34), rim=(72, 74, 80),
    hues=(  # the same ten, moved so that each is seen on this paper
        (109, 100, 229), (245, 109, 140), (92, 148, 72), (138, 196, 245), (221, 204, 119), (186, 62, 121),
        (53, 209, 197), (133, 168, 28), (187, 76, 172), (245, 234, 197),
    ),
)  # fmt: skip
DEEP, BRIGHT = (20, 22, 28), (255, 255, 255)

_meant: ContextVar[Inks] = ContextVar("inks", default=LIGHT)


def inks() -> Inks:
    """The colours to draw with now: light, unless this thread is within `drawn_with`."""
    return _meant.get()


@contextmanager
def drawn_with(chosen: Inks) -> Iterator[None]:
    """Draw with these colours in here; other threads are not touched."""
    before = _meant.set(chosen)
    try:
        yield
    finally:
        _meant.reset(before)


def kept(draw: Callable[[], Drawn]) -> Callable[[], Drawn]:
    """A drawing that stays as it is: drawn once with each set of colours, when it is first asked for."""
    drawings: dict[Inks, Drawn] = {}

    def drawing() -> Drawn:
        if inks() not in drawings:
            drawings[inks()] = draw()
        return drawings[inks()]

    return drawing


def readable_on(pixel: np.ndarray) -> Colour:
    """Letters for a ground of that colour, [3] in 0 … 255: the ground belongs to a picture, whatever the page."""
    return DEEP if pixel @ (0.3, 0.6, 0.1) > 120 else BRIGHT
