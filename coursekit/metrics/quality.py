"""How good a picture is: signal to noise, checkerboards, and whether nature could have drawn it."""

import torch
from torch import Tensor

from coursekit.metrics.manifold import Manifold, distance_to_manifold


def psnr(x_hat: Tensor, x: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels, 10 log₁₀(1 / mean (x̂ − x)²), of images in [0, 1] taken together."""
    return float(-10 * (x_hat - x).square().mean().log10())


def checkerboard_energy(images: Tensor, period: int = 2) -> Tensor:
    """The share of an image's variance that repeats with the period: [n, C, H, W] → [n], 0 … 1.

    The pixels at the same place of each period × period cell are averaged; the variance of these averages over
    the variance of the pixels is the share. About (period² − 1)/(H W) for independent pixels, 1 for a pattern of
    that period alone, 0 for a constant image. A border of one pixel is left out, and what exceeds a multiple of
    the period. Raises ValueError for other shapes, or a period below 2.
    """
    if images.ndim != 4 or period < 2 or min(images.shape[2:]) < 2 * period + 2:
        got = f"{list(images.shape)}, {period}"
        raise ValueError(f"images, period: want [n, C, H, W] of two periods and more, got {got}")
    inside = images[..., 1:-1, 1:-1]
    inside = inside[..., : inside.shape[-2] // period * period, : inside.shape[-1] // period * period]
    cells = inside.unflatten(-1, (-1, period)).unflatten(-3, (-1, period))  # [n, C, H/p, p, W/p, p]
    pattern = cells.mean((2, 4))  # [n, C, p, p]
    centre = inside.mean((2, 3), keepdim=True)
    repeated = (pattern - centre).square().mean((2, 3)).sum(1)
    total = (inside - centre).square().mean((2, 3)).sum(1)
    return torch.where(total > 1e-12, repeated / total.clamp(min=1e-12), 0)


def validity(images: Tensor, threshold: float, *, manifold: Manifold | None = None) -> float:
    """The share of images [n, ...] whose distance to the manifold is at most the threshold.

    Distances are root mean squares per number. The manifold is that of the drawn faces, if no other is given.
    """
    distance, _ = distance_to_manifold(images) if manifold is None else manifold.nearest(images)
    return float((distance <= threshold).float().mean())
