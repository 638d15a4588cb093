"""Games small enough to see through: the product x·y, and the lecture's two lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from coursekit.data.toy import DATA_DIRECTION, GENERATOR_DIRECTION

__all__ = ["CRITIC_DIRECTION", "DATA_DIRECTION", "GENERATOR_DIRECTION", "TwoLines", "bilinear", "invariant"]

Way = Literal["simultaneous", "alternating", "continuous"]
CRITIC_DIRECTION = (0.71, -0.71)


def bilinear(start: Sequence[float] | Tensor, steps: int, rate: float, way: Way = "simultaneous") -> Tensor:
    """The path of min_x max_y x·y from `start` (x, y): [steps + 1, 2] in float64. Its only equilibrium is (0, 0).

    x falls along the slope y, y climbs along the slope x, in steps of size η = `rate`. With r² = x² + y²:

    - "simultaneous": x' = x − η y, y' = y + η x. r grows by √(1 + η²) in each step, for any η: outwards, in a spiral.
    - "alternating": x' = x − η y, y' = y + η x', x first, as it has moved already when y looks. Area is kept, and so is
      x² + y² − η x y (`invariant`): for η < 2 an ellipse, so r² stays between I/(1 + η/2) and I/(1 − η/2).
    - "continuous": dx/dt = −y, dy/dt = x, after times of η each: a turn by the angle η. r is kept: it circles.

    None of them arrives. Raises ValueError for another way, a negative number of steps, or a start that is no pair.
    """
    point = torch.as_tensor(start, dtype=torch.float64)
    if point.shape != (2,) or steps < 0:
        raise ValueError(f"start, steps: want two numbers and at least 0, got {list(point.shape)} and {steps}")
    turn = _turn(way, rate)
    path = [point]
    for _ in range(steps):
        path.append(turn @ path[-1])
    return torch.stack(path)


def _turn(way: str, rate: float) -> Tensor:
    """The matrix of one step, [2, 2]."""
    cos, sin = math.cos(rate), math.sin(rate)
    rows = {
        "simultaneous": [[1.0, -rate], [rate, 1.0]],
        "alternating": [[1.0, -rate], [rate, 1.0 - rate**2]],
        "continuous": [[cos, -sin], [sin, cos]],
    }
    if way not in rows:
        raise ValueError(f"way: want one of {', '.join(rows)}, got {way!r}")
    return torch.tensor(rows[way], dtype=torch.float64)


def invariant(path: Tensor, rate: float) -> Tensor:
    """x² + y² − η x y of points [..., 2] → [...]: what "alternating" steps of size η keep.

    Before a step it is x (x − η y) + y² = x x' + y², after it x'² + y' (y' − η x') = x'² + y' y, and the two differ by
    x' (x − x') − y (y' − y) = x' η y − y η x' = 0.
    """
    x, y = path.unbind(-1)
    return x.square() + y.square() - rate * x * y


@dataclass(frozen=True)
class TwoLines:
    """The lecture's smallest GAN: a generator x = h v with h ~ N(0, 1), and D(x) = σ(|x₁| w₁ + |x₂| w₂).

    The data are h d, d = `data`. With s(u) = |u₁| w₁ + |u₂| w₂ the score of h u is |h| s(u), and the value of the game

        V(v, w) = E log D(h d) + E log(1 − D(h v)) = −E softplus(−|h| s(d)) − E softplus(|h| s(v)),

    which w raises and v lowers. With c(s) = E |h| σ(|h| s) its slopes are

        ∂V/∂v_i = −c(s(v)) sign(v_i) w_i,      ∂V/∂w = c(−s(d)) |d| − c(s(v)) |v|.

    Expectations over h are integrals, by the rule of Gauss and Legendre: nothing is random. v and w are directions. A
    step follows the slope along the unit circle (its other part only changes the length) and ends on the circle.

    The lecture's moves are one step of size 0.89 of v, (0.2, 0.98) → (0.39, 0.92), then one of the same size of w
    against the new v, (0.71, −0.71) → (0.67, −0.74). Sizes from 0.88 to 0.90 give these digits, too. The order
    matters: against the old v the slope of w points along w, which would stay.
    """

    data: tuple[float, float] = DATA_DIRECTION

    def score(self, x: Tensor, w: Tensor) -> Tensor:
        """l(x) = |x₁| w₁ + |x₂| w₂: points [..., 2] and w [2] → [...]."""
        return x.abs() @ w.to(x)

    def discriminator(self, x: Tensor, w: Tensor) -> Tensor:
        """D(x) = σ(l(x)), the chance that x is of the data: [..., 2] → [...]."""
        return self.score(x, w).sigmoid()

    def value(self, v: Tensor, w: Tensor) -> Tensor:
        """V(v, w), a scalar; −2 log 2 where D is ½ on both lines."""
        h, p = _half_normal(v)
        real, fake = self.score(self._data(v), w), self.score(v, w)
        return -(p * (softplus(-h * real) + softplus(h * fake))).sum()

    def generator_slope(self, v: Tensor, w: Tensor) -> Tensor:
        """∂V/∂v, [2]."""
        return -_pull(self.score(v, w)) * v.sign() * w

    def critic_slope(self, v: Tensor, w: Tensor) -> Tensor:
        """∂V/∂w, [2]."""
        data = self._data(v)
        return _pull(-self.score(data, w)) * data.abs() - _pull(self.score(v, w)) * v.abs()

    def generator_step(self, v: Tensor, w: Tensor, rate: float = 0.89) -> Tensor:
        """v, [2], after a step down V; of length 1."""
        return _turned(v, -rate * self.generator_slope(v, w))

    def critic_step(self, v: Tensor, w: Tensor, rate: float = 0.89) -> Tensor:
        """w, [2], after a step up V; of length 1."""
        return _turned(w, rate * self.critic_slope(v, w))

    def _data(self, like: Tensor) -> Tensor:
        return torch.tensor(self.data, dtype=like.dtype, device=like.device)


def _turned(direction: Tensor, push: Tensor) -> Tensor:
    """The direction pushed along the circle, and of length 1 again."""
    unit = direction / torch.linalg.vector_norm(direction)
    moved = unit + push - (push @ unit) * unit
    return moved / torch.linalg.vector_norm(moved)


def _pull(s: Tensor) -> Tensor:
    """c(s) = E |h| σ(|h| s) for h ~ N(0, 1), a scalar."""
    h, p = _half_normal(s)
    return (p * h * (h * s).sigmoid()).sum()


def _half_normal(like: Tensor) -> tuple[Tensor, Tensor]:
    """Points |h| and their weights, [64] each, with the dtype and on the device of a tensor."""
    h, p = _rule()
    return h.to(like), p.to(like)


@cache
def _rule(points: int = 64, far: float = 9.0) -> tuple[Tensor, Tensor]:
    nodes, weights = np.polynomial.legendre.leggauss(points)  # on [−1, 1]
    h = torch.from_numpy(far / 2 * (nodes + 1))
    density = math.sqrt(2 / math.pi) * (-h.square() / 2).exp()  # of |h|
    return h, far / 2 * torch.from_numpy(weights) * density
