"""Nets of points for many games side by side: what comes of chance is seen at once."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.01


class SideBySide(nn.Module):
    """`games` affine layers in a row: y_g = x_g W_g + b_g, [games, n, inputs] to [games, n, outputs].

    Each starts as `nn.Linear` does, from U(−1/√inputs, 1/√inputs).
    """

    def __init__(self, games: int, inputs: int, outputs: int) -> None:
        super().__init__()
        reach = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(games, inputs, outputs).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.empty(games, 1, outputs).uniform_(-reach, reach))

    def forward(self, x: Tensor) -> Tensor:
        """Each game's items through its own layer."""
        return torch.baddbmm(self.bias, x, self.weight)


class PointNets(nn.Module):
    """An MLP of two hidden layers for each of several games: items [n, games, inputs] to [n, games, outputs].

    `games` nets that know nothing of each other, with weights of their own, computed together. With `changes` the
    output is x + net(x), and net is 0 at the start. Raises ValueError for items of another shape.
    """

    def __init__(self, games: int, inputs: int, width: int, outputs: int, *, changes: bool = False) -> None:
        super().__init__()
        if games < 1:
            raise ValueError(f"games: want at least 1, got {games}")
        sizes = ((inputs, width), (width, width), (width, outputs))
        self.layers = nn.ModuleList(SideBySide(games, *size) for size in sizes)
        self.shape, self.changes = (games, inputs), changes
        for parameter in self.layers[-1].parameters() if changes else ():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """[n, games, inputs] → [n, games, outputs]."""
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"x: want [n, {self.shape[0]}, {self.shape[1]}], got {list(x.shape)}")
        y = x.transpose(0, 1)  # [games, n, inputs]
        for layer in self.layers[:-1]:
            y = F.leaky_relu(layer(y), SLOPE)
        drawn = self.layers[-1](y).transpose(0, 1)
        return x + drawn if self.changes else drawn


def point_generator(games: int = 8, *, width: int = 64, start: str = "free") -> PointNets:
    """A translator of points in the plane for each of several games: [n, games, 2] to [n, games, 2].

    With `start` "identity" the output is x + net(x), and net is 0 at the start; with "free" it is net(x). Each game of
    a `CycleGAN` of such nets and of critics from `point_critic` has its own players, and Adam moves them as if each
    were alone: the mean over games divides a game's gradient by their number, and Adam is blind to that. So one
    training shows what `games` seeds lead to. Raises ValueError for another `start`, or fewer games than one.
    """
    if start not in ("identity", "free"):
        raise ValueError(f"start: want 'identity' or 'free', got {start!r}")
    return PointNets(games, 2, width, 2, changes=start == "identity")


def point_critic(games: int = 8, *, width: int = 64) -> PointNets:
    """A critic of points for each of several games: [n, games, 2] to scores [n, games, 1]."""
    return PointNets(games, 2, width, 1)
