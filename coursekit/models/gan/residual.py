"""Residual nets without normalisation for images: the modern baseline ("R3GAN")."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import nn

from coursekit.models.gan.bricks import Centred, Clamped
from coursekit.models.gan.game import GAN
from coursekit.models.gan.losses import RELATIVISTIC
from coursekit.models.gan.penalties import r1, r2
from coursekit.models.nets import residual_conv

SMALLEST = 4  # maps are not made smaller than this
SLOPE = 0.2
QUIET = 1e-4  # the standard deviation of the weights that make the image, at the start
LATENT = 64
CHANNELS = (96, 64, 32)  # at 4×4, 8×8 and 16×16, for 32×32
_block = partial(residual_conv, activation=partial(nn.LeakyReLU, SLOPE))


def residual_generator(latent_size: int, shape: Sequence[int], *channels: int) -> nn.Sequential:
    """Codes [n, latent_size] to images (C, S, S) in [0, 1]: blocks x + W₂ a(W₁ a(x)), with W₂ = 0 at the start.

    The first of `channels` is that of the smallest map (4×4, of 28×28 images 7×7); for each further one a 1×1
    convolution and a pixel shuffle double the side. From the last map a convolution and a pixel shuffle make the image:
    with three sizes of channels it is 16×16, and each of its places becomes 2×2 pixels of 32×32, or 4×4 of 64×64. At
    the start it draws nearly plain grey, which leaves no noise to be unlearnt. No normalisation, a = LeakyReLU(0.2).
    Raises ValueError for sides or channels that do not fit. Source: after Huang et al. (2024), "R3GAN", with plain
    instead of grouped convolutions.
    """
    start, times = sides(shape, channels)
    first, last = channels[0], channels[-1]
    layers: list[nn.Module] = [
        nn.Linear(latent_size, first * start**2),
        nn.Unflatten(1, (first, start, start)),
        _block(first),
    ]
    for inputs, outputs in pairwise(channels):
        layers += [nn.Conv2d(inputs, 4 * outputs, 1), nn.PixelShuffle(2), _block(outputs)]
    image = nn.Conv2d(last, shape[0] * times**2, 3, padding=1)
    nn.init.normal_(image.weight, std=QUIET)
    nn.init.constant_(image.bias, 0.5)  # type: ignore[arg-type]
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE), image, nn.PixelShuffle(times), Clamped())


def residual_critic(shape: Sequence[int], *channels: int) -> nn.Sequential:
    """Images (C, S, S) to scores [n, 1], the generator's mirror with `channels` in the same order, smallest map first.

    Pixel unshuffle and a 1×1 convolution make maps smaller. Source and errors as `residual_generator`.
    """
    start, times = sides(shape, channels)
    first, last = channels[0], channels[-1]
    layers: list[nn.Module] = [
        Centred(),
        nn.PixelUnshuffle(times),
        nn.Conv2d(shape[0] * times**2, last, 1),
        _block(last),
    ]
    for inputs, outputs in pairwise(channels[::-1]):
        layers += [nn.PixelUnshuffle(2), nn.Conv2d(4 * inputs, outputs, 1), _block(outputs)]
    return nn.Sequential(*layers, nn.LeakyReLU(SLOPE), nn.Flatten(), nn.Linear(first * start**2, 1))


def r3gan(
    shape: Sequence[int] = (3, 32, 32), channels: Sequence[int] = CHANNELS, *, latent_size: int = LATENT,
    critic: Sequence[int] | None = None, gamma: float = 1.0, share: float = 0.25,
) -> GAN:  # fmt: skip
    """R3GAN: residual nets, the relativistic loss, R1 and R2 of weight gamma on a share of each batch.

    `critic` are its channels, the generator's if none are given.
    """
    nets = residual_generator(latent_size, shape, *channels), residual_critic(shape, *(critic or channels))
    penalties = [r1(gamma, share=share), r2(gamma, share=share)]
    return GAN(*nets, latent=latent_size, loss=RELATIVISTIC, penalties=penalties)


def sides(shape: Sequence[int], channels: Sequence[int]) -> tuple[int, int]:
    """(side of the smallest map, by how much the last map has to grow to the image) for so many sizes of maps.

    Raises ValueError for an image that is no square of side 4, 5, 6 or 7 times a power of two, and for no channels or
    more than there are maps.
    """
    _, height, width = shape
    start = height
    while start % 2 == 0 and start // 2 >= SMALLEST:
        start //= 2
    if height != width or not SMALLEST <= start < 2 * SMALLEST:
        raise ValueError(f"shape: want a square of side 4, 5, 6 or 7 times a power of two, got {tuple(shape)}")
    times, rest = divmod(height // start, 2 ** max(0, len(channels) - 1))
    if not channels or rest or not times:
        raise ValueError(
            f"channels: want a number for each map, at most from {start} to {height}, got {tuple(channels)}"
        )
    return start, times
