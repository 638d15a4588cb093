"""Self-attention between the places of a map, and the GAN that it was made for ("SAGAN")."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from coursekit.models.gan.bricks import normalised
from coursekit.models.gan.convolutional import COMPACT, dcgan_critic, dcgan_generator
from coursekit.models.gan.game import GAN
from coursekit.models.gan.losses import HINGE

LATENT = 100


class SelfAttention(nn.Module):
    """x ↦ x + γ o with o_j = W_o Σ_i β_ji W_v x_i: each place j of a map looks at all places i. γ is 0 at the start.

        β_ji = softmax over i of (W_q x_j)ᵀ(W_k x_i),    W_q and W_k to an eighth of the channels, W_v to a half.

    [n, channels, H, W] in and out; Σ_i β_ji = 1 for each j. Source: Zhang et al. (2019), equations 1-3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        few, half = max(1, channels // 8), max(1, channels // 2)
        self.query, self.key, self.value = (nn.Conv2d(channels, size, 1, bias=False) for size in (few, few, half))
        self.out = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def weights(self, x: Tensor) -> Tensor:
        """β, [n, H W, H W]: row j says how much place j looks at each place i."""
        query, key = self.query(x).flatten(2), self.key(x).flatten(2)  # [n, C/8, H W]
        return (query.transpose(1, 2) @ key).float().softmax(2)

    def forward(self, x: Tensor) -> Tensor:
        """x + γ o."""
        value = self.value(x).flatten(2)  # [n, C/2, H W]
        mixed = value @ self.weights(x).to(value.dtype).transpose(1, 2)
        return x + self.gamma * self.out(mixed.unflatten(2, x.shape[2:]))


def attentive_generator(
    latent_size: int = LATENT, shape: Sequence[int] = (3, 32, 32), channels: Sequence[int] = COMPACT, *, kernel: int = 4
) -> nn.Sequential:  # fmt: skip
    """`dcgan_generator` with self-attention at the map before the last (8×8 for 32×32), and spectral normalisation.

    Raises ValueError for fewer than two sizes of channels.
    """
    stages = [*dcgan_generator(latent_size, shape, channels, kernel=kernel)]
    return _steadied(nn.Sequential(*stages[:-2], SelfAttention(_middle(channels)), *stages[-2:]))


def attentive_critic(
    shape: Sequence[int] = (3, 32, 32), channels: Sequence[int] = COMPACT, *, kernel: int = 4
) -> nn.Sequential:  # fmt: skip
    """`dcgan_critic` with self-attention after two convolutions, and spectral instead of batch normalisation.

    Raises ValueError for fewer than two sizes of channels.
    """
    stages = [*dcgan_critic(shape, channels, kernel=kernel, normalise=False)]
    return _steadied(nn.Sequential(*stages[:3], SelfAttention(_middle(channels)), *stages[3:]))


def sagan(
    shape: Sequence[int] = (3, 32, 32), channels: Sequence[int] = COMPACT, *, latent_size: int = LATENT, kernel: int = 4
) -> GAN:  # fmt: skip
    """SAGAN on DCGAN's nets: attention, spectral normalisation in both players, the hinge loss, h ~ N(0, I).

    Source: Zhang et al. (2019), there with residual blocks.
    """
    generator = attentive_generator(latent_size, shape, channels, kernel=kernel)
    return GAN(generator, attentive_critic(shape, channels, kernel=kernel), latent=latent_size, loss=HINGE)


def _steadied(net: nn.Sequential) -> nn.Sequential:
    """Orthogonal weights, biases 0, spectral normalisation: a scale of the weights would drop out."""
    orthogonal(net)
    normalised(net)
    return net


def orthogonal(net: nn.Module) -> None:
    """Weights of linear and convolutional layers with orthogonal rows or columns, biases 0, in place."""
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.orthogonal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _middle(channels: Sequence[int]) -> int:
    """The channels of the map before the largest."""
    if len(channels) < 2:
        raise ValueError(f"channels: want at least two numbers, got {tuple(channels)}")
    return channels[-2]
