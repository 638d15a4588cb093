"""Nets that grow while they learn: 4×4 first, then 8×8, 16×16, 32×32, each new size faded in ("ProGAN")."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.gan.bricks import Centred, Clamped, MinibatchSpread
from coursekit.models.gan.game import GAN
from coursekit.models.gan.losses import WASSERSTEIN
from coursekit.models.gan.penalties import GradientPenalty

SMALLEST = 4
LATENT = 64
CHANNELS = (96, 64, 32, 16)  # at 4×4, 8×8, 16×16, 32×32
SLOPE = 0.2
FADES = ((0.05, 0.1), (0.15, 0.25), (0.35, 0.5))  # when 8×8, 16×16, 32×32 come and are there, in shares of a training


class Equalised(nn.Module):
    """A layer whose weights are N(0, 1), each pass multiplied by gain/√inputs: Adam then moves all layers alike.

    `layer` is linear or convolutional, up or down; its bias starts at 0. Source: Karras et al. (2018), section 4.1.
    """

    def __init__(self, layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, gain: float = sqrt(2)) -> None:
        super().__init__()
        self.layer, self.scale = layer, gain / sqrt(_inputs(layer))
        nn.init.normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """scale · W x + b."""
        return self.layer(self.scale * x)


def _inputs(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> float:
    """How many numbers each output is a sum of."""
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.in_channels * prod(layer.kernel_size) / prod(layer.stride)
    return layer.weight[0].numel()


class PixelNorm(nn.Module):
    """x ↦ x/√(mean of its squares over channels), at each place alone. Source: Karras et al. (2018), section 4.2."""

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x, [n, C, ...]."""
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


class Growing(nn.Module):
    """What both nets have in common: `level`, a buffer, says how far they are grown.

    Level k is the size 4·2^k; between k − 1 and k the size k is faded in, α = level − (k − 1).
    """

    level: Tensor

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.most = levels - 1
        self.register_buffer("level", torch.tensor(float(self.most)))

    def grow(self, level: float) -> None:
        """Set the level. ValueError outside 0 … the largest."""
        if not 0 <= level <= self.most:
            raise ValueError(f"level: want a number from 0 to {self.most}, got {level}")
        self.level.fill_(level)

    def stage(self) -> tuple[int, float]:
        """(k, α): the size that is there or comes, and how far it has come, in (0, 1]."""
        level = float(self.level)
        k = ceil(level)
        return k, 1.0 - (k - level)


class GrowingGenerator(Growing):
    """Codes [n, latent_size] to images (C, S, S), S = 4·2^(levels − 1): smaller ones are enlarged to that.

    A level is a transposed convolution of 4×4 (copies of pixels and then 3×3, in one) and a convolution, each with
    LeakyReLU(0.2) and `PixelNorm`; a 1×1 convolution makes the image of each level. All layers are `Equalised`. Source:
    Karras et al. (2018).
    """

    def __init__(self, latent_size: int, image: int = 3, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__(len(channels))
        first = channels[0]
        project = Equalised(nn.Linear(latent_size, first * SMALLEST**2))
        start = [PixelNorm(), project, nn.Unflatten(1, (first, SMALLEST, SMALLEST)), nn.LeakyReLU(SLOPE), PixelNorm()]
        self.levels = nn.ModuleList([nn.Sequential(*start, *_convolved(first, first, PixelNorm()))])
        for inputs, outputs in pairwise(channels):
            up = [Equalised(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(SLOPE), PixelNorm()]
            self.levels.append(nn.Sequential(*up, *_convolved(outputs, outputs, PixelNorm())))
        self.images = nn.ModuleList(Equalised(nn.Conv2d(size, image, 1), gain=1.0) for size in channels)
        self.clamped = Clamped()

    def forward(self, h: Tensor) -> Tensor:
        """The images at this level, [n, C, S, S]."""
        k, alpha = self.stage()
        return _with_all(self.draw(h, k, alpha), self)

    def draw(self, h: Tensor, k: int, alpha: float = 1.0) -> Tensor:
        """The images of level k, α of them, 1 − α the enlarged ones of level k − 1; as large as the last level's."""
        x = h
        for level in self.levels[:k]:
            x = level(x)
        image = self.images[k](self.levels[k](x))
        if k and alpha < 1:
            image = F.interpolate(self.images[k - 1](x), scale_factor=2.0).lerp(image, alpha)
        return F.interpolate(self.clamped(image), scale_factor=2.0 ** (self.most - k))


class GrowingCritic(Growing):
    """Images (C, S, S) to scores [n, 1]: it looks at means of pixels, as small as its level. The generator's mirror.

    The last level has `MinibatchSpread`. While level k is faded in, α of the features come through it, 1 − α from the
    image half as large. Source: Karras et al. (2018).
    """

    def __init__(self, image: int = 3, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__(len(channels))
        first = channels[0]
        last = [nn.Flatten(), Equalised(nn.Linear(first * SMALLEST**2, 1), gain=1.0)]
        self.levels = nn.ModuleList([nn.Sequential(MinibatchSpread(), *_convolved(first + 1, first), *last)])
        for outputs, inputs in pairwise(channels):
            down = Equalised(nn.Conv2d(inputs, outputs, 4, 2, 1))
            self.levels.append(nn.Sequential(*_convolved(inputs, inputs), down, nn.LeakyReLU(SLOPE)))
        self.images = nn.ModuleList(nn.Sequential(*_convolved(image, size, kernel=1)) for size in channels)
        self.centred = Centred()

    def forward(self, x: Tensor) -> Tensor:
        """Scores at this level, [n, 1]."""
        k, alpha = self.stage()
        return _with_all(self.judge(x, k, alpha), self)

    def judge(self, x: Tensor, k: int, alpha: float = 1.0) -> Tensor:
        """Scores of the images at the size of level k, α of them, and of half that size."""
        small = self.centred(x if k == self.most else F.avg_pool2d(x, 2 ** (self.most - k)))
        y = self.levels[k](self.images[k](small))
        if k and alpha < 1:
            y = self.images[k - 1](F.avg_pool2d(small, 2)).lerp(y, alpha)
        for level in reversed(self.levels[:k]):
            y = level(y)
        return y


def progan(
    shape: Sequence[int] = (3, 32, 32), channels: Sequence[int] = CHANNELS, *, latent_size: int = LATENT,
    weight: float = 10.0, share: float = 0.25,
) -> GAN:  # fmt: skip
    """ProGAN: growing nets, WGAN-GP's loss, one turn each; `grown` sets how far they are (at first: to the end).

    The penalty is about the gradient with respect to the image of the last level's size, whatever level the critic
    looks at. Raises ValueError for a shape that is not as large as the last level.
    """
    side = SMALLEST * 2 ** (len(channels) - 1)
    if tuple(shape[1:]) != (side, side):
        raise ValueError(f"shape: want (C, {side}, {side}) with {len(channels)} levels, got {tuple(shape)}")
    nets = GrowingGenerator(latent_size, shape[0], channels), GrowingCritic(shape[0], channels)
    return GAN(*nets, latent=latent_size, loss=WASSERSTEIN, penalties=[GradientPenalty(weight, share=share)])


def grown(model: GAN, done: float) -> None:
    """8×8 is faded in from 5 to 10 % of the training, 16×16 from 15 to 25 %, 32×32 from 35 to 50 %."""
    for net in (model.generator, model.critic):
        if not isinstance(net, Growing):
            raise TypeError(f"model: want nets that grow, got {type(net).__name__}")
        net.grow(min(float(net.most), level_at(done)))


def level_at(done: float) -> float:
    """The level after that share of a training: rising by 1 during each of FADES."""
    return sum(min(1.0, max(0.0, (done - start) / (end - start))) for start, end in FADES)


def _with_all(x: Tensor, net: nn.Module) -> Tensor:
    """x, and 0 times each parameter: layers that are not at work have a gradient of 0 then, not none."""
    return x + sum(0 * parameter.flatten()[0] for parameter in net.parameters())


def _convolved(inputs: int, outputs: int, *then: nn.Module, kernel: int = 3) -> list[nn.Module]:
    return [Equalised(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)), nn.LeakyReLU(SLOPE), *then]
