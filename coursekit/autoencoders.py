"""Autoencoders: an encoder g_e to a code h, a decoder g_d back, trained to reproduce their input."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from coursekit.base import Model, Terms, eval_mode, noise
from coursekit.nets import mlp


class Autoencoder(Model):
    """h = g_e(x), x̂ = g_d(h), trained on the squared error ‖x − g_d(g_e(x))‖².

    `encoder` maps [n, ...] to codes [n, latent_size], `decoder` maps them back to the shape of x.
    The loss is the mean over the batch of the *sum* over an item's numbers; "mse" is the mean over both.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, *, latent_size: int) -> None:
        super().__init__()
        self.encoder, self.decoder, self.latent_size = encoder, decoder, latent_size

    def encode(self, x: Tensor) -> Tensor:
        """The code h = g_e(x): [n, ...] → [n, latent_size]."""
        return self.encoder(x)

    def decode(self, h: Tensor) -> Tensor:
        """The reconstruction x̂ = g_d(h): [n, latent_size] → [n, ...]."""
        return self.decoder(h)

    def forward(self, x: Tensor) -> Tensor:
        """x̂ = g_d(g_e(x)), in the shape of x."""
        return self.decode(self.encode(x))

    def loss(self, x: Tensor) -> Terms:
        """{"loss": mean over the batch of Σ (x − x̂)², "mse": the same per number}."""
        squares = (self(x) - x).square().flatten(1)  # [n, M]
        return {"loss": squares.sum(1).mean(), "mse": squares.mean()}

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Decode n codes drawn from N(0, I): [n, ...]. (Nothing has taught a plain autoencoder that law.)"""
        h = noise(n, self.latent_size, like=self, generator=generator)
        with eval_mode(self):
            return self.decode(h)


def dense(shape: Sequence[int], latent_size: int, *hidden: int, out: nn.Module | None = None) -> Autoencoder:
    """A dense autoencoder for items of that shape, (3, 32, 32) or (2,); mirrored hidden layers, ReLU between.

    Without hidden sizes it is the linear autoencoder x̂ = W_d (W_e x + b_e) + b_d.
    """
    size = prod(shape)
    encoder = nn.Sequential(nn.Flatten(), *mlp(size, *hidden, latent_size))
    decoder = nn.Sequential(*mlp(latent_size, *hidden[::-1], size, out=out), nn.Unflatten(1, tuple(shape)))
    return Autoencoder(encoder, decoder, latent_size=latent_size)
