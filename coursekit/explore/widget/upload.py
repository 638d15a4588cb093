"""A picture of the reader's own, as a control."""

from __future__ import annotations

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from coursekit.explore.widget.controls import Control

MOST = 1_000_000  # letters: every request of a frame carries them


@dataclass(frozen=True)
class Upload(Control):
    """A file that the reader chooses: its bytes in base64, "" for none. What is in them nobody has looked at yet.

    The page sends the middle square of a picture, at most `side` pixels wide. `afresh`: the names of controls; when a
    hand moves one of them, the file is put away.
    """

    value: str = ""
    side: int = 128
    afresh: tuple[str, ...] = ()

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or len(value) > MOST:
            raise ValueError(f"{self.name}: wants a file in base64, at most {MOST:,} letters, got {_said(value)}")
        try:
            self.content(value)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"{self.name}: wants a file in base64, got {value[:20]!r} … ({error})") from error
        return value

    @staticmethod
    def content(value: str) -> bytes:
        """The file's bytes."""
        return base64.b64decode(value, validate=True)

    @staticmethod
    def of(data: bytes) -> str:
        """The value that stands for a file's bytes."""
        return base64.b64encode(data).decode()

    def draw(self, generator: torch.Generator | None = None) -> str:
        """A small picture of coloured squares."""
        squares = torch.randint(256, (4, 4, 3), generator=generator, dtype=torch.uint8)
        data = io.BytesIO()
        Image.fromarray(squares.numpy()).save(data, "PNG")
        return self.of(data.getvalue())


def _said(value: Any) -> str:
    return f"{len(value):,}" if isinstance(value, str) else type(value).__name__
