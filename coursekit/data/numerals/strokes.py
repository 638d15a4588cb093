"""From points to smooth strokes: everything that does not depend on the image, worked out once for each way.

A stroke through the points p_k is a Catmull–Rom spline: between p_1 and p_2, with u from 0 to 1,
½ (2 p_1 + (p_2 − p_0) u + (2 p_0 − 5 p_1 + 4 p_2 − p_3) u² + (3 p_1 − p_0 − 3 p_2 + p_3) u³).
That is linear in the points, and the points are linear in the bends and in the drift of the hand: so are the ends
of the short straight segments that the strokes are drawn with. (Catmull and Rom, *A class of local interpolating
splines*, 1974.)
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor

from coursekit.data.numerals.ways import BENDS, WAYS, Way

SEGMENTS = 56  # of a numeral: nearly all of them shorter than two pixels of 28
WAVES = 4  # of the drift in each direction: half waves along the path
DRIFT = 0.03  # of the path's length: the first wave's deviation; the k-th has 1/k of it
TERMS = 1 + BENDS + 2 * WAVES


@cache
def table() -> Tensor:
    """Both ends of all segments for each way as sums of TERMS: float32 [ways, TERMS, SEGMENTS, 2 (ends), 2 (x, y)].

    The first term is the way as it stands in the list, the others are multiplied by bends and drift.
    """
    return torch.stack([terms(way) for ways in WAYS.values() for way in ways]).float()


def terms(way: Way) -> Tensor:
    """One way's part of the table, float64."""
    points = torch.tensor(way.points(), dtype=torch.float64)  # [K, 2]
    moved = torch.zeros(TERMS, *points.shape, dtype=torch.float64)
    moved[0] = points
    for term, bend in enumerate(way.moves(), 1):
        for number, place in bend.items():
            moved[term, number] = torch.tensor(place, dtype=torch.float64)
    waves = drift(points)  # [K, WAVES]
    moved[1 + BENDS : 1 + BENDS + WAVES, :, 0] = waves.T
    moved[1 + BENDS + WAVES :, :, 1] = waves.T
    return torch.einsum("sek,tkd->tsed", spline(way), moved)


def drift(points: Tensor) -> Tensor:
    """How far wave k = 1 … WAVES carries each point, [K, WAVES]: DRIFT L cos(πks)/k.

    s is the share of the path that lies behind the point, L the path's length, both along straight lines from point to
    point, where the pen is lifted too: the hand moves on.
    """
    steps = (points[1:] - points[:-1]).norm(dim=1)
    share = torch.cat([steps.new_zeros(1), steps.cumsum(0)]) / steps.sum()
    k = torch.arange(1, WAVES + 1, dtype=points.dtype)
    return DRIFT * steps.sum() * torch.cos(math.pi * share[:, None] * k) / k


def spline(way: Way) -> Tensor:
    """The ends of all segments as weights of the points, [SEGMENTS, 2, K]."""
    points = torch.tensor(way.points(), dtype=torch.float64)
    pieces = way.pieces()
    lengths = [sum(float((points[b] - points[a]).norm()) for a, b in pairwise(p)) for p in pieces]
    found = []
    for piece, count in zip(pieces, shared_out(lengths), strict=True):
        at = catmull_rom(len(piece), count)  # [count + 1, k]
        weights = at.new_zeros(count + 1, len(points))
        weights[:, piece] = at
        found.append(torch.stack([weights[:-1], weights[1:]], 1))
    return torch.cat(found)


def shared_out(lengths: list[float]) -> list[int]:
    """SEGMENTS shared out in proportion to the lengths, one at least to each (largest remainders)."""
    exact = [1 + (SEGMENTS - len(lengths)) * length / sum(lengths) for length in lengths]
    counts = [int(x) for x in exact]
    rest = sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])
    for i in rest[: SEGMENTS - sum(counts)]:
        counts[i] += 1
    return counts


def catmull_rom(points: int, segments: int) -> Tensor:
    """Weights of k points for places along their spline, equally far in its parameter: [segments + 1, k].

    Beyond the ends a point is mirrored: p_{−1} = 2 p_0 − p_1.
    """
    place = torch.linspace(0, points - 1, segments + 1, dtype=torch.float64)
    first = place.floor().clamp(max=points - 2).long()
    u = (place - first)[:, None]
    weights = 0.5 * torch.cat(
        [-u + 2 * u**2 - u**3, 2 - 5 * u**2 + 3 * u**3, u + 4 * u**2 - 3 * u**3, u**3 - u**2], dim=1
    )
    return torch.stack([torch.nn.functional.one_hot(first + shift, points + 2).double() * weights[:, [shift]]
                        for shift in range(4)]).sum(0) @ mirrored(points)


def mirrored(points: int) -> Tensor:
    """k points → the same with one mirrored beyond each end, as a matrix [k + 2, k]."""
    inner = torch.eye(points, dtype=torch.float64)
    return torch.cat([2 * inner[:1] - inner[1:2], inner, 2 * inner[-1:] - inner[-2:-1]])
