"""Hair and beard."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from coursekit.data.faces.body import contour, dusk
from coursekit.data.faces.scene import Scene
from coursekit.data.shapes import Layer, bump, cover

BOX = (-0.69, 0.69, -0.90, 0.22)  # where the fringe may be
TOP, RISE = -0.16, 0.69  # height of the middle of the hair, and from there to its top


def parting(s: Scene) -> Tensor:
    """Where the hair is parted: on the left if it is black, on the right if it is blond."""
    return 0.12 * s.hair * (3 - s.hair**2)


def _place(s: Scene) -> tuple[Tensor, Tensor]:
    """Coordinates from the middle of the hair: a turn shifts it against the face, the parting leans it."""
    return s.x + 0.035 * s.turn + 0.08 * parting(s), s.y - TOP - 0.25 * s.sink


def outline(s: Scene) -> Tensor:
    """Coverage of the cap of hair, wider than the skull."""
    x, y = _place(s)
    y, half = y / RISE, s.half + 0.060
    tufts = 0.005 * torch.cos(13 * (s.u - parting(s)))
    return cover(half**2 - x**2 + tufts, -(half**2) * (0.6 * y**2 + 0.4 * y**4), 2 * half * s.pixel)


def behind(s: Scene, cap: Tensor) -> list[Layer]:
    """What the head hides in part: the cap, and long hair down to the shoulders."""
    return [
        Layer(_curtain(s, 1.0) * s.long_hair, s.paint.hair_dark),
        Layer(cap * cover(0.04 - s.y, 0 * s.x, 0.06), s.paint.hair_dark),
    ]


def locks(s: Scene) -> list[Layer]:
    """Long hair that falls in front of ears and shoulders, and leaves the neck free."""
    x = _place(s)[0].abs()
    inner = s.half - 0.10 - 0.07 * bump(s.y - 0.60, 0.35) + 0.015 * torch.sin(9 * s.y)
    free = 1 - cover(inner, -x, s.pixel)
    return [Layer(_curtain(s, 0.96) * free * s.long_hair, s.paint.hair)]


def _curtain(s: Scene, size: float) -> Tensor:
    """Coverage of long hair: from the widest place of the cap, in waves, to rounded ends on the shoulders."""
    x, t = _place(s)
    t = t / (1.05 * size)
    wave = 0.075 * t.clamp_min(1e-4) ** 0.5 + 0.014 * torch.sin(12 * t) * t
    half = s.half + 0.058 + wave
    ends = (1 - t.clamp(0, 1) ** 8)
    return cover(half**2 * ends, -(x**2), 2 * half * s.pixel) * cover(t, 0 * x, 0.04)


def fringe(s: Scene, cap: Tensor, head: Tensor) -> list[Layer]:
    """The cap in front of the forehead, above a hairline that rises to the parting; strands and a shine on it."""
    part = parting(s)
    d = s.u - part
    t = (d / (0.52 - part * d.detach().sign())).abs()
    hairline = -0.46 + 0.34 * (0.55 * t + 0.45 * t**3) + 0.012 * torch.cos(16 * t)
    ends = cover(-0.02 - s.y, 0.0 * s.x, 0.05)
    front = cap * cover(hairline, -s.v, 0.015 + s.pixel * (1 + t)) * ends
    y = s.v + 0.62 + 0.10 * (1 - t)
    shine = bump(y - 0.25 * s.u**2, 0.10) * bump(s.x - 0.22 * s.light, 0.45)
    cast = cover(hairline + 0.05, -s.v, 0.09) * head
    return [
        Layer(cast * 0.45, s.paint.shadow),
        Layer(front, s.paint.hair),
        Layer(front * _strands(s, t), s.paint.hair_dark),
        Layer(front * shine * 0.8, s.paint.hair_light),
    ]


def _strands(s: Scene, t: Tensor) -> Tensor:
    """Waves of light and dark along the hair, ½ (1 + cos(a(x) + b(y))); finer than two pixels they fade away."""
    a, b = 30 * t, -26 * s.v
    fade = math.exp(-((30 * s.pixel) ** 2) / 8)
    wave = torch.cos(a) * torch.cos(b) - torch.sin(a) * torch.sin(b)
    return 0.10 + 0.12 * fade * wave + 0.5 * dusk(s) ** 2


def beard(s: Scene) -> list[Layer]:
    """A full beard inside a slightly larger head, from the ears down and around the mouth."""
    rise = ((s.pair - 0.16) / 0.34).clamp_min(0)
    moustache = bump(s.pair - 0.07, 0.14) * (0.065 + 0.02 * s.smile)
    cheek = 0.30 - 0.05 * s.smile * bump(s.pair - 0.18, 0.16) - 0.36 * rise**2.2 - moustache
    return [Layer(s.below(cheek, 0.035) * contour(s, grow=0.03) * 0.96 * s.beard, s.paint.hair_dark)]
