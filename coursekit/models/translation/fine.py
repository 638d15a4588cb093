"""A translator for larger images: what is changed is thought out at a quarter of the side, and drawn at a half."""

import torch
from torch import Tensor, nn

from coursekit.models.gan.bricks import Clamped
from coursekit.models.translation.bricks import ConditionalBlock, Images, ReflectedConv, check_code


class FineGenerator(nn.Module):
    """Images [n, C, H, W] to images of the same shape, x + net(x) with a net that is 0 at the start.

    Pixel unshuffle by 2 and a convolution to `fine` channels; unshuffle by 2 and a convolution to `width`, residual
    blocks (`ConditionalBlock`) and a convolution there, at a quarter of the side; pixel shuffle; beside what was there
    before, a convolution back to pixels. The short way past the blocks keeps edges where they are, as in a U-Net. What
    leaves [0, 1] is cut off in eval mode. With `latent` k > 0 it is called with a code z [n, k] too.

    Raises ValueError for sides that are no multiples of 4, and for a code that is missing or not wanted.
    """

    def __init__(self, channels: int = 3, *, width: int = 64, blocks: int = 4, fine: int = 24, latent: int = 0) -> None:
        super().__init__()
        self.latent = latent
        self.first = nn.Sequential(
            Images(channels, multiple=4, least=16), nn.PixelUnshuffle(2), ReflectedConv(4 * channels, fine), nn.ReLU()
        )
        self.down = nn.Sequential(nn.PixelUnshuffle(2), ReflectedConv(4 * fine, width))
        self.blocks = nn.ModuleList(ConditionalBlock(width, latent) for _ in range(blocks))
        self.up = nn.Sequential(nn.ReLU(), ReflectedConv(width, 4 * fine), nn.PixelShuffle(2), nn.ReLU())
        self.last, self.out = ReflectedConv(2 * fine, 4 * channels), Clamped()
        self.shuffle = nn.PixelShuffle(2)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """In the shape of x."""
        check_code(z, len(x), self.latent)
        edges = self.first(x)  # [n, fine, H/2, W/2]
        y = self.down(edges)
        for block in self.blocks:
            y = block(y, z)
        return self.out(x + self.shuffle(self.last(torch.cat([self.up(y), edges], 1))))
