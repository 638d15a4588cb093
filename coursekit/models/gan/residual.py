"""Residual nets without normalisation for images of 32×32 or 64×64: the modern baseline ("R3GAN")."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from coursekit.models.gan.bricks import Centred
from coursekit.models.nets import Residual, shuffled

START = 4  # the smallest map's side


def block(channels: int, hidden: int) -> Residual:
    """x + W₃ a(W₂ a(W₁ x)): narrow or wide 1×1, 3×3 in groups of 16 channels, 1×1, which is 0 at the start."""
    return Residual(
        nn.Conv2d(channels, hidden, 1), nn.LeakyReLU(0.2), nn.Conv2d(hidden, hidden, 3, padding=1, groups=max(1, hidden // 16)),
        nn.LeakyReLU(0.2), nn.Conv2d(hidden, channels, 1), zero=True,
    )  # fmt: skip
