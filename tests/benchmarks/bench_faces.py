"""How fast faces are drawn: `python tests/benchmarks/bench_faces.py` prints images per second, best and median.

With --brief it draws a sixteenth as many faces, once each: a try whether all still runs.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch

from coursekit.data import faces

SIZES = {32: 4096, 64: 1024, 128: 256}  # size of a picture: how many at once
ROUNDS = 7


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(*works: Callable[[], object], rounds: int = ROUNDS) -> list[list[float]]:
    """Seconds of each piece of work in each round; the pieces take turns, so that noise meets all alike."""
    for work in works:
        work()
    return [list(times) for times in zip(*[[seconds(w) for w in works] for _ in range(rounds)], strict=True)]


def drawing(n: int, size: int) -> Callable[[], object]:
    h = faces.sample_factors(n, generator=torch.Generator().manual_seed(0))
    return torch.no_grad()(lambda: faces.render(h, size))


def fitting(n: int, size: int) -> Callable[[], object]:
    """Drawing, and the gradient with respect to the factors."""
    h = faces.sample_factors(n, generator=torch.Generator().manual_seed(0)).requires_grad_()
    return lambda: torch.autograd.grad(faces.render(h, size).square().sum(), h)


def calibration(n: int, size: int, passes: int = 500) -> Callable[[], object]:
    """A fixed amount of elementwise work on as many pixels, in pieces of a megabyte: each pass one clamp(a·b + c)."""
    pieces = n * size**2 // 2**18
    a, b, c = torch.rand(3, 2**18)

    def work() -> None:
        for _ in range(pieces * passes):
            torch.addcmul(c, a, b).clamp_(0, 1)

    return work


def report(name: str, n: int, times: list[float]) -> None:
    best, median = min(times), statistics.median(times)
    print(f"{name:28} {n / best:9.0f} {n / median:9.0f} {1e3 * best:9.2f} {1e3 * median:9.2f}")


def main(brief: bool = False) -> None:
    rounds, part = (1, 16) if brief else (ROUNDS, 1)
    print(f"{torch.get_num_threads()} threads\n{'':28} {'images/s':>19} {'ms a call':>19}")
    print(f"{'':28}" + f" {'best':>9} {'median':>9}" * 2)
    for size, n in ((size, n // part) for size, n in SIZES.items()):
        (times,) = interleaved(drawing(n, size), rounds=rounds)
        report(f"{n} faces of {size}×{size}", n, times)
    for size in SIZES:
        (times,) = interleaved(drawing(1, size), rounds=5 * rounds)
        report(f"one face of {size}×{size}", 1, times)
    (times,) = interleaved(fitting(64, 32), rounds=rounds)
    report("64 of 32×32 with gradient", 64, times)


if __name__ == "__main__":
    main("--brief" in sys.argv)
