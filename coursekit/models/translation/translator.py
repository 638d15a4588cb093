"""Two generators, there and back, whatever trained them."""

import torch
from torch import Tensor, nn

from coursekit.models.base import Model, eval_mode
from coursekit.models.translation.sides import noisy, other, shown, side


class Translator(Model):
    """F: a ↦ b' and G: b ↦ a': `a_to_b` and `b_to_a` map items [n, ...] to items of the same shape.

    What a `CycleGAN` is without its critics, and all that is kept of one.
    """

    def __init__(self, a_to_b: nn.Module, b_to_a: nn.Module) -> None:
        super().__init__()
        self.a_to_b, self.b_to_a = a_to_b, b_to_a

    def generator(self, to: str) -> nn.Module:
        """The net that translates to "a" or to "b"; ValueError for anything else."""
        return self.a_to_b if side(to) == "b" else self.b_to_a

    @torch.no_grad()
    def translate(self, x: Tensor, to: str = "b") -> Tensor:
        """Items [n, ...] of the other domain as items of domain `to`, in eval mode, on the model's device.

        Raises ValueError for what is no tensor of floats, or what the net cannot take.
        """
        with eval_mode(self):
            return self.generator(to)(shown(x, self)).float()

    def round_trip(
        self, x: Tensor, to: str = "b", *, noise: float = 0.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """There and back: x to domain `to`, Gaussian noise of that standard deviation on it, and back again."""
        there = noisy(self.translate(x, to), noise, generator=generator)
        return self.translate(there, other(to))
