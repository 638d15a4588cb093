"""Eyes, brows, nose and mouth, drawn in the unrolled coordinates of the face."""

from __future__ import annotations

from torch import Tensor

from coursekit.data.faces.scene import Scene
from coursekit.data.shapes import Layer, bump

MIDDLE_BOX, EYES_BOX = (-0.39, 0.39, -0.21, 0.59), (-0.53, 0.53, -0.44, 0.19)
EYE_U, EYE_V, EYE_HALF = 0.215, -0.03, 0.136


def eyes(s: Scene) -> list[Layer]:
    """Sclera, iris, pupil, highlight and lids; a smile lifts the lower lid."""
    t = (s.pair - EYE_U) / EYE_HALF
    arch = (1 - t * t) * (1 + 0.35 * t * t)
    tilt = EYE_V - 0.012 * t
    upper = tilt + 0.02 - (0.078 + 0.052 * s.eyes) * arch
    lower = tilt + 0.02 + (0.060 + 0.010 * s.eyes - 0.016 * s.smile) * arch
    sclera = s.between(upper, lower)
    lash = 0.030 * (1 - t**4)
    return [
        Layer(s.between(upper - 0.050 * arch.clamp_min(0), upper) * 0.45, s.paint.shadow),
        Layer(sclera, s.paint.white),
        *_iris(s, sclera),
        Layer(sclera * s.between(upper, upper + 0.035) * 0.30, s.paint.ink),
        Layer(s.between(lower, lower + 0.012 * (1 - t * t)) * 0.5, s.paint.shadow),
        Layer(s.between(upper - lash, upper + 0.3 * lash), s.paint.ink),
    ]


def _iris(s: Scene, sclera: Tensor) -> list[Layer]:
    x = s.pair - EYE_U - s.side * 0.047 * s.gaze
    y = s.v - EYE_V - 0.006
    shine = (s.u - s.side * EYE_U - 0.047 * s.gaze - 0.030 * s.light, y + 0.030)
    return [
        Layer(s.ellipse(x, y, (0.088, 0.091)) * sclera, s.paint.ink),
        Layer(s.ellipse(x, y, (0.075, 0.078)) * sclera, s.paint.iris),
        Layer(s.ellipse(x, y, (0.040, 0.042)) * sclera, s.paint.ink),
        Layer(s.ellipse(*shine, (0.023, 0.023)) * sclera, s.paint.white),
    ]


def brows(s: Scene) -> list[Layer]:
    """Two brows, raised or lowered by their factor, thin at the outer ends."""
    t = (s.pair - 0.225) / 0.150
    middle = -0.215 - 0.066 * s.brows + 0.038 * s.brows * t - 0.030 * (1 - t * t) + 0.012 * t
    half = (0.020 - 0.007 * t.clamp(-1, 1)) * (1 - t**6)
    return [Layer(s.between(middle - half, middle + half) * 0.92, s.paint.hair_dark)]


def nose(s: Scene) -> list[Layer]:
    """A soft nose that stands out from the face: a turn shifts it further than the eyes."""
    x, y = s.unroll(1.30 * s.shift), s.v - 0.16 - 0.25 * s.sink
    bridge = bump(x + 0.050 * s.light, 0.055) * bump(y + 0.10, 0.16)
    under = s.ellipse(x, y - 0.012, (0.072, 0.045)) - s.ellipse(x, y + 0.010, (0.074, 0.045))
    nostrils = s.ellipse(x.abs() - 0.032, y - 0.030, (0.014, 0.009))
    return [
        Layer(bridge * 0.35, s.paint.shadow),
        Layer(bump(x, 0.085) * bump(y + 0.005, 0.075) * 0.5, s.paint.blush),
        Layer(under.clamp_min(0) * 0.75, s.paint.shadow),
        Layer(nostrils * 0.5, s.paint.ink),
        Layer(bump(x - 0.018 * s.light, 0.03) * bump(y + 0.02, 0.035) * 0.4, s.paint.glow),
    ]


def mouth(s: Scene) -> list[Layer]:
    """Lips along a parabola; from half a smile on the mouth opens and shows the teeth."""
    t = s.u / (0.172 + 0.022 * s.smile + 0.012 * s.smile**2)
    inside = 1 - t * t
    curl = 0.021 + 0.067 * s.smile - 0.008 * s.smile**2
    line = 0.325 + curl * (inside - 0.45) + 0.05 * s.nod * s.u**2
    opening = 0.125 * ((s.smile + 0.15) / 1.15).clamp_min(0) ** 2
    floor = line + opening * inside
    hole = s.between(line, floor)
    stroke = 0.009 * (1 - t**4)
    upper_lip = (0.030 - 0.006 * s.smile) * inside * (1 - 0.3 * bump(s.u, 0.05))
    return [
        Layer(s.between(line - upper_lip, line + 0.004), s.paint.lips),
        Layer(s.between(floor, floor + 0.040 * inside), s.paint.lips),
        Layer(hole, s.paint.mouth),
        Layer(hole * s.ellipse(s.u, s.v - 0.325 - 0.09 * s.smile - 0.05, (0.09, 0.05)), s.paint.tongue),
        Layer(s.between(line, line + 0.55 * opening * inside), s.paint.white),
        Layer(s.between(line - stroke, line + stroke), s.paint.mouth),
    ]
