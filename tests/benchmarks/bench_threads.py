"""How much a training on all cores suffers from what runs beside it: `python tests/benchmarks/bench_threads.py`.

A process as torch is delivered, one with the setting of `coursekit lab` and one whose threads never spin train the
same small net in turns: alone, and beside as many busy processes as there are cores. OpenMP reads the setting when it
is loaded, so each has a process of its own. Exit status 1 if, beside busy processes, our setting is not 1.3 times as
fast as the default, or alone needs over 1.4 times as long (medians of the rounds' ratios). The fewer turns, the better
beside others and the worse alone: threads that sleep at once need up to 1.8 times as long on quiet cores. With --brief
one short round, which holds nothing. --sweep adds other values, to choose by; those for the other OpenMP do nothing,
and show the noise.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from coursekit.app.server import SPINNING, SPINNING_OF_READERS

SECONDS, ROUNDS, BATCH = 1.0, 9, 64
FASTER, SLOWER = 1.3, 1.4
DEFAULT, OURS = "as delivered", "coursekit lab"
WAYS = {DEFAULT: {}, OURS: SPINNING, "never spinning": {"OMP_WAIT_POLICY": "passive"}}
SWEEP = {f"{n} turns": {"GOMP_SPINCOUNT": str(n)} for n in (0, 100, 300, 1000, 2000, 4000, 10_000)}
SWEEP |= {f"{n} ms": {"KMP_BLOCKTIME": str(n)} for n in (0, 1, 5, 20)}


class Trainer:
    """A process that trains the VAE 784-400-20 for as long as it is asked to."""

    def __init__(self, setting: dict[str, str], threads: int) -> None:
        clean = {name: value for name, value in os.environ.items() if name not in SPINNING_OF_READERS}
        environment = {**clean, "OMP_NUM_THREADS": str(threads), **setting}
        command = [sys.executable, __file__, "--train"]
        self.process = subprocess.Popen(
            command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def milliseconds(self, seconds: float) -> float:
        """How long a step takes, from so many seconds of training; RuntimeError if the process has ended."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the training has ended early")
        return float(answer)

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        self.process.communicate()


def train() -> None:
    """The training process: seconds on each line of its input, milliseconds a step on each line of its output."""
    import torch

    from coursekit.models import vae

    torch.manual_seed(0)
    net = vae.dense((1, 28, 28), 20, 400)
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    images = torch.rand(BATCH, 1, 28, 28)
    for line in sys.stdin:
        steps, start = 0, time.perf_counter()
        while time.perf_counter() < start + float(line):
            optimizer.zero_grad()
            net.loss(images)["loss"].backward()
            optimizer.step()
            steps += 1
        print(1000 * (time.perf_counter() - start) / steps, flush=True)


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """So many processes that compute without a pause."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        time.sleep(0.2)
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def measure(
    ways: dict[str, dict[str, str]], *, threads: int, seconds: float, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds a step of each way in each round: alone, and beside busy processes."""
    alone, beside = ({name: [] for name in ways} for _ in range(2))
    with ExitStack() as stack:
        trainers = {name: stack.enter_context(Trainer(setting, threads)) for name, setting in ways.items()}
        for trainer in trainers.values():
            trainer.milliseconds(seconds)  # warms up
        for _ in range(rounds):
            for name, trainer in trainers.items():
                alone[name].append(trainer.milliseconds(seconds))
            with busy(threads):
                for name, trainer in trainers.items():
                    beside[name].append(trainer.milliseconds(seconds))
    return alone, beside


def ratio(times: dict[str, list[float]], of: str, to: str) -> float:
    """The median over the rounds of how many times as long the one way takes as the other."""
    return statistics.median(a / b for a, b in zip(times[of], times[to], strict=True))


def report(alone: dict[str, list[float]], beside: dict[str, list[float]]) -> None:
    """A line for each way: medians, and their ratios to the default."""
    print(f"{'ms a step, medians':20} {'alone':>8} {'beside':>8}   alone/default  default/beside")
    for name in alone:
        middle = f"{statistics.median(alone[name]):8.2f} {statistics.median(beside[name]):8.2f}"
        ratios = f"{ratio(alone, name, DEFAULT):13.2f} {ratio(beside, DEFAULT, name):15.1f}"
        print(f"{name:20} {middle}   {ratios}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--brief", action="store_true", help="one short round")
    parser.add_argument("--sweep", action="store_true", help="other values too")
    parser.add_argument("--train", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        train()
        return 0
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(threads, 4)  # so small a net has no use for more
    print(f"{threads} threads, batches of {BATCH}; beside {threads} busy processes")
    seconds, rounds = (0.05, 1) if args.brief else (SECONDS, ROUNDS)
    alone, beside = measure(WAYS | (SWEEP if args.sweep else {}), threads=threads, seconds=seconds, rounds=rounds)
    report(alone, beside)
    held = ratio(beside, DEFAULT, OURS) >= FASTER and ratio(alone, OURS, DEFAULT) <= SLOWER
    return int(not held and not args.brief and threads > 1)


if __name__ == "__main__":
    sys.exit(main())
