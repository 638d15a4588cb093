"""What the one loop costs two players: `python tests/benchmarks/bench_gans.py` compares it with a loop written by hand.

The hand-written one is the usual: for the discriminator zero_grad, the losses of real and generated items, backward,
step; for the generator zero_grad, the loss of the same items, now with their gradient, backward, step. Both train the
same nets on the same batches from the same codes, to the same losses, in turns in one process. DCGAN at 64×64 has half
of the published channels. Exit status 1 if `training.fit` is slower than the hand-written loop (median of the rounds'
ratios). With --brief, one round of a few steps, which holds that both do the same training and no speed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from coursekit import training
from coursekit.models import gan
from coursekit.training import adam

AT_LEAST = 1.0
HALF = (512, 256, 128, 64)
moving: Callable[[list[nn.Parameter]], torch.optim.Optimizer] = partial(adam, lr=2e-4, betas=(0.5, 0.999))


@dataclass(frozen=True)
class Case:
    """What is trained: the model, its data, and how much of it makes a round."""

    name: str
    make: Callable[[], gan.GAN]
    data: Tensor
    batch: int
    steps: int
    rounds: int


def by_hand(model: gan.GAN, case: Case, steps: int) -> list[float]:
    generator, critic = model.generator, model.critic
    of_critic, of_generator = moving(list(critic.parameters())), moving(list(generator.parameters()))
    order, losses = torch.Generator().manual_seed(0), []
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model.train()
        while len(losses) < steps:
            for index in torch.randperm(len(case.data), generator=order).split(case.batch)[: steps - len(losses)]:
                real = case.data[index]
                fake = generator(model.prior.draw(len(real), like=model))
                of_critic.zero_grad()
                l_real, l_fake = critic(real).flatten(), critic(fake.detach()).flatten()
                loss = cross_entropy(l_real, torch.ones_like(l_real)) + cross_entropy(l_fake, torch.zeros_like(l_fake))
                loss.backward()
                of_critic.step()
                of_generator.zero_grad()
                l_fake = critic(fake).flatten()
                drawn = cross_entropy(l_fake, torch.ones_like(l_fake))
                drawn.backward()
                of_generator.step()
                losses.append(loss.item() + drawn.item())
    return losses


def by_fit(model: gan.GAN, case: Case, steps: int) -> list[float]:
    optimizers = {"critic": moving, "generator": moving}
    history = training.fit(model, case.data, steps=steps, batch_size=case.batch, optimizers=optimizers, progress=False)
    return [a + b for a, b in zip(history["critic.loss"], history["generator.loss"], strict=True)]


def timed(way: Callable[[gan.GAN, Case, int], list[float]], case: Case, steps: int) -> tuple[float, list[float]]:
    torch.manual_seed(0)
    model = case.make()
    start = time.perf_counter()
    losses = way(model, case, steps)
    return time.perf_counter() - start, losses


def ratio(case: Case, brief: bool) -> float:
    steps, count = (3, 1) if brief else (case.steps, case.rounds)
    rounds = []
    for number in range(count + (not brief)):  # the first one warms up
        ways = (by_hand, by_fit) if number % 2 else (by_fit, by_hand)
        took = {way: timed(way, case, steps) for way in ways}
        same(took[by_hand][1], took[by_fit][1])
        rounds.append((took[by_hand][0], took[by_fit][0]))
    hand, ours = zip(*rounds[not brief :], strict=True)
    found = median(a / b for a, b in zip(hand, ours, strict=True))
    rates = "  ".join(f"{steps * case.batch / median(seconds):8.0f}" for seconds in (hand, ours))
    print(f"{case.name:24} items/s by hand, by fit {rates}   ratio {found:.3f}", flush=True)
    return found


def same(expected: list[float], losses: list[float]) -> None:
    """The first losses agree but for rounding; a game then makes rounding large."""
    if not torch.allclose(torch.tensor(expected[:3]), torch.tensor(losses[:3]), rtol=1e-3):
        raise AssertionError(f"the two loops did not do the same training: {expected[:3]} and {losses[:3]}")


def main(brief: bool = False) -> int:
    g = torch.Generator().manual_seed(0)
    print(f"{torch.get_num_threads()} threads")
    cases = (
        Case("DCGAN, 64×64", lambda: gan.dcgan((3, 64, 64), HALF), torch.rand(64, 3, 64, 64, generator=g), 16, 4, 7),
        Case("MLP GAN, points", lambda: gan.dense((2,), 2, 128, 128), torch.randn(4096, 2, generator=g), 256, 100, 15),
    )
    return int(min(ratio(case, brief) for case in cases) < AT_LEAST and not brief)


if __name__ == "__main__":
    sys.exit(main("--brief" in sys.argv))
