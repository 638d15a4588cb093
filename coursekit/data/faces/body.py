"""Backdrop, shoulders, neck, ears and head."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data.faces.scene import Scene
from coursekit.data.shapes import Layer, bump, cover

CENTRE, HEIGHT = -0.05, 0.61  # of the head: skull top at −0.66, chin at 0.56
NECKLINE = 0.585


def backdrop(s: Scene) -> list[Layer]:
    """A plain backdrop with a soft glow behind the head, brighter on the side of the light."""
    glow = cover(1 - (s.x - 0.5 * s.light) ** 2, -((s.y + 0.1) ** 2), 2.4)
    return [Layer(torch.ones_like(glow), s.paint.backdrop), Layer(glow, s.paint.backdrop_light)]


def dusk(s: Scene) -> Tensor:
    """How far a pixel column lies on the side away from the light: ½ everywhere in light from the front."""
    return (0.5 - 0.9 * s.light * s.x).clamp(0, 1)


def shoulders(s: Scene) -> list[Layer]:
    """Neck and shirt, with the shadow of the chin on the neck."""
    x, y = s.x - 0.02 * s.turn, s.y - NECKLINE
    opening = s.ellipse(x, y, (0.215, 0.115))
    throat = opening * cover(y, 0 * x, s.pixel)
    half = 0.19 + 0.015 * s.width + 2 * (y + 0.12).clamp(0, 0.12) ** 2
    neck = torch.maximum(throat, cover(half, -x.abs(), s.pixel) * (s.y > 0.2) * (y < 0.02))
    chin = s.ellipse(s.x - 0.05 * s.turn, s.y - 0.47 - 0.3 * s.sink, (0.36 + 0.05 * s.width, 0.19))
    cloth = cover(y - 0.005, -0.36 * x**2, s.pixel)
    collar = s.ellipse(x, y, (0.262, 0.160)) * cloth
    return [
        Layer(neck, s.paint.dim),
        Layer(neck * chin * 0.7, s.paint.shadow),
        Layer(cloth - cloth * opening, s.paint.shirt),
        Layer((cloth - cloth * opening) * dusk(s) * 0.55, s.paint.shirt_dark),
        Layer((collar - opening).clamp_min(0), s.paint.shirt_dark),
    ]


def ears(s: Scene) -> list[Layer]:
    """Both ears; behind the axis of the head, so a turn shifts them against the face. Long hair covers them."""
    middle, y = -0.055 * s.turn, s.y - 0.05 + 0.6 * s.sink
    x = (s.x - middle).abs() - s.half - 0.005
    seen = 1 - s.long_hair
    return [
        Layer(s.ellipse(x, y, (0.085, 0.125)) * seen, s.paint.dim),
        Layer(s.ellipse(x - 0.012, y, (0.045, 0.078)) * (0.55 * seen), s.paint.shadow),
    ]


def contour(s: Scene, grow: float = 0.0) -> Tensor:
    """The head's coverage: x² ≤ P(y), an egg whose chin follows the turn; it may grow at the chin."""
    t = (s.y - CENTRE) / (HEIGHT + grow)
    chin = 0.06 * s.turn * t.clamp_min(0) ** 2
    profile = s.half**2 * (1 - 0.55 * t**2 - 0.45 * t**4) * (1 - 0.13 * t)
    x = s.x - chin
    return (0.5 + (profile - x * x) / (2 * s.half * s.pixel)).clamp(0, 1)


def head(s: Scene, shape: Tensor) -> list[Layer]:
    """The head itself with soft shading: dark towards the rim, the bright spot on the side of the light."""
    x = s.x - 0.40 * s.light - 0.5 * s.shift
    rim = cover(-0.42 + (x / 0.62) ** 2, ((s.y + 0.08) / 0.95) ** 2, 1.5) * shape
    spot = bump(s.x - 0.20 * s.light - s.shift, 0.42) * bump(s.v + 0.30, 0.34)
    blush = bump(s.pair - 0.29, 0.17) * bump(s.v - 0.21 + 0.03 * s.smile, 0.13)
    return [
        Layer(shape, s.paint.skin),
        Layer(rim * 0.9, s.paint.shadow),
        Layer(spot * 0.5 * shape, s.paint.glow),
        Layer(blush * (0.36 + 0.20 * s.smile - 0.11 * s.skin) * shape, s.paint.blush),
    ]
