"""Soft-edged shapes, and layers of paint laid over one another.

A shape's coverage of a pixel is computed from a signed distance, in closed form: clamp(d / pixel + ½, 0, 1) is
the share of a pixel that lies inside a straight edge at distance d. So edges are smooth without supersampling,
a picture means the same at every size, and its gradient with respect to the geometry exists.

Nearly all shapes here are of the form f(x) + g(y) ≥ 0. The functions are then evaluated on one row and one
column of pixels, and only their sum and the clamp touch every pixel: that is why rendering is fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

Number = float | Tensor


class Layer(NamedTuple):
    """Paint of one colour [n, 3], laid on with opacity alpha [n, H, W] in [0, 1]."""

    alpha: Tensor
    colour: Tensor


def cover(f: Tensor, g: Tensor, soft: Number) -> Tensor:
    """Coverage clamp((f(x) + g(y)) / soft + ½, 0, 1) of the region f + g ≥ 0; soft is the edge's width."""
    return (f / soft + (g / soft + 0.5)).clamp(0, 1)


def between(y: Tensor, top: Tensor, bottom: Tensor, pixel: float) -> Tensor:
    """Coverage of top(x) ≤ y ≤ bottom(x): exactly the share of a pixel's height that lies in the strip.

    It stays right for strips far thinner than a pixel, and is 0 where bottom < top.
    """
    rows = y / pixel
    overlap = torch.minimum(bottom / pixel, rows + 0.5) - torch.maximum(top / pixel, rows - 0.5)
    return overlap.clamp_min(0)


def ellipse(x: Tensor, y: Tensor, radii: tuple[Number, Number], pixel: float) -> Tensor:
    """Coverage of the ellipse (x/a)² + (y/b)² ≤ 1, where x and y are measured from its centre.

    An ellipse thinner than a pixel is drawn a pixel wide and fainter instead, so that its ink stays the same.
    """
    a, b = (_at_least(r, 0.7 * pixel) for r in radii)
    faint = (radii[0] * radii[1]) / (a * b)
    half = a * b / (a + b)  # turns the quadratic form into a distance at the rim
    inside = cover(half * (1 - (x / a) ** 2), -half * (y / b) ** 2, pixel)
    return inside if isinstance(faint, float) and faint == 1.0 else inside * faint


def _at_least(r: Number, least: float) -> Number:
    return r.clamp_min(least) if isinstance(r, Tensor) else max(r, least)


def bump(x: Tensor, radius: Number) -> Tensor:
    """A smooth hill (1 − (x/r)²)² for |x| < r, and 0 outside: a soft spot's profile."""
    return (1 - (x / radius) ** 2).clamp_min(0) ** 2


def flatten(layers: Sequence[Layer]) -> tuple[Tensor, Tensor]:
    """Lay the layers, first one lowest, over one another: Σ_k w_k c_k with w_k = α_k Π_{j>k} (1 − α_j).

    Returns that sum [n, 3, H, W] and what still shines through all of them, Π_k (1 − α_k) [n, H, W].
    """
    weights = [layers[-1].alpha]
    rest = 1 - layers[-1].alpha
    for layer in reversed(layers[:-1]):
        weights.append(layer.alpha * rest)
        rest = rest - weights[-1]
    stacked = torch.stack(weights, dim=1)  # [n, K, H, W], uppermost first
    colours = torch.stack([layer.colour for layer in reversed(layers)], dim=2)  # [n, 3, K]
    return torch.bmm(colours, stacked.flatten(2)).unflatten(2, stacked.shape[2:]), rest
