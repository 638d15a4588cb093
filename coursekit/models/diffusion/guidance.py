"""Guidance: denoisers that lean towards what is asked for more than the data do."""

from collections.abc import Callable

import torch
from torch import Tensor

from coursekit.models.diffusion.denoisers import Denoiser
from coursekit.models.diffusion.schedules import Time


class Guided(Denoiser):
    """Classifier-free guidance: ε = ε(nothing) + w (ε(condition) − ε(nothing)); "nothing" is a condition of zeros.

    w = 0 is the unconditional denoiser, w = 1 the plain conditional one, more exaggerates the difference. (Others call
    w − 1 the weight.) `weight` is a number, or [n]. Both evaluations are one of 2n items. x₀ is combined as ε is, since
    for a given x_t the one is an affine function of the other. Without a condition it is the unconditional denoiser.
    Source: Ho & Salimans (2022).
    """

    def __init__(self, denoiser: Denoiser, weight: float | Tensor) -> None:
        super().__init__()
        self.denoiser, self.schedule = denoiser, denoiser.schedule
        self.weight = weight

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """x₀ as guided, in the shape of x_t. Raises ValueError for a condition of another length than x_t."""
        if condition is None:
            return self.denoiser(x_t, t, None)
        if len(condition) != len(x_t):
            raise ValueError(f"condition: want one row for each of {len(x_t)} items, got {list(condition.shape)}")
        twice = torch.as_tensor(t).expand(len(x_t)).repeat(2)
        both = torch.cat([torch.zeros_like(condition), condition])
        nothing, asked = self.denoiser(torch.cat([x_t, x_t]), twice, both).chunk(2)
        weight = torch.as_tensor(self.weight).to(x_t)
        return nothing + weight.reshape(weight.shape + (1,) * (x_t.ndim - 1) * weight.ndim) * (asked - nothing)


class ClassifierGuided(Denoiser):
    """Classifier guidance: the score leans towards what a classifier of noisy items recognises,

        ∇ log p_t(x_t) + w ∇ log P(y | x_t), so ε = ε(x_t) − w s ∇ log P(y | x_t).

    `log_probability(x_t, t)` is log P(y | x_t), [n], for whatever y is wanted. With w = 1 and both exact, this is the
    score of p_t(x_t | y). Source: Dhariwal & Nichol (2021).
    """

    def __init__(
        self, denoiser: Denoiser, log_probability: Callable[[Tensor, Time], Tensor], weight: float = 1.0
    ) -> None:
        super().__init__()
        self.denoiser, self.schedule = denoiser, denoiser.schedule
        self.log_probability, self.weight = log_probability, weight

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """x₀ + w (s²/a) ∇ log P(y | x_t), in the shape of x_t.

        Where a = 0 the shift is 0/0 (its limit is w (E[x₀ | y] − E[x₀])) and is left out: begin a little before it.
        """
        with torch.enable_grad():
            x = x_t.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.log_probability(x, t).sum(), x)
        a, s = self.schedule.levels(t, x_t)
        factor = torch.where(a > 0, s.square() / a.where(a > 0, torch.ones_like(a)), 0 * a)
        return self.denoiser(x_t, t, condition) + self.weight * factor * slope
