"""How near a set of generated items is to a set of real ones, in distribution; and codes to their prior."""

import torch
from torch import Tensor

__all__ = ["density_coverage", "frechet_distance", "latent_normality", "precision_recall"]


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """The squared Fréchet distance between Gaussians with the means and covariances of two sets of features.

        d² = ‖μ_a − μ_b‖² + tr(Σ_a + Σ_b − 2 (Σ_a Σ_b)^½),  a [n, d], b [m, d].

    With features of Inception-v3 it is the FID (Heusel et al., 2017); it compares only within one feature net and one
    number of items, for its expected value falls with that number. tr (Σ_a Σ_b)^½ is the sum of the singular values
    of A B with A = Σ_a^½ and B = Σ_b^½. Raises ValueError for other shapes or with no more items than features, where
    a covariance is singular and the distance mostly chance.
    """
    _check(a, b)
    if min(len(a), len(b)) <= a.shape[1]:
        raise ValueError(f"a, b: want more items than the {a.shape[1]} features, got {len(a)} and {len(b)}")
    (mu_a, sigma_a), (mu_b, sigma_b) = _moments(a), _moments(b)
    common = torch.linalg.svdvals(_root(sigma_a) @ _root(sigma_b)).sum()
    distance = (mu_a - mu_b).square().sum() + sigma_a.trace() + sigma_b.trace() - 2 * common
    return max(0.0, float(distance))


def _check(a: Tensor, b: Tensor) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"want features [n, d] and [m, d], got {list(a.shape)} and {list(b.shape)}")


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [d] and covariance [d, d], in float64 on the CPU."""
    rows = x.detach().cpu().double()
    return rows.mean(0), rows.T.cov().reshape(rows.shape[1], rows.shape[1])


def _root(sigma: Tensor) -> Tensor:
    """The symmetric square root of a covariance."""
    values, vectors = torch.linalg.eigh(sigma)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def precision_recall(real: Tensor, generated: Tensor, k: int = 3) -> tuple[float, float]:
    """The share of generated items that look real, and the share of real items that could be generated.

    A set is thought to fill the balls around its items that reach to their k-th nearest other: precision is the share
    of the generated [m, d] in the real ones' balls, recall the share of the real [n, d] in the generated ones'.
    Source: Kynkäänniemi et al. (2019). Raises ValueError for other shapes, or k outside 1 … items − 1.
    """
    apart = _distances(real, generated, k)  # [n, m]
    precision = (apart <= _reach(real, k)[:, None]).any(0)
    recall = (apart <= _reach(generated, k)).any(1)
    return float(precision.float().mean()), float(recall.float().mean())


def density_coverage(real: Tensor, generated: Tensor, k: int = 5) -> tuple[float, float]:
    """How densely the real items' balls are hit, and the share of them that is hit at all.

    density = the mean number of real balls that a generated item lies in, over k (about 1 for two sets of one
    law; it may be larger); coverage = the share of real items whose ball holds a generated one. Single outliers among
    the real ones weigh less than in `precision_recall`. Source: Naeem et al. (2020). Raises as that.
    """
    inside = _distances(real, generated, k) <= _reach(real, k)[:, None]  # [n, m]
    return float(inside.float().sum(0).mean() / k), float(inside.any(1).float().mean())


def _distances(real: Tensor, generated: Tensor, k: int) -> Tensor:
    _check(real, generated)
    if not 1 <= k < min(len(real), len(generated)):
        raise ValueError(f"k: want 1 <= k below the number of items, got {k} for {len(real)} and {len(generated)}")
    return torch.cdist(real.detach(), generated.detach())


def _reach(x: Tensor, k: int) -> Tensor:
    """The distance of each item to its k-th nearest other, [n]."""
    points = x.detach()
    reaches = []
    for start in range(0, len(points), 1000):  # in parts, and without [n, n] numbers at once
        apart = torch.cdist(points[start : start + 1000], points)
        rows = torch.arange(len(apart))
        apart[rows, rows + start] = torch.inf
        reaches.append(apart.topk(k, dim=1, largest=False).values[:, -1])  # five times as fast as kthvalue
    return torch.cat(reaches)


def latent_normality(codes: Tensor) -> dict[str, float]:
    """How far codes [n, M_h] are from N(0, I), in numbers that are 0 for an exact match:

    - "mean": the largest |mean| of a number of the code.
    - "covariance": ‖Σ − I‖_F / √M_h, the root mean square deviation per number.
    - "kl": D_KL(N(μ, Σ) ‖ N(0, I)) = ½ (tr Σ + μᵀμ − M_h − ln det Σ) of the Gaussian fitted to them, in nats;
      ∞ where Σ is singular.
    - "ks": the largest Kolmogorov-Smirnov distance of one number's distribution to N(0, 1); "ks_mean" is their mean.

    Raises ValueError for codes that are no [n, M_h] with n at least 2.
    """
    if codes.ndim != 2 or len(codes) < 2:
        raise ValueError(f"codes: want [n, M_h] with n at least 2, got {list(codes.shape)}")
    mu, sigma = _moments(codes)
    size = len(mu)
    kl = 0.5 * (sigma.trace() + mu.square().sum() - size - torch.linalg.slogdet(sigma).logabsdet)
    steps = _ks(codes)
    return {
        "mean": float(mu.abs().max()),
        "covariance": float((sigma - torch.eye(size).double()).norm() / size**0.5),
        "kl": float(kl),
        "ks": float(steps.max()),
        "ks_mean": float(steps.mean()),
    }


def _ks(codes: Tensor) -> Tensor:
    """The largest gap between the empirical distribution of each column and Φ, on both sides of each step: [M_h]."""
    phi = torch.special.ndtr(codes.detach().cpu().double().sort(0).values)  # [n, M_h]
    above = torch.arange(1, len(codes) + 1).double()[:, None] / len(codes)
    return torch.maximum((above - phi).amax(0), (phi - above + 1 / len(codes)).amax(0))
