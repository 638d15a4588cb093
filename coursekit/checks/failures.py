"""The failure gallery: eight small adversarial trainings with one fault each, to be diagnosed from what they show.

The loop is one as it is written by hand, since some of the faults are faults of a loop that `training.fit` does not let
happen. What a training consists of is a `Setting`; a `Fault` is a sound setting and the one entry that spoils it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import softplus

from coursekit import data
from coursekit.data import toy
from coursekit.models import gan
from coursekit.models.base import eval_mode, own_randomness
from coursekit.models.nets import mlp

RADIUS, STD = 3.0, 0.15
EVERY = 10  # steps from one point of the curves to the next
Critic = Callable[[Tensor], Tensor]
Scores = tuple[Tensor, Tensor]  # of real and of generated items


def apart(critic: Critic, real: Tensor, fake: Tensor) -> Scores:
    """One batch of real items, one of generated ones, and no way back to the generator."""
    return critic(real), critic(fake.detach())


@dataclass(frozen=True)
class Setting:
    """Everything that a training consists of; the defaults learn a ring of eight Gaussians.

    - `data`: gives the function that draws n real items; `generator`, `critic`: make the nets; `latent`: the code.
    - `judge`: (critic, real, fake) to the scores of both, in the critic's turn; `critic_loss` of these (real, fake);
      `generator_loss` of the scores of fakes; `penalty`: (critic, real, fake) to what is added to the critic's loss.
    - `rate` of Adam with `betas`; with `descent` the generator goes down its gradient at this rate, without Adam. With
      `one_optimizer` the optimizer of the critic's turn holds the generator's weights too.
    - `head_start`: the critic's turns before the first step; `critic_turns`, `generator_turns`: in each step.
    """

    data: Callable[[], Callable[[int], Tensor]]
    generator: Callable[[], nn.Module]
    critic: Callable[[], nn.Module]
    penalty: Callable[[Critic, Tensor, Tensor], Tensor | float]
    latent: int = 2
    judge: Callable[[Critic, Tensor, Tensor], Scores] = apart
    critic_loss: Callable[[Tensor, Tensor], Tensor] = gan.NON_SATURATING.critic
    generator_loss: Callable[[Tensor], Tensor] = lambda fake: softplus(-fake).mean()
    rate: float = 3e-3
    betas: tuple[float, float] = (0.5, 0.99)
    descent: float | None = None
    one_optimizer: bool = False
    head_start: int = 0
    critic_turns: int = 1
    generator_turns: int = 1
    steps: int = 400
    batch: int = 128


@dataclass(frozen=True)
class Run:
    """What a training has left: `curves` {name: values}, the `steps` they belong to, and the samples at a few `stages`.

    Curves: "critic loss", "generator loss"; the mean scores "real" and "generated" in the critic's turn, and
    "generated, generator's turn"; "slope", the critic's mean ‖∇_x l‖ between real and generated items. Stages: {step:
    items made from the same codes}.
    """

    curves: dict[str, Tensor]
    steps: Tensor
    stages: dict[int, Tensor]

    @property
    def samples(self) -> Tensor:
        """The items at the end."""
        return self.stages[max(self.stages)]


def together(critic: Critic, real: Tensor, fake: Tensor) -> Scores:
    """Both in one batch."""
    scores = critic(torch.cat([real, fake.detach()]))
    return scores[: len(real)], scores[len(real) :]


def attached(critic: Critic, real: Tensor, fake: Tensor) -> Scores:
    """As `apart`, but the gradient finds its way back to the generator."""
    return critic(real), critic(fake)


def swapped(real: Tensor, fake: Tensor) -> Tensor:
    """Cross-entropy with the labels exchanged."""
    return cross_entropy(real, torch.zeros_like(real)) + cross_entropy(fake, torch.ones_like(fake))


def saturating(fake: Tensor) -> Tensor:
    """E log(1 − D(g(h))), which the generator minimises in the minimax game."""
    return -softplus(fake).mean()


def columnwise_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """A gradient penalty that takes the norm over dimension 1, which is an image's channels."""
    u = torch.rand(len(real), 1, 1, 1)
    points = (u * real + (1 - u) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return 10 * (slope.norm(dim=1) - 1).square().mean()


def small_critic(*end: nn.Module, normalise: bool = False) -> nn.Sequential:
    """[n, 2] → [n, 1]: two hidden layers of 64, perhaps with batch normalisation, and what comes at the end."""
    between = [nn.BatchNorm1d(64)] if normalise else []
    return nn.Sequential(nn.Linear(2, 64), _leaky(), nn.Linear(64, 64), *between, _leaky(), nn.Linear(64, 1), *end)


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


def _none(critic: Critic, real: Tensor, fake: Tensor) -> float:
    return 0.0


RING = Setting(
    data=lambda: lambda n: toy.ring_of_gaussians(n, radius=RADIUS, std=STD).points,
    generator=lambda: mlp(2, 64, 64, 2),
    critic=small_critic,
    penalty=gan.r1(0.1),
)
"""Non-saturating loss, R1 with γ = 0.1, Adam at 3e-3: all eight modes after 400 steps."""

DIGITS = Setting(
    data=lambda: _digits(),
    generator=lambda: nn.Sequential(mlp(16, 64, 64, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8))),
    critic=lambda: nn.Sequential(nn.Flatten(), mlp(64, 64, 64, 1, activation=_leaky)),
    penalty=gan.GradientPenalty(),
    latent=16,
    critic_loss=gan.WASSERSTEIN.critic,
    generator_loss=lambda fake: -fake.mean(),
    rate=1e-3,
    betas=(0.5, 0.9),
    batch=64,
)
"""A Wasserstein GAN with gradient penalty on digits of 8×8 pixels: crude, but various ones after 400 steps."""


def _digits() -> Callable[[int], Tensor]:
    images = data.digits().images
    return lambda n: images[torch.randint(len(images), (n,))]


@dataclass(frozen=True)
class Fault:
    """A sound setting, the one entry of it that is spoilt, and where to look if it has not been recognised."""

    healthy: Setting
    change: Mapping[str, Any]
    look: str

    @property
    def broken(self) -> Setting:
        """The setting with its fault."""
        return replace(self.healthy, **self.change)


FAULTS: dict[str, Fault] = {
    "critic too strong": Fault(
        replace(RING, penalty=gan.r1(0.01), descent=0.02, head_start=200, steps=300),
        {"generator_loss": saturating},
        "the scores are far apart from the first step on, the generator's loss lies on zero, and the cloud has "
        "hardly moved. Which player has nothing left to learn from?",
    ),
    "batch normalisation": Fault(
        replace(RING, judge=together, penalty=_none),
        {"critic": lambda: small_critic(normalise=True)},
        "the same generated items get one score in the critic's turn and quite another in the generator's. What does "
        "a score depend on, beside the item itself?",
    ),
    "penalty's norm": Fault(
        DIGITS,
        {"penalty": columnwise_penalty},
        "the penalty ought to hold the critic's slope at 1. Where is it held?",
    ),
    "no detach": Fault(
        replace(RING, one_optimizer=True),
        {"judge": attached},
        "the scores stay apart and the critic's loss stays low to the end, though the samples do move. Who else, "
        "beside the generator in its own turn, could be moving them?",
    ),
    "sigmoid twice": Fault(
        RING,
        {"critic": lambda: small_critic(nn.Sigmoid())},
        "look at the range of the scores. Which numbers do they never leave, and which should they be able to reach?",
    ),
    "mode collapse": Fault(
        DIGITS,
        {"generator_turns": 3},
        "the critic is as steep as it should be, and the losses are moderate. What is wrong with the samples, compared "
        "with each other?",
    ),
    "labels swapped": Fault(
        RING,
        {"critic_loss": swapped},
        "both losses fall to zero, so both players win. Which of the curves of scores lies above, and which should?",
    ),
    "learning rate": Fault(
        RING,
        {"rate": 1.0},
        "the curves do not go anywhere, they jump, and the axis shows how far.",
    ),
}
"""{diagnosis: fault}."""

PATIENTS = dict(zip("ABCDEFGH", (
    "penalty's norm", "batch normalisation", "mode collapse", "critic too strong",
    "labels swapped", "no detach", "learning rate", "sigmoid twice",
), strict=True))  # fmt: skip
"""{letter: what it suffers from}."""


class _Table:
    """One training at work: two nets, their optimizers, a setting."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.draw = setting, setting.data()
        self.generator, self.critic = setting.generator(), setting.critic()
        own, mine = list(self.critic.parameters()), list(self.generator.parameters())
        adam = {"lr": setting.rate, "betas": setting.betas, "fused": True}
        self.for_critic = torch.optim.Adam([*own, *(mine if setting.one_optimizer else [])], **adam)  # type: ignore[arg-type]
        self.for_generator: torch.optim.Optimizer = (
            torch.optim.Adam(mine, **adam) if setting.descent is None else torch.optim.SGD(mine, setting.descent)  # type: ignore[arg-type]
        )

    def make(self) -> Tensor:
        return self.generator(torch.randn(self.setting.batch, self.setting.latent))

    def critic_turn(self) -> dict[str, Tensor]:
        real, fake = self.draw(self.setting.batch), self.make()
        scores = self.setting.judge(self.critic, real, fake)
        loss = self.setting.critic_loss(*scores) + self.setting.penalty(self.critic, real, fake)
        _move(self.for_critic, loss)
        return {"critic loss": loss, "real": scores[0].mean(), "generated": scores[1].mean()}

    def generator_turn(self) -> dict[str, Tensor]:
        scores = self.critic(self.make())
        loss = self.setting.generator_loss(scores)
        _move(self.for_generator, loss)
        return {"generator loss": loss, "generated, generator's turn": scores.mean()}

    def step(self) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = {}
        for _ in range(self.setting.critic_turns):
            terms |= self.critic_turn()
        for _ in range(self.setting.generator_turns):
            terms |= self.generator_turn()
        return terms

    def slope(self) -> Tensor:
        """The mean length of the critic's gradient between real and generated items, as it ought to be measured."""
        u = torch.rand(self.setting.batch, 1)
        real, fake = self.draw(len(u)), self.make()
        points = (u * real.flatten(1) + (1 - u) * fake.flatten(1)).reshape(real.shape).detach().requires_grad_()
        with eval_mode(self.critic):
            (slope,) = torch.autograd.grad(self.critic(points).sum(), points)
        return vector_norm(slope.flatten(1), dim=1).mean()


def _move(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def train(setting: Setting, *, seed: int = 0, items: int = 400) -> Run:
    """From scratch: curves with a point every ten steps; `items` samples at the start, a quarter, half and the end."""
    with own_randomness(seed, torch.device("cpu")):
        table, h = _Table(setting), torch.randn(items, setting.latent)
        for _ in range(setting.head_start):
            table.critic_turn()
        noted: list[dict[str, Tensor]] = []
        stages = {0: _made(table, h)}
        for step in range(1, setting.steps + 1):
            terms = table.step()
            if step % EVERY == 0:
                noted.append({name: term.detach() for name, term in terms.items()} | {"slope": table.slope()})
            if step in (setting.steps // 4, setting.steps // 2, setting.steps):
                stages[step] = _made(table, h)
    curves = {name: torch.stack([terms[name] for terms in noted]) for name in noted[0]}
    return Run(curves, EVERY * torch.arange(1, len(noted) + 1), stages)


def gallery(letters: str = "ABCDEFGH", *, seed: int = 0) -> dict[str, Run]:
    """The broken trainings of these letters, {letter: run}; ValueError for a letter that there is not."""
    unknown = set(letters) - set(PATIENTS)
    if unknown:
        raise ValueError(f"letters: want some of {''.join(PATIENTS)}, got {letters!r}")
    return {letter: train(FAULTS[PATIENTS[letter]].broken, seed=seed) for letter in letters}


@torch.no_grad()
def _made(table: _Table, h: Tensor) -> Tensor:
    return table.generator(h)
