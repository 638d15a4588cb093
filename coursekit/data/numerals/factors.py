"""What nature knows about a numeral: the hand, the way of writing, and how to draw them at random."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data import ranges
from coursekit.data.numerals.strokes import WAVES
from coursekit.data.numerals.ways import BENDS, WAYS

HAND = ("slant", "width", "pen", "size", "rotation", "right", "down")
BENT = tuple(f"bend_{number}" for number in range(1, BENDS + 1))
DRIFTING = tuple(f"drift_{axis}{wave}" for axis in "xy" for wave in range(1, WAVES + 1))
FACTORS = (*HAND, "way", *BENT, *DRIFTING)
MOST = max(map(len, WAYS.values()))  # ways that a class has
WAY = FACTORS.index("way")

RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(HAND, (-1.0, 1.0)),
    "way": (0.0, MOST - 1.0),
    **dict.fromkeys(BENT, (-1.0, 1.0)),
    **dict.fromkeys(DRIFTING, (-3.0, 3.0)),
}

MEANINGS: dict[str, str] = {
    "slant": "leaning to the left (−1) … to the right (+1), by 35°",
    "width": "narrow (−1) … wide (+1): two thirds of the usual width, and one and a half times",
    "pen": "fine pen (−1) … broad pen (+1): strokes from 1.4 to 5 pixels of 28",
    "size": "small (−1) … large (+1): the longer side takes 17 … 24 of 28 pixels, and 20 at 0",
    "rotation": "turned against the clock (−1) … with it (+1), by 14°",
    "right": "moved to the left (−1) … to the right (+1), by three pixels of 28",
    "down": "moved up (−1) … down (+1), by three pixels of 28",
    "way": "which way of writing: 0, 1, … in the order of `ways(label)`",
    **dict.fromkeys(BENT, "a habit within this way of writing: part of the path moved to one side (−1) or the other "
                          "(+1); each way has habits of its own"),
    **{name: f"the hand strays {'sideways' if name[-2] == 'x' else 'up and down'}: wave {name[-1]} of {WAVES} along "
             "the path (1: slowest), in standard deviations" for name in DRIFTING},
}

_USUAL = {"slant": 0.18}  # most hands lean to the right
_SPREAD = {"slant": 0.38, "width": 0.42, "pen": 0.5, "size": 0.25, "rotation": 0.35, "right": 0.2, "down": 0.2}


def ways(label: int) -> tuple[str, ...]:
    """The names of the ways in which a class is written, the likeliest first. ValueError for no digit."""
    if label not in WAYS:
        raise ValueError(f"label must be a digit from 0 to 9, got {label!r}")
    return tuple(way.name for way in WAYS[label])


def sample_factors(labels: Tensor, *, generator: torch.Generator | None = None,
                   device: torch.device | str | None = None) -> Tensor:
    """Draw the factors of numerals of these classes, labels [n]: float32 [n, 20] in the order of FACTORS.

    The hand is normal and cut off at ±1 (its slant a little to the right), the way follows the shares that its class
    has, bends are uniform in [−1, 1], the drift standard normal and cut off at ±3. Drawn on the generator's device (the
    CPU without one), so that a seed means the same numerals on any `device`. Raises what `check_labels` raises.
    """
    check_labels(labels)
    source = generator.device if generator is not None else torch.device("cpu")
    normal = torch.randn(len(labels), len(HAND) + len(DRIFTING), generator=generator, device=source)
    uniform = torch.rand(len(labels), 1 + BENDS, generator=generator, device=source)
    usual, spread = (normal.new_tensor([of.get(name, 0.0) for name in HAND]) for of in (_USUAL, _SPREAD))
    hand = (usual + spread * normal[:, : len(HAND)]).clamp(-1, 1)
    way = _drawn_ways(labels.to(source), uniform[:, :1])
    h = torch.cat([hand, way, 2 * uniform[:, 1:] - 1, normal[:, len(HAND) :].clamp(-3, 3)], dim=1)
    return h.to(labels.device if device is None else device)


def _drawn_ways(labels: Tensor, uniform: Tensor) -> Tensor:
    """Uniform numbers [n, 1] → ways as floats [n, 1]: how many of the class's summed shares lie below."""
    shares = torch.tensor([[way.share for way in ways] + [0.0] * (MOST - len(ways)) for ways in WAYS.values()])
    edges = shares.cumsum(1)[:, :-1].to(uniform)  # [10, MOST − 1]
    last = uniform.new_tensor([len(ways) - 1 for ways in WAYS.values()])  # the shares' sum may be rounded to below 1
    return torch.minimum((uniform > edges[labels]).sum(1, keepdim=True).to(uniform), last[labels, None])


def factors(**named: float) -> Tensor:
    """One numeral's factors by name, those not named being 0: `factors(slant=0.5, way=1)` → float32 [1, 20].

    Raises ValueError for an unknown name or a value outside its range.
    """
    return ranges.one(RANGES, "numeral", named)


def check_labels(labels: Tensor) -> None:
    """TypeError unless labels are a tensor of whole numbers, ValueError unless they are [n] digits from 0 to 9."""
    if not isinstance(labels, Tensor) or labels.is_floating_point() or labels.dtype == torch.bool:
        got = getattr(labels, "dtype", type(labels).__name__)
        raise TypeError(f"labels must be a tensor of whole numbers, got {got}")
    if labels.ndim != 1:
        raise ValueError(f"labels must have shape [n], got {list(labels.shape)}")
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) <= 9:
        raise ValueError(f"labels must be digits from 0 to 9, got {int(labels.min())} … {int(labels.max())}")


def check(labels: Tensor, h: Tensor) -> None:
    """Raise unless labels [n] and factors [n, 20] belong together, each factor inside its range (NaN is outside).

    TypeError for numbers of the wrong kind, ValueError for wrong shapes and values, and for a way that a class has not.
    """
    check_labels(labels)
    ranges.check(h, RANGES, "numeral")
    if len(h) != len(labels):
        raise ValueError(f"labels, factors: want one row of factors for each label, got {len(labels)} and {len(h)}")
    _check_ways(labels, h[:, WAY])


def _check_ways(labels: Tensor, chosen: Tensor) -> None:
    """ValueError where a numeral's class has no way of that number."""
    counts = torch.tensor([len(ways) for ways in WAYS.values()], device=labels.device)[labels]
    wrong = (chosen != chosen.round()) | (chosen >= counts)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        label, known = int(labels[row]), int(counts[row])
        wanted = f"the digit {label} is written in {known} ways, 0 … {known - 1}"
        raise ValueError(f"factor 'way' is {float(chosen[row]):g} (numeral {row}), but {wanted}")
