"""What worlds whose nature is known share: factors by name, each within its range."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

Ranges = Mapping[str, tuple[float, float]]


def one(ranges: Ranges, of: str, named: Mapping[str, float]) -> Tensor:
    """One item's factors, those not named being 0: float32 [1, F] in the order of the ranges.

    `of` says in errors whose they are. Raises ValueError for an unknown name or a value outside its range.
    """
    unknown = sorted(set(named) - set(ranges))
    if unknown:
        raise ValueError(f"unknown factor {unknown[0]!r}: the factors of a {of} are {', '.join(ranges)}")
    for name, value in named.items():
        _check_value(ranges, name, float(value))
    return torch.tensor([[float(named.get(name, 0.0)) for name in ranges]])


def check(h: Tensor, ranges: Ranges, of: str) -> None:
    """Raise unless h is a floating [n, F] tensor with every factor inside its range (NaN is outside)."""
    if not isinstance(h, Tensor):
        raise TypeError(f"factors must be a tensor, got {type(h).__name__}")
    if h.ndim != 2 or h.shape[1] != len(ranges):
        raise ValueError(f"factors must have shape [n, {len(ranges)}], got {list(h.shape)}")
    if not h.is_floating_point():
        raise TypeError(f"factors must be floating point, got {h.dtype}")
    low, high = torch.tensor(list(ranges.values()), dtype=h.dtype, device=h.device).unbind(1)
    outside = ~((h >= low) & (h <= high))
    if bool(outside.any()):
        row, column = outside.nonzero()[0].tolist()
        _check_value(ranges, list(ranges)[column], float(h[row, column]), f" ({of} {row})")


def _check_value(ranges: Ranges, name: str, value: float, where: str = "") -> None:
    low, high = ranges[name]
    if not low <= value <= high:
        raise ValueError(f"factor {name!r} is {value:g}{where}, outside its range [{low:g}, {high:g}]")
