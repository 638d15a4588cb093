"""The palette: colours [n, 3] as smooth paths through the factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Colour = tuple[float, float, float]

SKIN: Sequence[Colour] = ((0.99, 0.88, 0.81), (0.99, 0.81, 0.66), (0.93, 0.66, 0.45), (0.66, 0.40, 0.25),
                          (0.41, 0.245, 0.17))
HAIR: Sequence[Colour] = ((0.09, 0.08, 0.11), (0.20, 0.12, 0.09), (0.60, 0.17, 0.05), (0.76, 0.50, 0.16),
                          (0.97, 0.83, 0.50))
IRIS: Sequence[Colour] = ((0.20, 0.47, 0.72), (0.24, 0.56, 0.42), (0.44, 0.30, 0.14), (0.26, 0.14, 0.08))

INK: Colour = (0.13, 0.08, 0.09)
WHITE: Colour = (0.98, 0.98, 0.97)


def path(t: Tensor, points: Sequence[Colour]) -> Tensor:
    """The Bézier curve Σ_k C(m, k) s^k (1 − s)^(m−k) p_k with s = (t + 1)/2: t [n] in [−1, 1] → [n, 3]."""
    s, m = (t + 1) / 2, len(points) - 1
    basis = torch.stack([math.comb(m, k) * s**k * (1 - s) ** (m - k) for k in range(m + 1)], dim=1)
    return basis @ constant(points, t)


def wheel(t: Tensor, middle: Colour, swing: Colour, phase: Colour) -> Tensor:
    """A smooth tour of hues, middle + swing · cos(2π (t + phase)) in each channel: t [n] → [n, 3]."""
    turns = t[:, None] + constant(phase, t)
    return constant(middle, t) + constant(swing, t) * torch.cos(2 * math.pi * turns)


def constant(value: Sequence[float] | Sequence[Colour], like: Tensor) -> Tensor:
    """A constant with the dtype and on the device of `like`."""
    return torch.tensor(value, dtype=like.dtype, device=like.device)


def mix(a: Tensor, b: Tensor, share: Tensor | float) -> Tensor:
    """(1 − share) a + share b."""
    return a + (b - a) * share


@dataclass(frozen=True)
class Palette:
    """All paints of n faces, each [n, 3] in [0, 1]."""

    skin: Tensor
    dim: Tensor
    shadow: Tensor
    glow: Tensor
    blush: Tensor
    lips: Tensor
    hair: Tensor
    hair_dark: Tensor
    hair_light: Tensor
    iris: Tensor
    shirt: Tensor
    shirt_dark: Tensor
    backdrop: Tensor
    backdrop_light: Tensor
    ink: Tensor
    white: Tensor
    mouth: Tensor
    tongue: Tensor
    frame: Tensor
    lens: Tensor


def palette(skin: Tensor, hair: Tensor) -> Palette:
    """The paints, from skin and hair [n]: clothes and backdrop follow them too."""
    tone, strand = path(skin, SKIN), path(hair, HAIR)
    ink, white = constant(INK, tone).expand_as(tone), constant(WHITE, tone).expand_as(tone)
    shadow = tone * constant((0.72, 0.58, 0.56), tone)
    shirt = wheel(0.40 * hair + 0.27 * skin, (0.52, 0.47, 0.50), (0.34, 0.22, 0.30), (0.05, 0.42, 0.62))
    backdrop = wheel(0.45 * skin - 0.30 * hair, (0.84, 0.83, 0.82), (0.12, 0.08, 0.12), (0.60, 0.95, 0.25))
    return Palette(
        skin=tone, dim=mix(tone, shadow, 0.22), shadow=shadow, glow=mix(tone, white, 0.35),
        blush=mix(tone, constant((0.93, 0.33, 0.30), tone), 0.50),
        lips=mix(tone * constant((0.86, 0.62, 0.60), tone), constant((0.82, 0.26, 0.30), tone), 0.38),
        hair=strand, hair_dark=strand * 0.72, hair_light=mix(strand, constant((0.98, 0.90, 0.78), tone), 0.28),
        iris=path(0.5 * skin - 0.5 * hair, IRIS), shirt=shirt, shirt_dark=shirt * 0.76,
        backdrop=backdrop, backdrop_light=mix(backdrop, white, 0.55), ink=ink, white=white,
        mouth=constant((0.42, 0.10, 0.12), tone).expand_as(tone),
        tongue=constant((0.88, 0.42, 0.42), tone).expand_as(tone),
        frame=mix(constant((0.13, 0.10, 0.14), tone), shirt, 0.18),
        lens=constant((0.10, 0.11, 0.16), tone).expand_as(tone),
    )
