"""A diffusion model that is exact: its net knows all pictures there are, and which attributes each of them has."""

import itertools

import torch
from torch import nn

from coursekit.models import diffusion

ATTRIBUTES = ("glasses", "sunglasses")


def pictures(n=40, seed=0):
    """Pictures of 4×4 pixels and their attributes ±1: two squares say which; the last row are four factors."""
    traits = torch.tensor(list(itertools.islice(itertools.cycle([(1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]), n)))
    x = torch.full((n, 1, 4, 4), 0.5)
    x[:, 0, 3] = torch.rand(n, 4, generator=torch.Generator().manual_seed(seed))
    for i in range(2):
        x[:, 0, :2, 2 * i : 2 * i + 2] = 0.5 + 0.4 * traits[:, i, None, None]
    return x, traits


def read(x):
    """What there is to read on them: four factors in −1 … 1, two chances."""
    squares = x[:, 0, :2].unflatten(2, (2, 2)).mean((1, 3))  # [n, 2]
    return torch.cat([2 * x[:, 0, 3] - 1, squares], 1)


class Exact(nn.Module):
    """x₀ = Σ P(x_i | x_t, condition) x_i; an attribute asked for is e^`sure` times as likely as its opposite."""

    def __init__(self, schedule, hears=True, sure=4.0, soft=0.02):
        super().__init__()
        x, self.traits = pictures()
        self.points, self.schedule, self.hears, self.sure = nn.Parameter(2 * x - 1), schedule, hears, sure
        self.soft = soft  # more of it: means of many pictures
        self.asked = []  # how many items, each time

    def forward(self, x, t, condition=None):
        self.asked.append(len(x))
        a, s = self.schedule.levels(t, x.flatten(1))  # [n, 1] each
        off = x.flatten(1)[:, None] - a[..., None] * self.points.flatten(1)
        logits = -off.square().sum(2) / (2 * s.square() + self.soft)
        if condition is not None and self.hears:
            logits = logits + self.sure * (condition @ self.traits.T) / 2
        return torch.einsum("nm,m...->n...", logits.softmax(1), self.points)


class ExactDiffusion(diffusion.Diffusion):
    """Its net is told the time itself, all its digits."""

    def predict(self, x_t, t, condition=None):
        return self.net(x_t, torch.as_tensor(t).expand(len(x_t)), condition)


def model(schedule=None, **options):
    """The model of those pictures."""
    schedule = schedule or diffusion.Straight()
    return ExactDiffusion(Exact(schedule, **options), schedule, predicts=diffusion.DATA, centre=0.5, scale=0.5,
                          shape=(1, 4, 4))  # fmt: skip
