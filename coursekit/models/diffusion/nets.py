"""Nets that are told a time: a multilayer perceptron for points and codes, a compact U-Net for images.

Both are called `net(x, t, condition)` with t [n] in [0, 1]. A condition is a vector for each item, in which zeros mean
that nothing is asked; None is the same as zeros. Both are 0 at the start.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import gcd

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.gan.attention import SelfAttention
from coursekit.models.nets import shuffled
from coursekit.models.translation.bricks import Images

FREQUENCIES, GROUPS = 32, 8


class TimeEmbedding(nn.Module):
    """(t, condition) ↦ SiLU(W₂ SiLU(W₁ f(t) + C condition)), [n, width]: what all blocks of a net are told.

    f(t) holds the sines and cosines of ω t, ω from 1 to 1,000 in equal ratios: coarse and fine in time. C has no bias,
    so zeros change nothing. Source: Ho et al. (2020), appendix B, after Vaswani et al. (2017), there for ω from 0.1.
    """

    omega: Tensor

    def __init__(self, width: int, condition: int = 0) -> None:
        super().__init__()
        self.condition = condition
        self.register_buffer("omega", torch.logspace(0, 3, FREQUENCIES), persistent=False)
        self.time, self.both = nn.Linear(2 * FREQUENCIES, width), nn.Linear(width, width)
        self.asked = nn.Linear(condition, width, bias=False) if condition else None

    def forward(self, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """t [n] in [0, 1], condition [n, condition] or None → [n, width]. Raises ValueError for other shapes."""
        self._check(t, condition)
        angles = t[:, None].to(self.omega) * self.omega
        e = self.time(torch.cat([angles.sin(), angles.cos()], 1))
        if self.asked is not None and condition is not None:
            e = e + self.asked(condition.to(self.omega))
        return F.silu(self.both(F.silu(e)))

    def _check(self, t: Tensor, condition: Tensor | None) -> None:
        if t.ndim != 1:
            raise ValueError(f"t: want one time for each item, [n], got {list(t.shape)}")
        if condition is not None and (not self.condition or condition.shape != (len(t), self.condition)):
            wanted = f"[{len(t)}, {self.condition}] or None" if self.condition else "None, as the net takes none"
            raise ValueError(f"condition: want {wanted}, got {list(condition.shape)}")


def check_times(x: Tensor, t: Tensor) -> None:
    """ValueError unless t [n] has a time for each item of x [n, ...]."""
    if t.shape != x.shape[:1]:
        raise ValueError(f"t: want one time for each of the {len(x)} items, [{len(x)}], got {list(t.shape)}")


def zeroed(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """The layer itself, its weights and biases set to 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class AdaptiveLinear(nn.Module):
    """x ↦ x + W₂ SiLU((1 + γ) W₁ x + β), with γ and β linear in an embedding e of time: [n, width] in and out."""

    def __init__(self, width: int, told: int) -> None:
        super().__init__()
        self.told = nn.Linear(told, 2 * width)
        self.first, self.second = nn.Linear(width, width), zeroed(nn.Linear(width, width))

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        """In the shape of x; e [n, told]."""
        gamma, beta = self.told(e).chunk(2, 1)
        return x + self.second(F.silu((1 + gamma) * self.first(x) + beta))


class PointNet(nn.Module):
    """A multilayer perceptron that is told time and condition: points or codes [n, size] → [n, size].

    `depth` residual blocks of `width` units, each scaled and shifted by an embedding of (t, condition). With `waves`
    K it also sees sin and cos of x, 2x, 4x, … 2ᴷ⁻¹ x, which helps where few numbers hold narrow heaps (Tancik et al.,
    2020). Raises ValueError where x, t or condition has another shape.
    """

    def __init__(self, size: int, width: int = 128, depth: int = 3, *, condition: int = 0, waves: int = 0) -> None:
        super().__init__()
        self.size, self.waves = size, waves
        self.embedding, self.first = TimeEmbedding(width, condition), nn.Linear((1 + 2 * waves) * size, width)
        self.blocks = nn.ModuleList([AdaptiveLinear(width, width) for _ in range(depth)])
        self.last = zeroed(nn.Linear(width, size))

    def forward(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """x [n, size], t [n] in [0, 1], condition [n, k] or None → [n, size]."""
        if x.ndim != 2 or x.shape[1] != self.size:
            raise ValueError(f"x: want points [n, {self.size}], got {list(x.shape)}")
        check_times(x, t)
        e, y = self.embedding(t, condition), self.first(self._seen(x))
        for block in self.blocks:
            y = block(y, e)
        return self.last(F.silu(y))

    def _seen(self, x: Tensor) -> Tensor:
        angles = [x * 2**k for k in range(self.waves)]
        return torch.cat([x, *(a.sin() for a in angles), *(a.cos() for a in angles)], 1)  # [n, (1 + 2 waves) size]


class AdaptiveBlock(nn.Module):
    """x ↦ x + W₂ SiLU(W₁ ((1 + γ) GN(x) + β)), with γ and β linear in an embedding e of time: [n, channels, H, W].

    W₁, W₂ are 3×3 convolutions, W₂ 0 at the start. GN is group normalisation. The usual block (Dhariwal & Nichol, 2021)
    has a second one between the two, which costs a CPU about a tenth more.
    """

    def __init__(self, channels: int, told: int) -> None:
        super().__init__()
        self.told, self.norm = nn.Linear(told, 2 * channels), normalised(channels, affine=False)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = zeroed(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor, e: Tensor) -> Tensor:
        """In the shape of x; e [n, told]."""
        gamma, beta = self.told(e)[:, :, None, None].chunk(2, 1)  # each [n, channels, 1, 1]
        return x + self.second(F.silu(self.first((1 + gamma) * self.norm(x) + beta)))


def normalised(channels: int, *, affine: bool = True) -> nn.GroupNorm:
    """Group normalisation in eight groups, or as many as divide the channels."""
    return nn.GroupNorm(gcd(GROUPS, channels), channels, affine=affine)


class UNet(nn.Module):
    """Images [n, channels, H, W] to as large ones, told time and condition: down, through blocks, up again.

    First the pixels of `unshuffle`² places become channels: what is near in an image is computed at once. Then one
    block for each width but the last, each followed by halving; at the smallest maps `depth` blocks of the last width,
    with attention between all places behind the first; then up, where the maps of the same size from the way down are
    added. Raises ValueError for H or W that cannot be divided so often, other channels, or where t or condition has
    another shape. Source: Ronneberger et al. (2015); Ho et al. (2020).

        widths (48, 96), 3 × 32 × 32:   3·4 → 48 (16×16) → 96 (8×8) → 48 (16×16) → 3·4
    """

    def __init__(
        self, channels: int, widths: Sequence[int] = (48, 96), *, condition: int = 0, unshuffle: int = 2,
        depth: int = 4, attention: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if not widths or min(*widths, unshuffle, depth) < 1:
            got = f"{tuple(widths)}, {unshuffle}, {depth}"
            raise ValueError(f"widths, unshuffle, depth: want at least one width, none of them below 1, got {got}")
        *above, low = widths
        told, pixels = 2 * widths[0], channels * unshuffle**2
        self.images = Images(channels, multiple=unshuffle * 2 ** len(above))
        self.embedding = TimeEmbedding(told, condition)
        self.first = nn.Sequential(nn.PixelUnshuffle(unshuffle), nn.Conv2d(pixels, widths[0], 3, padding=1))
        self.down, self.up = (nn.ModuleList([AdaptiveBlock(c, told) for c in above]) for _ in range(2))
        self.halved = nn.ModuleList([_halved(a, b) for a, b in pairwise(widths)])
        self.low = nn.ModuleList([AdaptiveBlock(low, told) for _ in range(depth)])
        self.attention = SelfAttention(low) if attention else None
        self.doubled = nn.ModuleList([shuffled(b, a, kernel=1) for a, b in pairwise(widths)])
        last = zeroed(nn.Conv2d(widths[0], pixels, 3, padding=1))
        self.last = nn.Sequential(normalised(widths[0]), nn.SiLU(), last, nn.PixelShuffle(unshuffle))

    def forward(self, x: Tensor, t: Tensor, condition: Tensor | None = None) -> Tensor:
        """x [n, channels, H, W], t [n] in [0, 1], condition [n, k] or None → the shape of x."""
        check_times(self.images(x), t)
        e, y, kept = self.embedding(t, condition), self.first(x), []
        for block, halved in zip(self.down, self.halved, strict=True):
            kept.append(block(y, e))
            y = halved(kept[-1])
        y = self._through(y, e)
        for doubled, block in zip(reversed(self.doubled), reversed(self.up), strict=True):
            y = block(kept.pop() + doubled(y), e)
        return self.last(y)

    def _through(self, y: Tensor, e: Tensor) -> Tensor:
        """The blocks at the smallest maps, and attention behind the first."""
        for number, block in enumerate(self.low):
            y = block(y, e)
            if self.attention is not None and number == 0:
                y = self.attention(y)
        return y


def _halved(inputs: int, outputs: int) -> nn.Module:
    """[n, inputs, H, W] → [n, outputs, H/2, W/2]: 2×2 pixels become channels, then a 1×1 convolution."""
    return nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * inputs, outputs, 1))
