"""Glasses and sunglasses."""

from __future__ import annotations

from torch import Tensor

from coursekit.data.faces.features import EYE_U, EYE_V
from coursekit.data.faces.scene import Scene
from coursekit.data.shapes import Layer, bump, cover

BOX = (-0.58, 0.58, -0.27, 0.23)


def _lens(s: Scene, half_width: float, half_height: float) -> Tensor:
    """A rounded rectangle |a|³ + |b|³ ≤ 1 around each eye."""
    u = s.unroll(1.12 * s.shift).abs()
    a, b = ((u - EYE_U - 0.01) / half_width).abs(), ((s.v - EYE_V - 0.01) / half_height).abs()
    scale = (half_width + half_height) / 6
    return cover(scale * (1 - a**3), -scale * b**3, s.pixel)


def _bars(s: Scene, half_width: float) -> Tensor:
    """Bridge and temples: a thin bar at the height of the eyes, outside the lenses."""
    u = s.unroll(1.12 * s.shift).abs()
    reach = cover(0.52 - u, 0 * s.y, s.pixel)
    return s.between(EYE_V - 0.045 + 0 * u, EYE_V - 0.020 + 0 * u) * reach


def glasses(s: Scene, shape: Tensor) -> list[Layer]:
    """Frames with clear lenses and a reflection."""
    outer, inner = _lens(s, 0.180, 0.150), _lens(s, 0.160, 0.130)
    bars = _bars(s, 0.18) * (1 - outer) * shape
    shine = inner * bump(s.v - EYE_V + 0.06, 0.09) * 0.25
    return [
        Layer(inner * 0.10 * s.glasses, s.paint.white),
        Layer(shine * s.glasses, s.paint.white),
        Layer((outer - inner + bars) * s.glasses, s.paint.frame),
    ]


def sunglasses(s: Scene, shape: Tensor) -> list[Layer]:
    """Dark lenses, a little translucent, so that the eyes behind them still count."""
    outer, inner = _lens(s, 0.195, 0.150), _lens(s, 0.178, 0.132)
    bars = _bars(s, 0.19) * (1 - outer) * shape
    shine = inner * bump(s.v - EYE_V + 0.06, 0.07) * bump(s.pair - EYE_U - 0.05 * s.side * s.light, 0.12) * 0.35
    return [
        Layer(inner * 0.77 * s.sunglasses, s.paint.lens),
        Layer(shine * s.sunglasses, s.paint.white),
        Layer((outer - inner + bars).clamp(0, 1) * s.sunglasses, s.paint.frame),
    ]
