"""Directions of a code in which pictures change most."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from coursekit.models import gan

HERE = nn.Identity()  # codes are drawn on the CPU, so that they are the same on every machine


def principal(generate: Callable[[Tensor, int], Tensor], prior: gan.Prior, count: int, *, at: int = 8,
              step: float = 0.25) -> Tensor:
    """Unit directions of the code in which pictures change most, [count, size], the strongest first.

    The first eigenvectors of E[JᵀJ], J = ∂g/∂h by central differences at `at` codes. `generate`: codes [n, size] and
    the number of the place → pictures. Raises ValueError for more directions than the code has.
    """
    size = prior.noise if isinstance(prior, gan.Codes) else prior.size  # the other parts have switches of their own
    if count > size:
        raise ValueError(f"directions: want at most {size}, got {count}")
    h = prior.draw(at, like=HERE, generator=torch.Generator().manual_seed(0))
    total = torch.zeros(size, size)
    moves = step * torch.eye(size, prior.size)
    for place, code in enumerate(h):
        ahead, back = generate(torch.cat([code + moves, code - moves]), place).flatten(1).chunk(2)
        jacobian = (ahead - back) / (2 * step)  # [size, pixels]
        total += jacobian @ jacobian.T
    strongest = torch.linalg.eigh(total).eigenvectors.flip(1).T[:count]  # [count, size]
    strongest = strongest * strongest.gather(1, strongest.abs().argmax(1, keepdim=True)).sign()  # the same everywhere
    return torch.cat([strongest, torch.zeros(count, prior.size - size)], 1)
