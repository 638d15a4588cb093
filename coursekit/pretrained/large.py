"""The published DCGAN on photographs. It takes a graphics card; its weights are too large to come with coursekit."""

from functools import cache

import torch
from torch import Tensor

from coursekit import data
from coursekit.models import gan
from coursekit.models.base import Model
from coursekit.pretrained.adversarial import game
from coursekit.pretrained.judged import drawn
from coursekit.pretrained.recipes import Betas, Figures, Recipe, fidelity

MANY, JUDGED, COMPONENTS = 50_000, 2000, 64  # training photographs, those that figures are from, numbers of each


def photographs(split: str, n: int) -> Tensor:
    """n photographs of CelebA's training or test part or, without it, of the smiles' in grey: [n, 3, 64, 64].

    Raises as `data.smiles` does if there is neither.
    """
    if (data.data_folder() / "celeba").is_dir():
        return data.celeba(split, n=n).images
    return data.smiles(split).images[:n].expand(-1, 3, -1, -1)


@cache
def axes() -> tuple[Tensor, Tensor]:
    """The mean [12,288] of 2,000 training photographs and their first principal axes [12,288, 64]."""
    x = photographs("train", JUDGED).flatten(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return x.mean(0), torch.pca_lowrank(x, q=COMPONENTS, niter=4)[2]


def components(images: Tensor) -> Tensor:
    """Images [n, 3, 64, 64] → [n, 64]: no net knows photographs here, so pixels are judged, by what varies most."""
    mean, directions = axes()
    return (images.flatten(1) - mean) @ directions


def figures(model: Model) -> Figures:
    """Samples against as many unseen photographs, by principal components: coarse, and blind to what is fine."""
    unseen = photographs("test", 2 * JUDGED)
    n = len(unseen) // 2
    return fidelity(*map(components, (unseen[:n], unseen[n : 2 * n], drawn(game(model), n).cpu())))


CELEBA_DCGAN = Recipe(
    "celeba_dcgan", "DCGAN in its published size, 64×64: for a graphics card",
    "50,000 photographs of CelebA or, without it, the smiles; figures from their test part, by 64 principal components",
    gan.dcgan, lambda: photographs("train", MANY), figures, epochs=50, batch_size=128, lr=2e-4,
    optimizer=Betas(0.5, 0.999), shipped=False,
)  # fmt: skip

RECIPES = (CELEBA_DCGAN,)
