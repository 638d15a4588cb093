"""How well a score tells two kinds of items apart."""

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor


def auroc(familiar: Tensor, novel: Tensor) -> float:
    """The chance that a novel item scores higher than a familiar one, ties half: scores [n], [m] → 0 … 1."""
    if not len(familiar) or not len(novel):
        raise ValueError(f"familiar, novel: want scores of both, got {len(familiar)} and {len(novel)}")
    scores = torch.cat([familiar.flatten(), novel.flatten()]).detach().cpu()
    return float(roc_auc_score([0] * len(familiar) + [1] * len(novel), scores.numpy()))
