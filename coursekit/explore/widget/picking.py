"""Pictures to click on, for a slider that picks one of them by its number."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cells:
    """`count` pictures that stand in rows on a panel: the first for the slider's lowest value, then one for each step.

    `frame`: where the rows of `columns` cells lie in the panel's picture, (left, top, right, bottom) in shares of its
    sides. Several sliders can pick from one panel; the reader chooses for which of them a click is.
    """

    panel: int
    count: int
    columns: int
    frame: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.count < 1 or self.columns < 1:
            raise ValueError(f"cells: want 1 or more and 1 or more columns, got {self}")


@dataclass(frozen=True)
class Thumbs:
    """`count` small pictures that the page shows below the slider, in the order of its values.

    `sprite`: the address of an image in which they stand side by side, best one that holds its own data.
    """

    count: int
    sprite: str = field(default="", repr=False)
