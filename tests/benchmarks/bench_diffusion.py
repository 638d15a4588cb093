"""Training and sampling against diffusers: `python tests/benchmarks/bench_diffusion.py` compares nets of one size.

Theirs is a UNet2DModel that goes down to maps of 7×7, 8×8 or 16×16 with attention at these, and DDPMScheduler, written
by hand as in its tutorial: add_noise, the net, mean squared error, zero_grad, backward, step; then step after step of
the scheduler. Ours is `UNet` in `Diffusion`, trained by `training.steps` and sampled by `sample`. Both have the same
number of parameters, as nearly as widths in multiples of 4 allow, the same schedule, data, optimizer and bfloat16, and
take turns in one process, step by step. The last column is a stronger opponent: their net on unshuffled pixels, as ours
has them. Exit status 1 if ours trains or samples slower than theirs (medians of the steps' ratios). With --brief, a
step or two of the first, which hold that both noise alike and have equally many parameters, and no speed.
"""

from __future__ import annotations

import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit import training
from coursekit.models.diffusion import DDPM, Diffusion, UNet, linear

BATCH, SCHEDULE = 64, linear(1000)
half: Callable[[], AbstractContextManager[Any]] = partial(torch.autocast, "cpu", dtype=torch.bfloat16)
moving: Callable[[list[nn.Parameter]], torch.optim.Optimizer] = partial(torch.optim.AdamW, lr=1e-3, fused=True)


@dataclass(frozen=True)
class Case:
    """Ours, and the images that it is for."""

    name: str
    shape: tuple[int, int, int]
    make: Callable[[], UNet]


CASES = (
    Case("numerals, 28×28", (1, 28, 28), lambda: UNet(1, (32, 64))),
    Case("faces, 32×32", (3, 32, 32), lambda: UNet(3, (48, 96))),
    Case("faces, 64×64", (3, 64, 64), lambda: UNet(3, (64, 128), unshuffle=4)),
)


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


class Theirs(nn.Module):
    """A UNet2DModel of about so many parameters, on images whose pixels may be unshuffled first."""

    def __init__(self, shape: tuple[int, int, int], parameters: int, patch: int = 1) -> None:
        from diffusers import UNet2DModel

        super().__init__()
        self.patch, channels, levels = patch, shape[0] * patch**2, 2 if shape[1] // patch < 20 else 3
        down = ("DownBlock2D",) * (levels - 1) + ("AttnDownBlock2D",)
        self.net = nearest(parameters, lambda width: UNet2DModel(
            sample_size=shape[1] // patch, in_channels=channels, out_channels=channels, layers_per_block=1,
            block_out_channels=(width, *(2 * width,) * (levels - 1)), norm_num_groups=4, attention_head_dim=None,
            down_block_types=down, up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * (levels - 1),
        ))  # fmt: skip

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        small = F.pixel_unshuffle(x, self.patch)
        return F.pixel_shuffle(self.net(small, t).sample, self.patch)


def nearest(parameters: int, make: Callable[[int], nn.Module]) -> nn.Module:
    """The one whose size is the nearest."""
    return min(map(make, range(8, 81, 4)), key=lambda net: abs(size(net) - parameters))


def training_by_hand(net: Theirs, data: Tensor, steps: int) -> Iterator[float]:
    scheduler, optimizer = ddpm_scheduler(), moving(list(net.parameters()))
    for x in training.batches(data, steps=steps, batch_size=BATCH, generator=seeded()):
        noise, t = torch.randn_like(x), torch.randint(0, 1000, (len(x),))
        with half():
            loss = F.mse_loss(net(scheduler.add_noise(x, noise, t), t).float(), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def training_by_loop(net: UNet, data: Tensor, steps: int) -> Iterator[float]:
    batches = training.batches(data, steps=steps, batch_size=BATCH, generator=seeded())
    model = Diffusion(net, SCHEDULE).train()
    for report in training.steps(model, batches, {"model": moving(list(net.parameters()))}, losses=half):
        yield report["model"]["loss"]


def sampling_by_hand(net: Theirs, shape: tuple[int, int, int], steps: int) -> Tensor:
    scheduler, x = ddpm_scheduler(), torch.randn(BATCH, *shape)
    scheduler.set_timesteps(steps)
    with torch.no_grad(), half():
        for t in scheduler.timesteps:
            x = scheduler.step(net(x, t.expand(len(x))).float(), t, x).prev_sample
    return x


def sampling_by_model(net: UNet, shape: tuple[int, int, int], steps: int) -> Tensor:
    with half():
        return Diffusion(net, SCHEDULE, shape=shape).sample(BATCH, sampler=DDPM(), steps=steps)


def ddpm_scheduler() -> Any:
    from diffusers import DDPMScheduler

    return DDPMScheduler(1000, beta_start=1e-4, beta_end=0.02, clip_sample=False)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turns(actions: list[Callable[[], Any]], rounds: int) -> list[list[float]]:
    """Seconds of each action in each round but the first, which warms up; every second round goes backwards."""
    rows = []
    for number in range(rounds + 1):
        order = range(len(actions))[:: -1 if number % 2 else 1]
        took = {place: timed(actions[place]) for place in order}
        rows.append([took[place] for place in range(len(actions))])
    return rows[1:]


def compared(case: Case, rounds: int) -> float:
    torch.manual_seed(0)
    ours = case.make()
    theirs = [Theirs(case.shape, size(ours), patch) for patch in (1, ours.first[0].downscale_factor)]
    for net in theirs:
        alike(size(ours), size(net))
    data = torch.rand(4 * BATCH, *case.shape, generator=seeded()) * 2 - 1
    runs = [training_by_loop(ours, data, rounds + 1), *(training_by_hand(net, data, rounds + 1) for net in theirs)]
    trained = in_turns([partial(next, run) for run in runs], rounds)
    steps, walks = 2, [partial(sampling_by_model, ours), *(partial(sampling_by_hand, net) for net in theirs)]
    sampled = in_turns([partial(walk, case.shape, steps) for walk in walks], rounds)
    millions = " ".join(f"{size(net) / 1e6:.2f}" for net in (ours, *theirs))
    print(f"{case.name}: {millions} million parameters", flush=True)
    return min(line("training", trained, BATCH), line("sampling", sampled, steps * BATCH))


def line(name: str, rows: list[list[float]], items: int) -> float:
    rates = " ".join(f"{items / median(seconds):7.1f}" for seconds in zip(*rows, strict=True))
    plain, strong = (median(row[place] / row[0] for row in rows) for place in (1, 2))
    print(
        f"  {name}, images/s (each step counts): ours, theirs, unshuffled {rates}   ratio {plain:.2f} {strong:.2f}",
        flush=True,
    )
    return plain


def alike(ours: int, theirs: int) -> None:
    if abs(ours - theirs) > 0.15 * ours:
        raise AssertionError(f"the nets are not of one size: {ours} and {theirs} parameters")


def noised_alike() -> None:
    """Both make the same x_t; their times count from 0."""
    x, noise, t = torch.randn(8, 3), torch.randn(8, 3), torch.arange(1, 1001, 125)
    torch.testing.assert_close(SCHEDULE.noised(x, t, noise), ddpm_scheduler().add_noise(x, noise, t - 1))


def main(brief: bool = False) -> int:
    if importlib.util.find_spec("diffusers") is None:
        print("no diffusers here: pip install diffusers")
        return 0
    warnings.filterwarnings("ignore", module="diffusers")
    print(f"{torch.get_num_threads()} threads, batches of {BATCH}")
    noised_alike()
    cases = CASES[:1] if brief else CASES
    return int(min(compared(case, 1 if brief else 7) for case in cases) < 1 and not brief)


if __name__ == "__main__":
    sys.exit(main("--brief" in sys.argv))
