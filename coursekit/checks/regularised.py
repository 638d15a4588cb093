"""Checks for the exercises of chapter 3."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.checks.core import Exercise, Verdict

__all__ = ["coin_divergence", "contractive_penalty", "score_from_denoiser"]


def _kl(rho: float, rho_hat: Tensor) -> Tensor:
    return rho * (rho / rho_hat).log() + (1 - rho) * ((1 - rho) / (1 - rho_hat)).log()


_coin = Exercise(
    reference=lambda rho, rho_hat: _kl(rho, rho_hat).sum(),
    cases=[(0.05, torch.tensor([0.05, 0.2, 0.5])), (0.1, torch.tensor([0.3, 0.01]))],
    praise="Zero where ρ̂ = ρ, growing on both sides.",
    mistakes={
        "The second outcome is missing: a coin also shows tails, with probability 1 − ρ.": (
            lambda rho, rho_hat: (rho * (rho / rho_hat).log()).sum()
        ),
        "The arguments are exchanged: KL(ρ‖ρ̂) averages with ρ, the target.": (
            lambda rho, rho_hat: (
                rho_hat * (rho_hat / rho).log() + (1 - rho_hat) * ((1 - rho_hat) / (1 - rho)).log()
            ).sum()
        ),
        "The sign is turned round: a divergence is never negative.": lambda rho, rho_hat: -_kl(rho, rho_hat).sum(),
        "Sum over the units, do not average them.": lambda rho, rho_hat: _kl(rho, rho_hat).mean(),
        "One number is wanted: the sum over the units.": _kl,
    },
)


def _layer(seed: int) -> tuple[Tensor, Tensor]:
    """Activations h [5, 3] in (0, 1) and weights W [3, 4]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(5, 3, generator=generator), torch.randn(3, 4, generator=generator)


def _slope(h: Tensor) -> Tensor:
    return h * (1 - h)


_contractive = Exercise(
    reference=lambda h, W: (_slope(h).square() @ W.square().sum(1)).mean(),
    cases=[_layer(0), _layer(1)],
    praise="A sum over units: slope squared times the squared length of the unit's weights.",
    mistakes={
        "The slope enters squared: the norm is a sum of squares.": lambda h, W: (_slope(h) @ W.square().sum(1)).mean(),
        "The derivative of the sigmoid, h (1 − h), is missing.": lambda h, W: W.square().sum(),
        "Sum over the units' inputs (the columns of W), one number for each unit: W.square().sum(1).": (
            lambda h, W: (_slope(h).square().sum(1) * W.square().sum()).mean()
        ),
        "The mean over the batch is wanted, not the sum.": lambda h, W: (_slope(h).square() @ W.square().sum(1)).sum(),
        "The *squared* norm is wanted: no square root.": (
            lambda h, W: (_slope(h).square() @ W.square().sum(1)).sqrt().mean()
        ),
    },
)


def _points(seed: int, sigma: float) -> tuple[Tensor, Tensor, float]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 2, generator=generator), torch.randn(4, 2, generator=generator), sigma


_score = Exercise(
    reference=lambda x, denoised, sigma: (denoised - x) / sigma**2,
    cases=[_points(0, 0.5), _points(1, 0.2)],
    praise="The arrow from the point to its denoised self, divided by σ², is the slope of the log-density.",
    mistakes={
        "Divide by the variance σ², not by σ.": lambda x, denoised, sigma: (denoised - x) / sigma,
        "The arrow points from x to its denoised self: denoised − x.": lambda x, d, sigma: (x - d) / sigma**2,
        "This is the field itself; the score is the field divided by σ².": lambda x, denoised, sigma: denoised - x,
        "Divide by σ²; you multiplied.": lambda x, denoised, sigma: (denoised - x) * sigma**2,
    },
)


def coin_divergence(function) -> Verdict:
    """Judge `function(rho, rho_hat [units]) -> number`: Σ_j KL(ρ‖ρ̂_j) between two coins, in nats."""
    return _coin(function)


def contractive_penalty(function) -> Verdict:
    """Judge `function(h [n, M_h], W [M_h, M]) -> number`: mean ‖∂h/∂x‖²_F of a sigmoid layer."""
    return _contractive(function)


def score_from_denoiser(function) -> Verdict:
    """Judge `function(x [n, d], denoised [n, d], sigma) -> [n, d]`: ∇ log p_σ(x) by Tweedie's formula."""
    return _score(function)
