"""Colours [n, 3] as smooth paths through one number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

Colour = tuple[float, float, float]


def path(t: Tensor, points: Sequence[Colour]) -> Tensor:
    """The Bézier curve Σ_k C(m, k) s^k (1 − s)^(m−k) p_k with s = (t + 1)/2: t [n] in [−1, 1] → [n, 3]."""
    s, m = (t + 1) / 2, len(points) - 1
    basis = torch.stack([math.comb(m, k) * s**k * (1 - s) ** (m - k) for k in range(m + 1)], dim=1)
    return basis @ constant(points, t)


def wheel(t: Tensor, middle: Colour, swing: Colour, phase: Colour) -> Tensor:
    """A smooth tour of hues, middle + swing · cos(2π (t + phase)) in each channel: t [n] → [n, 3]."""
    turns = t[:, None] + constant(phase, t)
    return constant(middle, t) + constant(swing, t) * torch.cos(2 * math.pi * turns)


def constant(value: Sequence[float] | Sequence[Colour], like: Tensor) -> Tensor:
    """A constant with the dtype and on the device of `like`."""
    return torch.tensor(value, dtype=like.dtype, device=like.device)


def mix(a: Tensor, b: Tensor, share: Tensor | float) -> Tensor:
    """(1 − share) a + share b."""
    return a + (b - a) * share
