"""What layers compute, laid open: the shapes and parameters of each, and a convolution as a matrix."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from coursekit.models.base import eval_mode

STATISTICS = ("running_mean", "running_var")  # of batch normalisation: Keras counts them, torch has them as buffers


class Layer(NamedTuple):
    """One line of a layer table: Keras's `parameters` include batch normalisation's running statistics."""

    name: str
    shape: tuple[int, ...]
    parameters: int
    trainable: int


def layer_table(model: nn.Module, x: Tensor) -> list[Layer]:
    """One line per layer without sub-layers, in the order in which x [n, ...] passes them.

    (name, output shape without the batch, parameters counted as Keras does, trainable ones). A layer used twice
    is listed twice, its parameters counted the first time.
    """
    table: list[Layer] = []
    seen: set[nn.Module] = set()

    def note(layer: nn.Module, _: object, output: Tensor) -> None:
        trainable, still = (0, 0) if layer in seen else _counts(layer)
        seen.add(layer)
        table.append(Layer(type(layer).__name__, tuple(output.shape[1:]), trainable + still, trainable))

    hooks = [m.register_forward_hook(note) for m in model.modules() if not list(m.children()) and m is not model]
    try:
        with torch.no_grad(), eval_mode(model):
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return table


def _counts(layer: nn.Module) -> tuple[int, int]:
    """A layer's own numbers: (trained, not trained)."""
    parameters = list(layer.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    statistics = sum(b.numel() for name, b in layer.named_buffers() if name in STATISTICS)
    return trainable, sum(p.numel() for p in parameters) - trainable + statistics


def convolution_matrix(weight: Tensor, size: Sequence[int], *, stride: int = 1, padding: int = 0) -> Tensor:
    """The matrix W of a convolution: flatten(conv(x)) = W flatten(x), for images of `size` (H, W).

    weight [C_out, C_in, K, L] → W [C_out H' W', C_in H W] with H' = (H + 2 padding − K) // stride + 1. Each row
    holds the kernel at one place. The transposed convolution with the same weight, stride and padding
    multiplies by Wᵀ.
    """
    channels, (height, width) = weight.shape[1], size
    pixels = channels * height * width
    one_hot = torch.eye(pixels, dtype=weight.dtype, device=weight.device).unflatten(1, (channels, height, width))
    columns = nn.functional.conv2d(one_hot, weight, stride=stride, padding=padding)  # [pixels, C_out, H', W']
    return columns.flatten(1).T
