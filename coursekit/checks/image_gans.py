"""Checks for the exercises of chapter 7."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from coursekit.checks.core import Exercise, Verdict

__all__ = ["labelled_input", "transposed_size", "transposed_stage_parameters", "truncated_normal"]


_transposed = Exercise(
    reference=lambda n, kernel, stride, padding: (n - 1) * stride - 2 * padding + kernel,
    cases=[(4, 4, 2, 1), (7, 5, 2, 2), (3, 3, 1, 0), (5, 6, 3, 0), (1, 4, 1, 0)],
    praise="The convolution's formula, solved for n: the last kernel starts n − 1 strides in; the padding is cut off.",
    mistakes={
        "This is the convolution downwards; the transposed one goes the other way.": (
            lambda n, k, s, p: (n + 2 * p - k) // s + 1
        ),
        "Kernels lie n − 1 strides apart from first to last, not n.": lambda n, k, s, p: n * s - 2 * p + k,
        "Padding is cut off on both sides: 2 p.": lambda n, k, s, p: (n - 1) * s - p + k,
        "Here padding is cut *off* the output.": lambda n, k, s, p: (n - 1) * s + 2 * p + k,
        "Only where k − 2 p = s is it simply n times the stride.": lambda n, k, s, p: n * s,
        "The last kernel covers k pixels itself: add k.": lambda n, k, s, p: (n - 1) * s - 2 * p,
    },
)

_parameters = Exercise(
    reference=lambda inputs, outputs, kernel: inputs * outputs * kernel**2 + 2 * outputs,
    cases=[(1024, 512, 5), (128, 64, 4), (3, 7, 3)],
    praise="A kernel for each pair of channels, a scale and a shift for each channel that comes out.",
    mistakes={
        "The two numbers of batch normalisation for each output channel are missing, its scale and its shift.": (
            lambda i, o, k: i * o * k**2
        ),
        "There is no bias here: batch normalisation subtracts the mean, so a bias would have no effect.": (
            lambda i, o, k: i * o * k**2 + 3 * o
        ),
        "A bias, and no batch normalisation: it is the other way round here.": lambda i, o, k: i * o * k**2 + o,
        "The running mean and variance are kept, not trained: they are no parameters.": (
            lambda i, o, k: i * o * k**2 + 4 * o
        ),
        "A kernel has k times k numbers.": lambda i, o, k: i * o * k + 2 * o,
        "Each of the outputs has a kernel for *each* of the inputs: a product of the two.": (
            lambda i, o, k: (i + o) * k**2 + 2 * o
        ),
        "Batch normalisation acts on what comes *out*: 2 × outputs.": lambda i, o, k: i * o * k**2 + 2 * i,
    },
)


def _images(seed: int) -> tuple[Tensor, Tensor, int]:
    """Images [4, 1, 3, 3], labels [4], and how many classes there are."""
    x = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(seed))
    return x, torch.tensor([2, 0, 1, 2]), 3 + seed


def _planes(x: Tensor, labels: Tensor, classes: int) -> Tensor:
    return one_hot(labels, classes).to(x)[:, :, None, None].expand(-1, -1, *x.shape[2:])


_labelled = Exercise(
    reference=lambda x, labels, classes: torch.cat([x, _planes(x, labels, classes)], 1),
    cases=[_images(0), _images(1)],
    praise="Now the critic can see whether the image fits its label, and the generator must care.",
    mistakes={
        "The critic is not told the label. It can only say whether this is *some* real image, so the generator may "
        "ignore its label too: join the one-hot planes.": lambda x, labels, classes: x,
        "These are the planes of the label alone; join them to the image.": _planes,
        "A class is no quantity: class 2 is not twice class 1. One plane for each class, one-hot.": (
            lambda x, labels, classes: torch.cat([x, labels.to(x)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
        ),
        "Image first, then the planes.": lambda x, labels, classes: torch.cat([_planes(x, labels, classes), x], 1),
        "Join them along the channels, dimension 1; keep the image as it is.": (
            lambda x, labels, classes: x + _planes(x, labels, classes).sum(1, keepdim=True)
        ),
        "All classes are counted from 0: each plane belongs to one class too early.": (
            lambda x, labels, classes: torch.cat([x, _planes(x, (labels - 1) % classes, classes)], 1)
        ),
    },
)


def _truncated(n: int, size: int, limit: float) -> Tensor:
    h = torch.randn(n, size)
    while bool((outside := h.abs() > limit).any()):
        h[outside] = torch.randn(int(outside.sum()))
    return h


def _same_law(a: Tensor, b: Tensor) -> bool:
    """Equal shapes, and distribution functions that differ by less than 0.03 everywhere (by chance: 0.015)."""
    if a.shape != b.shape or not bool(a.isfinite().all()):
        return False
    a, b = a.double().flatten().sort().values, b.double().flatten().sort().values
    places = torch.cat([a, b])
    gap = (torch.searchsorted(a, places, right=True) - torch.searchsorted(b, places, right=True)).abs()
    return float(gap.max()) / len(a) < 0.03


_truncation = Exercise(
    reference=_truncated,
    cases=[(4_000, 4, 1.0), (4_000, 4, 0.5), (4_000, 4, 2.0)],
    praise="The normal law, given that each number lies within the limit.",
    same=_same_law,
    mistakes={
        "Clamped: all that was outside now sits exactly *on* the limit, where the generator was hardly trained. Draw "
        "those numbers again.": lambda n, size, limit: torch.randn(n, size).clamp(-limit, limit),
        "Scaled by the limit: the law is narrower, but it keeps its tails, and they have no limit.": (
            lambda n, size, limit: limit * torch.randn(n, size)
        ),
        "What was outside is set to 0: draw it again instead.": (
            lambda n, size, limit: (h := torch.randn(n, size)) * (h.abs() <= limit)
        ),
        "Some of the new numbers are outside again: draw until none is.": lambda n, size, limit: _once(n, size, limit),
        "This is the uniform law within the limit; the normal one has more in the middle.": (
            lambda n, size, limit: limit * (2 * torch.rand(n, size) - 1)
        ),
        "No limit is kept: this is N(0, I).": lambda n, size, limit: torch.randn(n, size),
    },
)


def _once(n: int, size: int, limit: float) -> Tensor:
    h = torch.randn(n, size)
    return torch.where(h.abs() > limit, torch.randn(n, size), h)


def transposed_size(function) -> Verdict:
    """Judge `function(n, kernel, stride, padding) -> side`: (n − 1) s − 2p + k."""
    return _transposed(function)


def transposed_stage_parameters(function) -> Verdict:
    """Judge `function(inputs, outputs, kernel) -> count`: a transposed convolution without bias, then batch norm."""
    return _parameters(function)


def labelled_input(function) -> Verdict:
    """Judge `function(x [n, C, H, W], labels [n], classes) -> [n, C + classes, H, W]`: one-hot planes joined to it."""
    return _labelled(function)


def truncated_normal(function) -> Verdict:
    """Judge `function(n, size, limit) -> [n, size]`: normal numbers, each drawn again until it lies within ±limit.

    Judged by the law of what is drawn.
    """
    return _truncation(function)
