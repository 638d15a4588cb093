"""The published DCGAN and CycleGAN on photographs. They take a graphics card, and do not come with coursekit."""

from functools import cache

import torch
from torch import Tensor

from coursekit import data, metrics
from coursekit.models import gan, translation
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

SIDE, WATCHED, AT_ONCE = 256, 30, 5  # the published size; test photographs of each domain that figures are from
NAMES = ("horse", "zebra")


def animals(split: str) -> data.Unpaired:
    """Horses and zebras at 256×256, from the folder horse2zebra; raises as `data.get` and `image_folder_pair` do."""
    return data.image_folder_pair(data.get("horse2zebra") or "", split, size=SIDE, names=NAMES)


def published_cyclegan() -> translation.CycleGAN:
    """Two generators of nine residual blocks and two 70×70 PatchGANs, with the authors' weights of the losses.

    For images in [−1, 1], which they have, L1 is twice as much as in [0, 1]; and they leave out the ½ of the squares:
    their λ = 10 is cycle=10 here, and their identity term of λ/2 is identity=5.
    """
    generators = (translation.resnet_generator(9) for _ in range(2))
    critics = (translation.patch_critic() for _ in range(2))
    return translation.CycleGAN(*generators, *critics, cycle=10.0, identity=5.0, pool=50)


def both_ways(model: translation.CycleGAN) -> translation.Translator:
    """What is kept: the generators."""
    return translation.Translator(model.a_to_b, model.b_to_a)


def of_both_ways(model: Model) -> Figures:
    """Of unseen photographs: how much a translation changes and how well the way back closes (root mean squares), and
    how strongly the way back amplifies faint noise (`metrics.hidden_message`). None says what a zebra looks like."""
    assert isinstance(model, translation.Translator)
    found: Figures = {}
    for here, there, images in zip("ab", "ba", animals("test").domains, strict=True):
        x = images[:WATCHED]
        changed = (_in_parts(model, x, there) - x).square().mean().sqrt().item()
        message = metrics.hidden_message(
            lambda x, to=there: _in_parts(model, x, to), lambda y, to=here: _in_parts(model, y, to), x,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        found |= {f"changed_{here}": changed, f"cycle_{here}": message.clean, f"gain_{here}": message.gain}
    return found


def _in_parts(model: translation.Translator, x: Tensor, to: str) -> Tensor:
    return torch.cat([model.translate(part, to).cpu() for part in x.split(AT_ONCE)])


HORSE2ZEBRA = Recipe(
    "horse2zebra", "CycleGAN in its published size, horses and zebras, 256×256: for a graphics card",
    "the photographs of trainA and trainB in horse2zebra, neither cropped at random nor mirrored; figures from 30 each "
    "of testA and testB", published_cyclegan, lambda: animals("train"), of_both_ways, part=both_ways,
    epochs=200, batch_size=1, lr=2e-4, optimizer=Betas(0.5, 0.999), hold=0.5, autocast=False, shipped=False,
)  # fmt: skip

RECIPES = (CELEBA_DCGAN, HORSE2ZEBRA)
