"""The published nets of pix2pix and CycleGAN in their published sizes, and how much of an image a critic sees."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from coursekit.models.gan.bricks import Centred, Unit
from coursekit.models.translation.bricks import Images, ReflectedConv, instance_norm

SLOPE, WIDEST = 0.2, 8  # maps have at most 8 times the first width
Norm = Callable[[int], nn.Module]


def resnet_generator(blocks: int = 9, width: int = 64, *, channels: int = 3) -> nn.Sequential:
    """CycleGAN's translator: c7s1-64, d128, d256, R256 × blocks, u128, u64, c7s1-3; 11,378,179 parameters.

    Images [n, channels, H, W] in [0, 1] to the same. c7s1: a convolution of 7×7; d: one of 3×3 with stride 2; R: a
    residual block of two of 3×3; u: a transposed one of stride 2. All with instance normalisation (without gain and
    bias) and ReLU, the last with (1 + tanh)/2; reflection padding in c7s1 and R. The paper has 9 blocks for 256×256 and
    6 for 128×128. Weights start as N(0, 0.02²). Raises ValueError for sides that are no multiples of 4, or below 8.
    Source: Zhu et al. (2017), appendix 7.2, after Johnson et al. (2016).
    """
    wide = 4 * width
    layers: list[nn.Module] = [Images(channels, multiple=4, least=8), Centred(), *_seven(channels, width)]
    for inputs, outputs in pairwise((width, 2 * width, wide)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), instance_norm(outputs), nn.ReLU()]
    layers += [ResidualBlock(wide) for _ in range(blocks)]
    for inputs, outputs in pairwise((wide, 2 * width, width)):
        up = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
        layers += [up, instance_norm(outputs), nn.ReLU()]
    return started(nn.Sequential(*layers, ReflectedConv(width, channels, 7), Unit()))


def _seven(inputs: int, outputs: int) -> list[nn.Module]:
    return [ReflectedConv(inputs, outputs, 7), instance_norm(outputs), nn.ReLU()]


class ResidualBlock(nn.Module):
    """x ↦ x + IN(W₂ ReLU(IN(W₁ x))), with the biases that instance normalisation takes away again, as published."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ReflectedConv(channels, channels), instance_norm(channels), nn.ReLU(),
            ReflectedConv(channels, channels), instance_norm(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x."""
        return x + self.body(x)


class Skip(nn.Module):
    """x ↦ [x, body(x)] along the channels: what the way down has seen reaches the way up at once."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        """[n, C, H, W] → [n, C + C', H, W]."""
        return torch.cat([x, self.body(x)], 1)


def unet_generator(
    channels: int = 3, outputs: int | None = None, *, width: int = 64, halvings: int = 8, dropout: float = 0.5
) -> nn.Sequential:
    """Pix2pix's translator, U-Net-256: 54,413,955 parameters for three channels and as many `outputs`.

    Images [n, channels, H, W] in [0, 1] to [n, outputs, H, W]. Convolutions of 4×4 halve the side `halvings` times, to
    1×1 for 256×256, with LeakyReLU(0.2); transposed ones double it, with ReLU; what the way down has seen is joined to
    the way up at each size. Widths double up to 8·width. Batch normalisation but for the first and the innermost map;
    dropout in the way up where it is widest, but for the innermost (three of eight times). Weights start as
    N(0, 0.02²). Raises ValueError for fewer than two halvings, or sides that are no multiples of 2^halvings. Source:
    Isola et al. (2017), appendix 6.1, in the layout of the authors' program.
    """
    if halvings < 2:
        raise ValueError(f"halvings: want at least 2, got {halvings}")
    widths = [width * min(2**depth, WIDEST) for depth in range(halvings)]
    net: nn.Module = _innermost(widths[-2], widths[-1])
    for depth in range(halvings - 2, 0, -1):
        rate = dropout if widths[depth - 1] == widths[-1] else 0.0
        net = _level(widths[depth - 1], widths[depth], net, rate)
    last = nn.ConvTranspose2d(2 * width, channels if outputs is None else outputs, 4, stride=2, padding=1)
    first = nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False)
    images = Images(channels, multiple=2**halvings)
    return started(nn.Sequential(images, Centred(), first, net, nn.ReLU(), last, Unit()))


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.LeakyReLU(SLOPE), nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=False)]


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return [nn.ReLU(), up, nn.BatchNorm2d(outputs)]


def _innermost(outer: int, inner: int) -> Skip:
    return Skip(*_down(outer, inner), *_up(inner, outer))


def _level(outer: int, inner: int, within: nn.Module, rate: float) -> Skip:
    thinned = [nn.Dropout(rate)] if rate else []
    return Skip(*_down(outer, inner), nn.BatchNorm2d(inner), within, *_up(2 * inner, outer), *thinned)


def patch_critic(layers: int = 3, width: int = 64, channels: int = 3, *, norm: Norm = instance_norm) -> nn.Sequential:
    """PatchGAN: images [n, channels, H, W] in [0, 1] to a map of scores, each of one patch; 70×70 pixels by default.

    `layers` convolutions of 4×4 with stride 2 and two with stride 1, with LeakyReLU(0.2), normalised but for the first
    and the last. Patches are of 16, 34, 70, 142 and 286 pixels for 1 to 5 layers. 2,764,737 parameters with instance
    normalisation and 3 channels (CycleGAN); 2,768,705 with `norm=nn.BatchNorm2d` and 6 (pix2pix, for pairs). Weights
    start as N(0, 0.02²). Raises ValueError for fewer than one layer, or sides below 3·2^layers. Source: Isola et al.
    (2017), section 3.2.2 and appendix 6.1.2.
    """
    if layers < 1:
        raise ValueError(f"layers: want at least 1, got {layers}")
    widths = [width * min(2**depth, WIDEST) for depth in range(layers + 1)]
    stages: list[nn.Module] = [Images(channels, least=3 * 2**layers), Centred()]
    stages += [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
    for depth, (inputs, outputs) in enumerate(pairwise(widths), 1):
        normalise = norm(outputs)
        bias, stride = not isinstance(normalise, _BatchNorm), 2 if depth < layers else 1
        conv = nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=bias)
        stages += [conv, normalise, nn.LeakyReLU(SLOPE)]
    return started(nn.Sequential(*stages, nn.Conv2d(widths[-1], 1, 4, padding=1)))


def receptive_field(net: nn.Module) -> int:
    """How many pixels in a row one output sees: r = 1 + Σ_i d_i (k_i − 1) s_1 ⋯ s_{i−1}.

    k, s and d are kernel, stride and dilation of the net's convolutions (and pixel unshuffles) in their order, which
    stand one behind the other. Normalisation by statistics of the whole image is left out. Raises ValueError for layers
    that enlarge maps, and for kernels that are not square.
    """
    seen, step = 1, 1
    for layer in net.modules():
        kernel, stride, dilation = _reach(layer)
        seen += dilation * (kernel - 1) * step
        step *= stride
    return seen


def _reach(layer: nn.Module) -> tuple[int, int, int]:
    """(kernel, stride, dilation), (1, 1, 1) for a layer that looks at one place."""
    if isinstance(layer, nn.ConvTranspose2d | nn.Upsample | nn.PixelShuffle):
        raise ValueError(f"net: want convolutions that make maps smaller, got {type(layer).__name__}")
    if isinstance(layer, nn.PixelUnshuffle):
        return layer.downscale_factor, layer.downscale_factor, 1
    if not isinstance(layer, nn.Conv2d):
        return 1, 1, 1
    sizes = layer.kernel_size, layer.stride, layer.dilation
    if any(len(set(size)) > 1 for size in sizes):
        raise ValueError(f"net: want square kernels, got {layer}")
    return layer.kernel_size[0], layer.stride[0], layer.dilation[0]


def started(net: nn.Sequential) -> nn.Sequential:
    """Weights of convolutions from N(0, 0.02²), gains of batch normalisation from N(1, 0.02²), biases 0; in place."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, float(isinstance(module, nn.BatchNorm2d)), 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net
