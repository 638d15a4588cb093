"""Adversarial nets on a ring of eight Gaussians: a plain one, which collapses, and what cures it; and their recipes."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from coursekit import metrics
from coursekit.data import toy
from coursekit.models import gan
from coursekit.models.base import Model, Terms
from coursekit.models.gan.game import Round
from coursekit.models.nets import mlp
from coursekit.pretrained.recipes import Figures, Recipe
from coursekit.training.loop import adam

MODES, STD = 8, 0.05
LATENT, HIDDEN = 16, (128, 128)
STEPS, BATCH, RATE, BETAS = 2000, 128, 1e-3, (0.5, 0.999)
POINTS, EPOCHS = 16_384, 16  # 2,048 steps
SEED = 2  # the plain game collapses with it, as with four of the seeds 0 to 4
JUDGED, FAIR_SHARE = 4000, 6  # samples; a mode is covered with a sixth of its fair share of them

Cure = Callable[[gan.Loss], gan.GAN]


class Rehearsing(gan.GAN):
    """A GAN whose critic cannot forget: in its turn half of the fakes are old ones, of any earlier time.

    Every tenth batch of fakes is kept, a thousand of them at most. Source: Shrivastava et al. (2017), section 2.3,
    whose buffer of refined images this is, without throwing the oldest away.
    """

    EVERY, MOST = 10, 1000

    def __init__(self, generator: nn.Module, critic: nn.Module, **game: Any) -> None:
        super().__init__(generator, critic, **game)
        self.seen: list[Tensor] = []
        self.turn, self.chance = 0, random.Random(0)

    def critic_loss(self, deal: Round) -> Terms:
        """The terms of `GAN.critic_loss`, for half of the fakes of now and as many old ones."""
        now = deal.fake.detach()
        if self.turn % self.EVERY == 0 and len(self.seen) < self.MOST:
            self.seen.append(now)
        self.turn += 1
        kept = len(now) // 2
        return super().critic_loss(replace(deal, fake=torch.cat([now[:kept], self.old(len(now) - kept)])))

    def old(self, n: int) -> Tensor:
        """n old fakes, each from a batch by chance: [n, ...]."""
        chosen = self.chance.choices(self.seen, k=n)
        return torch.stack([batch[self.chance.randrange(len(batch))] for batch in chosen])


def plain(loss: gan.Loss = gan.NON_SATURATING, **game: Any) -> gan.GAN:
    """Two perceptrons with 128 and 128 hidden units: 16 numbers h ~ N(0, I) to a point, a point to a score."""
    return gan.dense((2,), LATENT, *HIDDEN, loss=loss, **game)


def spread(loss: gan.Loss = gan.NON_SATURATING) -> gan.GAN:
    """The critic is told, beside each point, how much the points of its batch differ (`MinibatchSpread`)."""
    game = plain(loss)
    game.critic = nn.Sequential(nn.Flatten(), gan.MinibatchSpread(), *mlp(3, *HIDDEN, 1))
    return game


def reconstructing(loss: gan.Loss = gan.NON_SATURATING, *, latent: int = LATENT, joint: bool = False) -> gan.GAN:
    """A third net F reads h off the point, and the generator is rewarded where it can: + mean (h − F(g(h)))².

    With `joint` the critic judges pairs (x, F(x)) and (g(h), h), as in VEEGAN.
    """
    reader = gan.Reconstructor(mlp(2, *HIDDEN, latent), joint=joint)
    return gan.dense((2,), latent, *HIDDEN, loss=loss, recovery=reader)


def rehearsing(loss: gan.Loss = gan.NON_SATURATING) -> gan.GAN:
    """The critic is shown old fakes, too."""
    game = plain(loss)
    return Rehearsing(game.generator, game.critic, latent=LATENT, loss=loss)


LOSSES: Mapping[str, gan.Loss] = {
    "non-saturating": gan.NON_SATURATING, "minimax": gan.MINIMAX, "least squares": gan.LEAST_SQUARES,
    "hinge": gan.HINGE, "Wasserstein": gan.WASSERSTEIN, "relativistic": gan.RELATIVISTIC,
}  # fmt: skip
CURES: Mapping[str, Cure] = {
    "none": plain,
    "gradient penalty": partial(plain, penalties=[gan.GradientPenalty(1.0)]),
    "R1 and R2": partial(plain, penalties=[gan.r1(0.1), gan.r2(0.1)]),
    "packs of two": partial(plain, pack=2),
    "minibatch spread": spread,
    "reconstructor": reconstructing,
    "memory of old fakes": rehearsing,
}


def half_momentum(parameters: Iterable[nn.Parameter], lr: float = RATE, weight_decay: float = 0.0) -> Any:
    """Adam with β = (0.5, 0.999), as for DCGAN."""
    return adam(list(parameters), lr, betas=BETAS, weight_decay=weight_decay)


def ring(seed: int = 0, n: int = POINTS) -> Tensor:
    """Points to learn from, [n, 2]."""
    return toy.ring_of_gaussians(n, MODES, std=STD, generator=torch.Generator().manual_seed(seed)).points


def covered(x: Tensor) -> metrics.ModeCount:
    """Which modes points [n, 2] cover: those on which there is a sixth of a fair share of them, within 3σ."""
    return metrics.mode_count(x, toy.ring_centres(MODES), STD, least=max(1, round(len(x) / (MODES * FAIR_SHARE))))


def of_ring(model: Model) -> Figures:
    """Of 4,000 samples: modes covered, the share on a mode; for each mode its share and their standard deviation."""
    return of_points(model.sample(JUDGED, generator=torch.Generator().manual_seed(1)))


def of_points(x: Tensor) -> Figures:
    """The figures of samples [n, 2]."""
    found, centres = covered(x), toy.ring_centres(MODES)
    away = torch.cdist(x, centres)  # [n, modes]
    nearest, figures = away.min(1), {"modes": float(found.modes), "share": found.share}
    for mode in range(MODES):
        own = x[(nearest.indices == mode) & (nearest.values <= 3 * STD)]
        figures[f"share_{mode + 1}"] = len(own) / len(x)
        figures[f"std_{mode + 1}"] = own.var(0, correction=0).mean().sqrt().item() if len(own) else 0.0
    return figures


def recipe(name: str, about: str, loss: str, cure: str) -> Recipe:
    """The recipe of a loss and a cure: everything else is the same for all."""
    return Recipe(
        name, about, f"{POINTS:,} points on a ring of eight Gaussians; figures from {JUDGED:,} samples",
        lambda: CURES[cure](LOSSES[loss]), ring, of_ring, epochs=EPOCHS, batch_size=BATCH, lr=RATE,
        optimizer=half_momentum, autocast=False, seed=SEED,
    )  # fmt: skip


RECIPES = (
    recipe("ring_plain", "GAN of a ring as first published: non-saturating loss, nothing else",
           "non-saturating", "none"),
    recipe("ring_wgan", "the same with the Wasserstein loss and a gradient penalty", "Wasserstein", "gradient penalty"),
    recipe("ring_packed", "the same with a critic of pairs (PacGAN)", "non-saturating", "packs of two"),
    recipe("ring_spread", "the same with a critic that is told the batch's spread", "non-saturating",
           "minibatch spread"),
    recipe("ring_reconstructor", "the same with a net that reads h off the sample", "non-saturating", "reconstructor"),
    recipe("ring_r3gan", "the same with the relativistic loss, R1 and R2", "relativistic", "R1 and R2"),
)  # fmt: skip
