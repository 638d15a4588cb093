"""What cards say of models of faces, measured on faces that no model was trained on.

The judge of what a generated face shows is the net `faces_reader`; how far a picture is from all faces that nature
could draw is measured by fitting factors to it, starting from what the reader reads.
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit import data, metrics
from coursekit.models.autoencoders import Autoencoder
from coursekit.models.base import Model, eval_mode
from coursekit.models.gaussians import moved
from coursekit.models.readers import CONTINUOUS
from coursekit.models.vae import VAE
from coursekit.pretrained.reading import SEED_OF_TEST, SIZE, factors_of, reader, unseen_faces
from coursekit.pretrained.recipes import Figures, fidelity

SEED_OF_MORE = 3
VALID = 0.045  # root mean square per number; what `of_samples` says of reconstructions shows what it means
ITEMS = 5000  # generated and real faces that distributions are compared with
AT_ONCE = 100  # faces; with more, what a net holds between its layers leaves the caches

Generator = Autoencoder | VAE


def generator_of(model: Model) -> Generator:
    """The model, if it is one that this file can measure; TypeError otherwise."""
    if not isinstance(model, Autoencoder | VAE):
        raise TypeError(f"model: want an Autoencoder or a VAE, got {type(model).__name__}")
    return model


def in_parts(function: Callable[..., Tensor], *inputs: Tensor | None) -> Tensor:
    """The function's rows for inputs of n rows each, AT_ONCE at a time; an input that is None is left out."""
    given = [x.split(AT_ONCE) for x in inputs if x is not None]
    return torch.cat([function(*parts) for parts in zip(*given, strict=True)])


@torch.no_grad()
def codes(model: Generator, images: Tensor, condition: Tensor | None = None) -> Tensor:
    """The code of each image, of a VAE the posterior's mean: [n, M_h]."""

    def code(*given: Tensor) -> Tensor:
        q = model.encode(*given)
        return q if isinstance(q, Tensor) else q.mean

    with eval_mode(model):
        return in_parts(code, images, condition)


@torch.no_grad()
def codes_drawn(model: Generator, images: Tensor, condition: Tensor | None = None, *, seed: int = 0) -> Tensor:
    """One draw from each image's posterior, so from the aggregate posterior; an autoencoder has the code alone."""
    if isinstance(model, Autoencoder):
        return codes(model, images)
    noise = torch.randn(len(images), model.latent_size, generator=torch.Generator().manual_seed(seed))
    with eval_mode(model):
        return in_parts(lambda noise, *given: moved(model.encode(*given), noise), noise, images, condition)


@torch.no_grad()
def decoded(model: Generator, h: Tensor, condition: Tensor | None = None) -> Tensor:
    """The images of codes [n, M_h], in parts."""
    with eval_mode(model):
        return in_parts(model.decode, h, condition)


def of_reconstructions(model: Generator, n: int = 2000) -> Figures:
    """mse per number; the share of the 4 n attributes that the reader finds right in reconstructions; the mean
    absolute error of the continuous factors that it reads there."""
    images, wanted = unseen_faces(n).images, factors_of(unseen_faces(n))
    again = decoded(model, codes(model, images))
    read = reader().read(again)
    right = ((read > 0.5) == (wanted > 0.5))[:, CONTINUOUS:]
    return {
        "mse": (again - images).square().mean().item(),
        "attributes_kept": right.float().mean().item(),
        "factor_error": (read - wanted)[:, :CONTINUOUS].abs().mean().item(),
    }


@cache
def small_manifold() -> metrics.Manifold:
    """The rendered faces of 32×32."""
    return metrics.face_manifold(SIZE // 2)


def distance(images: Tensor, *, steps: int = 4) -> Tensor:
    """How far faces [n, 3, 64, 64] are from the manifold of the rendered ones, [n]: root mean square per number.

    At 32×32, a mean of 2×2 pixels, where softness weighs little; factors are fitted from what the reader reads. An
    upper bound; a full search from many starts finds distances a few per cent smaller.
    """
    read = reader().read(images)
    guess = torch.cat([read[:, :CONTINUOUS], (read[:, CONTINUOUS:] > 0.5).to(read)], 1)
    return small_manifold().nearest(F.avg_pool2d(images, 2), steps=steps, guess=guess)[0]


def valid(images: Tensor, threshold: float = VALID) -> float:
    """The share of faces [n, 3, 64, 64] within the threshold of the manifold."""
    return (distance(images) <= threshold).float().mean().item()


def samples(model: Generator, n: int, *, seed: int = 0) -> Tensor:
    """Decoded draws from N(0, I), [n, 3, 64, 64]."""
    return torch.cat([model.sample(len(h), generator=g) for g in [torch.Generator().manual_seed(seed)]
                      for h in torch.empty(n).split(AT_ONCE)])  # fmt: skip


def samples_of_fitted_gaussian(model: Generator, n: int, *, seed: int = 0) -> Tensor:
    """Decoded draws from N(μ, Σ) of the test faces' codes: the law that fits them, instead of N(0, I)."""
    h = codes(model, unseen_faces().images)
    draws = torch.randn(n, h.shape[1], generator=torch.Generator().manual_seed(seed))
    return decoded(model, draws @ torch.linalg.cholesky(h.T.cov()).T + h.mean(0))


def of_samples(model: Generator, n: int = 300) -> Figures:
    """The share of n reconstructions, of n samples, and of n samples of a Gaussian fitted to the codes, that are
    valid, and the median distance of samples to the manifold."""
    images = unseen_faces().images[:n]
    return {
        "valid_reconstructions": valid(decoded(model, codes(model, images))), **of_validity(samples(model, n)),
        "valid_samples_of_fitted_gaussian": valid(samples_of_fitted_gaussian(model, n)),
    }  # fmt: skip


def of_validity(made: Tensor) -> Figures:
    """The share of samples that are valid, and their median distance to the manifold."""
    away = distance(made)
    return {"valid_samples": (away <= VALID).float().mean().item(), "distance_of_samples": away.median().item()}


@cache
def real_features(seed: int, n: int = ITEMS) -> Tensor:
    """The reader's features of n rendered faces, [n, 64], never all in memory at once."""
    h = data.faces.sample_factors(n, generator=torch.Generator().manual_seed(seed))
    return torch.cat([reader().features(data.faces.render(part, SIZE)) for part in h.split(500)])


def of_distribution(images: Tensor) -> Figures:
    """Samples against as many real faces, by the reader's features: Fréchet distance and what it is between two
    lots of real faces (the floor); precision, recall (k = 3), density and coverage (k = 5)."""
    n, made = len(images), reader().features(images)
    return fidelity(real_features(SEED_OF_TEST, n), real_features(SEED_OF_MORE, n), made)


def of_codes(model: Generator) -> Figures:
    """MIG and DCI of the test faces' codes, and how far draws from the aggregate posterior are from N(0, I)."""
    images, wanted = unseen_faces().images, factors_of(unseen_faces())
    h = codes(model, images)
    found = metrics.dci(h, wanted, trees=10)
    return {
        "mig": metrics.mig(h, wanted), "disentanglement": found.disentanglement, "completeness": found.completeness,
        "informativeness": found.informativeness, **of_normality(codes_drawn(model, images)),
    }  # fmt: skip


def of_normality(h: Tensor) -> Figures:
    """`metrics.latent_normality`, each under its name with "prior_" before it."""
    return {f"prior_{name}": value for name, value in metrics.latent_normality(h).items()}
