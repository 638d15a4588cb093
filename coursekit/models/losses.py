"""How a reconstruction x̂ is compared with x: one number per item, summed over its pixels."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Reconstruction = Callable[[Tensor, Tensor], Tensor]  # (x̂, x), both [n, ...] → [n]


def squared_error(x_hat: Tensor, x: Tensor) -> Tensor:
    """Σ (x − x̂)² of each item: [n, ...] → [n].

    But for a constant, minus the log-likelihood of a Gaussian with variance ½.
    """
    return (x_hat - x).square().flatten(1).sum(1)


def binary_cross_entropy(x_hat: Tensor, x: Tensor) -> Tensor:
    """−Σ [x log x̂ + (1 − x) log(1 − x̂)] of each item, in nats: [n, ...] in [0, 1] → [n].

    Smallest at x̂ = x, where it is the pixels' own entropy (0 only for black-and-white ones). The logarithms are
    kept above −100. Raises RuntimeError for values outside [0, 1].
    """
    with torch.autocast(x.device.type, enabled=False):  # half precision has no room near 0 and 1
        return F.binary_cross_entropy(x_hat.float(), x.float(), reduction="none").flatten(1).sum(1)
