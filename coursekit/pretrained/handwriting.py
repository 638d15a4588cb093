"""Recipes of models of handwritten digits."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from coursekit import data
from coursekit.models.autoencoders import Autoencoder, convolutional
from coursekit.models.base import Model, Terms
from coursekit.models.linear import PCA
from coursekit.models.nets import mlp
from coursekit.models.vae import VAE, BernoulliLikelihood, GaussianLikelihood, dense
from coursekit.pretrained.recipes import Figures, Recipe, squared_error_per_pixel

MNIST_SHAPE, DIGITS_SHAPE = (1, 28, 28), (1, 8, 8)
IMAGES_WEIGHTED, WEIGHTS = 1000, 500  # what log P(x) is estimated on, and from how many codes for each image


class BlackAndWhiteVAE(VAE):
    """A VAE that is trained on black and white: a pixel is white with its grey level as probability.

    The pixels are drawn anew for each batch, so that the net never sees one image twice. A Bernoulli likelihood
    is then a probability, and the bound one on log P(x).
    """

    def loss(self, x: Any, *, generator: torch.Generator | None = None) -> Terms:
        """The terms of `VAE.loss` for the images in black and white: x [n, ...] in [0, 1]."""
        return super().loss(torch.bernoulli(x, generator=generator), generator=generator)


def mnist_vae(latent_size: int, *hidden: int) -> BlackAndWhiteVAE:
    """A dense net for 28×28 pixels with those hidden layers, mirrored."""
    encoder = nn.Sequential(nn.Flatten(), *mlp(784, *hidden, 2 * latent_size, activation=nn.SiLU))
    back = mlp(latent_size, *hidden[::-1], 784, activation=nn.SiLU)
    decoder = nn.Sequential(*back, nn.Unflatten(1, MNIST_SHAPE))
    return BlackAndWhiteVAE(encoder, decoder, latent_size=latent_size, likelihood=BernoulliLikelihood())


def digits_vae() -> VAE:
    """N(g_d(h), 0.25² I) over 8×8 pixels."""
    return dense(DIGITS_SHAPE, 2, 128, 64, activation=nn.SiLU, out=nn.Sigmoid(), likelihood=GaussianLikelihood(0.25))


@cache
def digits_split() -> tuple[data.Images, data.Images]:
    """scikit-learn's digits: 1,497 to train on, 300 to test, always the same ones."""
    train, test = data.digits().split(1497, 300, generator=torch.Generator().manual_seed(0))
    return train, test


def black_and_white(images: Tensor, *, seed: int = 0) -> Tensor:
    """Images whose pixels are 1 with the grey level as probability, else 0; the same ones for the same seed."""
    return torch.bernoulli(images, generator=torch.Generator().manual_seed(seed))


def nearest_neighbours(train_h: Tensor, train_labels: Tensor, h: Tensor) -> Tensor:
    """The label that most of the five nearest training codes have: codes [N, M_h], labels [N], [n, M_h] → [n]."""
    from sklearn.neighbors import KNeighborsClassifier  # here, because it takes most of a second to import

    found = KNeighborsClassifier(5).fit(train_h.numpy(), train_labels.numpy()).predict(h.numpy())
    return torch.from_numpy(found)


def _reconstruction_of_mnist(model: Model) -> Figures:
    """mse: per pixel of MNIST's 10,000 test images. pca_mse: the same by PCA with as many numbers as the code has,
    fitted to the training images."""
    if not isinstance(model, Autoencoder):
        raise TypeError(f"model: want an Autoencoder, got {type(model).__name__}")
    test = data.mnist(train=False).images
    pca = PCA(model.latent_size).fit(data.mnist().images)
    by_pca = pca.reconstruction_error(test).mean().item() / test[0].numel()
    return {"mse": squared_error_per_pixel(model, test, batch_size=50), "pca_mse": by_pca}  # 500 are twice as slow


@torch.no_grad()
def _bound(model: VAE, x: Tensor) -> Figures:
    """−ELBO and its two terms in nats per image, at one code for each image; codes that vary by more than 0.01."""
    terms = model.elbo(x, generator=torch.Generator().manual_seed(1))
    means = {name: value.mean().item() for name, value in terms.items()}
    active = (model.encode(x).mean.var(0) > 0.01).sum().item()  # the measure of Burda et al. (2016)
    return {
        "negative_elbo": -means["elbo"], "reconstruction": means["reconstruction"], "kl": means["kl"],
        "active_codes": active,
    }  # fmt: skip


@torch.no_grad()
def _accuracy(model: VAE, train: data.Images, test: data.Images) -> float:
    """How often five neighbours in the plane of codes tell a test image's class."""
    assert train.labels is not None
    assert test.labels is not None
    found = nearest_neighbours(model.encode(train.images).mean, train.labels, model.encode(test.images).mean)
    return (found == test.labels).float().mean().item()


def _figures_of_mnist(model: Any) -> Figures:
    """The bound on the test images, and on the first 1,000 of them log P(x) by importance weights beside it."""
    test = data.mnist(train=False).images
    x = black_and_white(test)
    some = x[:IMAGES_WEIGHTED]
    likelihood = model.log_likelihood(some, WEIGHTS, generator=torch.Generator().manual_seed(2)).mean().item()
    return {
        **_bound(model, x), "negative_elbo_of_1000": _bound(model, some)["negative_elbo"],
        "negative_log_likelihood_of_1000": -likelihood, "mse": squared_error_per_pixel(model, test),
    }  # fmt: skip


def _figures_of_mnist_in_the_plane(model: Any) -> Figures:
    train, test = data.mnist(), data.mnist(train=False)
    return {
        **_bound(model, black_and_white(test.images)), "neighbours_accuracy": _accuracy(model, train, test),
        "mse": squared_error_per_pixel(model, test.images),
    }  # fmt: skip


def _figures_of_digits(model: Any) -> Figures:
    """Without −ELBO, which is negative: a density of grey levels may be above 1."""
    train, test = digits_split()
    bound = _bound(model, test.images)
    by_pca = PCA(2).fit(train.images).reconstruction_error(test.images).mean().item() / test.images[0].numel()
    return {
        "mse": squared_error_per_pixel(model, test.images), "pca_mse": by_pca, "kl": bound["kl"],
        "active_codes": bound["active_codes"], "neighbours_accuracy": _accuracy(model, train, test),
    }  # fmt: skip


MNIST_CONV_AUTOENCODER = Recipe(
    name="mnist_conv_autoencoder",
    about="the lecture's convolutional autoencoder, 28×28 → 49 → 28×28, for the squared error",
    data="MNIST, 60,000 training images; figures from the 10,000 test images",
    net=convolutional,
    examples=lambda: data.mnist().images,
    measure=_reconstruction_of_mnist,
    epochs=7,
    lr=2e-3,
    ema=0.999,
)

IN_BLACK_AND_WHITE = (
    "MNIST in black and white (a pixel is white with its grey level as probability, drawn anew for each batch); "
    "figures from the 10,000 test images, drawn once"
)

RECIPES = (
    MNIST_CONV_AUTOENCODER,
    Recipe(
        "digits_vae_2d", "VAE of scikit-learn's 8×8 digits, 2 latent numbers, Gaussian likelihood with σ = 0.25",
        "scikit-learn's digits, 1,497 to train; figures from the other 300",
        digits_vae, lambda: digits_split()[0].images, _figures_of_digits, epochs=200, lr=2e-3, ema=0.99,
        autocast=False,
    ),
    Recipe(
        "mnist_vae", "VAE of MNIST, dense, 784-400-20, Bernoulli likelihood",
        f"{IN_BLACK_AND_WHITE}; those of 1000 from the first 1,000, log P(x) from 500 codes each",
        lambda: mnist_vae(20, 400), lambda: data.mnist().images, _figures_of_mnist, epochs=50, batch_size=128,
        lr=2e-3, ema=0.999,
    ),
    Recipe(
        "mnist_vae_2d", "VAE of MNIST, dense, 2 latent numbers, Bernoulli likelihood",
        IN_BLACK_AND_WHITE,
        lambda: mnist_vae(2, 360, 128), lambda: data.mnist().images, _figures_of_mnist_in_the_plane, epochs=40,
        batch_size=128, lr=1e-3, ema=0.999,
    ),
)  # fmt: skip
