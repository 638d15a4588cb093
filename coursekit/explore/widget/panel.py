"""What is on a page: panels that show pictures, and the frame that fills them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Picture = np.ndarray  # uint8 [H, W] or [H, W, 3]


@dataclass(frozen=True)
class Panel:
    """How one picture is shown: its caption, its width in CSS pixels, smoothed or in sharp pixels.

    A panel stands to the right of the one before it, or below it; `row` begins a new row below all before.
    """

    caption: str = ""
    width: int = 256
    smooth: bool = False
    below: bool = False
    row: bool = False


@dataclass(frozen=True)
class Frame:
    """What a state looks like: the pictures, a caption for each, one line in words."""

    pictures: tuple[Picture, ...]
    captions: tuple[str, ...]
    readout: str


def check_pictures(pictures: Sequence[Picture], panels: int) -> None:
    """TypeError or ValueError unless there is one uint8 [H, W] or [H, W, 3] array for each panel."""
    if len(pictures) != panels:
        raise ValueError(f"render gave {len(pictures)} pictures for {panels} panels")
    for picture in pictures:
        if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
            raise TypeError(f"render: wants uint8 arrays, got {getattr(picture, 'dtype', type(picture))}")
        if not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)):
            raise ValueError(f"render: wants [H, W] or [H, W, 3], got {list(picture.shape)}")
