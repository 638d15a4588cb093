"""How well single numbers of a code follow single factors, where the factors are known."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["DCI", "dci", "factor_matrix", "mig"]


def factor_matrix(codes: Tensor, factors: Tensor, *, bins: int = 20) -> Tensor:
    """The mutual information I(h_j; v_k) of each number of the code with each factor, in nats: [M_h, F].

    codes [n, M_h] and factors [n, F]. Each column is cut into `bins` parts of equal numbers of items (fewer where it
    has fewer different values, as an attribute has), and the joint counts are plugged in. From n items the estimate
    is too high by about (bins − 1)²/2n for independent columns (Miller, 1955), which is left in: compare within a
    column. Never negative. Raises ValueError for other shapes, or fewer than two bins.
    """
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or len(codes) < 2:
        raise ValueError(f"codes, factors: want [n, M_h] and [n, F], got {list(codes.shape)}, {list(factors.shape)}")
    if bins < 2:
        raise ValueError(f"bins: want at least two, got {bins}")
    cut_codes, cut_factors = (_one_hot(x.detach().cpu().double(), bins) for x in (codes, factors))
    return torch.stack([torch.stack([_information(h, v) for v in cut_factors]) for h in cut_codes])


def _one_hot(columns: Tensor, bins: int) -> list[Tensor]:
    """For each column the items' bins, [n, B] of 0 and 1; B is smaller where values repeat."""
    inner = torch.linspace(0, 1, bins + 1, dtype=columns.dtype)[1:-1]
    found = []
    for column in columns.T.contiguous():
        values = column.unique()
        edges = (values[1:] + values[:-1]) / 2 if len(values) <= bins else column.quantile(inner).unique()
        places = torch.bucketize(column, edges)
        found.append(torch.nn.functional.one_hot(places, len(edges) + 1).double())
    return found


def _information(a: Tensor, b: Tensor) -> Tensor:
    """I = H(a) + H(b) − H(a, b) from counts, never negative."""
    joint = a.T @ b / len(a)
    return (_entropy(joint.sum(1)) + _entropy(joint.sum(0)) - _entropy(joint.flatten())).clamp(min=0)


def _entropy(p: Tensor) -> Tensor:
    """−Σ p log p in nats over the last axis."""
    return torch.special.entr(p).sum(-1)


def mig(codes: Tensor, factors: Tensor, bins: int = 20) -> float:
    """The mutual information gap: the mean over factors of (the largest − the second largest I(h_j; v_k)) / H(v_k).

    1 if each factor is in one number of the code alone, about 0 if in several equally or in none. It asks nothing of
    the numbers that no factor claims. codes [n, M_h] with M_h at least 2, factors [n, F]; a factor that never varies
    is left out. Source: Chen et al. (2018), section 4.1. Raises as `factor_matrix`.
    """
    if codes.ndim != 2 or codes.shape[1] < 2:
        raise ValueError(f"codes: want [n, M_h] with M_h at least 2, got {list(codes.shape)}")
    information = factor_matrix(codes, factors, bins=bins)
    room = torch.stack([_entropy(v.mean(0)) for v in _one_hot(factors.detach().cpu().double(), bins)])  # [F]
    best = information.topk(2, dim=0).values
    varies = room > 0
    if not bool(varies.any()):
        raise ValueError("factors: want at least one that varies")
    return float(((best[0] - best[1])[varies] / room[varies]).mean())


@dataclass(frozen=True)
class DCI:
    """What a regression from codes to factors says, each 0 … 1.

    `disentanglement`: each number of the code serves one factor. `completeness`: each factor is served by one number.
    `informativeness`: the share of the factors' variance that the regression explains on items it has not seen, mean
    over factors. `importance` [M_h, F] is what the first two are computed from; its columns sum to 1.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: Tensor


def dci(codes: Tensor, factors: Tensor, *, trees: int = 30, depth: int | None = 12, seed: int = 0) -> DCI:
    """Disentanglement, completeness and informativeness: codes [n, M_h], factors [n, F].

    Forests of scikit-learn regress each factor on the code, with four fifths of the items; the others are for
    testing. With R the importances of the numbers, P_jk = R_jk / Σ_k R_jk and Q_jk = R_jk / Σ_j R_jk,

        disentanglement = Σ_j ρ_j (1 − H_F(P_j)),  completeness = mean_k (1 − H_{M_h}(Q_k)),

    where H has the logarithm to the base of the number of outcomes, and ρ_j is h_j's share of all importance.
    Source: Eastwood and Williams (2018). Raises ValueError for other shapes, fewer than two columns on either
    side, fewer than 10 items, or a factor that does not vary.
    """
    _check(codes, factors)
    forests = [_forest(codes, factor, trees, depth, seed) for factor in factors.T]
    importance = torch.stack([row for row, _ in forests], 1)  # [M_h, F]
    shares = importance / importance.sum(1, keepdim=True).clamp(min=1e-12)
    numbers, outcomes = importance.shape
    separate = 1 - _entropy(shares) / torch.tensor(float(outcomes)).log()
    whole = 1 - _entropy(importance.T) / torch.tensor(float(numbers)).log()
    weight = importance.sum(1) / importance.sum()
    explained = sum(score for _, score in forests) / len(forests)
    return DCI(float(weight @ separate), float(whole.mean()), explained, importance)


def _check(codes: Tensor, factors: Tensor) -> None:
    shapes = f"{list(codes.shape)}, {list(factors.shape)}"
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors) or len(codes) < 10:
        raise ValueError(f"codes, factors: want [n, M_h] and [n, F] with n at least 10, got {shapes}")
    if min(codes.shape[1], factors.shape[1]) < 2:
        raise ValueError(f"codes, factors: want at least two columns on either side, got {shapes}")
    if bool((factors == factors[:1]).all(0).any()):
        raise ValueError("factors: want each of them to vary")


def _forest(codes: Tensor, factor: Tensor, trees: int, depth: int | None, seed: int) -> tuple[Tensor, float]:
    """The importance of each number of the code, [M_h] with sum 1, and R² on the last fifth of the items."""
    from sklearn.ensemble import RandomForestRegressor  # here, because it takes most of a second to import

    x, y = codes.detach().cpu().numpy(), factor.detach().cpu().numpy()
    cut = len(x) * 4 // 5
    forest = RandomForestRegressor(trees, max_depth=depth, random_state=seed).fit(x[:cut], y[:cut])
    return torch.from_numpy(forest.feature_importances_), max(0.0, float(forest.score(x[cut:], y[cut:])))
