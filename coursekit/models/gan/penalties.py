"""Penalties on the critic's gradient with respect to its input, by composition: `GAN(..., penalties=[r1(), r2()])`."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Where = Callable[[Tensor, Tensor, Tensor], Tensor]  # real, fake [n, ...] and u ~ U(0, 1) [n, 1, …] → points [n, ...]


def between(real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    """A point between each pair: u x + (1 − u) g(h), one u for each item."""
    return u * real + (1 - u) * fake


def on_real(real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    """The real items."""
    return real


def on_fake(real: Tensor, fake: Tensor, u: Tensor) -> Tensor:
    """The generated items."""
    return fake


@dataclass(frozen=True)
class GradientPenalty:
    """weight · E (‖∇_x l(x)‖ − target)² at the points that `at` chooses; ‖·‖ is over all numbers of an item.

    With the defaults that of WGAN-GP (Gulrajani et al., 2017, equation 3). For `target` 0 it is weight · E ‖∇_x l‖².
    `share`: on how much of each batch it is measured (its mean over items is the same on average, and its cost less).
    """

    weight: float = 10.0
    target: float = 1.0
    at: Where = between
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.weight < 0 or self.target < 0 or not 0 < self.share <= 1:
            raise ValueError(f"want weight >= 0, target >= 0 and 0 < share <= 1, got {self}")

    def __call__(self, critic: Callable[..., Tensor], real: Tensor, fake: Tensor, *given: Tensor,
                 generator: torch.Generator | None = None) -> Tensor:  # fmt: skip
        """The penalty, a scalar, in float32. `given` (a condition [n, c]) goes to the critic beside the points."""
        n = max(1, round(self.share * len(real)))
        real, fake = real[:n].float(), fake[:n].detach().float()
        u = torch.rand(n, *[1] * (real.ndim - 1), generator=generator, device=real.device)
        points = self.at(real, fake, u).detach().requires_grad_()
        with torch.autocast(real.device.type, enabled=False):  # a gradient's gradient needs the digits
            score = critic(points, *(condition[:n] for condition in given))
            (slope,) = torch.autograd.grad(score.sum(), points, create_graph=True)
        return self.weight * self._excess(slope.flatten(1)).mean()

    def _excess(self, slope: Tensor) -> Tensor:
        """(‖·‖ − target)² of each row, [n, d] → [n]."""
        if self.target == 0:
            return slope.square().sum(1)  # the norm itself has no derivative at 0
        return (torch.linalg.vector_norm(slope, dim=1) - self.target).square()


def r1(gamma: float = 1.0, *, share: float = 1.0) -> GradientPenalty:
    """γ/2 · E ‖∇_x l(x)‖² on real items. Source: Mescheder et al. (2018), equation 9."""
    return GradientPenalty(gamma / 2, target=0.0, at=on_real, share=share)


def r2(gamma: float = 1.0, *, share: float = 1.0) -> GradientPenalty:
    """γ/2 · E ‖∇_x l(x)‖² on generated items. Source: Mescheder et al. (2018), equation 10."""
    return GradientPenalty(gamma / 2, target=0.0, at=on_fake, share=share)
