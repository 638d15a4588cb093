"""The recipe of a model of photographs of faces, and what is measured on it: does a smile direction carry over?"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from coursekit import data
from coursekit.models import latent
from coursekit.models.base import Model
from coursekit.models.vae import VAE, GaussianLikelihood
from coursekit.pretrained.portraits import SLOWING, decoder, encoder
from coursekit.pretrained.recipes import Figures, Recipe, squared_error_per_pixel

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SHAPE, LATENT = (1, 64, 64), 64
AMOUNT = 1.5  # how many times the difference of the class means is added
TRIES, FACES = 40, 100  # of other single pairs, and the faces that each is tried on


def smiles_vae() -> VAE:
    """N(g_d(h), 0.1² I) over grey photographs of faces, by the nets of the rendered ones."""
    return VAE(
        encoder(SHAPE, 2 * LATENT), decoder(LATENT, SHAPE), latent_size=LATENT, likelihood=GaussianLikelihood(0.1)
    )


def photographs() -> Tensor:
    """The photographs for training, and their mirror images."""
    images = data.smiles("train").images
    return torch.cat([images, images.flip(-1)])


def codes_and_smiles(model: Model, split: str) -> tuple[Tensor, Tensor]:
    """The mean codes of the photographs, [n, 64], and who of them smiles, [n]."""
    given = data.smiles(split)
    assert isinstance(model, VAE)
    assert given.labels is not None
    with torch.no_grad():
        codes = torch.cat([model.encode(x).mean for x in given.images.split(100)])
    return codes, given.labels == 1


def class_means(model: Model) -> dict[str, list[float]]:
    """The mean code of the neutral and of the smiling training photographs."""
    codes, smiling = codes_and_smiles(model, "train")
    means = {"neutral": codes[~smiling].mean(0), "smiling": codes[smiling].mean(0)}
    return {name: [round(value, 3) for value in mean.tolist()] for name, mean in means.items()}


@cache
def judge() -> Pipeline:
    """Who smiles: a logistic regression on 100 principal components of the training photographs."""
    from sklearn.decomposition import PCA  # here, because it takes most of a second and 85 MB to import
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    given = data.smiles("train")
    assert given.labels is not None
    pipeline = make_pipeline(PCA(100, random_state=0), LogisticRegression(C=0.05, max_iter=2000))
    return pipeline.fit(given.images.flatten(1).numpy(), given.labels.numpy())


def share_smiling(images: Tensor) -> float:
    """The share of images [n, 1, 64, 64] that the judge calls smiling."""
    return float(judge().predict(images.flatten(1).numpy()).mean())


@torch.no_grad()
def figures(model: Model) -> Figures:
    """mse; the judge's accuracy; the share of neutral test photographs that smile when rebuilt, after adding the
    smile direction of all training photographs, of ten pairs of them, of one pair, and how much single pairs differ.
    """
    assert isinstance(model, VAE)
    test = data.smiles("test")
    codes, smiling = codes_and_smiles(model, "train")
    h, smiles = codes_and_smiles(model, "test")
    neutral, direction = h[~smiles], AMOUNT * latent.mean_difference(codes, smiling)
    of_pairs = {n: after_pairs(model, codes, smiling, neutral[:FACES], n) for n in (1, 10)}
    return {
        "mse": squared_error_per_pixel(model, test.images),
        "judge_accuracy": float(judge().score(test.images.flatten(1).numpy(), smiles.numpy())),
        "smiling_rebuilt": share_smiling(model.decode(neutral)),
        "smiling_after_mean_of_all": share_smiling(model.decode(neutral + direction)),
        "smiling_after_ten_pairs": of_pairs[10].mean().item(), "ten_pairs_spread": of_pairs[10].std().item(),
        "smiling_after_one_pair": of_pairs[1].mean().item(), "one_pair_spread": of_pairs[1].std().item(),
    }  # fmt: skip


@torch.no_grad()
def after_pairs(model: VAE, codes: Tensor, smiling: Tensor, h: Tensor, pairs: int) -> Tensor:
    """Shares that smile with the direction of so many random pairs of different people, tried again and again."""
    g = torch.Generator().manual_seed(0)
    shares = []
    for _ in range(TRIES):
        ends = [group[torch.randint(len(group), (pairs,), generator=g)] for group in (codes[smiling], codes[~smiling])]
        shares.append(share_smiling(model.decode(h + AMOUNT * (ends[0].mean(0) - ends[1].mean(0)))))
    return torch.tensor(shares)


RECIPES = (
    Recipe(
        name="smiles_vae",
        about="VAE of grey photographs of faces, 64×64, 64 latent numbers, σ = 0.1",
        data="smiles: 6,600 photographs and their mirror images; figures from the 780 test photographs",
        net=smiles_vae,
        examples=photographs,
        measure=figures,
        codes=class_means,
        epochs=20,
        batch_size=32,
        **SLOWING,
    ),
)
