"""Transformers that draw and judge: tokens on a grid, made more by pixel shuffle ("TransGAN")."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.gan.bricks import Centred, Clamped
from coursekit.models.gan.game import GAN
from coursekit.models.gan.losses import WASSERSTEIN
from coursekit.models.gan.penalties import GradientPenalty
from coursekit.models.nets import Residual

START = 4  # tokens along a side of the first grid
LATENT = 64
WIDTHS, DEPTHS = (128, 64, 32), (1, 2, 1)  # numbers of a token and blocks at 4×4, 8×8 and 16×16 tokens
HEAD = 32  # numbers of a head


class Attention(nn.Module):
    """Multi-head self-attention of tokens: softmax(Q Kᵀ/√d) V in each head, joined and mixed; [n, tokens, width].

    With `written_out` by these very products, through which a gradient's gradient passes; else by torch's own, which is
    faster. Source: Vaswani et al. (2017).
    """

    def __init__(self, width: int, heads: int, *, written_out: bool = False) -> None:
        super().__init__()
        self.heads, self.written_out = heads, written_out
        self.enter, self.leave = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x."""
        q, k, v = self.enter(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each [n, heads, tokens, d]
        mixed = _products(q, k, v) if self.written_out else F.scaled_dot_product_attention(q, k, v)
        return self.leave(mixed.transpose(1, 2).flatten(2))


def _products(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(3) @ v


class Places(nn.Module):
    """x ↦ x + E: a learnt vector for each place of the grid, about as long as a token at the start.

    Without it a transformer does not know where its tokens are.
    """

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.places = nn.Parameter(0.5 * torch.randn(tokens, width))

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x, [n, tokens, width]."""
        return x + self.places


class Maps(nn.Module):
    """Tokens [n, S², width] as maps [n, width, S, S]."""

    def forward(self, x: Tensor) -> Tensor:
        """The tokens on their grid."""
        side = round(x.shape[1] ** 0.5)
        return x.transpose(1, 2).unflatten(2, (side, side))


class Tokens(nn.Module):
    """Maps [n, width, S, S] as tokens [n, S², width]."""

    def forward(self, x: Tensor) -> Tensor:
        """The places in rows, from the top."""
        return x.flatten(2).transpose(1, 2)


def encoder_block(width: int, *, written_out: bool = False) -> nn.Sequential:
    """A transformer's encoder block, normalised before each part: x + attention, x + MLP of four times the width."""
    attention = Residual(nn.LayerNorm(width), Attention(width, max(1, width // HEAD), written_out=written_out))
    mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
    return nn.Sequential(attention, Residual(nn.LayerNorm(width), mlp))


def transformer_generator(
    latent_size: int, shape: Sequence[int], widths: Sequence[int] = WIDTHS, depths: Sequence[int] = DEPTHS
) -> nn.Sequential:  # fmt: skip
    """Codes to images (C, S, S): 4×4 tokens, twice as many along each side for each further width, then pixels.

    No convolution. Each token of the last grid becomes a patch. Raises ValueError for a shape that the grids do not
    fit. Source: Jiang et al. (2021), "TransGAN"; there a pixel shuffle leaves a quarter of the width, here a layer
    widens before it.
    """
    patch = _patch(shape, widths, depths)
    layers: list[nn.Module] = [nn.Linear(latent_size, START**2 * widths[0]), nn.Unflatten(1, (START**2, widths[0]))]
    for number, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        if number:
            layers += [nn.Linear(widths[number - 1], 4 * width), Maps(), nn.PixelShuffle(2), Tokens()]
        layers += [Places(START**2 * 4**number, width), *(encoder_block(width) for _ in range(depth))]
    layers += [nn.LayerNorm(widths[-1]), nn.Linear(widths[-1], shape[0] * patch**2), Maps(), nn.PixelShuffle(patch)]
    return nn.Sequential(*layers, Clamped())


def transformer_critic(shape: Sequence[int], width: int = 64, depth: int = 3, *, patch: int = 4) -> nn.Sequential:
    """Images (C, S, S) to scores [n, 1]: patches become tokens; the score is linear in the last ones.

    TransGAN's reads the score off one further token instead. Raises ValueError for a side that is no multiple of the
    patch's. Source: Dosovitskiy et al. (2021).
    """
    if any(side % patch for side in shape[1:]):
        raise ValueError(f"shape: want sides that are multiples of {patch}, got {tuple(shape)}")
    tokens = (shape[1] // patch) * (shape[2] // patch)
    return nn.Sequential(
        Centred(), nn.PixelUnshuffle(patch), Tokens(), nn.Linear(shape[0] * patch**2, width), Places(tokens, width),
        *(encoder_block(width, written_out=True) for _ in range(depth)),
        nn.LayerNorm(width), nn.Flatten(), nn.Linear(tokens * width, 1),
    )  # fmt: skip


def transgan(
    shape: Sequence[int] = (3, 32, 32), *, latent_size: int = LATENT, weight: float = 10.0, share: float = 0.25
) -> GAN:  # fmt: skip
    """TransGAN: two transformers, WGAN-GP's loss with the penalty on a share of each batch, one turn each."""
    nets = transformer_generator(latent_size, shape), transformer_critic(shape)
    return GAN(*nets, latent=latent_size, loss=WASSERSTEIN, penalties=[GradientPenalty(weight, share=share)])


def _patch(shape: Sequence[int], widths: Sequence[int], depths: Sequence[int]) -> int:
    """The side of a patch, the last grid's tokens; ValueError if it is not whole."""
    last = START * 2 ** (len(widths) - 1)
    patch, rest = divmod(shape[1], last)
    if rest or not patch or shape[1] != shape[2] or len(widths) != len(depths):
        raise ValueError(
            f"shape, widths, depths: want a square whose side is a multiple of {last}, and a depth for each width, "
            f"got {tuple(shape)}, {tuple(widths)} and {tuple(depths)}"
        )
    return patch
