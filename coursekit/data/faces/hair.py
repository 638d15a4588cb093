"""Hair and beard."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data.faces.body import contour
from coursekit.data.faces.scene import Scene
from coursekit.data.faces.shapes import Layer, bump, cover

TOP = -0.16  # height of the middle of the hair


def outline(s: Scene) -> Tensor:
    """Coverage of the cap of hair, a little wider than the skull; a turn shifts it against the face."""
    x, y = s.x + 0.035 * s.turn, s.y - TOP - 0.25 * s.sink
    half = s.half + 0.050
    return cover(half**2 - x**2, -(half**2) * ((y / 0.66) ** 2 * 0.7 + (y / 0.66) ** 4 * 0.3), 2 * half * s.pixel)


def behind(s: Scene, cap: Tensor) -> list[Layer]:
    """What the head hides in part: the cap, and long hair down to the shoulders."""
    t = (s.y + 0.2).clamp_min(0)
    half = s.half + 0.075 + 0.10 * t - 0.30 * (t - 0.55).clamp_min(0) ** 2
    long = cover(half**2, -((s.x + 0.03 * s.turn) ** 2), 1.2 * s.pixel) * cover(s.y + 0.25, 0 * s.x, 0.1)
    return [
        Layer(long * cover(0.93 - s.y, -0.25 * s.x**2, s.pixel) * s.long_hair, s.paint.hair_dark),
        Layer(cap * cover(0.02 - s.y, 0 * s.x, 0.10), s.paint.hair_dark),
    ]


def locks(s: Scene) -> list[Layer]:
    """Long hair that falls in front of ears and shoulders, outside a curve that leaves the neck free."""
    x, t = (s.x + 0.03 * s.turn).abs(), (s.y + 0.2).clamp_min(0)
    outer = s.half + 0.075 + 0.10 * t - 0.30 * (t - 0.55).clamp_min(0) ** 2
    inner = s.half - 0.09 - 0.10 * bump(s.y - 0.62, 0.35)
    strip = (cover(outer, -x, s.pixel) - cover(inner, -x, s.pixel)).clamp_min(0)
    ends = cover(s.y + 0.25, 0 * x, 0.1) * cover(0.90 - s.y, 0.4 * (x - 0.4) ** 2, s.pixel)
    return [Layer(strip * ends * s.long_hair, s.paint.hair)]


def fringe(s: Scene, cap: Tensor) -> list[Layer]:
    """The cap in front of the forehead, above a hairline that rises to the parting; a band of shine on it."""
    parting = 0.25 * s.hair
    d = s.u - parting
    t = (d / (0.50 - parting * d.detach().sign())).abs()
    hairline = -0.47 + 0.36 * (0.45 * t + 0.55 * t**3)
    front = cap * cover(hairline, -s.v, 0.02 + s.pixel * (1 + t))
    y = s.v + 0.60 + 0.10 * (1 - t)
    shine = bump(y - 0.25 * s.u**2, 0.09) * bump(s.x - 0.22 * s.light, 0.42)
    return [Layer(front, s.paint.hair), Layer(front * shine * 0.8, s.paint.hair_light)]


def beard(s: Scene, shape: Tensor) -> list[Layer]:
    """A full beard inside a slightly larger head, from the ears down and around the mouth."""
    cheek = 0.30 - 0.9 * (s.pair - 0.10).clamp_min(0) ** 1.5 - 0.06 * bump(s.pair, 0.14)
    grown = contour(s, grow=0.03)
    low = s.below(cheek, 0.03) * grown
    return [Layer(low * 0.95 * s.beard, s.paint.hair_dark)]
