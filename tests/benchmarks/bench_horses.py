"""How fast horses and zebras are drawn: `python tests/benchmarks/bench_horses.py` prints images per second, best and
median.

With --brief it draws an eighth as many, once: a try whether all still runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))

from bench_faces import ROUNDS, calibration, interleaved, report

from coursekit.data import horses


def drawing(n: int, size: int, *, striped: bool) -> Callable[[], object]:
    g = torch.Generator().manual_seed(0)
    h, stripes = horses.sample_factors(n, generator=g), horses.sample_stripes(n, generator=g)
    return torch.no_grad()(lambda: horses.render(h, size, stripes=stripes if striped else None))


def main(brief: bool = False) -> None:
    rounds, n = (1, 256) if brief else (ROUNDS, 2048)
    print(f"{torch.get_num_threads()} threads\n{'':28} {'images/s':>19} {'ms a call':>19}")
    print(f"{'':28}" + f" {'best':>9} {'median':>9}" * 2)
    passes = 16 if brief else 500
    for striped in (False, True):
        kind = "zebras" if striped else "horses"
        times, work = interleaved(drawing(n, 32, striped=striped), calibration(n, 32, passes=passes), rounds=rounds)
        report(f"{n} {kind} of 32×32", n, times)
        (large,) = interleaved(drawing(n // 8, 128, striped=striped), rounds=rounds)
        report(f"{n // 8} {kind} of 128×128", n // 8, large)
        (single,) = interleaved(drawing(1, 64, striped=striped), rounds=5 * rounds)
        report(f"one of the {kind} of 64×64", 1, single)
        print(f"one of 32×32 costs {passes * min(times) / min(work):.0f} passes over its pixels")


if __name__ == "__main__":
    main("--brief" in sys.argv)
