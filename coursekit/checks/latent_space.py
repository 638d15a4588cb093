"""Checks for the exercises on codes and what can be done with them."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.checks.core import Exercise, Verdict
from coursekit.models.latent import lerp
from coursekit.models.latent import mean_difference as _mean_difference
from coursekit.models.latent import slerp as _arc

__all__ = ["analogy", "attribute_direction", "slerp"]


def _pair(seed: int, t: float) -> tuple[Tensor, Tensor, float]:
    """Two codes [4] of different length, and a place between them."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, generator=generator), 2 * torch.randn(4, generator=generator), t


def _angle(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b / (a.norm() * b.norm())).clamp(-1, 1).acos()


def _sines(a: Tensor, b: Tensor, t: float, angle: Tensor) -> Tensor:
    return (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()


_slerp = Exercise(
    reference=_arc,
    cases=[_pair(0, 0.25), _pair(1, 0.5), _pair(2, 0.9)],
    praise="The direction turns evenly and the length goes evenly: the arc stays where N(0, I) has its codes.",
    mistakes={
        "This is the straight line, which cuts through the middle, where N(0, I) has next to no codes.": lerp,
        "The sines weigh directions, so divide a and b by their lengths first; then multiply by the length wanted.": (
            lambda a, b, t: _sines(a, b, t, _angle(a, b))
        ),
        "The direction is right, but its length is 1: multiply by (1 − t) ‖a‖ + t ‖b‖.": (
            lambda a, b, t: _sines(a / a.norm(), b / b.norm(), t, _angle(a, b))
        ),
        "The division by sin θ is missing.": lambda a, b, t: _arc(a, b, t) * _angle(a, b).sin(),
        "t and 1 − t are exchanged: at t = 0 the arc is at a.": lambda a, b, t: _arc(a, b, 1 - t),
    },
)


def _labelled(seed: int) -> tuple[Tensor, Tensor]:
    """Codes [9, 3], of which some have an attribute, [9]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(9, 3, generator=generator), torch.arange(9) % (3 + seed) == 0


def _means(h: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    return h[mask].mean(0), h[~mask].mean(0)


_direction = Exercise(
    reference=_mean_difference,
    cases=[_labelled(0), _labelled(1)],
    praise="Added to the code of any face, it moves the mean of those without onto the mean of those with.",
    mistakes={
        "The direction leads to the attribute: mean *with* minus mean *without*.": lambda h, m: -_mean_difference(h, m),
        "This is where those with the attribute are, not the way there: take off the mean of those without.": (
            lambda h, mask: _means(h, mask)[0]
        ),
        "Take off the mean of those *without*; the mean of all holds those with it too.": (
            lambda h, mask: _means(h, mask)[0] - h.mean(0)
        ),
        "Means, not sums: the two groups are of different size.": lambda h, mask: h[mask].sum(0) - h[~mask].sum(0),
        "Average over the items alone, the first axis: a direction has as many numbers as a code.": (
            lambda h, mask: h[mask].mean() - h[~mask].mean()
        ),
        "Do not bring it to length 1: its length says how far the two groups are apart.": (
            lambda h, mask: torch.nn.functional.normalize(_mean_difference(h, mask), dim=0)
        ),
    },
)


def _three(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Three lots of codes, each [2, 4]."""
    a, b, c = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(seed))
    return a, b, c


_analogy = Exercise(
    reference=lambda a, b, c: a - b + c,
    cases=[_three(0), _three(1)],
    praise="a − b is what the one has and the other has not; c gets it.",
    mistakes={
        "The sign of the difference is turned round: this takes the attribute off c.": lambda a, b, c: b - a + c,
        "c is to get the difference, not to lose it as well: + c.": lambda a, b, c: a - b - c,
        "This is the difference alone; add it to c.": lambda a, b, c: a - b,
        "Subtract b: what a and b have in common must not come along.": lambda a, b, c: a + b + c,
        "Add c as it is: an average is nearer to the middle than any of the three.": lambda a, b, c: (a - b + c) / 3,
    },
)


def slerp(function) -> Verdict:
    """Judge `function(a [M_h], b [M_h], t) -> [M_h]`: the arc from a to b, its length going evenly from ‖a‖ to ‖b‖."""
    return _slerp(function)


def attribute_direction(function) -> Verdict:
    """Judge `function(codes [n, M_h], mask [n]) -> [M_h]`: the mean code with the attribute minus that without."""
    return _direction(function)


def analogy(function) -> Verdict:
    """Judge `function(a [n, M_h], b [n, M_h], c [n, M_h]) -> [n, M_h]`: a is to b as the answer is to c."""
    return _analogy(function)
