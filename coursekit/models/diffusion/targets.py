"""What a net may be asked to predict of x_t = a x₀ + s ε, and how x₀ follows from its answer."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Formula = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Target:
    """A quantity that, with x_t beside it, is as good as x₀.

    - `make(x_0, eps, a, s)`: the target itself, in the shape of x₀.
    - `solve(output, x_t, a, s)`: x₀ from a prediction of it. a and s multiply x₀ and ε, see `Schedule.levels`.
    """

    name: str
    make: Formula
    solve: Formula

    def __repr__(self) -> str:
        return self.name.upper()


def _clean(eps: Tensor, x_t: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """(x_t − s ε)/a. Where a = 0, x_t says nothing of x₀: there 0, the mean of centred data."""
    return torch.where(a > 0, (x_t - s * eps) / a.where(a > 0, torch.ones_like(a)), torch.zeros_like(x_t))


NOISE = Target("noise", lambda x_0, eps, a, s: eps, _clean)
"""ε (Ho et al., 2020). x₀ = (x_t − s ε)/a."""

DATA = Target("data", lambda x_0, eps, a, s: x_0, lambda output, x_t, a, s: output)
"""x₀ itself: the net is the denoiser."""

V = Target(
    "v", lambda x_0, eps, a, s: a * eps - s * x_0, lambda v, x_t, a, s: (a * x_t - s * v) / (a.square() + s.square())
)
"""v = a ε − s x₀ (Salimans & Ho, 2022). x₀ = (a x_t − s v)/(a² + s²)."""

VELOCITY = Target("velocity", lambda x_0, eps, a, s: eps - x_0, lambda u, x_t, a, s: (x_t - s * u) / (a + s))
"""ε − x₀, flow matching's dx_t/dt where a = 1 − t, s = t (Lipman et al., 2023). x₀ = (x_t − s u)/(a + s)."""
