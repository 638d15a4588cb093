"""Translators and critics for two cores: few channels, at a half or a quarter of the image's side."""

import torch
from torch import Tensor, nn

from coursekit.models.gan.bricks import Centred, Clamped
from coursekit.models.nets import conv_decoder, conv_encoder
from coursekit.models.translation.bricks import ConditionalBlock, Images, ReflectedConv, check_code, instance_norm

SLOPE = 0.2


class SmallGenerator(nn.Module):
    """Pixel unshuffle, a convolution, residual blocks with instance normalisation, a convolution, pixel shuffle.

    Made by `small_generator`, which says what it does.
    """

    def __init__(self, channels: int, width: int, blocks: int, latent: int, times: int, changes: bool) -> None:
        super().__init__()
        self.latent, self.changes = latent, changes
        inner = channels * times**2
        images = Images(channels, multiple=times, least=2 * times)
        self.down = nn.Sequential(images, nn.PixelUnshuffle(times), ReflectedConv(inner, width))
        self.blocks = nn.ModuleList(ConditionalBlock(width, latent) for _ in range(blocks))
        self.last = ReflectedConv(width, inner)
        self.up, self.out = nn.PixelShuffle(times), Clamped()
        if changes:
            for parameter in self.last.parameters():
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Images [n, C, H, W], and a code z [n, latent] if there is one, to images of the same shape."""
        check_code(z, len(x), self.latent)
        y = self.down(x)
        for block in self.blocks:
            y = block(y, z)
        drawn = self.up(self.last(y.relu()))
        return self.out(x + drawn if self.changes else drawn)


def small_generator(
    channels: int = 3, *, width: int = 48, blocks: int = 3, latent: int = 0, start: str = "identity", times: int = 2
) -> SmallGenerator:
    """A translator of images [n, channels, H, W] in [0, 1] with 135 k parameters, fast enough for a CPU.

    Pixel unshuffle by `times`, a convolution to `width` channels, residual blocks at that smaller side with instance
    normalisation and reflection padding, a convolution back, pixel shuffle. What leaves [0, 1] is cut off in eval mode.

    - `start`: with "identity" the output is x + net(x), and net is 0 at the start: it learns what to change. With
      "free" the output is net(x).
    - `latent` k > 0: it is called with a code z [n, k] too, which sets gain and bias of each normalisation in the
      blocks (`ConditionalBlock`).
    - `times`: 4 for 64×64 takes about as long as 2 for 32×32.

    Raises ValueError for another `start`, for sides that are no multiples of `times`, and for a code that is missing or
    not wanted.
    """
    if start not in ("identity", "free"):
        raise ValueError(f"start: want 'identity' or 'free', got {start!r}")
    return SmallGenerator(channels, width, blocks, latent, times, start == "identity")


def small_critic(channels: int = 3, *, width: int = 48) -> nn.Sequential:
    """Images [n, channels, H, W] in [0, 1] to a map of scores [n, 1, H/4 − 1, W/4 − 1], 78 k parameters.

    Three convolutions of 4×4, two of them with stride 2 and LeakyReLU(0.2), the second with instance normalisation.
    Each score sees 22×22 pixels. Raises ValueError for sides that are no multiples of 4, or below 8.
    """
    return nn.Sequential(
        Images(channels, multiple=4, least=8), Centred(),
        nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1, bias=False), instance_norm(2 * width), nn.LeakyReLU(SLOPE),
        nn.Conv2d(2 * width, 1, 4, padding=1),
    )  # fmt: skip


def narrow_generator(code: int = 32, size: int = 32, channels: int = 3, *, width: int = 32) -> nn.Sequential:
    """A translator through a narrow code: images [n, channels, size, size] to `code` numbers, and from them to images.

    Two convolutions, each at half the side of the one before, with `width` and 2·`width` channels, a dense layer to the
    code; the mirror of it back. What does not pass through the code is lost: place, pose and colours have to be in it.
    At the start it draws nearly plain grey. Raises ValueError for images of another size, or one that is no multiple of
    4.
    """
    shape = (channels, size, size)
    encoder = conv_encoder(shape, code, width, 2 * width)
    decoder = conv_decoder(code, shape, width, 2 * width)
    _grey(decoder)
    return nn.Sequential(Images(channels, side=size), Centred(), *encoder, *decoder, Clamped())


@torch.no_grad()
def _grey(decoder: nn.Module) -> None:
    """The image layer's bias to the middle of the pixels."""
    last = [layer for layer in decoder.modules() if isinstance(layer, nn.Conv2d)][-1]
    if last.bias is not None:
        last.bias.fill_(0.5)
