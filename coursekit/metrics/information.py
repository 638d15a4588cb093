"""Entropies of finite distributions, in bits."""

from collections.abc import Sequence

import torch
from torch import Tensor

Probabilities = Tensor | Sequence[float]


def entropy(p: Probabilities) -> float:
    """H(p) = −Σ p log₂ p, with 0 log 0 = 0: the mean length of the best code for p, [k] → bits.

    Raises ValueError unless p is a distribution.
    """
    return cross_entropy(p, p)


def cross_entropy(p: Probabilities, q: Probabilities) -> float:
    """H(p, q) = −Σ p log₂ q: the mean length when the code was made for q, in bits; ∞ where q is 0 and p is not.

    q may add up to less than 1: −log₂ q are then the word lengths of a code that wastes some words (Kraft's
    inequality). Raises ValueError for other p and q, or if they are not over the same k outcomes.
    """
    p, q = _distribution("p", p), _distribution("q", q, wasteful=True)
    if len(p) != len(q):
        raise ValueError(f"p, q: want the same number of outcomes, got {len(p)} and {len(q)}")
    return float(-torch.where(p > 0, p * q.log2(), 0).sum())


def kl_divergence(p: Probabilities, q: Probabilities) -> float:
    """KL(p‖q) = Σ p log₂(p/q) = H(p, q) − H(p) ≥ 0, in bits: what using q's code for p costs. q as above."""
    return cross_entropy(p, q) - entropy(p)


def _distribution(name: str, p: Probabilities, *, wasteful: bool = False) -> Tensor:
    p = torch.as_tensor(p, dtype=torch.float64)
    total = float(p.sum())
    short = total < 1 - 1e-6 and not wasteful
    if p.ndim != 1 or bool((p < 0).any()) or total > 1 + 1e-6 or total <= 0 or short:
        raise ValueError(f"{name}: want probabilities [k] that add up to 1, got {p.tolist()} (sum {total:g})")
    return p
