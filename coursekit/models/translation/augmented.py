"""Translation from many to many: what the other domain adds is a code, drawn on the way there, read on the way back."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from coursekit.models.base import Model, Terms, eval_mode
from coursekit.models.base import noise as normal
from coursekit.models.gan.losses import LEAST_SQUARES, Loss
from coursekit.models.translation import sides
from coursekit.models.translation.pool import ImagePool
from coursekit.models.translation.sides import SIDES, adversarial, critic_terms, distance, noisy, other

Codes = tuple[Tensor, ...]  # one, or none where a domain adds nothing


class Way(NamedTuple):
    """One way there: items x, codes drawn for the other domain, translations, what is seen of them, x's own codes."""

    x: Tensor
    drawn: Codes
    fake: Tensor
    seen: Tensor
    read: Codes


class AugmentedCycleGAN(Model):
    """Translators that are told a code: b' = F(a, z_b), a' = G(b, z_a), so that one a has as many b' as there are z_b.

    What b' does not show of a is in a code too, z_a' = E_A(a, b'), without which nobody could come back. From (a, z_b)
    with z_b ~ N(0, I) the way leads to b' = F(a, z_b) and z_a' = E_A(a, b'), and back to a'' = G(b', z_a') and
    z_b'' = E_B(a, b'). F, G, E_A and E_B minimise together

        adv(l_b(b')) + adv(l_za(z_a')) + cycle E|a'' − a| + code_cycle E|z_b'' − z_b|,

    and the mirror image of it, from (b, z_a). Then the critics of items minimise their part of `loss`, on translations
    from pools as in `CycleGAN`; then the critics of codes do, whose real codes are drawn from N(0, I).

    - `a_to_b(a, z_b)`, `b_to_a(b, z_a)` map items [n, ...] and codes to items of the other domain; `read_a(a, b)`,
      `read_b(a, b)` map pairs to codes [n, k_a], [n, k_b]; `critic_z_a`, `critic_z_b` map codes to scores.
    - `latent` = (k_a, k_b): the sizes of z_a and z_b. With k_a = 0 domain a has nothing that b does not show:
      `b_to_a(b)` is told no code, `read_a` and `critic_z_a` are None. So with k_b. (0, 0) is `CycleGAN`.
    - `noise`: the standard deviation of Gaussian noise on translations, while training, before they are read and
      translated back: a code must be seen in them, not hidden in faint patterns.

    Terms of "generators": "loss", and "adversarial", "codes" (adv of codes), "cycle", "code_cycle", each the sum of
    both ways, without its weight. Raises ValueError for negative weights, for nets that `latent` does not go with, and
    for batches that are no pairs. Source: Almahairi et al. (2018), section 4.
    """

    def __init__(
        self, a_to_b: nn.Module, b_to_a: nn.Module, read_a: nn.Module | None, read_b: nn.Module | None,
        critic_a: nn.Module, critic_b: nn.Module, critic_z_a: nn.Module | None, critic_z_b: nn.Module | None, *,
        latent: tuple[int, int], loss: Loss = LEAST_SQUARES, cycle: float = 10.0, code_cycle: float = 1.0,
        pool: int = 50, noise: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        sides.weights(cycle=cycle, code_cycle=code_cycle, noise=noise)
        self.latent = dict(zip(SIDES, latent, strict=True))
        self.a_to_b, self.b_to_a, self.read_a, self.read_b = a_to_b, b_to_a, read_a, read_b
        self.critic_a, self.critic_b, self.critic_z_a, self.critic_z_b = critic_a, critic_b, critic_z_a, critic_z_b
        self._agree()
        self.objective, self.cycle, self.code_cycle, self.noise = loss, cycle, code_cycle, noise
        self.pool_a, self.pool_b = ImagePool(pool), ImagePool(pool)

    def _agree(self) -> None:
        for of, size in self.latent.items():
            for name in (f"read_{of}", f"critic_z_{of}"):
                if (getattr(self, name) is None) != (size == 0):
                    raise ValueError(f"{name}: want {'a net' if size else 'None'} for latent k_{of} = {size}")

    @property
    def coded(self) -> list[str]:
        """The domains that add something."""
        return [of for of in SIDES if self.latent[of]]

    def players(self) -> dict[str, nn.Module]:
        """The translators together with the readers, and each critic."""
        readers = [getattr(self, f"read_{of}") for of in self.coded]
        critics = [f"critic_{of}" for of in SIDES] + [f"critic_z_{of}" for of in self.coded]
        generators = nn.ModuleList([self.a_to_b, self.b_to_a, *readers])
        return {"generators": generators, **{name: getattr(self, name) for name in critics}}

    def memories(self) -> dict[str, ImagePool]:
        """The pools."""
        return {"pool_a": self.pool_a, "pool_b": self.pool_b}

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """The turn of translators and readers, then one of each critic, those of codes last."""
        a, b = sides.pair(x, alike=False)
        ways = {"a": self.way(b, "a"), "b": self.way(a, "b")}
        yield "generators", self.generators_loss(ways)
        for of, pool in (("a", self.pool_a), ("b", self.pool_b)):
            yield f"critic_{of}", self.critic_loss(of, ways[other(of)].x, pool(ways[of].fake))
        for of in self.coded:
            (drawn,), (read,) = self.draw(len(a), of), ways[other(of)].read
            yield f"critic_z_{of}", self.critic_loss(f"z_{of}", drawn, read.detach())

    def way(self, x: Tensor, to: str) -> Way:
        """There, as far as the codes that are read: with gradients, and with noise while training."""
        drawn = self.draw(len(x), to)
        fake = self.generator(to)(x, *drawn)
        seen = noisy(fake, self.noise if self.training else 0.0)
        return Way(x, drawn, fake, seen, self._read(x, seen, to, of=other(to)))

    def generators_loss(self, ways: dict[str, Way]) -> Terms:
        """What translators and readers minimise, for the ways to "a" and to "b"."""
        each = [self._terms(way, to, ways[other(to)].x) for to, way in ways.items()]
        sums = {name: torch.stack([terms[name] for terms in each if name in terms]).sum() for name in each[0] | each[1]}
        weights = {"cycle": self.cycle, "code_cycle": self.code_cycle}
        return {"loss": torch.stack([weights.get(name, 1.0) * term for name, term in sums.items()]).sum(), **sums}

    def critic_loss(self, of: str, real: Tensor, fake: Tensor) -> Terms:
        """What the critic of "a", "b", "z_a" or "z_b" minimises: {"loss", "real" and "fake": mean scores}."""
        return critic_terms(self.objective, self.critic(of), real, fake)

    def _terms(self, way: Way, to: str, real: Tensor) -> Terms:
        """The terms of one way; `real` are items of the domain that it leads to."""
        terms = {"adversarial": adversarial(self.objective, self.critic(to), real, way.fake)}
        for read in way.read:
            (drawn,) = self.draw(len(read), other(to)) if self.objective.paired else (read,)
            terms["codes"] = adversarial(self.objective, self.critic(f"z_{other(to)}"), drawn, read)
        if self.cycle:
            terms["cycle"] = distance(self.generator(other(to))(way.seen, *way.read), way.x)
        if self.code_cycle:
            for drawn, again in zip(way.drawn, self._read(way.x, way.seen, to, of=to), strict=True):
                terms["code_cycle"] = distance(again, drawn)
        return terms

    def _read(self, x: Tensor, seen: Tensor, to: str, *, of: str) -> Codes:
        """The code of domain `of`, read from items and their translations to domain `to`."""
        reader = getattr(self, f"read_{of}")
        a, b = (x, seen) if to == "b" else (seen, x)
        return () if reader is None else (reader(a, b),)

    def draw(self, n: int, of: str, *, generator: torch.Generator | None = None) -> Codes:
        """(n codes [n, k] from N(0, I),) for a domain, or () if it adds nothing."""
        size = self.latent[of]
        return (normal(n, size, like=self, generator=generator),) if size else ()

    def generator(self, to: str) -> nn.Module:
        """The net that translates to "a" or to "b"; ValueError for anything else."""
        return self.a_to_b if sides.side(to) == "b" else self.b_to_a

    def critic(self, of: str) -> nn.Module:
        """The critic of "a", "b", "z_a" or "z_b"."""
        found: nn.Module = getattr(self, f"critic_{of}")
        return found

    def _told(self, n: int, to: str, h: Tensor | None, generator: torch.Generator | None) -> Codes:
        """The code given, or one drawn; ValueError for another shape than [n, k]."""
        if h is None:
            return self.draw(n, to, generator=generator)
        if list(h.shape) != [n, self.latent[to]]:
            raise ValueError(f"h: want codes [{n}, {self.latent[to]}], got {list(h.shape)}")
        return (sides.shown(h, self, "h"),)

    @torch.no_grad()
    def translate(
        self, x: Tensor, to: str = "b", *, h: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Items [n, ...] of the other domain as items of domain `to`, in eval mode, on the model's device.

        With the codes h [n, k] of domain `to`, or with codes drawn from N(0, I). Raises ValueError for other codes, for
        what is no tensor of floats, or what the net cannot take.
        """
        with eval_mode(self):
            net, x = self.generator(to), sides.shown(x, self)
            return net(x, *self._told(len(x), to, h, generator)).float()

    @torch.no_grad()
    def read(self, a: Tensor, b: Tensor, of: str = "b") -> Tensor:
        """The codes [n, k] of domain `of` in pairs of items, in eval mode: what b adds to a, or a to b."""
        if sides.side(of) not in self.coded:
            raise ValueError(f"of: domain {of!r} adds nothing, its code has size 0")
        with eval_mode(self):
            (z,) = self._read(sides.shown(a, self, "a"), sides.shown(b, self, "b"), "b", of=of)
            return z.float()

    @torch.no_grad()
    def round_trip(
        self, x: Tensor, to: str = "b", *, h: Tensor | None = None, noise: float = 0.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """There and back, with the code of x that is read on the way; between, Gaussian noise of this deviation."""
        x = sides.shown(x, self)
        there = noisy(self.translate(x, to, h=h, generator=generator), noise, generator=generator)
        with eval_mode(self):
            return self.generator(other(to))(there, *self._read(x, there, to, of=other(to))).float()
