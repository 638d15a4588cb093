"""DCGAN's nets: transposed convolutions upwards, strided convolutions downwards, in the published sizes or smaller."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import nn

from coursekit.models.gan.bricks import Centred, Unit
from coursekit.models.gan.game import GAN
from coursekit.models.gan.losses import WASSERSTEIN
from coursekit.models.gan.penalties import GradientPenalty
from coursekit.models.gan.priors import Uniform

LATENT = 100
PUBLISHED = (1024, 512, 256, 128)
COMPACT = (128, 64, 32)  # for 32×32
SLOPE = 0.2


def dcgan_generator(
    latent_size: int = LATENT, shape: Sequence[int] = (3, 64, 64), channels: Sequence[int] = PUBLISHED, *,
    kernel: int = 5,
) -> nn.Sequential:  # fmt: skip
    """Codes [n, latent_size] to images (C, S, S) in [0, 1]; by default DCGAN's, 100 → 4×4×1024 → … → 64×64×3.

    A projection, reshaped to maps of channels[0], then a transposed convolution of stride 2 for each further number of
    channels and for the image. All but the last are followed by batch normalisation and ReLU, the last by (1 + tanh)/2.
    `kernel` is 5, as in the paper's figure 1; many later programs have 4, which the stride divides. Weights start as
    N(0, 0.02²). Raises ValueError for a shape that the channels do not fit. Source: Radford et al. (2016).
    """
    start = _smallest(shape, channels)
    first = channels[0]
    project = nn.Sequential(
        nn.Linear(latent_size, first * start**2, bias=False), nn.Unflatten(1, (first, start, start)),
        nn.BatchNorm2d(first), nn.ReLU(),
    )  # fmt: skip
    stages = [
        nn.Sequential(_up(inputs, outputs, kernel, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
        for inputs, outputs in pairwise(channels)
    ]
    last = nn.Sequential(_up(channels[-1], shape[0], kernel), Unit())
    return _started(nn.Sequential(project, *stages, last))


def dcgan_critic(
    shape: Sequence[int] = (3, 64, 64), channels: Sequence[int] = PUBLISHED, *, kernel: int = 5, normalise: bool = True
) -> nn.Sequential:  # fmt: skip
    """Images (C, S, S) to scores [n, 1], the mirror of `dcgan_generator` with `channels` in the same order.

    Convolutions of stride 2 and LeakyReLU(0.2), batch normalisation between them but for the first, and one linear
    layer; without a sigmoid. `normalise=False` leaves batch normalisation out (for a gradient penalty, which is about
    single items). Errors and source as `dcgan_generator`.
    """
    start, sizes = _smallest(shape, channels), (shape[0], *channels[::-1])
    stages: list[nn.Module] = [Centred()]
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        norm = [nn.BatchNorm2d(outputs)] if number and normalise else []
        conv = nn.Conv2d(inputs, outputs, kernel, stride=2, padding=(kernel - 1) // 2, bias=not norm)
        stages.append(nn.Sequential(conv, *norm, nn.LeakyReLU(SLOPE)))
    return _started(nn.Sequential(*stages, nn.Flatten(), nn.Linear(channels[0] * start**2, 1)))


def dcgan(
    shape: Sequence[int] = (3, 64, 64), channels: Sequence[int] = PUBLISHED, *, latent_size: int = LATENT,
    kernel: int = 5, **game: Any,
) -> GAN:  # fmt: skip
    """DCGAN: the two nets, h ~ U(−1, 1)^100, the non-saturating loss.

    `dcgan((1, 28, 28), (64, 32), kernel=4)` is a small one for numerals, `dcgan((3, 32, 32), (128, 64, 32), kernel=4)`
    that of the family. Further arguments are `GAN`'s.
    """
    generator = dcgan_generator(latent_size, shape, channels, kernel=kernel)
    return GAN(generator, dcgan_critic(shape, channels, kernel=kernel), latent=Uniform(latent_size), **game)


def wgan(
    shape: Sequence[int] = (3, 32, 32), channels: Sequence[int] = COMPACT, *, latent_size: int = LATENT,
    kernel: int = 4, n_critic: int = 5, weight: float = 10.0,
) -> GAN:  # fmt: skip
    """WGAN-GP with the nets of `dcgan`, without batch normalisation in the critic. Source: Gulrajani et al. (2017)."""
    return GAN(
        dcgan_generator(latent_size, shape, channels, kernel=kernel),
        dcgan_critic(shape, channels, kernel=kernel, normalise=False),
        latent=Uniform(latent_size), loss=WASSERSTEIN, penalties=[GradientPenalty(weight)], n_critic=n_critic,
    )  # fmt: skip


def _up(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> nn.ConvTranspose2d:
    """Maps [n, inputs, H, W] to [n, outputs, 2 H, 2 W]."""
    padding, extra = (kernel - 1) // 2, kernel % 2
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=padding, output_padding=extra, bias=bias)


def _smallest(shape: Sequence[int], channels: Sequence[int]) -> int:
    """The side of the first map; ValueError unless so many doublings lead from it to the image."""
    _, height, width = shape
    start, rest = divmod(height, 2 ** len(channels))
    if not channels or height != width or rest or not start:
        raise ValueError(
            f"shape, channels: want a square whose side can be halved once for each of the channels, "
            f"got {tuple(shape)} and {tuple(channels)}"
        )
    return start


def _started(net: nn.Sequential) -> nn.Sequential:
    """All weights of linear and convolutional layers from N(0, 0.02²), biases 0."""
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net
