"""The game of two nets: a generator draws, a critic tells its drawings from the data, and both learn."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.models.base import Model, Terms, eval_mode, settling
from coursekit.models.gan.bricks import Joined, Packed
from coursekit.models.gan.losses import NON_SATURATING, Loss
from coursekit.models.gan.priors import Normal, Prior
from coursekit.models.nets import Activation, mlp

Penalty = Callable[..., Tensor]


@dataclass(frozen=True)
class Round:
    """One deal: real items, what the critic is told beside them (or beside fakes), codes and what they became."""

    real: Tensor
    fake: Tensor
    h: Tensor
    given: tuple[Tensor, ...] = ()


class GAN(Model):
    """A generator g and a critic, whose score l(x) says how real x looks; as a discriminator D(x) = σ(l(x)).

    In its turn the critic minimises `loss.critic` of its scores of real and generated items, plus its `penalties`; then
    the generator minimises `loss.generator`, with the critic's weights as they are. With the defaults

        critic:     −E log D(x) − E log(1 − D(g(h))),     generator:  −E log D(g(h)),     h ~ N(0, I).

    - `generator` maps codes [n, size] to items [n, ...]; `critic` maps items to scores [n, 1], *without* a sigmoid.
    - `latent`: the code's size for N(0, I), or a `Prior`.
    - `n_critic`: turns of the critic for one of the generator. A batch is dealt out to them in equal parts, so that
      each sees new data.
    - `recovery`: a net that reads the code back (`InfoCode`, `Reconstructor`); it moves together with the generator.
    - `condition_size` c > 0: batches are pairs (x, m) with m [n, c]; generator and critic are called with (h, m) and
      (x, m) (Mirza & Osindero, 2014).

    Items that the critic and the generator are judged by in one step are the same: the generator is only run once.
    Terms are means over the batch. Source: Goodfellow et al. (2014), algorithm 1.
    """

    def __init__(
        self, generator: nn.Module, critic: nn.Module, *, latent: int | Prior, loss: Loss = NON_SATURATING,
        penalties: Sequence[Penalty] = (), n_critic: int = 1, recovery: Any = None, condition_size: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if n_critic < 1 or condition_size < 0:
            raise ValueError(f"n_critic, condition_size: want >= 1 and >= 0, got {n_critic}, {condition_size}")
        if recovery is not None and recovery.joint and (penalties or condition_size):
            raise ValueError("recovery: a critic of pairs takes no penalty and no condition")
        self.generator, self.critic, self.recovery = generator, critic, recovery
        self.prior: Prior = Normal(latent) if isinstance(latent, int) else latent
        self.objective, self.penalties, self.n_critic = loss, tuple(penalties), n_critic
        self.condition_size = condition_size

    @property
    def latent_size(self) -> int:
        """How many numbers a code has."""
        return self.prior.size

    def players(self) -> dict[str, nn.Module]:
        """The critic; the generator, together with what reads its code back."""
        drawing = self.generator if self.recovery is None else nn.ModuleList([self.generator, self.recovery])
        return {"critic": self.critic, "generator": drawing}

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """n_critic turns of the critic, then one of the generator. ValueError for a batch of fewer items than turns."""
        for number, part in enumerate(self._dealt(x), 1):
            with torch.set_grad_enabled(number == self.n_critic):
                deal = self.deal(part)
            yield "critic", self.critic_loss(deal)
        yield "generator", self.generator_loss(deal)

    def _dealt(self, x: Any) -> list[Any]:
        """The batch in n_critic equal parts; a few items may be left over."""
        if self.n_critic == 1:
            return [x]
        pair = x if isinstance(x, tuple | list) else (x,)
        each = len(pair[0]) // self.n_critic
        if not each:
            raise ValueError(f"x: want a batch of at least {self.n_critic} items, one for each turn of the critic")
        parts = zip(*(given.split(each) for given in pair), strict=True)
        return [part if isinstance(x, tuple | list) else part[0] for part in islice(parts, self.n_critic)]

    def deal(self, x: Any, *, generator: torch.Generator | None = None) -> Round:
        """Real items, as many codes, and what the generator makes of them now, with a gradient."""
        real, given = self._told(x)
        h = self.prior.draw(len(real), like=self, generator=generator)
        return Round(real, self.generator(h, *given), h, given)

    def critic_loss(self, deal: Round) -> Terms:
        """{"loss", "real" and "fake": mean scores, "penalty" if there is one}; nothing of it reaches the generator."""
        fake, beside = deal.fake.detach(), [part.detach() for part in self._beside_real(deal)]
        scores = self.score(deal.real, *beside), self.score(fake, *self._beside_fake(deal))
        terms = {"loss": self.objective.critic(*scores), "real": scores[0].mean(), "fake": scores[1].mean()}
        if self.penalties:
            each = [penalty(self.score, deal.real, fake, *deal.given) for penalty in self.penalties]
            extra = torch.stack(each).sum()
            terms |= {"loss": terms["loss"] + extra, "penalty": extra}
        if getattr(self.recovery, "borrowed", ()):  # the critic's own features learn to show the code as well
            terms["loss"] = terms["loss"] + self.recovery.loss(fake, deal.h)
        return terms

    def generator_loss(self, deal: Round) -> Terms:
        """{"loss", "recovery" if there is one}; the critic's gradient passes through to the items."""
        fake = self.score(deal.fake, *self._beside_fake(deal))
        terms = {"loss": self.objective.generator(self._real_scores(deal, fake), fake)}
        if self.recovery is not None:
            extra = self.recovery.loss(deal.fake, deal.h)
            terms |= {"loss": terms["loss"] + extra, "recovery": extra}
        return terms

    def _real_scores(self, deal: Round, fake: Tensor) -> Tensor:
        """The real items' scores, for a loss that looks at them in the generator's turn."""
        return self.score(deal.real, *self._beside_real(deal)) if self.objective.paired else fake

    def score(self, x: Tensor, *given: Tensor) -> Tensor:
        """l(x) of items [n, ...], in float32: [n] (as many as the critic gives, flattened)."""
        return self.critic(x, *given).float().flatten()

    def _beside_real(self, deal: Round) -> tuple[Tensor, ...]:
        return (self.recovery(deal.real),) if self._judges_pairs else deal.given

    def _beside_fake(self, deal: Round) -> tuple[Tensor, ...]:
        return (deal.h,) if self._judges_pairs else deal.given

    @property
    def _judges_pairs(self) -> bool:
        return self.recovery is not None and self.recovery.joint

    def _told(self, x: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(items, () or (condition,)) of a batch; ValueError if a condition is missing or not wanted."""
        given = tuple(x) if isinstance(x, tuple | list) else (x,)
        real, condition = given[0], given[1] if len(given) > 1 else None
        return real, self._checked(condition, len(real))

    def _checked(self, condition: Tensor | None, n: int) -> tuple[Tensor, ...]:
        wanted = [n, self.condition_size] if self.condition_size else None
        got = None if condition is None else list(condition.shape)
        if wanted != got:
            raise ValueError(f"condition: want {wanted or 'none'}, got {got or 'none'}")
        return () if condition is None else (condition.float(),)

    def generate(self, h: Tensor, condition: Tensor | None = None) -> Tensor:
        """g(h) in eval mode, [n, size] → items [n, ...], with a gradient where one is wanted."""
        with eval_mode(self):
            return self.generator(h, *self._checked(condition, len(h)))

    @torch.no_grad()
    def sample(
        self, n: int, *, condition: Tensor | None = None, truncation: float | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """g(h) for n draws h from the prior, [n, ...]; with `truncation` t from its part within ±t.

        Raises ValueError for a condition of another shape than [n, c], or none where one is wanted.
        """
        h = self.prior.draw(n, like=self, generator=generator, truncation=truncation)
        told = None if condition is None else condition.to(h)
        return self.generate(h, told)

    def settle(self, batches: Iterable[Any]) -> None:
        """Measure the statistics of batch normalisation anew, the mean over these batches ("standing statistics").

        For weights that are an average: they have other statistics than those of any one step. Source: Brock et al.
        (2019).
        """
        with settling(self) as needed:
            for x in batches if needed else ():
                deal = self.deal(x)
                for items, beside in (deal.real, self._beside_real(deal)), (deal.fake, self._beside_fake(deal)):
                    self.score(items, *beside)


def dense(
    shape: Sequence[int], latent: int | Prior, *hidden: int, activation: Activation = nn.ReLU,
    out: nn.Module | None = None, condition_size: int = 0, pack: int = 1, **game: Any,
) -> GAN:  # fmt: skip
    """A GAN of two multilayer perceptrons with the same hidden layers, for items of this shape.

    `pack` items are judged together (`Packed`); `out` follows the generator's last layer; what else there is are
    `GAN`'s arguments.
    """
    size, told = prod(shape), condition_size
    prior = Normal(latent) if isinstance(latent, int) else latent
    layers: list[nn.Module] = [*mlp(prior.size + told, *hidden, size, activation=activation)]
    generator: nn.Module = nn.Sequential(*layers, *([] if out is None else [out]), nn.Unflatten(1, tuple(shape)))
    recovery = game.get("recovery")
    pairs = prior.size if recovery is not None and recovery.joint else 0
    judged = pack * (size + told + pairs)
    critic: nn.Module = nn.Sequential(nn.Flatten(), *mlp(judged, *hidden, 1, activation=activation))
    if told or pairs:
        generator = Joined(generator) if told else generator
        critic = Joined(critic)
    if pack > 1:
        critic = Packed(critic, pack)
    return GAN(generator, critic, latent=prior, condition_size=told, **game)
