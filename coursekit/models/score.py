"""Scores in closed form: where the density of a smoothed set of points rises, and the best denoiser for it."""

import torch
from torch import Tensor


def smoothed_denoiser(
    x: Tensor, points: Tensor, sigma: float, *, spread: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """E[x₀ | x₀ + σ ε = x], the best possible denoiser in squared error: x [n, ...] → [n, ...].

    x₀ is one of the points [m, ...] (equally likely, or with `weights` [m]), or with `spread` s a mixture of
    Gaussians N(x_i, s² I) around them. D(x) = x + σ² ∇ log p_σ(x) (Tweedie's formula).
    """
    return x + sigma**2 * smoothed_score(x, points, sigma, spread=spread, weights=weights)


def smoothed_score(
    x: Tensor, points: Tensor, sigma: float, *, spread: float = 0.0, weights: Tensor | None = None
) -> Tensor:
    """∇ log p_σ(x) for p_σ = Σ_i w_i N(x_i, (s² + σ²) I): x [n, ...], points [m, ...] → [n, ...].

    = (Σ_i P(x_i|x) x_i − x) / (s² + σ²) with P(x_i|x) ∝ w_i exp(−‖x − x_i‖² / 2(s² + σ²)).
    Raises ValueError for σ² + s² = 0 or sizes that do not fit.
    """
    variance = sigma**2 + spread**2
    if not variance > 0 or x.shape[1:] != points.shape[1:]:
        got = f"{sigma}, {spread}, {list(x.shape)}, {list(points.shape)}"
        raise ValueError(f"sigma, spread, x, points: want a positive variance and items of one shape, got {got}")
    rows, centres = x.flatten(1), points.flatten(1).to(x)  # [n, M], [m, M]
    logits = -torch.cdist(rows, centres).square() / (2 * variance)  # [n, m]
    if weights is not None:
        logits = logits + weights.to(x).log()
    return ((logits.softmax(1) @ centres - rows) / variance).reshape(x.shape)
