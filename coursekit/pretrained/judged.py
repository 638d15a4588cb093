"""What cards say of GANs of small faces: near to the data, various, and copied from it or not.

The judge is the net `faces_reader`, which reads 64×64: pictures of 32×32 are enlarged bilinearly, real ones and
generated ones alike.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit import data
from coursekit.models.base import Model
from coursekit.models.gan import GAN
from coursekit.pretrained import reading
from coursekit.pretrained.recipes import Figures, fidelity

SIDE, TRAINING, JUDGED, LOOKED_UP = 32, 20_000, 2000, 300
SEED_OF_TEST, SEED_OF_MORE, SEED_OF_WISHES = 1, 3, 5
AT_ONCE = 100


@cache
def training_faces() -> data.Images:
    """The faces that the family is trained on, [20,000, 3, 32, 32]."""
    return data.faces.faces(TRAINING, size=SIDE, seed=0)


@cache
def small_faces(seed: int, n: int) -> data.Images:
    """Faces that no model of the family was trained on."""
    return data.faces.faces(n, size=SIDE, seed=seed)


def enlarged(images: Tensor) -> Tensor:
    """[n, 3, 32, 32] → [n, 3, 64, 64], bilinearly."""
    return F.interpolate(images, scale_factor=2.0, mode="bilinear", align_corners=False)


@torch.no_grad()
def features(images: Tensor) -> Tensor:
    """The reader's features of small faces, [n, 64]."""
    return torch.cat([reading.reader().features(enlarged(part)) for part in images.split(AT_ONCE)])


@torch.no_grad()
def attributes(images: Tensor) -> Tensor:
    """Which of the four attributes the reader sees on small faces, [n, 4]."""
    return torch.cat([reading.reader().attributes(enlarged(part)) for part in images.split(AT_ONCE)])


@cache
def real_features(seed: int, n: int) -> Tensor:
    """Those of faces that no model of the family was trained on."""
    return features(small_faces(seed, n).images)


def drawn(
    model: GAN, n: int, *, condition: Tensor | None = None, truncation: float | None = None, seed: int = 0
) -> Tensor:
    """n samples, a few at a time; where attributes are told, those of unseen faces unless others are given."""
    g, told = torch.Generator().manual_seed(seed), condition
    if model.condition_size and told is None:
        told = asked(n)
    parts = [None] * -(-n // AT_ONCE) if told is None else told.split(AT_ONCE)
    sizes = [min(AT_ONCE, n - start) for start in range(0, n, AT_ONCE)]
    made = [model.sample(k, condition=m, truncation=truncation, generator=g) for k, m in zip(sizes, parts, strict=True)]
    return torch.cat(made)


def asked(n: int) -> Tensor:
    """Attributes as they occur, [n, 4]: those of n faces, others than the samples are compared with."""
    return reading.attributes_of(small_faces(SEED_OF_WISHES, max(n, JUDGED)))[:n]


def of_family(model: Model) -> Figures:
    """Of 2,000 samples: `of_fidelity`, `of_shares`, `of_copies`; of a model that is told attributes, how it obeys."""
    if not isinstance(model, GAN):
        raise TypeError(f"model: want a GAN, got {type(model).__name__}")
    made = drawn(model, JUDGED)
    seen = attributes(made)
    obeyed = (
        {"attributes_obeyed": (seen == (asked(JUDGED) > 0.5)).float().mean().item()} if model.condition_size else {}
    )
    return {**of_fidelity(made), **of_shares(seen), **of_copies(made), **obeyed}


def of_fidelity(made: Tensor) -> Figures:
    """Small faces against as many unseen ones, by the reader's features: Fréchet distance and its floor (two lots of
    unseen faces), precision and recall (k = 3), density and coverage (k = 5)."""
    n = len(made)
    return fidelity(real_features(SEED_OF_TEST, n), real_features(SEED_OF_MORE, n), features(made))


def of_shares(seen: Tensor) -> Figures:
    """The share of faces on which the reader sees each attribute."""
    return dict(zip((f"share_{name}" for name in data.faces.ATTRIBUTES), seen.float().mean(0).tolist(), strict=True))


def of_copies(made: Tensor, n: int = LOOKED_UP) -> Figures:
    """The median distance to the nearest training image, root mean square per number: of n samples, and of n unseen
    faces. A model that only repeats its data is far below the second."""
    unseen = small_faces(SEED_OF_TEST, JUDGED).images
    return {"nearest": nearest(made[:n]).median().item(), "nearest_unseen": nearest(unseen[:n]).median().item()}


def nearest(images: Tensor) -> Tensor:
    """The distance of each small face to the nearest training image, root mean square per number: [n]."""
    known = training_faces().images.flatten(1)
    return torch.cdist(images.flatten(1), known).amin(1) / known.shape[1] ** 0.5
