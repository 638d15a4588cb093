"""Recipes of models of rendered faces, whose nature is known."""

from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from coursekit import data
from coursekit.models.autoencoders import Autoencoder
from coursekit.models.base import Model
from coursekit.models.gaussians import moved
from coursekit.models.nets import Conditioned, Residual, mlp, shuffled
from coursekit.models.vae import VAE, GaussianLikelihood, dense
from coursekit.pretrained import attributes, measured, reading
from coursekit.pretrained.loading import restored
from coursekit.pretrained.reading import FACES_READER, TRAINING_FACES, attributes_of
from coursekit.pretrained.recipes import Figures, Recipe
from coursekit.training.muon import Muon

SHAPE, LATENT = (3, 64, 64), 16
ATTRIBUTES = len(data.faces.ATTRIBUTES)
WIDE = 256  # of the dense layers of codes
CHANNELS, WIDTH = 48, 128  # of the nets of images: channels at 16×16, width of the dense layers
SIGMA = 0.4  # of the likelihoods of faces


def encoder(shape: tuple[int, int, int], size: int) -> nn.Sequential:
    """Patches of 4×4 pixels, a residual block at 16×16, 8×8 places of 24 channels, dense: [n, *shape] → [n, size]."""
    image, height, width = shape
    places = height * width // 64
    return nn.Sequential(
        nn.PixelUnshuffle(4), nn.Conv2d(16 * image, CHANNELS, 1), residual(CHANNELS), nn.SiLU(),
        nn.PixelUnshuffle(2), nn.Conv2d(4 * CHANNELS, 24, 1), nn.SiLU(), nn.Flatten(),
        *mlp(24 * places, WIDTH, WIDTH, size, activation=nn.SiLU),
    )  # fmt: skip


def decoder(size: int, shape: tuple[int, int, int]) -> nn.Sequential:
    """Dense to 16×16 places of 8 channels, two residual blocks, patches of 4×4 pixels: [n, size] → [n, *shape]."""
    image, height, width = shape
    start = (8, height // 4, width // 4)
    return nn.Sequential(
        *mlp(size, WIDTH, WIDTH, prod(start), activation=nn.SiLU), nn.SiLU(), nn.Unflatten(1, start),
        nn.Conv2d(8, CHANNELS, 1), residual(CHANNELS), residual(CHANNELS), nn.SiLU(),
        shuffled(CHANNELS, image, kernel=1, times=4), nn.Sigmoid(),
    )  # fmt: skip


def residual(channels: int) -> Residual:
    """x + W₂ a(W₁ x): W₁ looks at 3×3 places, W₂ at one. It starts as the identity."""
    return Residual(nn.Conv2d(channels, channels, 3, padding=1), nn.SiLU(), nn.Conv2d(channels, channels, 1), zero=True)


def faces_autoencoder() -> Autoencoder:
    """The plain autoencoder: the same nets, no distribution."""
    return Autoencoder(encoder(SHAPE, LATENT), decoder(LATENT, SHAPE), latent_size=LATENT)


def faces_vae(beta: float = 1.0) -> VAE:
    """N(g_d(h), 0.4² I) over faces."""
    return VAE(
        encoder(SHAPE, 2 * LATENT), decoder(LATENT, SHAPE), latent_size=LATENT, beta=beta,
        likelihood=GaussianLikelihood(SIGMA),
    )  # fmt: skip


def rising(beta: float) -> Callable[[VAE, float], None]:
    """A pace for recipes: first what a picture shows, then the law of its codes ("KL annealing", Bowman et al., 2016).

    Early on a weak divergence lets the details into the codes; the full one at the end costs few of them and brings
    the codes near N(0, I). The other way round the attributes end in a binary code, where no direction means glasses.
    """

    def pace(model: VAE, done: float) -> None:
        model.beta = beta * (1 + 3 * min(1.0, max(0.0, (done - 0.5) / 0.15))) / 4

    pace.__doc__ = f"β is {beta / 4:g} for half of the steps, then rises, and is {beta:g} from 65 % on"
    return pace


def variational() -> VAE:
    """The trained `faces_vae`."""
    model = restored(FACES_VAE)
    assert isinstance(model, VAE)
    return model


def faces_prior() -> VAE:
    """P(u) = N(0, I), P(h|u) = N(g_d(u), σ² I) with a learnt σ: codes h of faces, from other codes u.

    Decoded by `faces_vae`, its samples are faces: the second stage of Dai & Wipf (2019).
    """
    return dense(
        (LATENT,), LATENT, *[WIDE] * 3, activation=nn.SiLU, likelihood=GaussianLikelihood(0.3, learnt=True)
    )  # fmt: skip


def faces_cvae() -> VAE:
    """N(g_d(h, m), 0.4² I) over faces, given the four attributes m on both sides."""
    trunk = nn.Sequential(*encoder(SHAPE, WIDTH), nn.SiLU())
    head = mlp(WIDTH + ATTRIBUTES, WIDTH, 2 * LATENT, activation=nn.SiLU)
    return VAE(
        Conditioned(trunk, head), decoder(LATENT + ATTRIBUTES, SHAPE), latent_size=LATENT,
        likelihood=GaussianLikelihood(SIGMA), condition_size=ATTRIBUTES,
    )  # fmt: skip


def faces() -> data.Images:
    """The faces that the models are trained on."""
    return data.faces.faces(TRAINING_FACES, size=SHAPE[1], seed=0)


def codes_of_faces() -> Tensor:
    """The aggregate posterior of `faces_vae`: four draws for each of its training faces, [120,000, 16]."""
    model, images = variational(), faces().images
    return torch.cat([measured.codes_drawn(model, images, seed=seed) for seed in range(4)])


@torch.no_grad()
def codes_of_nobody(model: VAE, n: int, *, seed: int = 0) -> Tensor:
    """Draws h ~ P(h|u), u ~ N(0, I), from `faces_prior`: [n, 16]. Its means alone have too little variety."""
    g = torch.Generator().manual_seed(seed)
    u, noise = (torch.randn(n, LATENT, generator=g) for _ in range(2))
    return moved(model.distribution(u), noise)


def faces_with_attributes() -> tuple[Tensor, Tensor]:
    """Training faces and their four attributes."""
    given = faces()
    return given.images, attributes_of(given)


def _figures(model: Model) -> Figures:
    generator = measured.generator_of(model)
    return {
        **measured.of_reconstructions(generator), **measured.of_samples(generator),
        **measured.of_distribution(measured.samples(generator, measured.ITEMS)), **measured.of_codes(generator),
        **attributes.of_arithmetic(generator),
    }  # fmt: skip


def _figures_of_prior(model: Model) -> Figures:
    """Of the faces that draws of codes decode to."""
    assert isinstance(model, VAE)
    made = measured.decoded(variational(), codes_of_nobody(model, measured.ITEMS))
    return {**measured.of_validity(made[:300]), **measured.of_distribution(made)}


def _figures_conditional(model: Model) -> Figures:
    generator = measured.generator_of(model)
    assert isinstance(generator, VAE)
    images, m = reading.unseen_faces().images, attributes_of(reading.unseen_faces())
    again = measured.decoded(generator, measured.codes(generator, images, m), m)
    return {
        "mse": (again - images).square().mean().item(), **attributes.of_condition(generator),
        **attributes.of_remainder(generator), **attributes.of_identity(generator),
    }  # fmt: skip


CODES = "four draws of the code of each of the faces that `faces_vae` was trained on; figures from decoded samples"

RENDERED = "30,000 rendered faces (`data.faces.faces(30_000, size=64, seed=0)`); figures from others (seed 1)"

SLOWING: dict[str, Any] = {
    "optimizer": Muon, "lr": 0.008, "weight_decay": 0.1, "warm_up": 500, "ema": 0.999, "autocast": False,
}  # fmt: skip

FACES_VAE = Recipe(
    "faces_vae",
    "VAE of rendered faces, 64×64, 16 latent numbers, Gaussian likelihood with σ = 0.4",
    RENDERED,
    faces_vae,
    faces,
    _figures,
    epochs=32,
    batch_size=32,
    pace=rising(1.0),
    **SLOWING,
)

RECIPES = (
    FACES_READER,
    Recipe(
        "faces_autoencoder", "plain autoencoder of rendered faces, 64×64 → 16 → 64×64, for the squared error",
        RENDERED, faces_autoencoder, faces, _figures, epochs=16, batch_size=32, **SLOWING,
    ),
    FACES_VAE,
    Recipe(
        "faces_prior", "VAE of the codes of faces_vae, 16 → 16 → 16: the law that N(0, I) only approximates",
        CODES, faces_prior, codes_of_faces, _figures_of_prior, epochs=20, batch_size=256, lr=0.002, warm_up=100,
        ema=0.999, autocast=False,
    ),
    Recipe(
        "faces_vae_brief", "faces_vae after a quarter of its training, as long as faces_beta_vae's: only β differs",
        RENDERED, faces_vae, faces, _figures, epochs=8, batch_size=32, pace=rising(1.0), **SLOWING,
    ),
    Recipe(
        "faces_beta_vae", "β-VAE of rendered faces, β = 4: the divergence weighs four times",
        RENDERED, lambda: faces_vae(beta=4.0), faces, _figures, epochs=8, batch_size=32, pace=rising(4.0), **SLOWING,
    ),
    Recipe(
        "faces_cvae", "VAE of rendered faces that is told glasses, sunglasses, beard and long hair",
        RENDERED, faces_cvae, faces_with_attributes, _figures_conditional, epochs=16, batch_size=32, pace=rising(1.0),
        **SLOWING,
    ),
)  # fmt: skip
