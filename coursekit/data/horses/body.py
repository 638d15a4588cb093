"""An animal's limbs, in its own coordinates: x towards the nose, y downwards, the trunk about one unit long."""

from __future__ import annotations

from math import radians
from typing import NamedTuple

import torch
from torch import Tensor

RUMP, CHEST, WITHERS = (-0.30, -0.02), (0.25, -0.01), (0.29, -0.09)
HIP, SHOULDER, DOCK = (-0.33, 0.07), (0.25, 0.09), (-0.475, -0.11)
UPPER, LOWER = 0.26, 0.26  # lengths of the halves of a leg
NECK, HEAD, TAIL = 0.36, 0.25, 0.18

# the order of the limbs: what is drawn first comes first
FAR, BODY, HOOVES, TAILS, MANE, EAR = slice(0, 4), slice(4, 11), slice(11, 15), slice(15, 17), 17, 18
HEAD_AT = 6
OFFSETS: tuple[float, ...] = (
    0.1,
    0.3,
    0.1,
    0.3,
    0.0,
    0.62,
    0.99,
    0.1,
    0.3,
    0.1,
    0.3,
)  # where stripes go on
LENGTHS: tuple[float, ...] = (UPPER, LOWER, UPPER, LOWER, 0.55, NECK, HEAD, UPPER, LOWER, UPPER, LOWER)


class Limbs(NamedTuple):
    """Limbs of n animals, each thick as a line from `start` to `end` [n, P, 2] whose radius goes from r to R [P]."""

    start: Tensor
    end: Tensor
    r: Tensor
    R: Tensor


def limbs(h: dict[str, Tensor]) -> Limbs:
    """Far legs, trunk, neck, head, near legs, hooves, tail and mane, an ear, of factors [n] by name."""
    legs, hooves = zip(*(_leg(h["gait"], hind, far) for far in (True, False) for hind in (True, False)), strict=True)
    neck, nose = _neck(h), _head(h)
    poll = neck.sum(1)
    up = _turned(neck[:, 1]) / NECK
    mane = torch.stack([poll + 0.07 * up, _point(WITHERS, poll) - poll + 0.035 * up], 1)
    ear = torch.stack([poll + 0.05 * up, 0.12 * up + 0.03 * neck[:, 1]], 1)
    trunk = _part(_point(RUMP, poll), _point(CHEST, poll))
    parts = [*_flat(legs[:2]), trunk, neck, nose, *_flat(legs[2:]), *hooves, *_tail(h["tail"]), mane, ear]
    start, way = torch.stack(parts, 1).unbind(2)  # [n, P, 2] each
    return Limbs(start, start + way, *_radii(h["gait"]))


def _flat(legs: tuple[tuple[Tensor, Tensor], ...]) -> list[Tensor]:
    return [half for leg in legs for half in leg]


def _radii(like: Tensor) -> tuple[Tensor, Tensor]:
    hind, fore, hoof = [(0.10, 0.05), (0.047, 0.032)], [(0.08, 0.046), (0.043, 0.030)], (0.030, 0.042)
    table = [*hind, *fore, (0.205, 0.185), (0.155, 0.080), (0.085, 0.050), *hind, *fore, *[hoof] * 4,
             (0.030, 0.050), (0.050, 0.020), (0.045, 0.060), (0.034, 0.010)]  # fmt: skip
    r, big = torch.tensor(table, dtype=like.dtype, device=like.device).unbind(1)
    return r, big


def _point(at: tuple[float, float], like: Tensor) -> Tensor:
    return like.new_tensor(at).expand(len(like), 2)


def _part(start: Tensor, end: Tensor) -> Tensor:
    return torch.stack([start, end - start], 1)


def _ray(angle: Tensor, length: float) -> Tensor:
    """[n, 2]: so long, at an angle above the direction of the nose."""
    return length * torch.stack([angle.cos(), -angle.sin()], 1)


def _turned(way: Tensor) -> Tensor:
    """A quarter turn, from along the neck to above it."""
    return torch.stack([way[:, 1], -way[:, 0]], 1)


def _neck(h: dict[str, Tensor]) -> Tensor:
    angle = radians(36) + radians(28) * h["neck"]
    return torch.stack([_point(WITHERS, angle[:, None]), _ray(angle, NECK)], 1)


def _head(h: dict[str, Tensor]) -> Tensor:
    poll = _neck(h).sum(1)
    angle = radians(-42) + radians(10) * h["neck"] + radians(26) * h["head"]
    return torch.stack([poll, _ray(angle, HEAD)], 1)


def _leg(gait: Tensor, hind: bool, far: bool) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Upper half, lower half and hoof. Angles from straight down, forwards."""
    swing = gait * (0.72 if far else 1.0) + (0.30 if far else 0.0)
    upper = radians(-4) - radians(30) * swing if hind else radians(4) + radians(34) * swing
    bend = radians(16) - radians(8) * swing if hind else radians(14) - radians(16) * swing
    down = radians(-90)
    joint = _point(HIP if hind else SHOULDER, gait[:, None])
    first, second = _ray(down + upper, UPPER), _ray(down + upper - bend, LOWER)
    hoof = torch.stack([joint + first + 0.9 * second, 0.17 * second], 1)
    return (torch.stack([joint, first], 1), torch.stack([joint + first, second], 1)), hoof


def _tail(tail: Tensor) -> tuple[Tensor, Tensor]:
    angle = radians(180 + 48) - radians(38) * tail
    dock = _point(DOCK, tail[:, None])
    first, second = _ray(angle, TAIL), _ray(angle + radians(16), TAIL)
    return torch.stack([dock, first], 1), torch.stack([dock + first, second], 1)
