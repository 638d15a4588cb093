"""Bricks that several models share."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

Activation = Callable[[], nn.Module]


def mlp(*sizes: int, activation: Activation = nn.ReLU, out: nn.Module | None = None) -> nn.Sequential:
    """A multilayer perceptron: x ↦ out(W_L a(… a(W_1 x + b_1) …) + b_L).

    `mlp(784, 400, 20)` maps [..., 784] to [..., 20] through 400 hidden units. The activation `a` stands
    between layers, never after the last; `out` (say `nn.Sigmoid()`) does. With two sizes it is one affine
    layer. Raises ValueError for fewer than two sizes or a size below 1.
    """
    if len(sizes) < 2 or any(size < 1 for size in sizes):
        raise ValueError(f"sizes: want at least two positive layer sizes, got {sizes}")
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    layers[-1:] = [] if out is None else [out]
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """x ↦ x + body(x), which need only learn what to change ("delta-preserving"; He et al., 2016).

    The gradient passes the sum unchanged, however deep the stack. With `zero` the body's last layer starts at 0,
    so the block starts as the identity. The body keeps the shape.
    """

    def __init__(self, *body: nn.Module, zero: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        if zero:
            _zero_last(self.body)

    def forward(self, x: Tensor) -> Tensor:
        """x + body(x), in the shape of x."""
        return x + self.body(x)


def _zero_last(body: nn.Module) -> None:
    layer = [m for m in body.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def residual_conv(channels: int, *, kernel: int = 3, activation: Activation = nn.ReLU, zero: bool = True) -> Residual:
    """A residual block of two convolutions: x + W₂ a(W₁ a(x)), [n, channels, H, W] in and out."""
    first, second = (nn.Conv2d(channels, channels, kernel, padding=kernel // 2) for _ in range(2))
    return Residual(activation(), first, activation(), second, zero=zero)


def transposed(inputs: int, outputs: int, *, kernel: int = 4, times: int = 2) -> nn.Module:
    """Up-sampling by a transposed convolution: [n, inputs, H, W] → [n, outputs, times H, times W].

    Where the stride does not divide the kernel, pixels get unequally many contributions: a checkerboard.
    """
    padding = max(0, -(-(kernel - times) // 2))
    extra = times - kernel + 2 * padding
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride=times, padding=padding, output_padding=extra)


def enlarged(inputs: int, outputs: int, *, kernel: int = 3, times: int = 2) -> nn.Module:
    """Up-sampling by copying each pixel, zero padding and a convolution: H, W → times H, times W."""
    return nn.Sequential(nn.Upsample(scale_factor=times), nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))


def shuffled(inputs: int, outputs: int, *, kernel: int = 3, times: int = 2) -> nn.Module:
    """Up-sampling by a convolution to times² as many channels, which become the pixels between: the fastest."""
    conv = nn.Conv2d(inputs, outputs * times**2, kernel, padding=kernel // 2)
    return nn.Sequential(conv, nn.PixelShuffle(times))


class Conditioned(nn.Module):
    """(x, m) ↦ head([trunk(x), m]): features of x [n, F] joined with a condition m [n, c], then the head."""

    def __init__(self, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """head([trunk(x), m])."""
        features = self.trunk(x)
        return self.head(torch.cat([features, condition.to(features.dtype)], 1))


def conv_encoder(
    shape: Sequence[int], size: int, *channels: int, times: int | Sequence[int] = 2, hidden: Sequence[int] = (),
    activation: Activation = nn.ReLU,
) -> nn.Sequential:  # fmt: skip
    """Images (C, H, W) to [n, size]: for each of the channels `times` less high and wide, then dense layers.

    `times` is one number for all steps or one for each: (4, 2) reads an image in patches of 4×4 and halves once,
    by far the fastest way for 64×64. `hidden` are the sizes of dense layers before the last.

    Pixels are unshuffled into channels and convolved at the smaller size, which is fast. Raises ValueError if
    H or W cannot be divided so.
    """
    factors = _factors(times, channels)
    image, height, width = _reduced(shape, factors)
    layers: list[nn.Module] = []
    for (inputs, outputs), t in zip(pairwise((image, *channels)), factors, strict=True):
        layers += [nn.PixelUnshuffle(t), nn.Conv2d(t**2 * inputs, outputs, 3, padding=1), activation()]
    head = mlp(channels[-1] * height * width, *hidden, size, activation=activation)
    return nn.Sequential(*layers, nn.Flatten(), *head)


def conv_decoder(
    size: int, shape: Sequence[int], *channels: int, times: int | Sequence[int] = 2, hidden: Sequence[int] = (),
    activation: Activation = nn.ReLU, out: nn.Module | None = None, upsample: Callable[..., nn.Module] = shuffled,
) -> nn.Sequential:  # fmt: skip
    """[n, size] to images (C, H, W), the mirror of `conv_encoder` with the same channels and `times`; then `out`.

    `upsample(inputs, outputs, times=t)` makes what enlarges maps: `shuffled`, `transposed` or `enlarged`.
    """
    factors = _factors(times, channels)
    image, height, width = _reduced(shape, factors)
    back = channels[::-1]
    start = (back[0], height, width)
    first = mlp(size, *hidden, back[0] * height * width, activation=activation)
    layers: list[nn.Module] = [*first, activation(), nn.Unflatten(1, start)]
    for (inputs, outputs), t in zip(pairwise((*back, image)), factors[::-1], strict=True):
        layers += [upsample(inputs, outputs, times=t), activation()]
    layers[-1:] = [] if out is None else [out]
    return nn.Sequential(*layers)


def _factors(times: int | Sequence[int], channels: Sequence[int]) -> tuple[int, ...]:
    """One factor for each of the channels; ValueError for none, or for another number of them."""
    factors = (times,) * len(channels) if isinstance(times, int) else tuple(times)
    if not channels or len(factors) != len(channels):
        raise ValueError(f"channels, times: want one factor for each of the channels, got {channels}, {times}")
    return factors


def _reduced(shape: Sequence[int], factors: Sequence[int]) -> tuple[int, int, int]:
    """(C, H, W) after all divisions."""
    image, height, width = shape
    total = prod(factors)
    if height % total or width % total:
        raise ValueError(f"shape: want H and W to be multiples of {total}, got {tuple(shape)}")
    return image, height // total, width // total
