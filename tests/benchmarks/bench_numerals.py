"""How fast numerals are written: `python tests/benchmarks/bench_numerals.py` prints images per second, best and median.

With --brief it writes a sixteenth as many, once: a try whether all still runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from bench_faces import ROUNDS, calibration, interleaved, report

from coursekit.data import numerals

PIXELS = 32**2 / 28**2  # calibration counts pictures of 32×32


def writing(n: int, size: int = 28) -> Callable[[], object]:
    labels = torch.arange(n) % 10
    h = numerals.sample_factors(labels, generator=torch.Generator().manual_seed(0))
    return torch.no_grad()(lambda: numerals.render(labels, h, size))


def fitting(n: int) -> Callable[[], object]:
    """Writing, and the gradient with respect to the factors."""
    labels = torch.arange(n) % 10
    h = numerals.sample_factors(labels, generator=torch.Generator().manual_seed(0)).requires_grad_()
    return lambda: torch.autograd.grad(numerals.render(labels, h).square().sum(), h)


def main(brief: bool = False) -> None:
    rounds, n = (1, 256) if brief else (ROUNDS, 4096)
    print(f"{torch.get_num_threads()} threads\n{'':28} {'images/s':>19} {'ms a call':>19}")
    print(f"{'':28}" + f" {'best':>9} {'median':>9}" * 2)
    passes = 16 if brief else 500
    times, work = interleaved(writing(n), calibration(n, 32, passes=passes), rounds=rounds)
    report(f"{n} numerals of 28×28", n, times)
    (single,) = interleaved(writing(1), rounds=5 * rounds)
    report("one numeral of 28×28", 1, single)
    (large,) = interleaved(writing(n // 16, 112), rounds=rounds)
    report(f"{n // 16} of 112×112", n // 16, large)
    (slope,) = interleaved(fitting(64), rounds=rounds)
    report("64 with gradient", 64, slope)
    print(f"a numeral costs {passes * PIXELS * min(times) / min(work):.0f} passes over its pixels")


if __name__ == "__main__":
    main("--brief" in sys.argv)
