"""An encoder and a decoder for pictures: copies that no training moves, on a GPU if there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from coursekit.explore.parts.held import Function, held, one_thread

PIXELS = "pixels"  # the way that needs no model


class Coder:
    """h = g_e(x) and x̂ = g_d(h) of one model, named in errors.

    `encode` [n, C, H, W] gives codes [n, K], or a distribution over them whose mean is the code (a VAE's `encode`).
    Methods of a module are held as frozen copies, on a GPU if there is one. Codes and pictures come back to where the
    pictures and codes are.
    """

    def __init__(self, name: str, encode: Callable[..., Any], decode: Function) -> None:
        self.name, self.decode = name, held(decode)
        self.encode: Callable[..., Any] = held(encode)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """The codes' means [n, K], and their standard deviations [n, K] if the encoder gives distributions."""
        with torch.no_grad(), one_thread():
            given = [self.encode(chunk) for chunk in x.split(256)]
        random = isinstance(given[0], Distribution)
        h = torch.cat([q.mean if random else q for q in given]).to(x.device)
        if h.ndim != 2 or len(h) != len(x):
            raise ValueError(f"{self.name}: encode wants codes [{len(x)}, K], gave {list(h.shape)}")
        return h, torch.cat([q.variance.sqrt() for q in given]).to(x.device) if random else None

    def codes(self, x: Tensor) -> Tensor:
        """The codes of pictures, [n, K]."""
        return self.posterior(x)[0]

    def picture(self, h: Tensor) -> Tensor:
        """The picture of one code: [K] → [C, H, W]."""
        return self.decode(h[None])[0]


def coders(models: Mapping[str, Any]) -> dict[str, Coder]:
    """{name: (encode, decode)} → {name: Coder}; TypeError for other things, ValueError for none."""
    if not models:
        raise ValueError("models: want at least one, {name: (encode, decode)}, got none")
    if PIXELS in models:
        raise ValueError(f"models: want other names than {PIXELS!r}, which stands for the pictures themselves")
    for name, pair in models.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"models: want a pair (encode, decode) for {name!r}, got {type(pair).__name__}")
    return {name: Coder(name, *pair) for name, pair in models.items()}
