"""What a perfect discriminator would say, distances between two sets of samples, and how many modes are covered."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["ModeCount", "jensen_shannon", "mmd", "mode_count", "optimal_discriminator", "wasserstein_1d"]

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the median distance
BLOCK = 1000  # rows of a matrix of distances that are held at once


def optimal_discriminator(log_p: Tensor, log_q: Tensor) -> Tensor:
    """D*(x) = p(x)/(p(x) + q(x)) = σ(log p(x) − log q(x)), from the logarithms of both densities at the same points.

    p is the data's, q the generator's; any shape. It does not overflow where both are tiny. NaN where both are 0: any D
    is as good there. Source: Goodfellow et al. (2014), proposition 1.
    """
    return (log_p - log_q).sigmoid()


def jensen_shannon(p: Tensor, q: Tensor) -> float:
    """JS(p, q) = ½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q)/2, in nats: 0 for p = q, log 2 where they do not overlap.

    p and q are probabilities of the same outcomes, or densities at the points of a grid times the size of a cell; any
    shape. Source: Goodfellow et al. (2014), theorem 1. Raises ValueError for other shapes, numbers that are negative or
    NaN, or a sum that is not 1 within a hundredth.
    """
    p, q = _probabilities("p", p), _probabilities("q", q)
    if p.shape != q.shape:
        raise ValueError(f"p, q: want the same shape, got {list(p.shape)} and {list(q.shape)}")
    middle = (p + q) / 2
    return float(0.5 * (_divergence(p, middle) + _divergence(q, middle)))


def _divergence(p: Tensor, m: Tensor) -> Tensor:
    """Σ p log(p/m), with 0 log 0 = 0."""
    return (torch.xlogy(p, p) - torch.xlogy(p, m)).sum()


def _probabilities(name: str, p: Tensor) -> Tensor:
    p = torch.as_tensor(p).detach().cpu().double()
    total = float(p.sum())
    if not (bool((p >= 0).all()) and abs(total - 1) <= 0.01):
        raise ValueError(f"{name}: want numbers of at least 0 that add up to 1, got a sum of {total:.4g}")
    return p


def wasserstein_1d(a: Tensor, b: Tensor) -> float:
    """W₁ of two samples of numbers, exactly: ∫ |F_a(t) − F_b(t)| dt, F the share of a sample that is at most t.

    a [n], b [m]. For n = m it is the mean of |a_(i) − b_(i)|, each sample sorted: the least mean way to move the one
    onto the other. Raises ValueError for samples that are empty or no vectors of finite numbers.
    """
    a, b = _sample("a", a), _sample("b", b)
    places = torch.cat([a, b]).sort().values  # [n + m]
    gap = (_share_up_to(places, a) - _share_up_to(places, b)).abs()
    return float((gap[:-1] * places.diff()).sum())


def _share_up_to(places: Tensor, sample: Tensor) -> Tensor:
    return torch.searchsorted(sample, places, right=True).double() / len(sample)


def _sample(name: str, x: Tensor) -> Tensor:
    """Sorted, in float64 on the CPU."""
    if x.ndim != 1 or not len(x) or not bool(x.isfinite().all()):
        raise ValueError(f"{name}: want finite numbers [n], at least one, got {list(x.shape)}")
    return x.detach().cpu().double().sort().values


class ModeCount(NamedTuple):
    """How many modes are covered, the share of the samples that lie on one, and how many lie on each, [k]."""

    modes: int
    share: float
    counts: Tensor


def mode_count(points: Tensor, centres: Tensor, std: float, within: float = 3.0, least: int = 1) -> ModeCount:
    """Which modes of a mixture are covered: points [n, d], centres [k, d].

    A point is on the mode whose centre is nearest, if that is no farther than within · std. A mode counts as covered
    with at least `least` points on it; with 1, as in the literature, a single stray one does. Of a round Gaussian in
    two dimensions the share 1 − exp(−within²/2) is near enough, 98.9 % for 3. Source: Srivastava et al. (2017),
    section 4. Raises ValueError for other shapes, or a number that is not positive.
    """
    if points.ndim != 2 or centres.ndim != 2 or points.shape[1] != centres.shape[1] or not len(points):
        raise ValueError(f"points, centres: want [n, d] and [k, d], got {list(points.shape)} and {list(centres.shape)}")
    if not (std > 0 and within > 0 and least >= 1):
        raise ValueError(f"std, within, least: want positive numbers, got {std}, {within}, {least}")
    apart = (points.detach()[:, None] - centres.to(points)).square().sum(2).sqrt()  # [n, k]
    nearest, mode = apart.min(1)
    counts = torch.bincount(mode[nearest <= within * std], minlength=len(centres))
    return ModeCount(int((counts >= least).sum()), float(counts.sum() / len(points)), counts)


def mmd(a: Tensor, b: Tensor, bandwidths: Sequence[float] | None = None) -> float:
    """The squared maximum mean discrepancy of two sets of samples, without bias: about 0, or below, for one law.

        MMD² = mean_{i≠j} k(a_i, a_j) + mean_{i≠j} k(b_i, b_j) − 2 mean k(a_i, b_j),
        k(x, y) = mean over σ of exp(−‖x − y‖²/(2σ²)),

    a [n, ...], b [m, ...] of the same items, σ the `bandwidths`. Without them σ is ¼, ½, 1, 2 and 4 times the median
    distance between items of `a` (of its first 1000): put the data first, and all models are judged with one kernel.
    No more than 1000 rows of distances are held at once. Source: Gretton et al. (2012), equation 3. Raises ValueError
    for items of different shapes, fewer than two of either, or a bandwidth that is not positive.
    """
    a, b = _centred(a, b)
    widths = _median_multiples(a) if bandwidths is None else tuple(bandwidths)
    if not widths or not all(width > 0 for width in widths):
        raise ValueError(f"bandwidths: want positive numbers, got {widths}")
    n, m = len(a), len(b)
    within = (_sum_of_kernel(a, a, widths) - n) / (n * (n - 1)) + (_sum_of_kernel(b, b, widths) - m) / (m * (m - 1))
    return within - 2 * _sum_of_kernel(a, b, widths) / (n * m)


def _centred(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [n, d] and [m, d] in float64 on the CPU, around the mean of a: far from 0 squares would lose digits."""
    if a.shape[1:] != b.shape[1:] or a.ndim < 2 or min(len(a), len(b)) < 2:
        raise ValueError(f"a, b: want at least two items each, of one shape, got {list(a.shape)} and {list(b.shape)}")
    a, b = (x.detach().cpu().double().flatten(1) for x in (a, b))
    mean = a.mean(0)
    return a - mean, b - mean


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """[n, d], [m, d] → [n, m]."""
    return (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp(min=0)


def _sum_of_kernel(a: Tensor, b: Tensor, widths: Sequence[float]) -> float:
    """Σ_ij k(a_i, b_j), in blocks of rows."""
    total = 0.0
    for rows in a.split(BLOCK):
        away = _squared_distances(rows, b)
        total += sum(float((away / (-2 * width**2)).exp().sum()) for width in widths)
    return total / len(widths)


def _median_multiples(a: Tensor) -> tuple[float, ...]:
    first = a[:BLOCK]
    above = torch.triu_indices(len(first), len(first), 1)
    median = float(_squared_distances(first, first)[above[0], above[1]].median().sqrt())
    if not median > 0:
        raise ValueError("a: want items that differ, or bandwidths: their median distance is 0")
    return tuple(times * median for times in MULTIPLES)
