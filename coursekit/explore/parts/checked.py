"""What explorers are given, checked before anything is drawn."""

from __future__ import annotations

from torch import Tensor


def check_images(images: Tensor) -> None:
    """Raise unless there is at least one image [n, C, H, W] with C = 1 or 3."""
    if images.ndim != 4 or len(images) == 0 or images.shape[1] not in (1, 3):
        raise ValueError(f"images: want [n, C, H, W] with n >= 1 and C = 1 or 3, got {list(images.shape)}")


def check_codes(codes: Tensor, labels: Tensor | None, spread: Tensor | None = None) -> None:
    """ValueError unless codes are [n, 2] with n > 0, labels [n] whole numbers from 0, and spread [n, 2]."""
    if codes.ndim != 2 or codes.shape[1] != 2 or not len(codes):
        raise ValueError(f"codes: want [n, 2], got {list(codes.shape)}")
    if labels is not None and (labels.shape != codes.shape[:1] or labels.is_floating_point() or labels.min() < 0):
        raise ValueError(f"labels: want [{len(codes)}] whole numbers from 0, got {list(labels.shape)} {labels.dtype}")
    if spread is not None and spread.shape != codes.shape:
        raise ValueError(f"spread: want {list(codes.shape)}, got {list(spread.shape)}")
