"""The stage a batch of faces is drawn on: pixel coordinates, and the same unrolled from a turned head."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from coursekit.data.faces import colours, shapes
from coursekit.data.faces.factors import FACTORS
from coursekit.data.faces.shapes import Layer, Number


ZOOM, DROP = 0.88, -0.02  # the part of the plane that a picture shows


class Scene:
    """Coordinates, factors and paints of n faces.

    The picture is a square of ±ZOOM, x to the right [1, 1, S] and y downwards [1, S, 1]. A feature of the face is drawn in
    (u, v), the coordinates it would have on a head that looks straight ahead:
    u = (x − s (1 − (x/R)²)) / w with s the shift of the middle of the face, which a turn brings, and w the width;
    v likewise for a nod. On the far side du/dx > 1: features shrink there as on an ellipsoid. u depends on x
    alone and v on y alone. Since a face is symmetric, most features need |u| only.
    """

    def __init__(self, h: Tensor, size: int) -> None:
        self.pixel = 2.0 * ZOOM / size
        for name, value in zip(FACTORS, h.unbind(1), strict=True):
            setattr(self, name, value[:, None, None])  # [n, 1, 1]
        centres = (2 * torch.arange(size, dtype=h.dtype, device=h.device) + 1 - size) / size
        self.x, self.y = ZOOM * centres[None, None, :], ZOOM * centres[None, :, None] + DROP
        self.paint = colours.palette(self.skin[:, 0, 0], self.hair[:, 0, 0])
        self.half = 0.485 + 0.065 * self.width  # the head's half-width
        self.shift, self.sink = 0.17 * self.turn, 0.085 * self.nod
        self.u = self.unroll(self.shift)
        self.v = self.y - self.sink * (1 - (self.y / 0.9) ** 2)
        self.pair = self.u.abs()
        self.side = self.u.detach().sign()

    turn: Tensor
    nod: Tensor
    width: Tensor
    smile: Tensor
    eyes: Tensor
    gaze: Tensor
    brows: Tensor
    skin: Tensor
    hair: Tensor
    light: Tensor
    glasses: Tensor
    sunglasses: Tensor
    beard: Tensor
    long_hair: Tensor

    def unroll(self, shift: Tensor) -> Tensor:
        """The frontal coordinate u of every pixel column, for something in front of the face by its shift."""
        return (self.x - shift * (1 - (self.x / 0.85) ** 2)) / (1 + 0.12 * self.width)

    def ellipse(self, x: Tensor, y: Tensor, radii: tuple[Number, Number]) -> Tensor:
        return shapes.ellipse(x, y, radii, self.pixel)

    def between(self, top: Tensor, bottom: Tensor) -> Tensor:
        return shapes.between(self.v, top, bottom, self.pixel)

    def below(self, curve: Tensor, soft: Number = 0.0) -> Tensor:
        """Coverage of v ≥ curve(u), with an edge at least a pixel soft."""
        return shapes.cover(-curve, self.v, soft + self.pixel)


def paint(*parts: Sequence[Layer]) -> list[Layer]:
    """All layers of the parts, lowest first."""
    return [layer for part in parts for layer in part]
