"""Muon: gradient descent whose steps change every direction of a weight matrix by the same amount."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

BETAS, EPS = (0.9, 0.999), 1e-8  # of Adam, for what is no matrix
VECTORS = 1 / 8  # their learning rate, in terms of that of the matrices


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """U Vᵀ, roughly, for a matrix U S Vᵀ [m, n]: the same directions, all of about the same length.

    Newton–Schulz iteration X ← P X, P = a I + b A + c A² with A = X Xᵀ, whose fixed numbers are chosen for speed: the
    singular values end between about 0.7 and 1.2. Since all P commute, A ← P² A follows without X: of the products of
    the long side two are left, the rest is m × m. Source: Jordan (2024).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    square = x @ x.T
    one = torch.eye(len(square), dtype=x.dtype, device=x.device)
    product = one
    for _ in range(steps):
        p = a * one + (b * one + c * square) @ square
        square, product = p @ p @ square, p @ product
    x = product @ x
    return x if wide else x.T


class Muon(Optimizer):
    """For weight matrices M ← μ M + (1 − μ) ∇, then

        W ← (1 − η λ) W − 0.2 η √max(m, n) · `orthogonalised`((1 − μ) ∇ + μ M).

    Filters [out, in, k, k] are matrices [out, in k²]. The factor 0.2 √max(m, n) makes a step about as long as one of
    Adam. What is no matrix (biases) moves by Adam with an eighth of the rate. A step costs more than Adam's, and far
    fewer of them are needed: gradients of small nets on images have few strong directions and many weak ones that
    matter. λ is `weight_decay`, for matrices alone. Raises ValueError for a rate that is not positive.
    `torch.optim.Muon` (since 2.9) is the same step for matrices [m, n] alone: it refuses filters and biases, and
    computes in bfloat16, which is slow on many CPUs. Source: Jordan (2024); the factor: Liu et al. (2025).
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float = 1e-2, *, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        if not lr > 0:
            raise ValueError(f"lr: want a positive number, got {lr}")
        given = list(params)
        groups = [
            {
                "params": [p for p in given if p.ndim >= 2],
                "lr": lr,
                "momentum": momentum,
                "decay": weight_decay,
                "matrices": True,
            },
            {"params": [p for p in given if p.ndim < 2], "lr": lr * VECTORS, "matrices": False},
        ]
        super().__init__([group for group in groups if group["params"]], {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None and group["matrices"]:
                    self._move_matrix(p, p.grad, group["lr"], group["momentum"], group["decay"])
                elif p.grad is not None:
                    self._move_vector(p, p.grad, group["lr"])

    def _move_matrix(self, p: Tensor, gradient: Tensor, lr: float, momentum: float, decay: float) -> None:
        state = self.state[p]
        mean = state.setdefault("mean", torch.zeros_like(p)).lerp_(gradient, 1 - momentum)
        way = orthogonalised(gradient.lerp(mean, momentum).flatten(1))
        p.mul_(1 - lr * decay).sub_(way.view_as(p), alpha=0.2 * lr * max(way.shape) ** 0.5)

    def _move_vector(self, p: Tensor, gradient: Tensor, lr: float) -> None:
        state = self.state[p]
        state["step"] = k = state.get("step", 0) + 1
        mean = state.setdefault("mean", torch.zeros_like(p)).lerp_(gradient, 1 - BETAS[0])
        square = state.setdefault("square", torch.zeros_like(p)).lerp_(gradient.square(), 1 - BETAS[1])
        scale = (square / (1 - BETAS[1] ** k)).sqrt() + EPS
        p.sub_(mean / (1 - BETAS[0] ** k) / scale, alpha=lr)
