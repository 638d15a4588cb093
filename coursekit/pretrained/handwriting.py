"""Recipes of models of handwritten digits."""

from coursekit import data
from coursekit.autoencoders import Autoencoder, convolutional
from coursekit.base import Model
from coursekit.linear import PCA
from coursekit.pretrained.recipe import Figures, Recipe, squared_error_per_pixel


def _reconstruction_of_mnist(model: Model) -> Figures:
    """mse: per pixel of MNIST's 10,000 test images. pca_mse: the same by PCA with as many numbers as the code has,
    fitted to the training images."""
    if not isinstance(model, Autoencoder):
        raise TypeError(f"model: want an Autoencoder, got {type(model).__name__}")
    test = data.mnist(train=False).images
    pca = PCA(model.latent_size).fit(data.mnist().images)
    by_pca = pca.reconstruction_error(test).mean().item() / test[0].numel()
    return {"mse": squared_error_per_pixel(model, test), "pca_mse": by_pca}


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

RECIPES = (MNIST_CONV_AUTOENCODER,)
