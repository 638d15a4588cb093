"""The palette: a face's colours, [n, 3] each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from coursekit.data.paint import Colour, constant, mix, path, wheel

SKIN: Sequence[Colour] = ((0.99, 0.88, 0.81), (0.99, 0.81, 0.66), (0.93, 0.66, 0.45), (0.66, 0.40, 0.25),
                          (0.41, 0.245, 0.17))
HAIR: Sequence[Colour] = ((0.09, 0.08, 0.11), (0.20, 0.12, 0.09), (0.60, 0.17, 0.05), (0.76, 0.50, 0.16),
                          (0.97, 0.83, 0.50))
IRIS: Sequence[Colour] = ((0.20, 0.47, 0.72), (0.24, 0.56, 0.42), (0.44, 0.30, 0.14), (0.26, 0.14, 0.08))

INK: Colour = (0.13, 0.08, 0.09)
WHITE: Colour = (0.98, 0.98, 0.97)


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
