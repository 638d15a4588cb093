"""What critic and generator minimise: pairs of functions of the critic's scores, of real and of generated items.

A score l is a logit, any number; D = σ(l) is the chance that the item is real. −log D = softplus(−l) and
−log(1 − D) = softplus(l), which neither overflow nor lose digits where D is next to 0 or 1.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

Scored = Callable[[Tensor, Tensor], Tensor]  # scores of real and of generated items, both [n] → a scalar


class Loss(NamedTuple):
    """A pair: what the critic minimises and what the generator does, each from (real [n], fake [n]) to a scalar.

    `paired` says whether the generator's looks at the scores of real items too; if not, they are not computed in its
    turn, and it is given those of the fakes twice.
    """

    critic: Scored
    generator: Scored
    paired: bool = False


def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """−E log D(x) − E log(1 − D(g(h))): logistic regression, real items 1 and generated ones 0. 2 log 2 at D = ½."""
    return softplus(-real).mean() + softplus(fake).mean()


def _minimax(real: Tensor, fake: Tensor) -> Tensor:
    return -softplus(fake).mean()


def _non_saturating(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-fake).mean()


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return relu(1 - real).mean() + relu(1 + fake).mean()


def _raise(real: Tensor, fake: Tensor) -> Tensor:
    return -fake.mean()


def _squares(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def _nearer_one(real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * (fake - 1).square().mean()


def _gap(real: Tensor, fake: Tensor) -> Tensor:
    return fake.mean() - real.mean()


def _real_above(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(fake - real).mean()


def _fake_above(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(real - fake).mean()


MINIMAX = Loss(cross_entropy, _minimax)
"""The generator minimises E log(1 − D(g(h))), as in the game's value; slope −σ(l) at a score l, none where D is sure
that an item is generated. Source: Goodfellow et al. (2014), equation 1."""

NON_SATURATING = Loss(cross_entropy, _non_saturating)
"""The generator minimises −E log D(g(h)); slope −(1 − σ(l)), full where D is sure. Source: the same, section 3."""

HINGE = Loss(_hinge, _raise)
"""Critic: E max(0, 1 − l) + E max(0, 1 + l); generator: −E l. Source: Lim & Ye (2017); used by SAGAN and BigGAN."""

LEAST_SQUARES = Loss(_squares, _nearer_one)
"""Critic: ½ E (l − 1)² + ½ E l²; generator: ½ E (l − 1)². Source: Mao et al. (2017), equation 9."""

WASSERSTEIN = Loss(_gap, _raise)
"""Critic: E l(generated) − E l(real), minus W₁ for the best critic of slope at most 1; generator: −E l(generated). It
needs something that holds the slope down. Source: Arjovsky et al. (2017)."""

RELATIVISTIC = Loss(_real_above, _fake_above, paired=True)
"""Each generated item beside a real one: critic softplus(l(g(h)) − l(x)), generator softplus(l(x) − l(g(h))).
Source: Jolicoeur-Martineau (2019); with `r1` and `r2` Huang et al. (2024), "R3GAN"."""
