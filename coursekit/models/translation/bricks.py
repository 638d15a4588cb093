"""Layers that translators are made of: what they take, reflection padding, instance normalisation."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Images(nn.Module):
    """A first layer that hands images [n, channels, H, W] on, and says what does not fit.

    H and W are multiples of `multiple`, at least `least`, or exactly `side` if one is given. Raises ValueError for
    other numbers of channels or sizes, one image without its batch, or no floats.
    """

    def __init__(self, channels: int, *, multiple: int = 1, least: int = 1, side: int | None = None) -> None:
        super().__init__()
        self.channels, self.multiple, self.least, self.side = channels, multiple, least, side

    def forward(self, x: Tensor) -> Tensor:
        """x itself."""
        if x.ndim == 4 and x.shape[1] == self.channels and x.is_floating_point() and all(map(self._fits, x.shape[2:])):
            return x
        many = f"H and W multiples of {self.multiple}, at least {self.least}"
        wanted = f"[n, {self.channels}, H, W] with {f'H = W = {self.side}' if self.side else many}"
        raise ValueError(f"x: want images of floats {wanted}, got {x.dtype} {list(x.shape)}")

    def _fits(self, side: int) -> bool:
        return side == self.side if self.side else side >= self.least and side % self.multiple == 0


def instance_norm(channels: int) -> nn.Module:
    """Each channel of each image with mean 0 and variance 1, without gain and bias: x ↦ (x − μ)/√(σ² + 1e-5).

    As torch's InstanceNorm2d; written as GroupNorm with a group for each channel, it is twice as fast on a CPU. Source:
    Ulyanov et al. (2016).
    """
    return nn.GroupNorm(channels, channels, affine=False)


class ReflectedConv(nn.Conv2d):
    """A convolution with its border padded by reflection, so that images keep their size and have no black edge.

    In half precision the padding stays in it: torch's autocast would go to float32 and back for it.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=0, bias=bias)
        self.border = (kernel // 2,) * 4

    def forward(self, x: Tensor) -> Tensor:
        """[n, inputs, H, W] → [n, outputs, H, W]."""
        with torch.autocast("cpu" if x.is_meta else x.device.type, enabled=False):  # meta tensors have no autocast
            padded = F.pad(x, self.border, mode="reflect")
        return super().forward(padded)


class ConditionalBlock(nn.Module):
    """x ↦ x + IN(W₂ a(IN(W₁ x))), which may be told a code z: then each IN(y) is (1 + γ(z)) IN(y) + β(z).

    x [n, channels, H, W]; z [n, latent], γ and β linear in z, one number for each channel; a is ReLU. Without a code
    (latent 0) a plain residual block. Source: Huang & Belongie (2017) for the codes, Johnson et al. (2016) for the
    block without a ReLU behind its sum.
    """

    def __init__(self, channels: int, latent: int = 0) -> None:
        super().__init__()
        self.first, self.second = (ReflectedConv(channels, channels, bias=False) for _ in range(2))
        self.norm = instance_norm(channels)
        self.told = nn.Linear(latent, 4 * channels) if latent else None
        if self.told is not None:
            nn.init.zeros_(self.told.bias)

    def forward(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """In the shape of x."""
        if self.told is None or z is None:
            return x + self.norm(self.second(self.norm(self.first(x)).relu()))
        parts = self.told(z)[:, :, None, None].chunk(4, 1)  # each [n, channels, 1, 1]
        y = (1 + parts[0]) * self.norm(self.first(x)) + parts[1]
        return x + (1 + parts[2]) * self.norm(self.second(y.relu())) + parts[3]


def check_code(z: Tensor | None, n: int, latent: int) -> None:
    """ValueError unless z is [n, latent], or None where there is no code."""
    wanted, got = ([n, latent] if latent else None), (None if z is None else list(z.shape))
    if wanted != got:
        raise ValueError(f"z: want {wanted or 'no code'}, got {got or 'none'}")
