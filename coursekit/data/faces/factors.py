"""What nature knows about a face: ten continuous factors, four attributes, and how to draw them at random."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data import ranges

CONTINUOUS = ("turn", "nod", "width", "smile", "eyes", "gaze", "brows", "skin", "hair", "light")
ATTRIBUTES = ("glasses", "sunglasses", "beard", "long_hair")
FACTORS = CONTINUOUS + ATTRIBUTES

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(CONTINUOUS, (-1.0, 1.0)),
    **dict.fromkeys(ATTRIBUTES, (0.0, 1.0)),
}

MEANINGS: dict[str, str] = {
    "turn": "head turned left (−1) … right (+1), as you see it",
    "nod": "head raised (−1) … lowered (+1)",
    "width": "narrow face (−1) … wide face (+1)",
    "smile": "sad (−1) … beaming (+1)",
    "eyes": "nearly closed (−1) … wide open (+1)",
    "gaze": "eyes look left (−1) … right (+1), as you see it",
    "brows": "lowered and frowning (−1) … raised (+1)",
    "skin": "fair (−1) … deep (+1); eyes, clothes and backdrop match",
    "hair": "black (−1), brown, auburn … blond (+1); the parting wanders, clothes match",
    "light": "light falls from the left (−1) … right (+1)",
    "glasses": "without (0) … with glasses (1)",
    "sunglasses": "without (0) … with sunglasses (1)",
    "beard": "shaven (0) … full beard (1)",
    "long_hair": "short (0) … long hair (1)",
}

_LIKELY = {"beard": 0.3, "long_hair": 0.45}
_EYEWEAR = (0.3, 0.15)  # chances of glasses and of sunglasses


def sample_factors(n: int, *, generator: torch.Generator | None = None,
                   device: torch.device | str | None = None) -> Tensor:
    """Draw n faces' factors: continuous ones uniform in [−1, 1], attributes 0 or 1.

    Glasses (30 %) and sunglasses (15 %) exclude each other; beard 30 %, long hair 45 %. Drawn on the
    generator's device (the CPU without one), so that a seed means the same faces on any `device`.
    Returns float32 [n, 14] in the order of FACTORS. Raises ValueError if n is negative.
    """
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}")
    source = generator.device if generator is not None else torch.device("cpu")
    uniform = torch.rand(n, len(FACTORS), generator=generator, device=source)
    h = torch.cat([2 * uniform[:, : len(CONTINUOUS)] - 1, _attributes(uniform[:, len(CONTINUOUS):])], dim=1)
    return h.to(device) if device is not None else h


def _attributes(uniform: Tensor) -> Tensor:
    """Four independent uniform numbers [n, 4] → the four attributes [n, 4] in {0, 1}."""
    eyewear = uniform[:, 0]
    glasses = eyewear < _EYEWEAR[0]
    sunglasses = (eyewear >= _EYEWEAR[0]) & (eyewear < sum(_EYEWEAR))
    beard, long_hair = uniform[:, 2] < _LIKELY["beard"], uniform[:, 3] < _LIKELY["long_hair"]
    return torch.stack([glasses, sunglasses, beard, long_hair], dim=1).to(uniform.dtype)


def factors(**named: float) -> Tensor:
    """One face's factors by name, those not named being 0: `factors(smile=1, glasses=1)` → float32 [1, 14].

    Raises ValueError for an unknown name or a value outside its range.
    """
    return ranges.one(RANGES, "face", named)


def check(h: Tensor) -> None:
    """Raise unless h is a floating [n, 14] tensor with every factor inside its range (NaN is outside)."""
    ranges.check(h, RANGES, "face")
