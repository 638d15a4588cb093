"""Checks for the exercises of chapter 6."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm
from torch.nn.functional import softplus

from coursekit.checks.core import Exercise, Function, Verdict, same_numbers
from coursekit.metrics import optimal_discriminator as _best
from coursekit.metrics import wasserstein_1d

__all__ = ["gradient_penalty", "one_round", "optimal_discriminator", "work_in_one_dimension"]


def _same_even_nan(a: Tensor, b: Tensor) -> bool:
    return same_numbers(a.nan_to_num(7.0), b.nan_to_num(7.0))


def _drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


_FAR = torch.tensor([-1000.0, -1003.0, -2.0, 0.0, 1.0])
_discriminator = Exercise(
    reference=_best,
    cases=[(_drawn(0, 4), _drawn(1, 4)), (_FAR, torch.tensor([-1001.0, -1000.0, -500.0, 0.0, 3.0]))],
    same=_same_even_nan,
    praise="A sigmoid of the log-ratio: the score of the best discriminator is log p − log q.",
    mistakes={
        "exp underflows below −104, and 0/0 is no number. Divide p/(p + q) by p first: only log q − log p is left.": (
            lambda log_p, log_q: log_p.exp() / (log_p.exp() + log_q.exp())
        ),
        "p and q are exchanged: D is the chance that the item is *real*.": lambda log_p, log_q: _best(log_q, log_p),
        "This is the score, log p − log q; D is its sigmoid.": lambda log_p, log_q: log_p - log_q,
        "These are the logarithms of the densities; the densities themselves make up the ratio.": (
            lambda log_p, log_q: log_p / (log_p + log_q)
        ),
        "This is p/q, which knows no bound; a chance has p + q below the line.": lambda p, q: (p - q).exp(),
    },
)


class _Critic(nn.Module):
    """A fixed critic of images [n, 1, 3, 4], curved, with weights to take a gradient for."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.first, self.last = (
            nn.Parameter(0.5 * _drawn(seed + k, *shape)) for k, shape in ((0, (12, 8)), (1, (8, 1)))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores [n, 1]."""
        return (x.flatten(1) @ self.first).tanh() @ self.last

    def __repr__(self) -> str:
        return "a small critic"


def _penalised(seed: int) -> tuple[Any, ...]:
    """A critic, real and generated images [4, 1, 3, 4], and one u for each pair, [4]."""
    u = torch.rand(4, generator=torch.Generator().manual_seed(seed))
    return _Critic(seed), _drawn(seed + 10, 4, 1, 3, 4), _drawn(seed + 20, 4, 1, 3, 4), u


def _with_slope(function: Function) -> Function:
    """The penalty, and the sum of its gradient with respect to the critic's weights: 0 where no graph leads there."""

    def both(critic: _Critic, real: Tensor, fake: Tensor, u: Tensor) -> Any:
        value = function(critic, real, fake, u)
        if not isinstance(value, Tensor) or value.numel() != 1:
            return value
        total = 0.0
        if value.requires_grad:
            slopes = torch.autograd.grad(value, list(critic.parameters()), allow_unused=True)
            total = sum((slope.sum().item() for slope in slopes if slope is not None), 0.0)
        return torch.tensor([value.item(), total])

    return both


def _excess(
    critic: _Critic, real: Tensor, fake: Tensor, u: Tensor, *, spread: tuple[int, ...] = (-1, 1, 1, 1),
    norm: Function = lambda g: vector_norm(g.flatten(1), dim=1), graph: bool = True, each: bool = False,
    target: float = 1.0,
) -> Tensor:  # fmt: skip
    """The penalty, right or with one thing wrong."""
    u = u.reshape(spread)
    points = (u * real + (1 - u) * fake).detach().requires_grad_()
    scores = critic(points)
    (slope,) = torch.autograd.grad(scores.sum() if not each else scores.mean(), points, create_graph=graph)
    return (norm(slope) - target).square().mean()


_penalty = Exercise(
    reference=_with_slope(_excess),
    cases=[_penalised(0), _penalised(1)],
    praise="The value is right, and so is its gradient with respect to the critic's weights.",
    mistakes={
        hint: _with_slope(mistake)
        for hint, mistake in {
            "The norm is over *all* numbers of an image. Dimension 1 holds only its channels: flatten(1) first.": (
                lambda *a: _excess(*a, norm=lambda g: vector_norm(g, dim=1))
            ),
            "One norm for each image is wanted; this is the norm of the whole batch.": (
                lambda *a: _excess(*a, norm=lambda g: vector_norm(g))
            ),
            "u [n] beside images [n, C, H, W] is spread over the pixels of a row: reshape it to [n, 1, 1, 1], one u "
            "for each image.": lambda *a: _excess(*a, spread=(-1,)),
            "The value is right, but it has no gradient with respect to the critic's weights: "
            "torch.autograd.grad needs create_graph=True.": lambda *a: _excess(*a, graph=False),
            "The mean of the scores makes each slope n times too small: take the gradient of their *sum*.": (
                lambda *a: _excess(*a, each=True)
            ),
            "The slope is held at 1, not at 0: (‖∇l‖ − 1)².": lambda *a: _excess(*a, target=0.0),
            "This is the *squared* norm minus 1; take the root first.": (
                lambda *a: _excess(*a, norm=lambda g: g.flatten(1).square().sum(1))
            ),
            "u and 1 − u are exchanged: u belongs to the real items.": lambda critic, x, f, u: _excess(critic, f, x, u),
        }.items()
    },
)


def _after_two_rounds(function: Function) -> Function:
    """All weights after two rounds of plain gradient descent, or ... if none has moved."""

    def weights(seed: int) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            generator, critic = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
        players = generator, critic
        optimizers = [torch.optim.SGD(player.parameters(), lr=0.5) for player in players]
        before = nn.utils.parameters_to_vector(p for player in players for p in player.parameters()).detach().clone()
        for number in range(2):
            function(*players, *optimizers, _drawn(seed + number, 6, 2) + 2, _drawn(seed + 5 + number, 6, 2))
        after = nn.utils.parameters_to_vector(p for player in players for p in player.parameters()).detach()
        return ... if torch.equal(before, after) else after

    return weights


def _round(
    generator: nn.Module, critic: nn.Module, for_generator: Any, for_critic: Any, x: Tensor, h: Tensor, *,
    detach: bool = True, zero_critic: bool = True, zero_first: bool = False, reach: bool = True, both: bool = False,
    loss: Function = lambda scores: softplus(-scores).mean(),
) -> None:  # fmt: skip
    """One turn of each player, right or with one thing wrong."""
    fake = generator(h)
    if zero_first:
        for_generator.zero_grad()
    if zero_critic:
        for_critic.zero_grad()
    shown = fake.detach() if detach else fake
    (softplus(-critic(x)).mean() + softplus(critic(shown)).mean()).backward(retain_graph=True)
    for_critic.step()
    if not zero_first:
        for_generator.zero_grad()
    scores = critic(fake if reach else fake.detach())
    loss(scores).backward()
    for_generator.step()
    if both:
        for_critic.step()


_repaired = Exercise(
    reference=_after_two_rounds(_round),
    cases=[(0,), (1,)],
    praise="Each player moves on its own loss alone: the same weights as in a sound round.",
    mistakes={
        hint: _after_two_rounds(mistake)
        for hint, mistake in {
            "Nothing is repaired yet. Which gradients does the generator's optimizer find when it steps, and which the "
            "critic's in the *next* round?": lambda *a: _round(*a, detach=False, zero_critic=False, zero_first=True),
            "The generator still steps on the critic's loss as well: its gradients are cleared *before* that loss "
            "reaches it through `fake`. Detach.": lambda *a: _round(*a, detach=False, zero_first=True),
            "Half of it. The generator's loss leaves gradients in the critic's weights too: clear them before the "
            "critic's next turn.": lambda *a: _round(*a, zero_critic=False),
            "In the generator's turn the gradient has to pass through the critic to `fake`: detached there, the "
            "generator never moves.": lambda *a: _round(*a, reach=False),
            "The critic steps in the generator's turn too, and helps it: only the generator's optimizer steps there.": (
                lambda *a: _round(*a, both=True)
            ),
            "The generator's loss has the critic's labels: it wants its items to be taken for *real*.": (
                lambda *a: _round(*a, loss=lambda scores: softplus(scores).mean())
            ),
        }.items()
    },
)


_PAIRS = [(_drawn(0, 5), 2 * _drawn(1, 5) + 1), (_drawn(2, 8), _drawn(3, 8))]
_work = Exercise(
    reference=lambda a, b: wasserstein_1d(a, b),
    cases=_PAIRS,
    praise="In one dimension nobody overtakes: the smallest goes to the smallest, and so on.",
    mistakes={
        "Sort both samples first: this pairs the points as they happen to come, and carries them too far.": (
            lambda a, b: (a - b).abs().mean()
        ),
        "Sort *both* samples.": lambda a, b: (a.sort().values - b).abs().mean(),
        "Distances, not their signs: take the absolute value of each difference before the mean.": (
            lambda a, b: (a.sort().values - b.sort().values).mean()
        ),
        "The absolute value belongs inside the mean: points may move both ways.": lambda a, b: (
            a.mean() - b.mean()
        ).abs(),
        "The work for one unit of sand in all: the mean, not the sum.": (
            lambda a, b: (a.sort().values - b.sort().values).abs().sum()
        ),
        "This is W₂² or its root: take the distance itself, not its square.": (
            lambda a, b: (a.sort().values - b.sort().values).square().mean()
        ),
        "`sort()` gives the values and their places: take `.values`.": (
            lambda a, b: (a.sort().indices - b.sort().indices).abs().float().mean()
        ),
    },
)


def optimal_discriminator(function) -> Verdict:
    """Judge `function(log_p [n], log_q [n]) -> [n]`: D* = p/(p + q), also where both densities are tiny."""
    return _discriminator(function)


def gradient_penalty(function) -> Verdict:
    """Judge `function(critic, real, fake [n, C, H, W], u [n]) -> number`: E (‖∇l‖ − 1)² at u · real + (1 − u) · fake.

    Its gradient with respect to the critic's weights is judged too.
    """
    return _penalty(_with_slope(function))


def one_round(function) -> Verdict:
    """Judge `function(generator, critic, for_generator, for_critic, x, h)`: the critic's turn, then the generator's.

    `for_generator` and `for_critic` are their optimizers. Judged by all weights after two rounds.
    """
    return _repaired(_after_two_rounds(function))


def work_in_one_dimension(function) -> Verdict:
    """Judge `function(a [n], b [n]) -> number`: W₁ of two samples, by sorting."""
    return _work(function)
