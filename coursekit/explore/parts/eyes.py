"""What a net reads off pictures: how they lie between the ends of some factors, and the chances of attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.explore.parts.held import held
from coursekit.models.readers import SHAPE, FactorReader

Reader = FactorReader | Callable[[Tensor], Tensor]


class Seen(NamedTuple):
    """Factors in −1 … 1 [n, f], chances of attributes in 0 … 1 [n, k]."""

    factors: Tensor
    chances: Tensor


class Eyes:
    """A reader: a `FactorReader`, which is shown pictures at its own size, or images → [n, f + k], the chances last.

    It is held in a frozen copy. `attributes` k: of how many attributes it tells the chances.
    """

    def __init__(self, reader: Reader, attributes: int) -> None:
        faces = isinstance(reader, FactorReader)
        self.read = held(reader.read if isinstance(reader, FactorReader) else reader)
        self.size, self.attributes = SHAPE[1:] if faces else None, attributes

    def __call__(self, images: Tensor) -> Seen:
        """Images [n, C, H, W] (clipped to [0, 1])."""
        shown = images.float().clamp(0, 1)
        if self.size is not None and shown.shape[2:] != self.size:
            shown = F.interpolate(shown, size=self.size, mode="bilinear")
        read = self.read(shown).cpu()
        return Seen(read[:, : -self.attributes], read[:, -self.attributes :])


def variety(factors: Tensor) -> float:
    """The mean distance of two pictures by their factors [n, f], in units of one factor: √(Σ (a − b)²/f)."""
    return (torch.pdist(factors.float()).mean() / factors.shape[1] ** 0.5).item()


def alike(one: Tensor, other: Tensor) -> Tensor:
    """The correlation of factors [n, f] with those of another picture [f], [n]: 1 for the same ones."""
    a, b = one - one.mean(1, keepdim=True), other - other.mean()
    return F.cosine_similarity(a, b.expand_as(a), dim=1)
