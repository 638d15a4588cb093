"""Angles between subspaces, dimensions, and the directions that are free at a point."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

import torch
from torch import Tensor
from torch.autograd import forward_ad

BLOCK = 256  # points at once: as many images of 32×32 are 6 MB as float64
Function = Callable[[Tensor], Tensor]


def principal_angles(a: Tensor, b: Tensor) -> Tensor:
    """The principal angles between two row spaces, [k, M] and [j, M] → [min(k, j)] radians, largest first.

    cos θ are the singular values of Q_aᵀ Q_b with orthonormal bases; small angles come from the sines, which
    are accurate there (Björck & Golub 1973; Knyazev & Argentati 2002). Raises ValueError if the sizes differ.
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"a, b: want [k, M] and [j, M], got {list(a.shape)} and {list(b.shape)}")
    if len(a) < len(b):
        a, b = b, a
    q_a, q_b = torch.linalg.qr(a.double().T).Q, torch.linalg.qr(b.double().T).Q  # [M, k], [M, j]
    inner = q_a.T @ q_b  # [k, j]
    cosines = torch.linalg.svdvals(inner).clamp(max=1)
    sines = torch.linalg.svdvals(q_b - q_a @ inner).clamp(max=1).flip(0)
    angles = torch.where(cosines.square() > 0.5, sines.asin(), cosines.acos())
    return angles.flip(0).to(a.dtype)


def intrinsic_dimension(x: Tensor, *, method: str = "mle", k: int = 10) -> float:
    """The dimension of the set that the points x [n, ...] lie on, from distances to nearest neighbours.

    "mle": Levina & Bickel (2004) with k neighbours, averaged as MacKay & Ghahramani (2005) correct it: 1/d =
    the mean, over points and j < k, of log(r_k / r_j). "twonn": Facco et al. (2017): with μ = r₂/r₁ and its
    empirical distribution F, d is the slope through the origin of −log(1 − F) against log μ, over the lower
    nine tenths of the ratios. Duplicates count once. Raises ValueError for too few different points, k < 2 or
    an unknown method.
    """
    if method == "mle":
        near = _nearest(x, k)  # [n, k]
        return float(1 / (near[:, -1:] / near[:, :-1]).log().mean())
    if method != "twonn":
        raise ValueError(f'method: want "mle" or "twonn", got {method!r}')
    near = _nearest(x, 2)
    ratio = (near[:, 1] / near[:, 0]).log().sort().values[: int(0.9 * len(near))]
    rank = -torch.log1p(-torch.arange(1, len(ratio) + 1, dtype=ratio.dtype) / len(near))
    return float(ratio @ rank / ratio.square().sum())


def _nearest(x: Tensor, k: int) -> Tensor:
    """Distances to the k nearest other points, ascending, in float64: [n, ...] → [n, k].

    ‖a − b‖² = ‖a‖² + ‖b‖² − 2 aᵀb, a block of pairs at a time: thousands of images exist only once.
    """
    points = x.detach().cpu().flatten(1)
    first = {blake2b((row.double() + 0.0).numpy()).digest(): i for i, row in enumerate(points)}  # + 0.0: −0 becomes 0
    if k < 2 or len(first) <= k:
        raise ValueError(f"x, k: want k at least 2 and more than k different points, got {len(first)}, k={k}")
    points = points if len(first) == len(points) else points[list(first.values())]
    blocks = [slice(start, start + BLOCK) for start in range(0, len(points), BLOCK)]
    centre = points.mean(0).double()  # from there squares are small, and so is what a difference loses by rounding
    found = []
    for rows in blocks:
        a = points[rows].double() - centre
        squares = torch.cat([_squares(a, points[columns].double() - centre) for columns in blocks], 1)
        squares[torch.arange(len(a)), torch.arange(len(points))[rows]] = torch.inf  # no point is its own neighbour
        found.append(squares.topk(k, largest=False).values.clamp(min=0).sqrt())
    return torch.cat(found)


def _squares(a: Tensor, b: Tensor) -> Tensor:
    """‖a_i − b_j‖² for all pairs: [n, M], [m, M] → [n, m]."""
    return a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T


def local_pca(x: Tensor, sample: Tensor, *, k: int | None = None) -> Tensor:
    """The eigenvalues, falling, of the covariance of the sample's k points nearest to x (all of them without k).

    x [...] and sample [n, ...] → [min(k, M)]. As many of them stand out as the set has dimensions at x, if
    the neighbourhood is small enough to be flat.
    """
    away = (sample - x).double().flatten(1)  # [n, M]
    if k is not None:
        away = away[away.norm(dim=1).topk(k, largest=False).indices]
    return torch.linalg.svdvals(away - away.mean(0)).square() / (len(away) - 1)


def jacobian(function: Function, h: Tensor, *, columns: Sequence[int] | None = None) -> Tensor:
    """∂ function(h) / ∂ h of each item by forward-mode differentiation: h [n, F] → [n, M, F] (or the columns asked).

    `function` maps [n, F] to [n, ...], each item on its own. One pass, n F items wide.
    """
    chosen = range(h.shape[1]) if columns is None else columns
    directions = torch.eye(h.shape[1], dtype=h.dtype, device=h.device)[list(chosen)]  # [D, F]
    with torch.no_grad(), forward_ad.dual_level():
        points = forward_ad.make_dual(h.repeat(len(directions), 1), directions.repeat_interleave(len(h), 0))
        slopes = forward_ad.unpack_dual(function(points)).tangent  # [D n, ...]
    if slopes is None:
        raise ValueError("function: its values do not depend on h")
    return slopes.flatten(1).unflatten(0, (len(directions), len(h))).permute(1, 2, 0)


def jacobian_rank(
    function: Function, h: Tensor, *, columns: Sequence[int] | None = None, tolerance: float = 1e-4
) -> Tensor:
    """The number of directions that are free at each h: singular values above tolerance × the largest, [n, F] → [n].

    In float64 the rank is sharper: pass `h.double()`.
    """
    values = torch.linalg.svdvals(jacobian(function, h, columns=columns))  # [n, D]
    return (values > tolerance * values[:, :1]).sum(1)
