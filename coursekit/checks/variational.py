"""Checks for the exercises of chapter 4."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from coursekit.checks.core import Exercise, Verdict

__all__ = ["gaussian_kl", "log_mean_exp", "negative_elbo", "reparameterise"]


def _drawn(seed: int, *shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return 0.5 * (log_var.exp() + mu**2 - 1 - log_var).sum(1)


_divergence = Exercise(
    reference=_kl,
    cases=[_drawn(0, (3, 2), (3, 2)), _drawn(1, (2, 5), (2, 5))],
    praise="Zero where μ = 0 and σ = 1, and positive everywhere else.",
    mistakes={
        "The factor ½ is missing.": lambda mu, log_var: 2 * _kl(mu, log_var),
        "The sign is turned round: a divergence is never negative.": lambda mu, log_var: -_kl(mu, log_var),
        "σ² is the exponential of log_var; half of it would give σ.": (
            lambda mu, log_var: 0.5 * ((0.5 * log_var).exp() + mu**2 - 1 - log_var).sum(1)
        ),
        "The formula's last term is log σ², not log σ: log_var as it is.": (
            lambda mu, log_var: 0.5 * (log_var.exp() + mu**2 - 1 - 0.5 * log_var).sum(1)
        ),
        "log_var is the logarithm of the variance: σ² = exp(log_var).": (
            lambda mu, log_var: 0.5 * (log_var.square() + mu**2 - 1 - log_var.square().log()).sum(1)
        ),
        "μ enters squared.": lambda mu, log_var: 0.5 * (log_var.exp() + mu - 1 - log_var).sum(1),
        "The −1 of each dimension is missing: the divergence of N(0, I) from itself is zero.": (
            lambda mu, log_var: 0.5 * (log_var.exp() + mu**2 - log_var).sum(1)
        ),
        "Sum over the dimensions of h, do not average them.": lambda mu, log_var: _kl(mu, log_var) / mu.shape[1],
        "One number for each image is wanted: no mean over the batch.": lambda mu, log_var: _kl(mu, log_var).mean(),
        "One number for each image is wanted: no sum over the batch.": lambda mu, log_var: _kl(mu, log_var).sum(),
        "Sum over the dimensions of h: one number for each image.": (
            lambda mu, log_var: 0.5 * (log_var.exp() + mu**2 - 1 - log_var)
        ),
    },
)


_reparameterised = Exercise(
    reference=lambda mu, log_var, noise: mu + (0.5 * log_var).exp() * noise,
    cases=[_drawn(0, (3, 2), (3, 2), (3, 2)), _drawn(1, (2, 4), (2, 4), (2, 4))],
    praise="The randomness comes from outside, so gradients reach μ and σ.",
    mistakes={
        "exp(log_var) is the variance σ²; the noise is multiplied by σ.": (
            lambda mu, log_var, noise: mu + log_var.exp() * noise
        ),
        "log_var is not σ: take the exponential of half of it.": lambda mu, log_var, noise: mu + log_var * noise,
        "Twice where half is meant: σ = exp(½ log σ²).": lambda mu, log_var, noise: mu + (2 * log_var).exp() * noise,
        "The mean μ is missing: add it.": lambda mu, log_var, noise: (0.5 * log_var).exp() * noise,
        "The standard deviation is missing: this is a sample with σ = 1.": lambda mu, log_var, noise: mu + noise,
        "Use the noise that is given; this is only the mean.": lambda mu, log_var, noise: mu,
        "Add the mean; you subtracted it, or the noise.": lambda mu, log_var, noise: mu - (0.5 * log_var).exp() * noise,
    },
)


def _images(seed: int, sigma: float) -> tuple[Tensor | float, ...]:
    """Images x and x̂ [3, 1, 4, 4], μ and log σ² [3, 2], σ."""
    return *_drawn(seed, (3, 1, 4, 4), (3, 1, 4, 4), (3, 2), (3, 2)), sigma


def _errors(x: Tensor, x_hat: Tensor) -> Tensor:
    return (x - x_hat).square().flatten(1).sum(1)


def _constant(x: Tensor, sigma: float) -> float:
    return 0.5 * x[0].numel() * math.log(2 * math.pi * sigma**2)


def _surprise(x: Tensor, x_hat: Tensor, sigma: float) -> Tensor:
    return _errors(x, x_hat) / (2 * sigma**2) + _constant(x, sigma)


def _bound(x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor, sigma: float) -> Tensor:
    return _surprise(x, x_hat, sigma) + _kl(mu, log_var)


_negative_elbo = Exercise(
    reference=_bound,
    cases=[_images(0, 0.5), _images(1, 1.5)],
    praise="Both terms in nats per image, so that neither outweighs the other by accident.",
    mistakes={
        "Average over pixels, and the divergence weighs too much by their number: sum over pixels.": (
            lambda x, x_hat, mu, lv, s: _surprise(x, x_hat, s) / x[0].numel() + _kl(mu, lv)
        ),
        "The squared error is averaged over pixels: sum it.": (
            lambda x, x_hat, mu, lv, s: (
                _errors(x, x_hat) / x[0].numel() / (2 * s**2) + _constant(x, s) + _kl(mu, lv)
            )
        ),
        "The sign of the divergence: it is added, a price to be paid.": (
            lambda x, x_hat, mu, lv, s: _surprise(x, x_hat, s) - _kl(mu, lv)
        ),
        "This is the bound itself; the loss is minus the bound.": lambda *a: -_bound(*a),
        "The constant ½ M log 2πσ² of the Gaussian is missing.": (
            lambda x, x_hat, mu, lv, s: _bound(x, x_hat, mu, lv, s) - _constant(x, s)
        ),
        "The constant belongs to every pixel: M times ½ log 2πσ².": (
            lambda x, x_hat, mu, lv, s: (
                _errors(x, x_hat) / (2 * s**2) + 0.5 * math.log(2 * math.pi * s**2) + _kl(mu, lv)
            )
        ),
        "The squared error is divided by 2σ², not by σ².": (
            lambda x, x_hat, mu, lv, s: _bound(x, x_hat, mu, lv, s) + _errors(x, x_hat) / (2 * s**2)
        ),
        "The squared error is divided by the variance: 2σ², not 2σ.": (
            lambda x, x_hat, mu, lv, s: _errors(x, x_hat) / (2 * s) + _constant(x, s) + _kl(mu, lv)
        ),
        "The divergence is missing.": lambda x, x_hat, mu, lv, s: _surprise(x, x_hat, s),
        "The divergence lacks its ½.": lambda x, x_hat, mu, lv, s: _surprise(x, x_hat, s) + 2 * _kl(mu, lv),
        "One number for each image is wanted: no mean over the batch.": lambda *a: _bound(*a).mean(),
        "One number for each image is wanted: no sum over the batch.": lambda *a: _bound(*a).sum(),
    },
)


def _log_mean(log_w: Tensor) -> Tensor:
    return log_w.logsumexp(0) - math.log(len(log_w))


_log_mean_exp = Exercise(
    reference=_log_mean,
    cases=[_drawn(0, (4, 3)), (_drawn(1, (5, 2))[0] - 1000,), (_drawn(2, (5, 2))[0] + 1000,)],
    praise="Stable too: the largest weight comes out before the exponential.",
    mistakes={
        "exp overflows beyond 88 and is 0 below −104: use torch.logsumexp, or take the largest out first.": (
            lambda log_w: log_w.exp().mean(0).log()
        ),
        "log k is missing: the *mean* of the weights is wanted, not their sum.": lambda log_w: log_w.logsumexp(0),
        "Subtract log k; you added it.": lambda log_w: log_w.logsumexp(0) + math.log(len(log_w)),
        "Subtract the logarithm of k; you divided by k.": lambda log_w: log_w.logsumexp(0) / len(log_w),
        "This is the mean of the logarithms, which is the bound; the logarithm of the mean is wanted.": (
            lambda log_w: log_w.mean(0)
        ),
        "The mean goes over the k samples, the first dimension.": (
            lambda log_w: log_w.logsumexp(1) - math.log(log_w.shape[1])
        ),
        "The largest weight, taken out for stability, has to be added again.": (
            lambda log_w: _log_mean(log_w) - log_w.max(0).values
        ),
    },
)


def gaussian_kl(function) -> Verdict:
    """Judge `function(mu [n, M_h], log_var [n, M_h]) -> [n]`: D_KL(N(μ, diag σ²) ‖ N(0, I)) in nats."""
    return _divergence(function)


def reparameterise(function) -> Verdict:
    """Judge `function(mu [n, M_h], log_var [n, M_h], noise [n, M_h]) -> [n, M_h]`: h = μ + σ ∘ ε."""
    return _reparameterised(function)


def negative_elbo(function) -> Verdict:
    """Judge `function(x, x_hat [n, C, H, W], mu, log_var [n, M_h], sigma) -> [n]`: minus the bound, in nats.

    −log N(x; x̂, σ² I) + D_KL, sums over pixels, with the Gaussian's constant ½ M log 2πσ² for M numbers an image.
    """
    return _negative_elbo(function)


def log_mean_exp(function) -> Verdict:
    """Judge `function(log_w [k, n]) -> [n]`: log (1/k) Σ_i exp(log_w_i), also for log_w of ±1000."""
    return _log_mean_exp(function)
