"""Autoencoders: an encoder g_e to a code h, a decoder g_d back, trained to reproduce their input."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.models.base import Model, Terms, eval_mode, noise
from coursekit.models.losses import Reconstruction, binary_cross_entropy, squared_error
from coursekit.models.nets import conv_decoder, conv_encoder, mlp

__all__ = [
    "Autoencoder", "binary_cross_entropy", "convolutional", "dense", "fast_convolutional", "squared_error",
    "stacked", "tied",
]  # fmt: skip

Penalty = Callable[[Any, Tensor, Tensor], Terms]  # (model, x, h) → terms to add to the loss
Corruption = Callable[..., Tensor]  # (x, generator=...) → x̃


class Autoencoder(Model):
    """h = g_e(x), x̂ = g_d(h), trained on how far g_d(g_e(x)) is from x.

    `encoder` maps [n, ...] to codes [n, latent_size], `decoder` maps them back to the shape of x. Variants:

    - `reconstruction(x̂, x)` → [n]: what is minimised, `squared_error` or `binary_cross_entropy`.
    - `penalty(model, x, h)` → terms that are added to the loss: see `coursekit.models.penalties`.
    - `corruption(x, generator=...)` → x̃: the encoder sees x̃, the decoder is to give x (a denoising
      autoencoder): see `coursekit.models.corruption`.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, latent_size: int,
        reconstruction: Reconstruction = squared_error, penalty: Penalty | None = None,
        corruption: Corruption | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.encoder, self.decoder, self.latent_size = encoder, decoder, latent_size
        self.reconstruction, self.penalty, self.corruption = reconstruction, penalty, corruption

    def encode(self, x: Tensor) -> Tensor:
        """The code h = g_e(x): [n, ...] → [n, latent_size]."""
        return self.encoder(x)

    def decode(self, h: Tensor) -> Tensor:
        """The reconstruction x̂ = g_d(h): [n, latent_size] → [n, ...]."""
        return self.decoder(h)

    def forward(self, x: Tensor) -> Tensor:
        """x̂ = g_d(g_e(x)), in the shape of x."""
        return self.decode(self.encode(x))

    def loss(self, x: Tensor, *, generator: torch.Generator | None = None) -> Terms:
        """{"loss": mean over the batch of the reconstruction term plus penalties, "mse": mean (x − x̂)² per number,
        and each penalty under its name}. The generator is for the corruption."""
        seen = x if self.corruption is None else self.corruption(x, generator=generator)
        h = self.encode(seen)
        x_hat = self.decode(h)
        paid = {} if self.penalty is None else self.penalty(self, seen, h)
        loss = self.reconstruction(x_hat, x).mean() + sum(paid.values())
        return {"loss": loss, "mse": (x_hat - x).square().mean(), **paid}

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Decode n codes drawn from N(0, I): [n, ...]. (Nothing has taught a plain autoencoder that law.)"""
        h = noise(n, self.latent_size, like=self, generator=generator)
        with eval_mode(self):
            return self.decode(h)


def dense(
    shape: Sequence[int], latent_size: int, *hidden: int, out: nn.Module | None = None,
    code: nn.Module | None = None, activation: Callable[[], nn.Module] = nn.ReLU, **variant: Any,
) -> Autoencoder:  # fmt: skip
    """A dense autoencoder for items of that shape, (3, 32, 32) or (2,); mirrored hidden layers, ReLU between.

    `code` and `out` are activations behind the encoder and the decoder. Without hidden sizes and activations
    it is the linear autoencoder x̂ = W_d (W_e x + b_e) + b_d. `variant` goes to `Autoencoder`.
    """
    size = prod(shape)
    encoder = nn.Sequential(nn.Flatten(), *mlp(size, *hidden, latent_size, activation=activation, out=code))
    back = mlp(latent_size, *hidden[::-1], size, activation=activation, out=out)
    return Autoencoder(encoder, nn.Sequential(*back, nn.Unflatten(1, tuple(shape))), latent_size=latent_size, **variant)


class TiedLinear(nn.Module):
    """y = Wᵀh + b' with the weights W of another layer: [n, out] → [n, in]. Only b' is its own."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self._of = (layer,)  # in a tuple, because W belongs to that layer alone: counted, saved and moved once
        self.bias = nn.Parameter(layer.weight.new_zeros(layer.in_features))

    def forward(self, h: Tensor) -> Tensor:
        """y = Wᵀh + b'."""
        return nn.functional.linear(h, self._of[0].weight.T, self.bias)


def tied(
    shape: Sequence[int], latent_size: int, *, code: nn.Module | None = None, out: nn.Module | None = None,
    **variant: Any,
) -> Autoencoder:  # fmt: skip
    """The one-layer autoencoder with tied weights: h = s(Wx + b), x̂ = s'(Wᵀh + b').

    s is `code`, a sigmoid if not given; s' is `out`, the identity if not given. `variant` goes to `Autoencoder`.
    """
    layer = nn.Linear(prod(shape), latent_size)
    encoder = nn.Sequential(nn.Flatten(), layer, nn.Sigmoid() if code is None else code)
    decoder = nn.Sequential(TiedLinear(layer), nn.Identity() if out is None else out, nn.Unflatten(1, tuple(shape)))
    return Autoencoder(encoder, decoder, latent_size=latent_size, **variant)


def stacked(*layers: Autoencoder, **variant: Any) -> Autoencoder:
    """One deep autoencoder of several shallow ones, each of which codes the codes of the one before.

    g_e = g_e^L ∘ … ∘ g_e^1 and g_d = g_d^1 ∘ … ∘ g_d^L. The layers are shared, not copied.
    """
    encoder = nn.Sequential(*(layer.encoder for layer in layers))
    decoder = nn.Sequential(*(layer.decoder for layer in reversed(layers)))
    return Autoencoder(encoder, decoder, latent_size=layers[-1].latent_size, **variant)


def fast_convolutional(
    shape: Sequence[int], latent_size: int, *channels: int, out: nn.Module | None = None,
    activation: Callable[[], nn.Module] = nn.ReLU, **variant: Any,
) -> Autoencoder:  # fmt: skip
    """A convolutional autoencoder for images (C, H, W), fast on a CPU: each of the `channels` halves H and W.

    Down by pixel unshuffle and convolution, up by convolution and pixel shuffle; a linear layer to the code and
    one from it. `channels` are (32, 64) if not given. `variant` goes to `Autoencoder`.
    """
    widths = channels or (32, 64)
    encoder = conv_encoder(shape, latent_size, *widths, activation=activation)
    decoder = conv_decoder(latent_size, shape, *widths, activation=activation, out=out)
    return Autoencoder(encoder, decoder, latent_size=latent_size, **variant)


def convolutional(**variant: Any) -> Autoencoder:
    """The lecture's convolutional autoencoder: 28×28×1 → code of 49 → 28×28×1, 140,850 parameters.

    Three times convolution 3×3 (32, 64, 64), ReLU and max pooling, 28 → 14 → 7 → 3, then a dense layer to 49.
    The code is read as a 7×7 image; transposed convolutions (64, 64, 32) with batch normalisation behind the
    first two bring it to 14, 28 and 28, a convolution to one channel. Keras counts the running statistics of
    batch normalisation (256) as parameters that are not trained; torch calls them buffers.
    """
    down = [layer for i, o in ((1, 32), (32, 64), (64, 64)) for layer in _conv_pool(i, o)]
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(64 * 3 * 3, 49))
    decoder = nn.Sequential(
        nn.Unflatten(1, (1, 7, 7)),
        *(nn.ConvTranspose2d(1, 64, 3, stride=2, padding=1, output_padding=1), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.ConvTranspose2d(64, 64, 3, stride=2, padding=1, output_padding=1), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.ConvTranspose2d(64, 32, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 1, 3, padding=1), nn.Sigmoid()),
    )
    return Autoencoder(encoder, decoder, latent_size=49, **variant)


def _conv_pool(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
