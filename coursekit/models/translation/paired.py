"""Translation with pairs: a generator, what it should have drawn, and a critic who sees both sides of a pair."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.models.base import Model, Terms, eval_mode, settling
from coursekit.models.gan.losses import NON_SATURATING, Loss
from coursekit.models.translation.sides import adversarial, critic_terms, distance, pair, shown, weights


class Pix2Pix(Model):
    """A translator g: x ↦ y' that learns from pairs (x, y), and a critic of pairs: is y or g(x) beside x?

    First the critic minimises its part of `loss`, on (x, y) and (x, g(x)); then the generator minimises

        adv(l(x, g(x))) + l1 E|g(x) − y|,

    with adv the generator's part, E|·| the mean absolute difference.

    - `generator` maps images [n, C, H, W] to images [n, C', H, W] (or points [n, d] to points).
    - `critic` maps x and y joined along dimension 1, [n, C + C', H, W], to scores, one or a map of them; None leaves L1
      alone, a regression, and the only player is "generator".
    - `l1`: 0 leaves the conditional GAN alone. The authors' 100 is for pixels in [−1, 1]; for [0, 1] 200 is as much.

    The seed is the input: what noise there is, is the generator's dropout, which `translate` turns off (the authors
    leave it on, and normalise by the batch at hand). Terms of the generator: "loss", "adversarial", "l1", the latter
    without its weight. The generator runs once in a step. Raises ValueError for a negative l1, for l1=0 without a
    critic, or a batch that is no pair. Source: Isola et al. (2017).
    """

    def __init__(
        self, generator: nn.Module, critic: nn.Module | None, *, l1: float = 100.0, loss: Loss = NON_SATURATING
    ) -> None:
        super().__init__()
        weights(l1=l1)
        if critic is None and not l1:
            raise ValueError("l1: want a weight above 0 where there is no critic, got 0")
        self.generator, self.critic, self.l1, self.objective = generator, critic, l1, loss

    def players(self) -> dict[str, nn.Module]:
        """The critic, if there is one, and the generator."""
        critic = {} if self.critic is None else {"critic": self.critic}
        return {**critic, "generator": self.generator}

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """The critic's turn, then the generator's."""
        x, y = pair(x, alike=False)
        drawn = self.generator(x)
        real, fake = torch.cat([x, y], 1), torch.cat([x.to(drawn.dtype), drawn], 1)
        if self.critic is not None:
            yield "critic", critic_terms(self.objective, self.critic, real, fake.detach())
        yield "generator", self.generator_loss(real, fake, distance(drawn, y))

    def generator_loss(self, real: Tensor, fake: Tensor, l1: Tensor) -> Terms:
        """What the generator minimises, for pairs joined along dimension 1 and its mean error."""
        terms = {"loss": self.l1 * l1, "l1": l1}
        if self.critic is not None:
            terms["adversarial"] = adversarial(self.objective, self.critic, real, fake)
            terms["loss"] = terms["loss"] + terms["adversarial"]
        return terms

    def settle(self, batches: Iterable[Any]) -> None:
        """Measure the statistics of batch normalisation anew, the mean over these batches: for averaged weights."""
        with settling(self) as needed:
            for batch in batches if needed else ():
                for _ in self.turns(batch):  # each net sees what it sees in training
                    pass

    @torch.no_grad()
    def translate(self, x: Tensor) -> Tensor:
        """g(x), [n, ...] to [n, ...], in eval mode, on the model's device.

        Raises ValueError for what is no tensor of floats, or what the net cannot take.
        """
        with eval_mode(self):
            return self.generator(shown(x, self)).float()
