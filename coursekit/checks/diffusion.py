"""Checks for the exercises of chapter 10."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from coursekit.checks.core import Exercise, Verdict

__all__ = ["ddim_step", "guided_noise", "one_jump", "posterior_mean"]


def _betas(steps: int, last: float) -> Tensor:
    """β_1 … β_T, evenly rising."""
    return torch.linspace(0.01, last, steps)


def _pair(n: int, size: int) -> tuple[Tensor, Tensor]:
    """Items and noises, [n, size] each."""
    g = torch.Generator().manual_seed(10 * n + size)
    return torch.randn(n, size, generator=g), torch.randn(n, size, generator=g)


def _jump(n: int, size: int, t: int, steps: int, last: float) -> tuple[Tensor, Tensor, int, Tensor]:
    """x₀, betas, t and ε."""
    x_0, eps = _pair(n, size)
    return x_0, _betas(steps, last), t, eps


def _mixed(x_0: Tensor, bar: Tensor, eps: Tensor) -> Tensor:
    return bar.sqrt() * x_0 + (1 - bar).sqrt() * eps


_one_jump = Exercise(
    reference=lambda x_0, b, t, eps: _mixed(x_0, (1 - b[:t]).prod(), eps),
    cases=[_jump(3, 2, 4, 10, 0.3), _jump(2, 3, 10, 10, 0.5), _jump(4, 1, 1, 5, 0.2)],
    praise="t steps of the chain in one, with one draw of noise.",
    mistakes={
        "1 − ᾱ is the noise's variance. To give ε that variance, multiply it by the root.": (
            lambda x_0, b, t, eps: (1 - b[:t]).prod().sqrt() * x_0 + (1 - (1 - b[:t]).prod()) * eps
        ),
        "x₀ is scaled by √(1 − β) at each step, so by √ᾱ in all, not by ᾱ.": (
            lambda x_0, b, t, eps: (1 - b[:t]).prod() * x_0 + (1 - (1 - b[:t]).prod()).sqrt() * eps
        ),
        "ᾱ_t has t factors, those of the steps 1 … t: betas[:t]. One is missing.": (
            lambda x_0, b, t, eps: _mixed(x_0, (1 - b[: t - 1]).prod(), eps)
        ),
        "ᾱ_t has t factors, those of the steps 1 … t: betas[:t]. There is one too many.": (
            lambda x_0, b, t, eps: _mixed(x_0, (1 - b[: t + 1]).prod(), eps)
        ),
        "This is one step, the one from t − 1 to t. Wanted is the way from 0: a product over all steps.": (
            lambda x_0, b, t, eps: _mixed(x_0, 1 - b[t - 1], eps)
        ),
        "ᾱ_t is the product of the 1 − β, not of the β.": lambda x_0, b, t, eps: _mixed(x_0, b[:t].prod(), eps),
        "1 − Σ β is only the product's beginning: each step scales down the noise of earlier ones, too.": (
            lambda x_0, b, t, eps: _mixed(x_0, (1 - b[:t].sum()).clamp(min=0), eps)
        ),
        "This chain only adds noise. Each step also scales by √(1 − β), or the variance grows without bound.": (
            lambda x_0, b, t, eps: x_0 + b[:t].sum().sqrt() * eps
        ),
    },
)

Told = tuple[Tensor, Tensor, float, float]


def _told(n: int, size: int, beta: float, before: float) -> Told:
    """x_t, the noise in it, β_t and ᾱ_t, from that before the step."""
    return *_pair(n, size), beta, (1 - beta) * before


def _less(x_t: Tensor, eps: Tensor, share: float, scale: float) -> Tensor:
    return (x_t - share * eps) / scale


_posterior_mean = Exercise(
    reference=lambda x, e, b, bar: _less(x, e, b / (1 - bar) ** 0.5, (1 - b) ** 0.5),
    cases=[_told(3, 2, 0.1, 0.5), _told(2, 4, 0.4, 0.9), _told(4, 1, 0.02, 0.03)],
    praise="A little of the predicted noise is taken off, and the step's scaling is undone.",
    mistakes={
        "This is x₀ itself, all the noise at once. Wanted is the mean of x_{t−1}, one step back.": (
            lambda x, e, b, bar: _less(x, e, (1 - bar) ** 0.5, bar**0.5)
        ),
        "The noise in x_t has the size √(1 − ᾱ_t): the root is missing.": (
            lambda x, e, b, bar: _less(x, e, b / (1 - bar), (1 - b) ** 0.5)
        ),
        "The step scaled by √(1 − β_t); you divide by 1 − β_t.": (
            lambda x, e, b, bar: _less(x, e, b / (1 - bar) ** 0.5, 1 - b)
        ),
        "The step's scaling by √(1 − β_t) is not undone.": lambda x, e, b, bar: _less(x, e, b / (1 - bar) ** 0.5, 1.0),
        "Undo the scaling of *this* step, √(1 − β_t), not that of all steps, √ᾱ_t.": (
            lambda x, e, b, bar: _less(x, e, b / (1 - bar) ** 0.5, bar**0.5)
        ),
        "The sign: the predicted noise is taken off.": (
            lambda x, e, b, bar: _less(x, e, -b / (1 - bar) ** 0.5, (1 - b) ** 0.5)
        ),
        "This takes the last step's noise to be ε, √β_t of it. But ε is the noise of all steps together.": (
            lambda x, e, b, bar: _less(x, e, b**0.5, (1 - b) ** 0.5)
        ),
        "The root belongs to 1 − ᾱ_t alone: β_t stands outside it.": (
            lambda x, e, b, bar: _less(x, e, (b / (1 - bar)) ** 0.5, (1 - b) ** 0.5)
        ),
    },
)

Stride = tuple[Tensor, Tensor, float, float]


def _stride(n: int, size: int, bar_t: float, bar_s: float) -> Stride:
    x, eps = _pair(n, size)
    return 1.5 * x, eps, bar_t, bar_s


def _seen(x: Tensor, eps: Tensor, bar: float, *, clipped: bool = True) -> Tensor:
    """The estimate of x₀."""
    x_0 = (x - (1 - bar) ** 0.5 * eps) / bar**0.5
    return x_0.clamp(-1, 1) if clipped else x_0


def _placed(x: Tensor, eps: Tensor, t: float, s: float) -> Tensor:
    """x_s from the clipped x₀ and the ε that belongs to it."""
    x_0 = _seen(x, eps, t)
    return s**0.5 * x_0 + (1 - s) ** 0.5 * (x - t**0.5 * x_0) / (1 - t) ** 0.5


_ddim_step = Exercise(
    reference=_placed,
    cases=[_stride(4, 3, 0.1, 0.4), _stride(3, 2, 0.5, 0.98), _stride(5, 2, 0.02, 1.0)],
    praise="Clipped x₀ and recomputed ε together still make x_t, so the step ends at the right level of noise.",
    mistakes={
        "As it was: where x₀ has been clipped, x₀ and ε no longer belong together. Mixed as at time t, they should "
        "give x_t again.": (lambda x, e, t, s: s**0.5 * _seen(x, e, t) + (1 - s) ** 0.5 * e),
        "x₀ has to be held in −1 … 1 before it is used.": (
            lambda x, e, t, s: s**0.5 * _seen(x, e, t, clipped=False) + (1 - s) ** 0.5 * e
        ),
        "This is x₀, the estimate. x_s still has noise in it: √(1 − ᾱ_s) ε.": lambda x, e, t, s: _seen(x, e, t),
        "The signal of the new time is missing: √ᾱ_s x₀.": (
            lambda x, e, t, s: _placed(x, e, t, s) + (1 - s**0.5) * _seen(x, e, t)
        ),
        "Signal and noise are those of time t, where you already are. You want to go to s.": (
            lambda x, e, t, s: _placed(x, e, t, t)
        ),
        "1 − ᾱ_s is a variance, and ε is multiplied by its root.": (
            lambda x, e, t, s: (
                _placed(x, e, t, s) + ((1 - s) - (1 - s) ** 0.5) * (x - t**0.5 * _seen(x, e, t)) / (1 - t) ** 0.5
            )
        ),
    },
)

Net = Callable[..., Tensor]


class _Told:
    """A predictor of noise that hears the condition."""

    def __call__(self, x_t: Tensor, t: float, condition: Tensor) -> Tensor:
        return (1 + t) * x_t.tanh() + condition.sum(1, keepdim=True) * x_t.cos()

    def __repr__(self) -> str:
        return "a net"


def _asked(n: int, weight: float) -> tuple[_Told, Tensor, float, Tensor, float]:
    x, _ = _pair(n, 2)
    return _Told(), x, 0.3, torch.eye(n, 3), weight


def _both(net: Net, x: Tensor, t: float, c: Tensor) -> tuple[Tensor, Tensor]:
    return net(x, t, torch.zeros_like(c)), net(x, t, c)


def _combined(for_nothing: Callable[[float], float], for_asked: Callable[[float], float]) -> Callable[..., Tensor]:
    """for_nothing(w) times the answer without a question, plus for_asked(w) times the one with it."""

    def combine(net: Net, x: Tensor, t: float, c: Tensor, w: float) -> Tensor:
        nothing, asked = _both(net, x, t, c)
        return for_nothing(w) * nothing + for_asked(w) * asked

    return combine


_guided_noise = Exercise(
    reference=_combined(lambda w: 1 - w, lambda w: w),
    cases=[_asked(2, 2.0), _asked(3, 0.0), _asked(2, 4.5), _asked(3, 1.0)],
    praise="From the answer without a question, w times the way to the answer with it, and beyond.",
    mistakes={
        "This is the other convention, in which 0 is the plain conditional net. Here w = 1 should be.": (
            _combined(lambda w: -w, lambda w: 1 + w)
        ),
        "The two answers are swapped: with w = 0 the question should not be heard.": (
            _combined(lambda w: w, lambda w: 1 - w)
        ),
        "The weights should sum to 1: start from the answer to *nothing*, and add w times the difference.": (
            _combined(lambda w: 1, lambda w: w)
        ),
        "This only multiplies the conditional answer. Compare it with the answer to nothing asked.": (
            _combined(lambda w: 0, lambda w: w)
        ),
        "The difference is multiplied by w. (w − 1 times it is what is added to the *conditional* answer.)": (
            _combined(lambda w: 2 - w, lambda w: w - 1)
        ),
    },
)


def one_jump(function) -> Verdict:
    """Judge `function(x_0 [n, M], betas [T], t, eps [n, M]) -> [n, M]`: x_t of the chain in one step, t = 1 … T."""
    return _one_jump(function)


def posterior_mean(function) -> Verdict:
    """Judge `function(x_t [n, M], eps [n, M], beta, alpha_bar) -> [n, M]`: the mean of q(x_{t−1} | x_t, x₀) by ε."""
    return _posterior_mean(function)


def ddim_step(function) -> Verdict:
    """Judge `function(x_t [n, M], eps [n, M], alpha_bar_t, alpha_bar_s) -> [n, M]`: x_s, with x₀ held in −1 … 1."""
    return _ddim_step(function)


def guided_noise(function) -> Verdict:
    """Judge `function(net, x_t [n, M], t, condition [n, k], weight) -> [n, M]`: ε with classifier-free guidance.

    `net(x_t, t, condition)` gives ε; a condition of zeros asks for nothing.
    """
    return _guided_noise(function)
