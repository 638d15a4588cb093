"""What the one loop costs: `python tests/benchmarks/bench_training.py` compares it with one written by hand.

Both take the same batches and the same optimizer and log the same terms, in turns in one process. Exit status 1 if
`training.fit` reaches less than 0.95 of the hand-written loop's speed (best round against best round). With --brief,
one round of each, which holds that both do the same training and no speed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor

from coursekit import training
from coursekit.models.autoencoders import Autoencoder, dense

STEPS, ROUNDS, BATCH = 200, 15, 64
AT_LEAST = 0.95
Way = Callable[[Autoencoder, Tensor, int], list[float]]


def by_hand(net: Autoencoder, data: Tensor, steps: int) -> list[float]:
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    losses: list[float] = []
    net.train()
    while len(losses) < steps:
        for index in torch.randperm(len(data), generator=generator).split(BATCH)[: steps - len(losses)]:
            x = data[index]
            terms = net.loss(x)
            optimizer.zero_grad()
            terms["loss"].backward()
            optimizer.step()
            losses.append({name: term.item() for name, term in terms.items()}["loss"])
    return losses


def by_fit(net: Autoencoder, data: Tensor, steps: int) -> list[float]:
    return training.fit(net, data, steps=steps, batch_size=BATCH, progress=False)["loss"]


def timed(way: Way, sizes: tuple[int, int], data: Tensor, steps: int) -> tuple[float, list[float]]:
    torch.manual_seed(0)
    net = dense((sizes[0],), 16, sizes[1])
    start = time.perf_counter()
    losses = way(net, data, steps)
    return time.perf_counter() - start, losses


def ratio(sizes: tuple[int, int], steps: int, count: int) -> float:
    data = torch.rand(1000, sizes[0], generator=torch.Generator().manual_seed(0))
    rounds = []
    for _ in range(count + 1):  # the first one warms up
        (plain, expected), (ours, losses) = (timed(way, sizes, data, steps) for way in (by_hand, by_fit))
        if losses != expected:
            raise AssertionError("the two loops did not do the same training")
        rounds.append((plain, ours))
    plain, ours = (min(times) for times in zip(*rounds[1:], strict=True))
    rates = "  ".join(f"{steps * BATCH / seconds:8.0f}" for seconds in (plain, ours))
    print(f"{sizes[0]:5}-{sizes[1]}-16   items/s by hand, by fit {rates}   ratio {plain / ours:.3f}", flush=True)
    return plain / ours


def main(brief: bool = False) -> int:
    print(f"{torch.get_num_threads()} threads, batches of {BATCH}")
    much = (20, 1) if brief else (STEPS, ROUNDS)
    ratio((64, 64), *much)  # so small a net costs a third of a millisecond a step, half of it Python: shown, not held
    slowest = min(ratio((784, 400), *much), ratio((3072, 256), *much))
    return int(slowest < AT_LEAST and not brief)


if __name__ == "__main__":
    sys.exit(main("--brief" in sys.argv))
