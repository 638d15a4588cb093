"""Bricks that several models share."""

from collections.abc import Callable
from itertools import pairwise

from torch import nn


def mlp(
    *sizes: int, activation: Callable[[], nn.Module] = nn.ReLU, out: nn.Module | None = None
) -> nn.Sequential:
    """A multilayer perceptron: x ↦ out(W_L a(… a(W_1 x + b_1) …) + b_L).

    `mlp(784, 400, 20)` maps [..., 784] to [..., 20] through 400 hidden units. The activation `a` stands
    between layers, never after the last; `out` (say `nn.Sigmoid()`) does. With two sizes it is one affine
    layer. Raises ValueError for fewer than two sizes or a size below 1.
    """
    if len(sizes) < 2 or any(size < 1 for size in sizes):
        raise ValueError(f"sizes: want at least two positive layer sizes, got {sizes}")
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    layers[-1:] = [] if out is None else [out]
    return nn.Sequential(*layers)
