"""Checks for the exercises of chapter 9."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from coursekit.checks.core import Exercise, Verdict

__all__ = ["exact_denoiser", "linear_denoiser", "noise_walk"]

Denoise = Callable[[Tensor, float], Tensor]


def _squares(x: Tensor, points: Tensor) -> Tensor:
    """‖x_n − x_i‖², [n, m]."""
    return (x[:, None] - points).square().sum(2)


def _mixed(x: Tensor, points: Tensor, sigma: float) -> Tensor:
    return (-_squares(x, points) / (2 * sigma**2)).softmax(1) @ points


def _set(n: int, m: int, size: int, sigma: float) -> tuple[Tensor, Tensor, float]:
    """Noisy items [n, size], points [m, size] and σ."""
    g = torch.Generator().manual_seed(n)
    return torch.randn(n, size, generator=g), torch.randn(m, size, generator=g) + 0.5, sigma


_exact = Exercise(
    reference=_mixed,
    cases=[_set(5, 3, 2, 0.7), _set(4, 6, 3, 1.5), _set(3, 3, 2, 0.02)],
    praise="A mean of all data points, each as heavy as it is likely to have become x.",
    mistakes={
        "The distance is divided by 2 σ, and the Gaussian has 2 σ² there.": (
            lambda x, p, s: (-_squares(x, p) / (2 * s)).softmax(1) @ p
        ),
        "A factor of 2 is missing: the Gaussian is exp(−‖x − x_i‖² / 2σ²).": (
            lambda x, p, s: (-_squares(x, p) / s**2).softmax(1) @ p
        ),
        "The *squared* distance is wanted.": lambda x, p, s: (-_squares(x, p).sqrt() / (2 * s**2)).softmax(1) @ p,
        "The sign: far points should be unlikely, and here they are the likeliest.": (
            lambda x, p, s: (_squares(x, p) / (2 * s**2)).softmax(1) @ p
        ),
        "This is the nearest point alone. The others may have become x, too.": (
            lambda x, p, s: p[_squares(x, p).argmin(1)]
        ),
        "This is the mean of all points, the right answer only where x says nothing: weigh them.": (
            lambda x, p, s: p.mean(0).expand_as(x)
        ),
        "The weights of each x have to sum to 1: normalise over the points, not over the xs.": (
            lambda x, p, s: (-_squares(x, p) / (2 * s**2)).softmax(0) @ p
        ),
        "The weights do not sum to 1: divide by their sum.": (lambda x, p, s: (-_squares(x, p) / (2 * s**2)).exp() @ p),
        "This is the noise as it was added, σ ε̂ = x − D(x).": lambda x, p, s: x - _mixed(x, p, s),
    },
)

Plane = tuple[Tensor, Tensor, Tensor, Tensor, float]


def _plane(n: int, size: int, kept: int, sigma: float) -> Plane:
    """Items [n, size], a mean [size], orthonormal rows [kept, size], variances [kept], σ."""
    g = torch.Generator().manual_seed(n)
    rows = torch.linalg.qr(torch.randn(size, kept, generator=g)).Q.T
    variances = torch.rand(kept, generator=g) + 0.2
    return torch.randn(n, size, generator=g), torch.randn(size, generator=g), rows, variances, sigma


def _shrunk(x: Tensor, mean: Tensor, rows: Tensor, gain: Tensor) -> Tensor:
    return mean + ((x - mean) @ rows.T * gain) @ rows


_linear = Exercise(
    reference=lambda x, mean, V, lam, s: _shrunk(x, mean, V, lam / (lam + s**2)),
    cases=[_plane(4, 5, 3, 0.6), _plane(3, 4, 4, 1.7), _plane(5, 6, 2, 0.1)],
    praise="Each direction keeps the share of its variance that is signal. Nothing of any single item is stored.",
    mistakes={
        "This is the projection, whose gains are all 1. It ignores the noise *within* the plane: shrink it.": (
            lambda x, mean, V, lam, s: _shrunk(x, mean, V, torch.ones_like(lam))
        ),
        "σ for σ²: both numbers of the gain are variances.": (
            lambda x, mean, V, lam, s: _shrunk(x, mean, V, lam / (lam + s))
        ),
        "This gain is the noise's share, σ²/(λ + σ²). Keep the signal's.": (
            lambda x, mean, V, lam, s: _shrunk(x, mean, V, s**2 / (lam + s**2))
        ),
        "A square root too many: that gain gives the answer the data's variance, and a larger error.": (
            lambda x, mean, V, lam, s: _shrunk(x, mean, V, (lam / (lam + s**2)).sqrt())
        ),
        "λ is a variance already, and is not squared.": (
            lambda x, mean, V, lam, s: _shrunk(x, mean, V, lam**2 / (lam**2 + s**2))
        ),
        "Without the mean subtracted, the mean itself is shrunk.": (
            lambda x, mean, V, lam, s: (x @ V.T * (lam / (lam + s**2))) @ V
        ),
        "The mean has to be added again at the end.": (
            lambda x, mean, V, lam, s: ((x - mean) @ V.T * (lam / (lam + s**2))) @ V
        ),
        "The mean is subtracted at the start: else it comes in twice.": (
            lambda x, mean, V, lam, s: mean + (x @ V.T * (lam / (lam + s**2))) @ V
        ),
    },
)


class _Trio:
    """The exact denoiser of three points in the plane."""

    points = torch.tensor([[0.0, 1.0], [-1.0, -0.5], [1.2, -0.7]])

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        return _mixed(x, self.points, max(float(sigma), 1e-3))

    def __repr__(self) -> str:
        return "the denoiser of three points"


def _walked(step: Callable[[Denoise, Tensor, float, float], Tensor]) -> Callable[..., Tensor]:
    def walk(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
        for t, s in pairwise(sigmas):
            x = step(denoise, x, t, s)
        return x

    return walk


def _towards(x: Tensor, goal: Tensor, eta: float) -> Tensor:
    return (1 - eta) * x + eta * goal


def _at_first(denoise: Denoise, x: Tensor, sigmas: Sequence[float]) -> Tensor:
    for t, s in pairwise(sigmas):
        x = _towards(x, denoise(x, sigmas[0]), 1 - s / t)
    return x


_START = 3 * torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
_walk = Exercise(
    reference=_walked(lambda denoise, x, t, s: _towards(x, denoise(x, t), 1 - s / t)),
    cases=[
        (_Trio(), _START, (3.0, 1.5, 0.7, 0.3)), (_Trio(), _START, (3.0, 2.0, 1.0, 0.5, 0.25, 0.0)),
        (_Trio(), _START, (2.0, 1.0)),
    ],
    praise="Each step removes a part of the noise, and the next question is asked about what is left.",
    mistakes={
        "Two things are still wrong, as they were: how large the step is, and which noise the denoiser is told.": (
            _walked(lambda denoise, x, t, s: _towards(x, denoise(x, s), s / t))
        ),
        "The size of the step: a share s/t of the noise is to *stay*, so η = 1 − s/t.": (
            _walked(lambda denoise, x, t, s: _towards(x, denoise(x, t), s / t))
        ),
        "x has the noise t when you ask, not yet s: tell the denoiser so.": (
            _walked(lambda denoise, x, t, s: _towards(x, denoise(x, s), 1 - s / t))
        ),
        "The denoiser is told the first noise at every step, and there is less and less.": _at_first,
        "That goes all the way at each step, η = 1. Then nothing is left to ask about.": (
            _walked(lambda denoise, x, t, s: denoise(x, t))
        ),
        "η = t − s is a difference of noises. What counts is their ratio.": (
            _walked(lambda denoise, x, t, s: _towards(x, denoise(x, t), t - s))
        ),
    },
)  # fmt: skip


def exact_denoiser(function) -> Verdict:
    """Judge `function(x [n, M], points [m, M], sigma) -> [n, M]`: Σ_i P(x_i|x) x_i for equally likely points."""
    return _exact(function)


def linear_denoiser(function) -> Verdict:
    """Judge `function(x [n, M], mean [M], V [k, M], variances [k], sigma) -> [n, M]`: the best linear denoiser."""
    return _linear(function)


def noise_walk(function) -> Verdict:
    """Judge `function(denoise, x [n, M], sigmas) -> [n, M]`: small steps from noise sigmas[0] down to sigmas[-1].

    `denoise(x, sigma)` gives D(x).
    """
    return _walk(function)
