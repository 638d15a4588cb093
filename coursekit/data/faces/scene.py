"""The stage a batch of faces is drawn on: pixel coordinates, and the same unrolled from a turned head."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from coursekit.data import shapes
from coursekit.data.faces import colours
from coursekit.data.faces.factors import FACTORS
from coursekit.data.shapes import Layer, Number

Box = tuple[float, float, float, float]

ZOOM, DROP = 0.88, -0.02  # the part of the plane that a picture shows


class Scene:
    """Coordinates, factors and paints of n faces.

    The picture is a square of ±ZOOM, x to the right [1, 1, S] and y downwards [1, S, 1]. A feature of the
    face is drawn in (u, v), the coordinates it would have on a head that looks straight ahead:
    u = (x − s (1 − (x/R)²)) / w with s the shift of the middle of the face, which a turn brings, and w the width;
    v likewise for a nod. On the far side du/dx > 1: features shrink there as on an ellipsoid. u depends on x
    alone and v on y alone. Since a face is symmetric, most features need |u| only.
    """

    def __init__(self, h: Tensor, size: int) -> None:
        self.size, self.pixel = size, 2.0 * ZOOM / size
        self.rows = self.columns = slice(0, size)
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

    def window(self, box: Box) -> Scene:
        """The part of the scene around a box (left, right, top, bottom), for things that stay inside it."""
        part = copy.copy(self)
        part.columns, part.rows = self._span(box[0], box[1]), self._span(box[2] - DROP, box[3] - DROP)
        part.x, part.u, part.pair, part.side = (t[..., part.columns] for t in (self.x, self.u, self.pair, self.side))
        part.y, part.v = self.y[:, part.rows], self.v[:, part.rows]
        return part

    def _span(self, low: float, high: float) -> slice:
        """The pixels from low to high, and one more on either side for soft edges."""
        first, last = int((low + ZOOM) / self.pixel) - 1, int((high + ZOOM) / self.pixel) + 1
        return slice(max(first, 0), min(last + 1, self.size))

    def cut(self, full: Tensor) -> Tensor:
        """This window of something drawn on the full canvas."""
        return full[..., self.rows, self.columns]

    def lay_over(self, picture: Tensor, layers: Sequence[Layer]) -> Tensor:
        """Lay this window's layers over a full picture [n, 3, S, S]."""
        painted, rest = shapes.flatten(layers)
        below = self.cut(picture)
        change = painted - below * (1 - rest).unsqueeze(1)
        left, top = self.columns.start, self.rows.start
        return picture + pad(change, (left, self.size - self.columns.stop, top, self.size - self.rows.stop))

    def unroll(self, shift: Tensor) -> Tensor:
        """The frontal coordinate u of every pixel column, for something in front of the face by its shift."""
        return (self.x - shift * (1 - (self.x / 0.85) ** 2)) / (1 + 0.12 * self.width)

    def ellipse(self, x: Tensor, y: Tensor, radii: tuple[Number, Number]) -> Tensor:
        return shapes.ellipse(x, y, radii, self.pixel)

    def between(self, top: Tensor, bottom: Tensor) -> Tensor:
        """Coverage of top(u) ≤ v ≤ bottom(u)."""
        return shapes.between(self.v, top, bottom, self.pixel)

    def below(self, curve: Tensor, soft: Number = 0.0) -> Tensor:
        """Coverage of v ≥ curve(u), with an edge at least a pixel soft."""
        return shapes.cover(-curve, self.v, soft + self.pixel)
