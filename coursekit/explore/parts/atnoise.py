"""A diffusion model asked about noise of a standard deviation σ upon data as they are, whatever its schedule."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.explore.parts.held import held, runs_on
from coursekit.models.diffusion import Diffusion, Discrete, Schedule, Spread, Straight


class AtNoise:
    """(x, σ) ↦ the model's estimate of x₀ for x = x₀ + σ ε, in the data's own units: its schedule has a time with
    s/a = σ/scale, and there x_t = a (x − centre)/scale. In a frozen copy.

    A discrete schedule takes the nearest of its times. Raises ValueError for a `scale` that is not one number.
    """

    def __init__(self, model: Diffusion) -> None:
        if model.scale.numel() != 1:
            raise ValueError(f"model: want one scale for all numbers, got {list(model.scale.shape)}")
        self.centre, self.scale = model.centre.cpu(), float(model.scale)
        self.still, self.schedule = held(model), model.schedule
        self.device = runs_on([self.still], model.scale)

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        """x [n, ...] → [n, ...]."""
        t = time_of(self.schedule, sigma / self.scale)
        a, _ = self.schedule.levels(t, x)
        centre = self.centre.to(x)
        return centre + self.scale * self.still(a * (x - centre) / self.scale, t)


def time_of(schedule: Schedule, ratio: float) -> float:
    """The time at which there is so much noise for each part of signal, s/a; the nearest of a discrete schedule, its
    last for more noise than it has. ValueError for a schedule of another kind."""
    if isinstance(schedule, Spread):
        return ratio
    if isinstance(schedule, Discrete):
        times = torch.arange(1, schedule.end + 1)
        ratios = schedule.noise(times) / schedule.signal(times)
        return int(times[(ratios.log() - torch.tensor(ratio).log()).abs().argmin()])
    if not isinstance(schedule, Straight):
        raise ValueError(f"schedule: want Straight, Spread or Discrete, got {schedule}")
    return ratio / (1 + ratio)
