"""What a generator starts from: laws of h, which say how to draw n codes [n, size]."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from coursekit.models.base import device_of, noise


class Prior(Protocol):
    """A law of h: its `size`, and how to draw from it."""

    @property
    def size(self) -> int:
        """How many numbers a code has."""
        ...

    def draw(self, n: int, *, like: nn.Module, generator: torch.Generator | None = None,
             truncation: float | None = None) -> Tensor:  # fmt: skip
        """n codes [n, size] where `like` is; with `truncation` t each normal number lies in [−t, t]."""
        ...


@dataclass(frozen=True)
class Normal:
    """h ~ N(0, I). Truncated at t each number has the normal law under the condition |h_i| ≤ t (Brock et al., 2019)."""

    size: int

    def draw(self, n: int, *, like: nn.Module, generator: torch.Generator | None = None,
             truncation: float | None = None) -> Tensor:  # fmt: skip
        """n codes, [n, size]. Raises ValueError for a truncation that is not positive."""
        if truncation is None:
            return noise(n, self.size, like=like, generator=generator)
        if not truncation > 0:
            raise ValueError(f"truncation: want a positive number, got {truncation}")
        low = torch.special.ndtr(torch.tensor(-truncation, dtype=torch.float64))  # Φ(−t)
        share = uniform(n, self.size, like=like, generator=generator).double()
        inner = torch.special.ndtri(low.to(share) + (1 - 2 * low.to(share)) * share)
        return inner.clamp(-truncation, truncation).float()


@dataclass(frozen=True)
class Uniform:
    """h ~ U(−1, 1)^size, as DCGAN has it."""

    size: int

    def draw(self, n: int, *, like: nn.Module, generator: torch.Generator | None = None,
             truncation: float | None = None) -> Tensor:  # fmt: skip
        """n codes, [n, size]. Raises ValueError for a truncation: it is bounded as it is."""
        _no_truncation(truncation)
        return 2 * uniform(n, self.size, like=like, generator=generator) - 1


@dataclass(frozen=True)
class Codes:
    """h = (z, c, u): noise z ~ N(0, I), a class c drawn evenly as one-hot, and u ~ U(−1, 1)^continuous (InfoGAN)."""

    noise: int
    classes: int = 10
    continuous: int = 2

    @property
    def size(self) -> int:
        """noise + classes + continuous."""
        return self.noise + self.classes + self.continuous

    def draw(self, n: int, *, like: nn.Module, generator: torch.Generator | None = None,
             truncation: float | None = None) -> Tensor:  # fmt: skip
        """n codes, [n, size]; truncation concerns z alone."""
        z = Normal(self.noise).draw(n, like=like, generator=generator, truncation=truncation)
        where = generator.device if generator is not None else device_of(like)
        kind = torch.randint(max(1, self.classes), (n,), generator=generator, device=where).to(z.device)
        u = Uniform(self.continuous).draw(n, like=like, generator=generator)
        return torch.cat([z, one_hot(kind, max(1, self.classes)).to(z)[:, : self.classes], u], 1)

    def parts(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(z [n, noise], c [n, classes], u [n, continuous]) of codes [n, size]."""
        z, c, u = h.split([self.noise, self.classes, self.continuous], dim=1)
        return z, c, u


def uniform(*shape: int, like: nn.Module, generator: torch.Generator | None = None) -> Tensor:
    """Numbers from U(0, 1) of that shape, drawn where the generator lives, moved to where `like` is."""
    source = generator.device if generator is not None else device_of(like)
    return torch.rand(shape, generator=generator, device=source).to(device_of(like))


def _no_truncation(truncation: float | None) -> None:
    if truncation is not None:
        raise ValueError(f"truncation: this prior is bounded already, got {truncation}")
