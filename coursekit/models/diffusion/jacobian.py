"""What a denoiser's Jacobian says of the data: along how many directions does it let a change of x_t pass?

For the exact denoiser a ∂E[x₀ | x_t]/∂x_t = (a²/s²) Cov(x₀ | x_t), a symmetric matrix. At little noise, near a
manifold, it is nearly the projection on its tangent space: gains of 1 along the manifold, and of 0 across.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from coursekit.models.diffusion.denoisers import Denoiser
from coursekit.models.diffusion.schedules import Time


@dataclass(frozen=True)
class _Map:
    """J = a ∂x₀/∂x_t at one item [...], as a map of columns [M, k]."""

    denoiser: Denoiser
    x: Tensor
    t: Time
    condition: Tensor | None

    def estimate(self, row: Tensor) -> Tensor:
        """a E[x₀ | x_t] for x_t as a row of numbers: [M] → [M]."""
        x_t = row.reshape(1, *self.x.shape)
        a, _ = self.denoiser.schedule.levels(self.t, row)
        return a * self.denoiser(x_t, self.t, self.condition).flatten()

    def forth(self, columns: Tensor, chunk: int = 256) -> Tensor:
        """J times columns, `chunk` of them at a time: [M, k] → [M, k]."""

        def pushed(direction: Tensor) -> Tensor:
            return jvp(self.estimate, (self.x.flatten(),), (direction,))[1]

        return vmap(pushed, in_dims=1, out_dims=1, chunk_size=chunk)(columns).detach()

    def back(self, columns: Tensor) -> Tensor:
        """Jᵀ times columns: [M, k] → [M, k]."""
        pulled = vjp(self.estimate, self.x.flatten())[1]
        return vmap(lambda direction: pulled(direction)[0], in_dims=1, out_dims=1)(columns).detach()


def _maps(denoiser: Denoiser, x_t: Tensor, t: Time, condition: Tensor | None) -> Iterator[_Map]:
    times = torch.as_tensor(t).expand(len(x_t))
    for i, (x, time) in enumerate(zip(x_t, times, strict=True)):
        yield _Map(denoiser, x, time, None if condition is None else condition[i : i + 1])


def local_jacobian(denoiser: Denoiser, x_t: Tensor, t: Time, *, condition: Tensor | None = None) -> Tensor:
    """a ∂x₀/∂x_t at each item: [n, M, M], row i the change of the estimate's i-th number. t is a number or [n].

    The factor a makes it the derivative with respect to x_t/a, whose size is that of the data.
    """
    every = torch.eye(x_t[0].numel()).to(x_t)
    return torch.stack([each.forth(every) for each in _maps(denoiser, x_t, t, condition)])


def spectrum(denoiser: Denoiser, x_t: Tensor, t: Time, *, condition: Tensor | None = None) -> Tensor:
    """The Jacobian's singular values at each item, falling: [n, M]; for the exact denoiser, its eigenvalues."""
    return torch.linalg.svdvals(local_jacobian(denoiser, x_t, t, condition=condition))


def local_rank(
    denoiser: Denoiser, x_t: Tensor, t: Time, *, threshold: float = 0.5, condition: Tensor | None = None
) -> Tensor:
    """How many of the Jacobian's singular values are above `threshold`, at each item: [n].

    Near a manifold, with s/a small against its bends and (for stored points) large against their spacing, this is its
    dimension M_h.
    """
    return (spectrum(denoiser, x_t, t, condition=condition) > threshold).sum(1)


def leading_gains(
    denoiser: Denoiser, x_t: Tensor, t: Time, k: int, *, condition: Tensor | None = None, rounds: int = 2,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    """The k largest singular values at each item, nearly, without the whole matrix: [n, k]. For large items.

    k + 8 random directions go through J, then `rounds` times through Jᵀ and J; J is looked at in the space they span.
    Source: Halko, Martinsson & Tropp (2011), algorithms 4.4 and 5.1. Raises ValueError unless 1 <= k <= M.
    """
    size = x_t[0].numel()
    if not 1 <= k <= size:
        raise ValueError(f"k: want 1 to {size}, got {k}")
    rows = []
    for each in _maps(denoiser, x_t, t, condition):
        source = x_t.device if generator is None else generator.device
        probes = torch.randn(size, min(k + 8, size), generator=generator, device=source).to(x_t)
        rows.append(_gains(each, probes, rounds)[:k])
    return torch.stack(rows)


def _gains(each: _Map, probes: Tensor, rounds: int) -> Tensor:
    basis = torch.linalg.qr(each.forth(probes)).Q  # [M, k + 8]
    for _ in range(rounds):
        basis = torch.linalg.qr(each.forth(torch.linalg.qr(each.back(basis)).Q)).Q
    return torch.linalg.svdvals(each.back(basis))
