"""Checks for the exercises of chapter 1."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.checks.core import Exercise, Verdict

__all__ = ["left_out_error", "novelty", "oja_step", "principal_directions"]


def _cloud(seed: int, n: int = 60, m: int = 5) -> Tensor:
    """A small cloud of points that is stretched, tilted and away from the origin."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(m, m, generator=generator) * torch.tensor([3.0, 2.0, 1.0, 0.5, 0.2])[:m]
    return torch.randn(n, m, generator=generator) @ mixing.T + 4 * torch.randn(m, generator=generator)


def _same_directions(a: Tensor, b: Tensor) -> bool:
    """Equal rows up to the sign of each."""
    if a.shape != b.shape:
        return False
    signs = torch.sign((a * b).sum(1, keepdim=True))
    return bool(torch.allclose(a * signs, b, atol=1e-3))


def _directions(x: Tensor, k: int) -> Tensor:
    return torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:k]


_CLOUDS = [(_cloud(1), 2), (_cloud(2), 1)]
_principal = Exercise(
    reference=_directions,
    cases=_CLOUDS,
    praise="Centre, decompose, keep the first k rows of Vᵀ: that is all of PCA.",
    same=_same_directions,
    mistakes={
        "Subtract the mean of the columns first: your first direction points at the mean of the data.": (
            lambda x, k: torch.linalg.svd(x, full_matrices=False).Vh[:k]
        ),
        "`torch.linalg.svd` returns Vᵀ, whose rows are the directions; you took columns of it.": (
            lambda x, k: torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:, :k].T
        ),
        "These are the directions of least variance: singular values come in falling order.": (
            lambda x, k: torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[-k:]
        ),
        "The directions go into the rows: [k, M]. Yours stand in columns; transpose.": (
            lambda x, k: _directions(x, k).T
        ),
        "Subtract one mean for each column, `x.mean(0)`, not one for the whole tensor.": (
            lambda x, k: torch.linalg.svd(x - x.mean(), full_matrices=False).Vh[:k]
        ),
        "The mean wanted is the mean point (one number per column), not one mean of each row.": (
            lambda x, k: torch.linalg.svd(x - x.mean(1, keepdim=True), full_matrices=False).Vh[:k]
        ),
    },
)

_SPECTRA = [(torch.tensor([4.0, 2.0, 1.0, 0.5]), 1), (torch.tensor([9.0, 3.0, 2.0, 0.3, 0.1]), 3)]
_left_out = Exercise(
    reference=lambda eigenvalues, k: eigenvalues[k:].sum(),
    cases=_SPECTRA,
    praise="What PCA loses is exactly the variance along the directions it leaves out.",
    mistakes={
        "This is the variance that is kept; the error is what is left out.": lambda e, k: e[:k].sum(),
        "This is a fraction of the whole variance; the error itself is wanted.": (lambda e, k: e[k:].sum() / e.sum()),
        "One eigenvalue too few: Python counts from 0, so the first one left out is eigenvalues[k].": (
            lambda e, k: e[k + 1 :].sum()
        ),
        "The eigenvalues add up; this is their mean.": lambda e, k: e[k:].mean(),
    },
)

_NEURONS = [
    (torch.tensor([0.6, 0.8]), torch.tensor([1.0, -2.0]), 0.1),
    (torch.tensor([0.5, -1.5, 0.2]), torch.tensor([2.0, 0.5, 1.0]), 0.05),
]
_oja = Exercise(
    reference=lambda w, x, rate: w + rate * (w @ x) * (x - (w @ x) * w),
    cases=_NEURONS,
    praise="The first term turns w towards the data, the second keeps its length near 1.",
    mistakes={
        "This is Hebb's rule alone: without the term −y² w the weights grow for ever.": (
            lambda w, x, rate: w + rate * (w @ x) * x
        ),
        "The decay must go with y², not with y: compare the lengths of both terms when y is large.": (
            lambda w, x, rate: w + rate * ((w @ x) * x - (w @ x) * w)
        ),
        "The sign is turned round: this turns w towards the least variance, and its length runs away from 1.": (
            lambda w, x, rate: w - rate * (w @ x) * (x - (w @ x) * w)
        ),
        "Dividing by the length is the idea behind the rule; Oja's rule is its first order in the rate.": (
            lambda w, x, rate: torch.nn.functional.normalize(w + rate * (w @ x) * x, dim=0)
        ),
        "This is the change of w; the new w is wanted.": lambda w, x, rate: rate * (w @ x) * (x - (w @ x) * w),
    },
)


def _residual(x: Tensor, components: Tensor, mean: Tensor) -> Tensor:
    centred = x - mean
    return centred - centred @ components.T @ components


_FITTED = [(_cloud(3, 4), _directions(_cloud(1), 2), _cloud(1).mean(0))]
_novelty = Exercise(
    reference=lambda x, v, mean: _residual(x, v, mean).square().sum(1),
    cases=_FITTED,
    praise="What the subspace cannot explain is what is new.",
    mistakes={
        "Subtract the mean before projecting (and add it after): the subspace passes through the mean.": (
            lambda x, v, mean: (x - x @ v.T @ v).square().sum(1)
        ),
        "Add the mean back before you compare: the reconstruction is mean + code · components.": (
            lambda x, v, mean: (x - (x - mean) @ v.T @ v).square().sum(1)
        ),
        "You measure the length of the code, which is what is familiar; take the residual.": (
            lambda x, v, mean: ((x - mean) @ v.T).square().sum(1)
        ),
        "One score for each row is wanted: sum over the columns (dim=1).": (
            lambda x, v, mean: _residual(x, v, mean).square().sum()
        ),
        "This is the distance; its square is asked for.": lambda x, v, mean: _residual(x, v, mean).norm(dim=1),
        "Sum over the numbers of a row, do not average them.": (
            lambda x, v, mean: _residual(x, v, mean).square().mean(1)
        ),
    },
)


def principal_directions(function) -> Verdict:
    """Judge `function(x [n, M], k) -> [k, M]`: the first k principal directions of x, as rows."""
    return _principal(function)


def left_out_error(function) -> Verdict:
    """Judge `function(eigenvalues [M], k) -> number`: PCA's mean squared error with k components."""
    return _left_out(function)


def oja_step(function) -> Verdict:
    """Judge `function(w [M], x [M], rate) -> [M]`: the weights after one step of Oja's rule (Oja 1982)."""
    return _oja(function)


def novelty(function) -> Verdict:
    """Judge `function(x [n, M], components [k, M], mean [M]) -> [n]`: squared distance to the subspace."""
    return _novelty(function)
