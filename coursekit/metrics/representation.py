"""What a code is good for: finding similar items, telling classes apart with few labels; and how sparse it is."""

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor


def precision_at_k(h: Tensor, labels: Tensor, *, k: int = 10, queries: Tensor | None = None) -> float:
    """The mean share, among an item's k nearest others, of those with its label: h [n, ...], labels [n] → 0 … 1.

    Euclidean distance. `queries` are the positions [q] of the items that ask (all of them if not given).
    Raises ValueError for k outside 1 … n − 1 or labels that are not [n].
    """
    if not 1 <= k < len(h) or labels.shape != h.shape[:1]:
        raise ValueError(f"k, labels: want 1 <= k < n and labels [n], got {k} and {list(labels.shape)} for n={len(h)}")
    rows = h.detach().flatten(1)
    asking = torch.arange(len(h), device=h.device) if queries is None else queries.to(h.device)
    distances = torch.cdist(rows[asking], rows)  # [q, n]
    distances[torch.arange(len(asking)), asking] = torch.inf
    near = distances.topk(k, largest=False).indices  # [q, k]
    return float((labels[near] == labels[asking, None]).float().mean())


def linear_probe(
    h: Tensor, labels: Tensor, test_h: Tensor, test_labels: Tensor, *, inverse_penalty: float = 1.0
) -> float:
    """Test accuracy of a logistic regression on codes [n, ...], standardised by those of training.

    scikit-learn's, with its C = `inverse_penalty`. Raises ValueError if training knows fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression  # here, because it takes most of a second to import
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(C=inverse_penalty, max_iter=1000))
    train, test = (codes.detach().cpu().flatten(1).double().numpy() for codes in (h, test_h))
    with warnings.catch_warnings():  # a thousand steps are plenty for a figure of two digits
        warnings.simplefilter("ignore", category=UserWarning)
        return float(probe.fit(train, labels.cpu().numpy()).score(test, test_labels.cpu().numpy()))


@dataclass(frozen=True)
class Activity:
    """How a code is used: `mean` activation, `active` share of |h| above the threshold, `dead` share of units
    that never are, and Hoyer's `sparseness`, 0 for equally active units … 1 for one alone, mean over items."""

    mean: float
    active: float
    dead: float
    sparseness: float


def activity(h: Tensor, *, threshold: float = 0.1) -> Activity:
    """The statistics of codes [n, units]. Sparseness: (√u − ‖h‖₁/‖h‖₂) / (√u − 1) (Hoyer, 2004)."""
    if h.ndim != 2 or h.shape[1] < 2:
        raise ValueError(f"h: want [n, units] with at least two units, got {list(h.shape)}")
    size, root = h.detach().abs(), h.shape[1] ** 0.5
    on = size > threshold
    ratio = size.sum(1) / size.norm(dim=1).clamp(min=1e-12)  # [n]
    sparseness = ((root - ratio) / (root - 1)).mean()
    dead = (~on.any(0)).float().mean()
    return Activity(float(h.mean()), float(on.float().mean()), float(dead), float(sparseness))


def cross_correlations(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's r of every column of a [n, K] with every one of b [n, F]: [K, F], float64; 0 for constant ones.

    Raises ValueError for other shapes. (Column with column of the same number: `correlations`.)
    """
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b):
        raise ValueError(f"a, b: want [n, K] and [n, F], got {list(a.shape)} and {list(b.shape)}")
    a, b = (x.double() - x.double().mean(0) for x in (a, b))
    scale = a.norm(dim=0)[:, None] * b.norm(dim=0)
    return torch.where(scale > 1e-12, a.T @ b / scale.clamp(min=1e-12), 0)
