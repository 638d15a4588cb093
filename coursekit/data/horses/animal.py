"""Horse or zebra: its limbs on the pixels, its coat and its stripes."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from coursekit.data.horses import body
from coursekit.data.horses.factors import FACTORS
from coursekit.data.paint import Colour, constant, mix, path
from coursekit.data.shapes import Layer, cover

COATS: tuple[Colour, ...] = ((0.10, 0.08, 0.09), (0.36, 0.14, 0.06), (0.66, 0.26, 0.06), (0.86, 0.58, 0.24),
                             (0.99, 0.92, 0.84))  # fmt: skip
MANES: tuple[Colour, ...] = ((0.05, 0.04, 0.05), (0.05, 0.03, 0.03), (0.38, 0.13, 0.04), (0.98, 0.84, 0.56),
                             (0.80, 0.76, 0.72))  # fmt: skip
PALE: tuple[Colour, ...] = ((1.0, 1.0, 1.0), (0.98, 0.88, 0.68))
DARK: tuple[Colour, ...] = ((0.05, 0.05, 0.07), (0.33, 0.16, 0.07))
HOOF: Colour = (0.12, 0.09, 0.08)
NIGHT: Colour = (0.08, 0.06, 0.14)


class Animal:
    """n animals on a grid of pixels x [1, 1, S], y [1, S, 1] in ±1.

    `limbs` [n, P, S, S]: how much of a pixel each limb covers; `along` [n, P, S, S]: where along it the pixel lies, 0
    to 1. What has one number for each animal is [n, 1, 1].
    """

    def __init__(self, h: Tensor, size: int) -> None:
        self.h = {name: value[:, None, None] for name, value in zip(FACTORS, h.unbind(1), strict=True)}
        self.pixel = 2.0 / size
        centres = (2 * torch.arange(size, dtype=h.dtype, device=h.device) + 1 - size) / size
        self.x, self.y = centres[None, None, :], centres[None, :, None]
        rods = body.limbs(dict(zip(FACTORS, h.unbind(1), strict=True)))
        self.scale = 0.85 + 0.12 * self.h["size"]
        self.facing = torch.where(self.h["facing"] < 0, -1.0, 1.0).to(h.dtype)
        room = 0.21 - 0.10 * self.h["size"]  # the larger, the less way to go
        self.middle = room * self.h["place"] - 0.03 * self.facing * self.scale
        self.floor = 0.69 + 0.12 * self.h["size"]  # where it stands
        lowest = rods.end[:, body.HOOVES, 1].amax(1)[:, None, None] + 0.03
        self.height = self.floor - self.scale * lowest
        self.eye = self._eye(rods)
        self.along, self.limbs = self._on_pixels(rods)
        self.outline = self.limbs.amax(1)  # the whole animal, [n, S, S]

    def placed(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """[n, P, 2] in the animal's coordinates → x and y in the picture, [n, P, 1, 1] each."""
        x, y = points[..., None, None].unbind(2)
        return self.middle[:, None] + (self.scale * self.facing)[:, None] * x, (
            self.height[:, None] + self.scale[:, None] * y
        )

    def _on_pixels(self, rods: body.Limbs) -> tuple[Tensor, Tensor]:
        (ax, ay), (bx, by) = self.placed(rods.start), self.placed(rods.end)
        ux, uy = bx - ax, by - ay
        length = ux**2 + uy**2
        dx, dy = self.x[:, None] - ax, self.y[:, None] - ay  # [n, P, 1, S], [n, P, S, 1]
        along = (dx * (ux / length) + dy * (uy / length)).clamp(0, 1)
        away = torch.hypot(dx - along * ux, dy - along * uy)
        r, change = (radius[:, None, None] * self.scale[:, None] for radius in (rods.r, rods.R - rods.r))
        return along, (0.5 + (r + along * change - away) / self.pixel).clamp(0, 1)

    def _eye(self, rods: body.Limbs) -> Tensor:
        head = slice(body.HEAD_AT, body.HEAD_AT + 1)
        x, y = self.placed(rods.start[:, head] + 0.16 * (rods.end - rods.start)[:, head])
        away = torch.hypot(self.x - x[:, 0], self.y - y[:, 0] + 0.02 * self.scale)
        return (0.5 + (0.024 * self.scale - away) / self.pixel).clamp(0, 1)

    def layers(self, stripes: Tensor | None) -> list[Layer]:
        """Far legs, tail, ear, trunk and near legs, mane; then light and shade, and the eye: lowest first."""
        coat, mane = self._paints(stripes)
        hoof, night = (constant(colour, coat).expand_as(coat) for colour in (HOOF, NIGHT))
        far, body_, tail = (self.limbs[:, part].amax(1) for part in (body.FAR, body.BODY, body.TAILS))
        far_hooves, near_hooves = self.limbs[:, body.HOOVES].split(2, 1)
        ear, crest = self.limbs[:, body.EAR], self.limbs[:, body.MANE]
        below = [Layer(far, coat), *self._striped(body.FAR, stripes, mane), Layer(far_hooves.amax(1), hoof),
                 Layer(far * 0.42, night)]  # fmt: skip
        above = [Layer(tail, mane), Layer(ear, mix(coat, mane, 0.3)), Layer(body_, coat),
                 *self._striped(body.BODY, stripes, mane), Layer(near_hooves.amax(1), hoof),
                 Layer(crest, mane)]  # fmt: skip
        return [*below, *above, *self._shading(body_, coat), Layer(self.eye, night)]

    def _paints(self, stripes: Tensor | None) -> tuple[Tensor, Tensor]:
        """Coat and mane of a horse; what is pale and what is dark on a zebra."""
        t, kinds = (self.h["coat"][:, 0, 0], (COATS, MANES)) if stripes is None else (stripes[:, 2], (PALE, DARK))
        return path(t, kinds[0]), path(t, kinds[1])

    def _striped(self, part: slice, stripes: Tensor | None, dark: Tensor) -> list[Layer]:
        """Dark where cos 2π(s/period + phase/2) > 0 at s along a limb, with soft edges; what lies above hides those
        below."""
        if stripes is None:
            return []
        phase, width, _ = stripes[:, :, None, None, None].unbind(1)
        period = 0.225 + 0.05 * width
        start, length = (constant(row[part], self.x)[:, None, None] for row in (body.OFFSETS, body.LENGTHS))
        wave = torch.cos(2 * pi * ((start + length * self.along[:, part]) / period + 0.5 * phase))
        pixels = (period * self.scale[:, None] / self.pixel).clamp(max=8.0)  # in one period
        inked = self.limbs[:, part] * (0.5 + 0.375 * pixels * wave).clamp(0, 1)
        seen = torch.zeros_like(inked[:, 0])
        for limb, ink in zip(self.limbs[:, part].unbind(1), inked.unbind(1), strict=True):
            seen = seen * (1 - limb) + ink
        return [Layer(seen, dark)]

    def _shading(self, trunk: Tensor, coat: Tensor) -> list[Layer]:
        """Darker below, brighter where the sun stands."""
        local = (self.y - self.height) / self.scale
        light = self.h["light"] * (self.x - self.middle)
        shade = cover(1.6 * local - 0.12, -0.9 * light, 0.9) * trunk
        shine = cover(-2.4 * local - 0.30, 0.7 * light, 0.7) * trunk
        return [Layer(shade * 0.42, coat * constant((0.42, 0.34, 0.46), coat)),
                Layer(shine * 0.22, torch.ones_like(coat))]  # fmt: skip
