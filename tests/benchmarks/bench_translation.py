"""What a step of CycleGAN costs: `python tests/benchmarks/bench_translation.py` compares it with one written by hand.

The hand-written one is the usual: both ways and both ways back, zero_grad, the generators' losses and cycles, backward,
step; then zero_grad, for each critic the losses of real items and of those from its pool, backward, and one step of
both. A more careful one freezes the critics meanwhile, whose gradients the generators' turn does not need. All train
the same nets on the same batches with the same pools, to the same losses, in one process, step by step in turns: what
else the machine does then takes away from each alike. The published nets have a quarter of their channels. Exit status
1 if the one loop, `training.steps`, is slower than the usual one (median of the steps' ratios, which is sure to about
2 %); its ratio to the careful one is shown. With --brief, a few steps, which hold that all do the same training and no
speed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

from coursekit import training
from coursekit.data import Unpaired
from coursekit.models import translation
from coursekit.models.translation import CycleGAN
from coursekit.training import adam

AT_LEAST, WARM_UP = 0.98, 2
moving: Callable[[list[nn.Parameter]], torch.optim.Optimizer] = partial(adam, lr=2e-4, betas=(0.5, 0.999))
Way = Callable[[CycleGAN, Iterator[tuple[Tensor, Tensor]]], Iterator[float]]  # the sum of all losses of each step


@dataclass(frozen=True)
class Case:
    """What is trained: the model, items of its two domains, and for how many steps."""

    name: str
    make: Callable[[], CycleGAN]
    data: Unpaired
    batch: int
    steps: int


def small() -> CycleGAN:
    generators = (translation.small_generator() for _ in range(2))
    return CycleGAN(*generators, *(translation.small_critic() for _ in range(2)))


def published() -> CycleGAN:
    generators = (translation.resnet_generator(9, width=16) for _ in range(2))
    return CycleGAN(*generators, *(translation.patch_critic(width=16) for _ in range(2)))


def half_squares(scores: Tensor, target: float) -> Tensor:
    return 0.5 * mse_loss(scores, torch.full_like(scores, target))


def free(parameters: list[nn.Parameter], whether: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(whether)


def by_hand(model: CycleGAN, pairs: Iterator[tuple[Tensor, Tensor]], frozen: bool = False) -> Iterator[float]:
    there, back, critic_a, critic_b = model.a_to_b, model.b_to_a, model.critic_a, model.critic_b
    of_critics = [*critic_a.parameters(), *critic_b.parameters()]
    move_generators, move_critics = moving([*there.parameters(), *back.parameters()]), moving(of_critics)
    for a, b in pairs:
        fake_b, fake_a = there(a), back(b)
        free(of_critics, not frozen)
        move_generators.zero_grad()
        fooled = half_squares(critic_a(fake_a), 1) + half_squares(critic_b(fake_b), 1)
        drawn = fooled + 10 * (l1_loss(back(fake_b), a) + l1_loss(there(fake_a), b))
        drawn.backward()
        move_generators.step()
        free(of_critics, True)
        move_critics.zero_grad()
        total = drawn.item()
        for critic, real, shown in ((critic_a, a, model.pool_a(fake_a)), (critic_b, b, model.pool_b(fake_b))):
            loss = half_squares(critic(real), 1) + half_squares(critic(shown), 0)
            loss.backward()
            total += loss.item()
        move_critics.step()
        yield total


def by_loop(model: CycleGAN, pairs: Iterator[tuple[Tensor, Tensor]]) -> Iterator[float]:
    optimizers = {name: moving(list(player.parameters())) for name, player in model.players().items()}
    for report in training.steps(model, pairs, optimizers):
        yield sum(terms["loss"] for terms in report.values())


def run(way: Way, case: Case) -> Iterator[float]:
    torch.manual_seed(0)
    model = case.make().train()
    return way(model, training.batches(case.data, steps=case.steps, batch_size=case.batch, generator=seeded()))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def timed(run: Iterator[float], number: int) -> tuple[float, float]:
    """Seconds of one step, and its losses. The pools draw the same."""
    torch.manual_seed(number)
    start = time.perf_counter()
    losses = next(run)
    return time.perf_counter() - start, losses


def ratio(case: Case) -> float:
    ways: list[Way] = [by_hand, partial(by_hand, frozen=True), by_loop]
    runs, rows = [run(way, case) for way in ways], []
    for number in range(case.steps):
        order = (0, 1, 2) if number % 2 else (2, 1, 0)
        took = {place: timed(runs[place], number) for place in order}
        if number < WARM_UP:
            same([took[place][1] for place in range(3)])
        rows.append([took[place][0] for place in range(3)])
    hand, frozen, loop = zip(*rows[WARM_UP:], strict=True)
    found, careful = (median(a / b for a, b in zip(other, loop, strict=True)) for other in (hand, frozen))
    rates = " ".join(f"{case.batch / median(seconds):7.1f}" for seconds in (hand, frozen, loop))
    print(f"{case.name:37} images/s by hand, carefully, by loop {rates}   ratio {found:.3f} {careful:.3f}", flush=True)
    return found


def same(losses: list[float]) -> None:
    """The first losses agree but for rounding; a game then makes rounding large."""
    if not torch.allclose(torch.tensor(losses), torch.tensor(losses[0]), rtol=1e-3):
        raise AssertionError(f"the loops did not do the same training: {losses}")


def main(brief: bool = False) -> int:
    g = torch.Generator().manual_seed(0)
    domains = {side: Unpaired(*torch.rand(2, 64, 3, side, side, generator=g)) for side in (32, 64)}
    print(f"{torch.get_num_threads()} threads")
    cases = (
        Case("CycleGAN, small nets, 32×32", small, domains[32], 16, 4 if brief else 60),
        Case("CycleGAN, ResNet-9 in quarters, 64×64", published, domains[64], 1, 4 if brief else 60),
    )
    return int(min(map(ratio, cases)) < AT_LEAST and not brief)


if __name__ == "__main__":
    sys.exit(main("--brief" in sys.argv))
