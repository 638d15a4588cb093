"""Nets of codes: one reads from a pair of images what the second adds to the first, one judges codes."""

from torch import nn

from coursekit.models.gan.bricks import Joined
from coursekit.models.nets import conv_encoder, mlp
from coursekit.models.translation.bricks import Images

SLOPE = 0.2


def code_reader(latent: int, size: int = 32, channels: int = 3, *, width: int = 32, hidden: int = 64) -> Joined:
    """(a, b) ↦ z: pairs of images, each [n, channels, size, size], to codes [n, latent].

    The images are joined along their channels; three convolutions, each at half the side of the one before, and two
    dense layers. Raises ValueError for images of another size, or one that is no multiple of 8.
    """
    shape = (2 * channels, size, size)
    net = conv_encoder(shape, latent, width, 2 * width, 2 * width, hidden=(hidden,))
    return Joined(nn.Sequential(Images(2 * channels, side=size), *net))


def code_critic(latent: int, *, width: int = 64) -> nn.Sequential:
    """Codes [n, latent] to scores [n, 1]: a multilayer perceptron with two hidden layers and LeakyReLU(0.2)."""
    return mlp(latent, width, width, 1, activation=lambda: nn.LeakyReLU(SLOPE))
