"""Nets that are told what to draw: conditional normalisation, codes that enter at each size, projection ("BigGAN")."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.gan.attention import SelfAttention, orthogonal
from coursekit.models.gan.bricks import Centred, Unit, normalised
from coursekit.models.gan.game import GAN
from coursekit.models.gan.losses import HINGE

LATENT, CONDITION, EMBEDDING = 80, 4, 16
CHANNELS = (120, 64, 32, 16)  # at 4×4, 8×8, 16×16, 32×32


class ConditionalNorm(nn.Module):
    """Batch normalisation whose gain and bias come from a vector: x ↦ (1 + W_g c) x̂ + W_b c for each channel.

    x [n, channels, H, W], c [n, size]. Source: de Vries et al. (2017); as in BigGAN, c = [embedding, a part of h].
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain, self.bias = (nn.Linear(size, channels, bias=False) for _ in range(2))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """In the shape of x."""
        gain, bias = (layer(c)[:, :, None, None] for layer in (self.gain, self.bias))  # [n, channels, 1, 1]
        return (1 + gain) * self.norm(x) + bias


class UpBlock(nn.Module):
    """A residual block that doubles the side: normalise, ReLU, enlarge; again, and convolve; a 1×1 beside.

    Copies of pixels and then 3×3 are one transposed convolution of 4×4, which takes less than half of the products.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.first, self.second = ConditionalNorm(inputs, size), ConditionalNorm(outputs, size)
        self.up = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
        self.same, self.beside = nn.Conv2d(outputs, outputs, 3, padding=1), nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        """[n, inputs, H, W] → [n, outputs, 2 H, 2 W]."""
        y = self.up(self.first(x, c).relu())
        y = self.same(self.second(y, c).relu())
        return y + F.interpolate(self.beside(x), scale_factor=2.0)


class DownBlock(nn.Module):
    """Its counterpart in the critic, without normalisation: [n, inputs, H, W] → [n, outputs, H/2, W/2].

    3×3 and then means of pixels are one convolution of 4×4.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.same, self.down = nn.Conv2d(inputs, inputs, 3, padding=1), nn.Conv2d(inputs, outputs, 4, 2, padding=1)
        self.beside = nn.Conv2d(inputs, outputs, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Half as high and wide."""
        return self.down(self.same(x.relu()).relu()) + self.beside(x)


class ConditionalGenerator(nn.Module):
    """(h, m) ↦ images (C, S, S) in [0, 1]: each block is told the same embedding of m, and a part of h of its own.

    h [n, latent_size] falls into as many equal parts as there are `channels`: the first makes the smallest map, 4×4.
    Self-attention stands at the second. Raises ValueError for a latent size that cannot be divided so. Source: Brock et
    al. (2019), "BigGAN", there with a part for the map and the condition alone.
    """

    def __init__(
        self, latent_size: int, condition_size: int, image: int = 3, channels: Sequence[int] = CHANNELS
    ) -> None:
        super().__init__()
        self.part, rest = divmod(latent_size, len(channels))
        if rest or not self.part:
            raise ValueError(f"latent_size: want a multiple of {len(channels)}, a part for each map, got {latent_size}")
        first, told = channels[0], EMBEDDING + self.part
        self.embedding = nn.Linear(condition_size, EMBEDDING, bias=False)
        self.project = nn.Sequential(nn.Linear(self.part, first * 16), nn.Unflatten(1, (first, 4, 4)))
        self.blocks = nn.ModuleList(UpBlock(*sizes, told) for sizes in pairwise(channels))
        self.attention = SelfAttention(channels[1])
        self.norm, self.image = nn.BatchNorm2d(channels[-1]), nn.Conv2d(channels[-1], image, 3, padding=1)
        self.unit = Unit()

    def forward(self, h: Tensor, condition: Tensor) -> Tensor:
        """g(h, m), [n, C, S, S]."""
        start, *parts = h.split(self.part, 1)
        e, x = self.embedding(condition), self.project(start)
        for number, (block, part) in enumerate(zip(self.blocks, parts, strict=True)):
            x = block(x, torch.cat([e, part], 1))
            x = x if number else self.attention(x)
        return self.unit(self.image(self.norm(x).relu()))


class ProjectionCritic(nn.Module):
    """(x, m) ↦ w·φ(x) + (V m)·φ(x) + b: [n, 1]. φ is the features' sum over places, divided by √places.

    So divided, the sum stretches by no more than 1, as the normalised layers do; undivided, it makes the critic so sure
    of itself that the generator loses its variety, with batches as small as ours.
    What a logit of "real, given m" is where the log-ratio of the classes' chances is linear in φ. Source: Miyato &
    Koyama (2018), equation 3.
    """

    def __init__(self, condition_size: int, image: int = 3, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        down = [DownBlock(*sizes) for sizes in pairwise(channels[::-1])]
        start, self.attention = nn.Conv2d(image, channels[-1], 3, padding=1), SelfAttention(channels[1])
        self.features = nn.Sequential(Centred(), start, *down[:-1], self.attention, down[-1], nn.ReLU())
        self.real = nn.Linear(channels[0], 1)
        self.fits = nn.Linear(condition_size, channels[0], bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Scores [n, 1] of images x [n, C, S, S] beside conditions m [n, c]."""
        phi = self.pooled(x)
        return self.real(phi) + (self.fits(condition) * phi).sum(1, keepdim=True)

    def pooled(self, x: Tensor) -> Tensor:
        """φ(x), [n, channels]."""
        maps = self.features(x)
        return maps.sum((2, 3)) / (maps.shape[2] * maps.shape[3]) ** 0.5


def biggan(
    shape: Sequence[int] = (3, 32, 32), channels: Sequence[int] = CHANNELS, *, latent_size: int = LATENT,
    condition_size: int = CONDITION, n_critic: int = 1,
) -> GAN:  # fmt: skip
    """BigGAN in small: told m on both sides, the hinge loss, spectral normalisation, orthogonal weights at the start.

    `sample(n, condition=m, truncation=0.5)` trades variety for quality. Raises ValueError for a shape that the channels
    do not reach.
    """
    side = 4 * 2 ** (len(channels) - 1)
    if len(channels) < 3 or tuple(shape[1:]) != (side, side):
        raise ValueError(f"shape: want (C, {side}, {side}) with {len(channels)} maps (3 or more), got {tuple(shape)}")
    generator = ConditionalGenerator(latent_size, condition_size, shape[0], channels)
    critic = ProjectionCritic(condition_size, shape[0], channels)
    for net in (generator, critic):
        orthogonal(net)
        normalised(net)
    return GAN(
        generator, critic, latent=latent_size, loss=HINGE, condition_size=condition_size, n_critic=n_critic
    )  # fmt: skip
