"""Checks for the exercises of chapter 2."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.checks.core import Exercise, Verdict

__all__ = ["binary_cross_entropy", "conv_size", "nearest_other"]


def _outputs(seed: int) -> tuple[Tensor, Tensor]:
    """Outputs in (0, 1) and grey targets, [3, 4]."""
    generator = torch.Generator().manual_seed(seed)
    x_hat = 0.05 + 0.9 * torch.rand(3, 4, generator=generator)
    return x_hat, torch.rand(3, 4, generator=generator)


def _terms(x_hat: Tensor, x: Tensor) -> Tensor:
    return -(x * x_hat.log() + (1 - x) * (1 - x_hat).log())


_cross_entropy = Exercise(
    reference=lambda x_hat, x: _terms(x_hat, x).sum(1),
    cases=[_outputs(0), _outputs(1)],
    praise="Both terms: bright pixels are pulled up, dark ones down.",
    mistakes={
        "The second term is missing: nothing pulls the dark pixels down.": (lambda x_hat, x: -(x * x_hat.log()).sum(1)),
        "The sign is turned round: logarithms of probabilities are negative, the loss is positive.": (
            lambda x_hat, x: -_terms(x_hat, x).sum(1)
        ),
        "Sum over the numbers of an item, do not average them.": lambda x_hat, x: _terms(x_hat, x).mean(1),
        "One number for each item is wanted: sum over dim=1 alone.": lambda x_hat, x: _terms(x_hat, x).sum(),
        "Input and output are exchanged: the logarithm belongs to the output.": (
            lambda x_hat, x: _terms(x, x_hat).sum(1)
        ),
        "Nats are wanted: the natural logarithm, not the one to base 2.": (
            lambda x_hat, x: _terms(x_hat, x).sum(1) / torch.log(torch.tensor(2.0))
        ),
    },
)

_size = Exercise(
    reference=lambda n, kernel, stride, padding: (n + 2 * padding - kernel) // stride + 1,
    cases=[(6, 3, 1, 0), (28, 5, 2, 2), (7, 3, 2, 0), (32, 4, 2, 1), (9, 2, 3, 1)],
    praise="It counts the places where the kernel fits, a stride apart, plus the first.",
    mistakes={
        "There is padding on both sides: 2 p.": lambda n, k, s, p: (n + p - k) // s + 1,
        "One place is missing: the first, which needs no stride.": lambda n, k, s, p: (n + 2 * p - k) // s,
        "Round down to whole places: use // instead of /.": lambda n, k, s, p: (n + 2 * p - k) / s + 1,
        "A kernel of size k covers k numbers, so it has n − k + 1 places: divide n − k, then add 1.": (
            lambda n, k, s, p: (n + 2 * p - k + 1) // s
        ),
    },
)


def _codes(seed: int) -> Tensor:
    return torch.randn(7, 3, generator=torch.Generator().manual_seed(seed)) * torch.tensor([3.0, 1.0, 0.3])


def _others(h: Tensor, distance: Tensor) -> Tensor:
    return distance.clone().fill_diagonal_(float("inf")).argmin(1)


_nearest = Exercise(
    reference=lambda h: _others(h, torch.cdist(h, h)),
    cases=[(_codes(0),), (_codes(1),)],
    praise="Everyone is nearest to themselves; the diagonal has to go first.",
    mistakes={
        "Every item is nearest to itself: leave the diagonal out.": lambda h: torch.cdist(h, h).argmin(1),
        "This is the farthest item.": lambda h: torch.cdist(h, h).argmax(1),
        "A large inner product is no small distance: long codes win it.": (
            lambda h: (h @ h.T).fill_diagonal_(-float("inf")).argmax(1)
        ),
        "This is the distance to the nearest other item; its index is wanted.": (
            lambda h: torch.cdist(h, h).fill_diagonal_(float("inf")).min(1).values
        ),
    },
)


def binary_cross_entropy(function) -> Verdict:
    """Judge `function(x_hat [n, M], x [n, M]) -> [n]`: −Σ x ln x̂ + (1 − x) ln(1 − x̂), in nats."""
    return _cross_entropy(function)


def conv_size(function) -> Verdict:
    """Judge `function(n, kernel, stride, padding) -> side`: ⌊(n + 2p − k)/s⌋ + 1."""
    return _size(function)


def nearest_other(function) -> Verdict:
    """Judge `function(h [n, k]) -> [n]`: the index of each item's nearest other item."""
    return _nearest(function)
