"""What the animal stands in: a sky with the sun, hills, the ground and a shadow on it."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data.horses.animal import Animal
from coursekit.data.paint import Colour, constant, mix, path
from coursekit.data.shapes import Layer, bump, cover, ellipse

SKIES: tuple[Colour, ...] = (
    (0.32, 0.24, 0.50),
    (0.95, 0.45, 0.45),
    (0.99, 0.83, 0.60),
    (0.62, 0.83, 0.96),
    (0.25, 0.55, 0.92),
)
GROUNDS: tuple[Colour, ...] = (
    (0.62, 0.26, 0.16),
    (0.80, 0.48, 0.22),
    (0.93, 0.79, 0.40),
    (0.58, 0.70, 0.26),
    (0.16, 0.50, 0.22),
)
HORIZON = 0.10


def layers(a: Animal) -> list[Layer]:
    """Lowest first."""
    sky, ground = path(a.h["sky"][:, 0, 0], SKIES), path(a.h["ground"][:, 0, 0], GROUNDS)
    white = constant((1.0, 0.97, 0.86), sky).expand_as(sky)
    everywhere = torch.ones_like(a.outline)
    sun = 0.72 * a.h["light"]
    glow = bump(a.x - sun, 0.95) * bump(a.y + 0.62, 0.95)
    haze = cover(0 * a.x, 1.1 * (a.y - HORIZON) + 0.35, 0.9)
    hill = HORIZON - 0.16 - 0.08 * torch.cos(2.3 * a.x + 0.9) - 0.04 * torch.cos(5.1 * a.x)
    far = cover(-hill, a.y + 0 * a.x, a.pixel)
    flat = cover(0 * a.x, a.y - HORIZON, a.pixel).expand_as(everywhere)
    near = cover(0 * a.x, a.y - 0.75, 1.1).expand_as(everywhere)
    return [
        Layer(everywhere, sky),
        Layer(glow * 0.75 * everywhere, white),
        Layer(haze * 0.5 * everywhere, mix(sky, white, 0.6)),
        Layer(ellipse(a.x - sun, a.y + 0.62, (0.15, 0.15), a.pixel) * everywhere, white),
        Layer(far * 0.85 * everywhere, mix(mix(sky, ground, 0.5), constant((0.3, 0.35, 0.45), sky), 0.35)),
        Layer(flat, mix(ground, white, 0.22)),
        Layer(near, ground * 0.86),
        Layer(_shadow(a) * 0.45, ground * 0.35),
    ]


def _shadow(a: Animal) -> Tensor:
    x = a.x - a.middle + 0.22 * a.h["light"] * a.scale
    return ellipse(x, a.y - a.floor, (0.50 * a.scale, 0.075 * a.scale), a.pixel)
