"""Translation without pairs: two generators, whose way there and back must end where it began, and two critics."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from coursekit.models.base import Terms
from coursekit.models.gan.losses import LEAST_SQUARES, Loss
from coursekit.models.translation.pool import ImagePool
from coursekit.models.translation.sides import adversarial, critic_terms, distance, noisy, pair, weights
from coursekit.models.translation.translator import Translator


class CycleGAN(Translator):
    """Translators F: a ↦ b' and G: b ↦ a', critics of both domains, and the wish that G(F(a)) = a and F(G(b)) = b.

    With batches (a, b) of items that belong to no pairs, first both generators minimise together

        adv(l_b(F(a))) + adv(l_a(G(b))) + cycle (E|G(F(a)) − a| + E|F(G(b)) − b|)
                                        + identity (E|F(b) − b| + E|G(a) − a|),

    with adv the generator's part of `loss`; then each critic minimises the critic's part, on real items of its domain
    and on translations from an `ImagePool`. |·| is the mean absolute difference (L1), as published; some lectures write
    a squared norm.

    - `a_to_b`, `b_to_a` map items [n, ...] to items of the same shape, images or points; `critic_a`, `critic_b` map
      items to scores, one or a map of them.
    - `cycle`: 0 leaves two GANs whose random seeds are items of the other domain; the way back is not run then. 10 is
      the authors' ratio for pixels in [0, 1]: their squares have no ½, and their pixels are twice as far apart.
    - `identity`: not a share of `cycle`, but the whole weight. The paper's choice for paintings and photographs is half
      of `cycle`.
    - `pool`: the size of each critic's pool, 0 for none. Pools are memories: checkpoints keep them, weights do not.
    - `noise`: the standard deviation of Gaussian noise on the translations, while training, before the way back.

    Terms of "generators": "loss", "adversarial", "cycle", "identity" as the sums above, without their weights, and each
    way's "cycle_a", "cycle_b". Each generator runs once for each translation. Raises ValueError for negative weights, a
    batch that is no pair, or a pair of two shapes. Source: Zhu et al. (2017), equations 1–3 and section 4.
    """

    def __init__(
        self, a_to_b: nn.Module, b_to_a: nn.Module, critic_a: nn.Module, critic_b: nn.Module, *,
        loss: Loss = LEAST_SQUARES, cycle: float = 10.0, identity: float = 0.0, pool: int = 50, noise: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(a_to_b, b_to_a)
        weights(cycle=cycle, identity=identity, noise=noise)
        self.critic_a, self.critic_b = critic_a, critic_b
        self.objective, self.cycle, self.identity, self.noise = loss, cycle, identity, noise
        self.pool_a, self.pool_b = ImagePool(pool), ImagePool(pool)

    def players(self) -> dict[str, nn.Module]:
        """Both generators as one player, and each critic."""
        generators = nn.ModuleList([self.a_to_b, self.b_to_a])
        return {"generators": generators, "critic_a": self.critic_a, "critic_b": self.critic_b}

    def memories(self) -> dict[str, ImagePool]:
        """The pools."""
        return {"pool_a": self.pool_a, "pool_b": self.pool_b}

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """The generators' turn, then one of each critic."""
        a, b = pair(x, alike=True)
        fake_b, fake_a = self.a_to_b(a), self.b_to_a(b)
        yield "generators", self.generators_loss(a, b, fake_a, fake_b)
        yield "critic_a", critic_terms(self.objective, self.critic_a, a, self.pool_a(fake_a))
        yield "critic_b", critic_terms(self.objective, self.critic_b, b, self.pool_b(fake_b))

    def generators_loss(self, a: Tensor, b: Tensor, fake_a: Tensor, fake_b: Tensor) -> Terms:
        """What both generators minimise, for items and their translations a' = G(b), b' = F(a)."""
        by_a = adversarial(self.objective, self.critic_a, a, fake_a)
        total = by_a + adversarial(self.objective, self.critic_b, b, fake_b)
        terms = {"adversarial": total}
        if self.cycle:
            sigma = self.noise if self.training else 0.0
            each = {
                "cycle_a": distance(self.b_to_a(noisy(fake_b, sigma)), a),
                "cycle_b": distance(self.a_to_b(noisy(fake_a, sigma)), b),
            }
            terms |= {"cycle": each["cycle_a"] + each["cycle_b"], **each}
            total = total + self.cycle * terms["cycle"]
        if self.identity:
            terms["identity"] = distance(self.b_to_a(a), a) + distance(self.a_to_b(b), b)
            total = total + self.identity * terms["identity"]
        return {"loss": total, **terms}
