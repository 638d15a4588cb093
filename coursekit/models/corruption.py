"""What damages an input before a denoising autoencoder sees it: noise, lost numbers, lost patches."""

import torch
from torch import Tensor


class Gaussian:
    """x̃ = x + σ ε with ε ~ N(0, I), in the units of x. Not clipped: x̃ may leave [0, 1]."""

    def __init__(self, sigma: float) -> None:
        if not sigma >= 0:
            raise ValueError(f"sigma: want a standard deviation, 0 or more, got {sigma}")
        self.sigma = sigma

    def __call__(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """x [n, ...] → x̃ [n, ...]."""
        return x + self.sigma * torch.randn(x.shape, generator=generator, device=_source(x, generator)).to(x)

    def __repr__(self) -> str:
        return f"Gaussian({self.sigma:g})"


class Masking:
    """Each pixel is lost with probability p (set to `value`), independently; all channels of it together.

    Points [n, d] lose single numbers, images [n, C, H, W] whole pixels. Vincent et al. (2008), with value 0.
    """

    def __init__(self, p: float, *, value: float = 0.0) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p: want a probability, got {p}")
        self.p, self.value = p, value

    def __call__(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """x [n, ...] → x̃ [n, ...]."""
        shape = (len(x), 1, *x.shape[2:]) if x.ndim > 2 else x.shape
        lost = torch.rand(shape, generator=generator, device=_source(x, generator)).to(x.device) < self.p
        return x.masked_fill(lost, self.value)

    def __repr__(self) -> str:
        return f"Masking({self.p:g})"


class Patch:
    """One square of `size` × `size` pixels of each image, anywhere inside it, is lost (set to `value`)."""

    def __init__(self, size: int, *, value: float = 0.0) -> None:
        if size < 1:
            raise ValueError(f"size: want at least 1 pixel, got {size}")
        self.size, self.value = size, value

    def __call__(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """x [n, C, H, W] → x̃ [n, C, H, W]; ValueError if the patch is larger than the image."""
        if x.ndim != 4 or min(x.shape[2:]) < self.size:
            raise ValueError(f"x: want [n, C, H, W] with H and W at least {self.size}, got {list(x.shape)}")
        rows, columns = (self._covered(len(x), side, x, generator) for side in x.shape[2:])  # [n, H], [n, W]
        return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], self.value)

    def _covered(self, n: int, side: int, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Which of a side's positions the patch covers: [n, side]."""
        room = side - self.size + 1
        start = torch.randint(room, (n, 1), generator=generator, device=_source(x, generator)).to(x.device)
        position = torch.arange(side, device=x.device)
        return (position >= start) & (position < start + self.size)

    def __repr__(self) -> str:
        return f"Patch({self.size})"


def _source(x: Tensor, generator: torch.Generator | None) -> torch.device:
    """Where the random numbers are drawn: where the generator lives."""
    return x.device if generator is None else generator.device
