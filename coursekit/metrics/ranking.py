"""How well a score tells two kinds of items apart."""

import torch
from torch import Tensor


def auroc(familiar: Tensor, novel: Tensor) -> float:
    """The chance that a novel item scores higher than a familiar one, ties half: scores [n], [m] → 0 … 1.

    Each novel score is looked up among the sorted familiar ones. Raises ValueError where a side is empty or a score
    is no number.
    """
    if not len(familiar) or not len(novel):
        raise ValueError(f"familiar, novel: want scores of both, got {len(familiar)} and {len(novel)}")
    low, high = familiar.detach().flatten().sort().values, novel.detach().flatten().to(familiar)
    if bool(low.isnan().any() | high.isnan().any()):
        raise ValueError("familiar, novel: want numbers, got NaN among the scores")
    below, up_to = torch.searchsorted(low, high), torch.searchsorted(low, high, right=True)  # [m], [m]
    return float((below + up_to).double().mean() / 2 / len(low))
