"""How good a translation is, where the truth is known: what was kept, what varies, and what is hidden in it.

Images are [n, C, H, W] with values in [0, 1]; masks [n, 1, H, W] are 1 where a pixel counts and 0 elsewhere.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

FLAT = 1e-9  # a variance below it is none


def masked_error(x: Tensor, y: Tensor, mask: Tensor) -> float:
    """The mean squared error over the pixels that count, Σ m (x − y)² / (C Σ m): squared pixel values, 0 … 1.

    All images together: one with a larger mask weighs more. With a mask of the ground it says whether the ground's
    colours were kept, however the animal has changed. Raises ValueError for other shapes, or where no pixel counts.
    """
    _check(x, y, mask)
    m = mask.to(x).expand(len(x), -1, -1, -1)
    if not bool(m.any()):
        raise ValueError("mask: no pixel counts, want one at least")
    return float((m * (x - y).square()).sum().double() / (x.shape[1] * m.sum().double()))


def structure_error(x: Tensor, y: Tensor, mask: Tensor | None = None, *, blur: float = 0.05) -> float:
    """How differently two sets of images are built, whatever their colours: 1 − mean_i r(e_i(x), e_i(y)), 0 … 2.

    e = √(Σ_c |∇(G ∗ x_c)|²) is the strength of the edges, after a Gaussian G of standard deviation s = `blur` times the
    height H; r is Pearson's correlation over the pixels that count, but for a border of 1 + ⌈s⌉, where G lacks
    neighbours. 0 for the same structure, about 1 for unrelated ones; an image without any edge is related to none.
    Blind to x → a x + b, to exchanged or negative colours, and nearly to stripes: of those with a period of λ pixels,
    G leaves the share exp(−2π² s²/λ²), by default a 24th for λ = H/8. What changes an animal's brightness against its
    ground counts a little, so compare with the value of true pairs. Raises ValueError for other shapes, a blur that is
    not positive, or images that are not larger than twice the border.
    """
    _check(x, y, mask)
    border = 1 + math.ceil(blur * x.shape[2])
    if not blur > 0 or min(x.shape[2:]) < 2 * border + 2:
        got = f"{list(x.shape)} and {blur}"
        raise ValueError(f"x, blur: want a positive blur and images beyond a border of {border} pixels, got {got}")
    m = torch.ones_like(x[:, :1]) if mask is None else mask.to(x)
    edges = (_edges(one, blur * x.shape[2]) for one in (x, y))
    a, b, inside = (one[..., border:-border, border:-border] for one in (*edges, m.double()))
    r = _weighted_correlation(a, b, inside.expand(len(x), -1, -1, -1))  # [n]
    return float(1 - r.mean())


def diversity(images: Tensor, mask: Tensor | None = None) -> float:
    """How much k outputs for the same input differ: [n, k, C, H, W] → a root mean square per pixel value, 0 … 1.

    The mean over inputs i and pairs a < b of √(mean over channels and pixels that count of (x_ia − x_ib)²). The mask
    [n, 1, H, W] is that of the input. 0 where the outputs are alike; √(1/6) for independent uniform noise.
    Raises ValueError for other shapes, k below 2, or an input for which no pixel counts.
    """
    if images.ndim != 5 or images.shape[1] < 2:
        raise ValueError(f"images: want [n, k, C, H, W] with k at least 2, got {list(images.shape)}")
    n, k, channels = images.shape[:3]
    _check(images[:, 0], images[:, 0], mask)
    m = torch.ones_like(images[:, 0, :1]) if mask is None else mask.to(images)
    weight = channels * m.expand(n, -1, -1, -1).sum((1, 2, 3))  # [n]
    if not bool((weight > 0).all()):
        raise ValueError("mask: for some input no pixel counts, want one at least for each")
    pairs = torch.combinations(torch.arange(k)).tolist()
    total = sum((m * (images[:, a] - images[:, b]).square()).sum((1, 2, 3)).div(weight).sqrt().mean() for a, b in pairs)
    return float(total) / len(pairs)


class HiddenMessage(NamedTuple):
    """What noise on the translation does to the way back, see `hidden_message`."""

    clean: float
    noisy: float
    factor: float
    gain: float


def hidden_message(
    there: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor], images: Tensor, *, sigma: float = 0.02,
    generator: torch.Generator | None = None,
) -> HiddenMessage:  # fmt: skip
    """What noise on the translation does to the way back: with y = there(x) and ε from N(0, σ²) in each pixel value,

        clean  = √ mean (back(y) − x)²               the cycle's error,
        noisy  = √ mean (back(y + ε) − x)²           that after noise nobody would notice,
        factor = noisy / clean,
        gain   = √ mean (back(y + ε) − back(y))² / σ.

    Errors are in pixel values. The gain is how strongly the way back amplifies differences, whatever the clean error: 1
    for x → 1 − x; 1/ε for a message of amplitude ε that sits in single pixels. No test by itself: a message that is
    spread over many pixels survives the noise and has a gain near 1 or below, and the factor is large also for an
    honest way back whose clean error is far below σ. A surer test is to exchange what should carry no information
    between two translations. Raises ValueError for σ that is not positive, or if the images come back in another shape.
    Source: Chu, Zhmoginov & Sandler (2017); Bashkirova et al. (2019).
    """
    if not sigma > 0:
        raise ValueError(f"sigma: want a positive number, got {sigma}")
    with torch.no_grad():
        y = there(images)
        noise = torch.randn(y.shape, generator=generator, device=generator.device if generator else y.device)
        clean, noisy = back(y), back(y + sigma * noise.to(y))
    if clean.shape != images.shape:
        raise ValueError(f"back: want images {list(images.shape)} again, got {list(clean.shape)}")
    before, after = _root_mean_square(clean - images), _root_mean_square(noisy - images)
    factor = after / before if before else float("inf")
    return HiddenMessage(before, after, factor, _root_mean_square(noisy - clean) / sigma)


def correlations(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's r of each column of a [n, F] with the same column of b [n, F]: [F]; 0 for a column that is constant.

    With the factors of images and those read from their translations: which of them were kept. Raises ValueError for
    other shapes.
    """
    if a.ndim != 2 or a.shape != b.shape or not len(a):
        raise ValueError(f"a, b: want two [n, F] alike, got {list(a.shape)} and {list(b.shape)}")
    first, second = a.double().T, b.to(a.device).double().T  # [F, n]
    return _weighted_correlation(first, second, torch.ones_like(first)).to(a)


def _check(x: Tensor, y: Tensor, mask: Tensor | None) -> None:
    if x.ndim != 4 or x.shape != y.shape:
        raise ValueError(f"x, y: want two [n, C, H, W] alike, got {list(x.shape)} and {list(y.shape)}")
    n, _, height, width = x.shape
    if mask is not None and tuple(mask.shape) not in ((n, 1, height, width), (1, 1, height, width)):
        raise ValueError(f"mask: want {[n, 1, height, width]} (or 1 for n), got {list(mask.shape)}")


def _root_mean_square(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt())


def _edges(x: Tensor, deviation: float) -> Tensor:
    """The strength of the edges of blurred images: [n, C, H, W] → [n, 1, H, W], float64."""
    soft = F.pad(_blurred(x.double(), deviation), (1, 1, 1, 1), mode="replicate")
    down = soft[..., 2:, 1:-1] - soft[..., :-2, 1:-1]
    right = soft[..., 1:-1, 2:] - soft[..., 1:-1, :-2]
    return (down.square() + right.square()).sum(1, keepdim=True).sqrt() / 2


def _blurred(x: Tensor, deviation: float) -> Tensor:
    """Under a Gaussian, along each axis in turn; beyond its border an image goes on as it ends."""
    reach = max(1, round(3 * deviation))
    kernel = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device).div(deviation).square().div(-2).softmax(0)
    rows, columns = (_smoothing(side, kernel) for side in x.shape[2:])
    return rows @ x @ columns.mT


def _smoothing(side: int, kernel: Tensor) -> Tensor:
    """[side, side]: in each row the kernel around one place; what reaches beyond the image counts at its end."""
    reach = len(kernel) // 2
    steps = torch.arange(-reach, reach + 1, device=kernel.device)
    places = (torch.arange(side, device=kernel.device)[:, None] + steps).clamp(0, side - 1)  # [side, k]
    return kernel.new_zeros(side, side).scatter_add_(1, places, kernel.expand(side, -1))


def _weighted_correlation(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Pearson's r of two rows of numbers, [n, ...] → [n]; 0 where one of them is constant."""
    a, b, weight = (x.flatten(1) for x in (a, b, weight))
    share = weight / weight.sum(1, keepdim=True).clamp(min=1e-12)
    a, b = (x - (share * x).sum(1, keepdim=True) for x in (a, b))
    variances = [(share * x.square()).sum(1) for x in (a, b)]
    scale = (variances[0] * variances[1]).sqrt()
    flat = torch.minimum(*variances) < FLAT**2
    return torch.where(flat, 0, (share * a * b).sum(1) / scale.clamp(min=FLAT**2))
