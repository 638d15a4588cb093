"""Pixels that a reader paints in several colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from PIL import ImageColor
from torch import Tensor

from coursekit.explore.widget.controls import Paint


@dataclass(frozen=True)
class Palette(Paint):
    """A `Paint` in up to 15 colours, each with a name. A hexadecimal digit for each pixel: 0 where none is painted."""

    colours: tuple[str, ...] = ("#17150f", "#f6f3ea")
    names: tuple[str, ...] = ("black", "white")

    def __post_init__(self) -> None:
        if not 1 <= len(self.colours) <= 15 or len(self.names) != len(self.colours):
            raise ValueError(f"palette {self.name!r}: wants 1 to 15 colours and as many names, got {self}")
        super().__post_init__()

    def check(self, value: Any) -> str:
        height, width = self.shape
        known = set("0123456789abcdef"[: len(self.colours) + 1])
        if not isinstance(value, str) or len(value) not in (0, height * width) or set(value) - known:
            raise ValueError(f'{self.name}: wants "" or {height * width} digits up to {len(self.colours):x}, '
                             f"got {str(value)[:20]!r} …")
        return value if value.strip("0") else ""

    def numbers(self, value: str) -> Tensor:
        """The number of each pixel's colour, 0 where nothing is painted: long [h, w]."""
        height, width = self.shape
        return torch.tensor([int(digit, 16) for digit in value or "0" * height * width]).view(height, width)

    def mask(self, value: str) -> Tensor:
        return self.numbers(value) > 0

    def of(self, mask: Tensor) -> str:
        """The value for numbers of colours, or for a mask in the first colour: [h, w]."""
        return self.check("".join(f"{int(number):x}" for number in mask.flatten().tolist()))

    def on(self, image: Tensor, value: str) -> Tensor:
        """The image [C, h, w] with what is painted on it; of a grey one the colours' brightness."""
        numbers = self.numbers(value).to(image.device)
        inks = torch.tensor([(0, 0, 0), *(ImageColor.getrgb(colour)[:3] for colour in self.colours)]).to(image) / 255
        if len(image) == 1:
            inks = inks @ inks.new_tensor([[0.299], [0.587], [0.114]])
        return torch.where(numbers > 0, inks[numbers].permute(2, 0, 1), image)

    def draw(self, generator: torch.Generator | None = None) -> str:
        """A square in one of the colours, anywhere."""
        number = 1 + int(torch.randint(len(self.colours), (), generator=generator))
        square = Paint(self.name, shape=self.shape).mask(Paint(self.name, shape=self.shape).draw(generator))
        return self.of(number * square.long())
