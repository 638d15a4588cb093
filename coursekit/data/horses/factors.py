"""What nature knows about a horse and about a zebra's stripes, and how to draw it at random."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data import ranges

CONTINUOUS = ("place", "size", "gait", "neck", "head", "tail", "coat", "sky", "ground", "light")
FACTORS = (*CONTINUOUS, "facing")
STRIPES = ("phase", "width", "tint")

RANGES: dict[str, tuple[float, float]] = dict.fromkeys(FACTORS + STRIPES, (-1.0, 1.0))

MEANINGS: dict[str, str] = {
    "place": "left (−1) … right (+1) in the picture",
    "size": "small and far (−1) … large and near (+1)",
    "gait": "legs drawn in under the body (−1) … stretched out (+1)",
    "neck": "lowered (−1) … raised (+1)",
    "head": "nose to the chest (−1) … nose lifted (+1)",
    "tail": "hanging (−1) … lifted (+1)",
    "coat": "black (−1), bay, chestnut, sand … white (+1); a zebra does not show it",
    "sky": "dusk (−1), morning … clear blue (+1)",
    "ground": "red earth (−1), savanna … green meadow (+1)",
    "light": "the sun stands on the left (−1) … on the right (+1)",
    "facing": "looks left (below 0) or right (0 and above)",
    "phase": "where the stripes begin, one period from −1 to +1; zebras only",
    "width": "narrow (−1) … wide stripes (+1); zebras only",
    "tint": "black on white (−1) … brown on cream (+1); zebras only",
}


def sample_factors(
    n: int, *, generator: torch.Generator | None = None, device: torch.device | str | None = None
) -> Tensor:
    """Draw the factors of n horses: the continuous ones uniform in [−1, 1], facing −1 or +1 with equal chance.

    Drawn on the generator's device (the CPU without one), so that a seed means the same horses on any `device`.
    Returns float32 [n, 11] in the order of FACTORS. Raises ValueError if n is negative.
    """
    h = _uniform(n, len(FACTORS), generator)
    h[:, -1] = 2.0 * (h[:, -1] >= 0) - 1
    return h.to(device) if device is not None else h


def sample_stripes(
    n: int, *, generator: torch.Generator | None = None, device: torch.device | str | None = None
) -> Tensor:
    """Draw the stripes of n zebras, uniform in [−1, 1]: float32 [n, 3] in the order of STRIPES.

    Raises ValueError if n is negative.
    """
    stripes = _uniform(n, len(STRIPES), generator)
    return stripes.to(device) if device is not None else stripes


def _uniform(n: int, count: int, generator: torch.Generator | None) -> Tensor:
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}")
    source = generator.device if generator is not None else torch.device("cpu")
    return 2 * torch.rand(n, count, generator=generator, device=source) - 1


def factors(**named: float) -> Tensor:
    """One horse's factors by name, those not named being 0: `factors(neck=1, facing=-1)` → float32 [1, 11].

    Raises ValueError for an unknown name or a value outside its range.
    """
    return ranges.one({name: RANGES[name] for name in FACTORS}, "horse", named)


def check(h: Tensor, stripes: Tensor | None) -> None:
    """Raise unless h [n, 11] and stripes [n, 3], if any, are floating and inside their ranges (NaN is outside)."""
    ranges.check(h, {name: RANGES[name] for name in FACTORS}, "horse")
    if stripes is None:
        return
    ranges.check(stripes, {name: RANGES[name] for name in STRIPES}, "zebra")
    if len(stripes) != len(h):
        raise ValueError(f"stripes: want one row for each of the {len(h)} animals, got {len(stripes)}")
