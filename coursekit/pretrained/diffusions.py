"""Recipes of diffusion models: points on a ring, numerals on request, faces on request, codes of faces."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import one_hot

from coursekit import data
from coursekit.models import diffusion
from coursekit.models.base import Model, Terms
from coursekit.pretrained import judged, portraits, reading, rings
from coursekit.pretrained.adversarial import CLASSES, numerals_and_classes, numerals_judge
from coursekit.pretrained.judged import of_copies, of_fidelity, of_shares
from coursekit.pretrained.recipes import Figures, Recipe, fidelity
from coursekit.training.muon import Muon

ATTRIBUTES = len(data.faces.ATTRIBUTES)
SPREAD = 0.71  # of the ring's points, along each axis
UNASKED = 0.2  # of the attributes of a training face, each by itself
LARGE = 64
EVALUATIONS, GUIDANCE, JUDGED, ASKED = 20, 2.0, 300, 100  # of the net for an image; samples
MUON: dict[str, Any] = {"optimizer": Muon, "lr": 0.005, "weight_decay": 0.1, "warm_up": 50, "ema": 0.995}


def ring_diffusion() -> diffusion.Diffusion:
    """ε on a linear schedule of a thousand times, by a perceptron that sees waves of the places."""
    net = diffusion.PointNet(2, 64, 3, waves=5)
    return diffusion.Diffusion(net, diffusion.linear(), scale=SPREAD, shape=(2,))


def of_ring(model: Model) -> Figures:
    """`rings.of_points` for 4,000 samples, by DDPM with 200 of the thousand times."""
    g = torch.Generator().manual_seed(1)
    return rings.of_points(diffusion_of(model).sample(rings.JUDGED, sampler=diffusion.DDPM(), steps=200, generator=g))


def diffusion_of(model: Model) -> diffusion.Diffusion:
    """The model, if it is a diffusion; TypeError otherwise."""
    if not isinstance(model, diffusion.Diffusion):
        raise TypeError(f"model: want a Diffusion, got {type(model).__name__}")
    return model


def drawn(model: Model, n: int, *, condition: Tensor | None = None, seed: int = 0, **how: Any) -> Tensor:
    """n samples of a diffusion, a hundred at a time, with `EVALUATIONS` of its net for each unless `how` says else."""
    net, g = diffusion_of(model), torch.Generator().manual_seed(seed)
    how = {"steps": steps_of(net), "power": 2.0} | how
    parts = [None] * -(-n // 100) if condition is None else condition.split(100)
    sizes = [min(100, n - start) for start in range(0, n, 100)]
    made = [net.sample(k, condition=m, generator=g, **how) for k, m in zip(sizes, parts, strict=True)]
    return torch.cat(made)


def steps_of(model: diffusion.Diffusion, evaluations: int = EVALUATIONS) -> int:
    """So many steps of the model's own sampler take so many evaluations: two in each but the last with Heun's."""
    return evaluations if isinstance(model.schedule, diffusion.Discrete) else evaluations // 2


# numerals


def numerals_diffusion() -> diffusion.Diffusion:
    """Told the digit as one-hot: ε on a linear schedule, a U-Net with 32 channels at 14×14 and 64 at 7×7."""
    net = diffusion.UNet(1, (32, 64), condition=CLASSES)
    return diffusion.Diffusion(net, diffusion.linear(), centre=0.5, scale=0.5, shape=(1, 28, 28))


def of_numerals(model: Model) -> Figures:
    """The share of 300 numerals that the reader takes for the digit asked for, without guidance and with it."""
    asked = torch.arange(JUDGED) % CLASSES
    told = one_hot(asked, CLASSES).float()
    found = {}
    for name, weight in {"as_asked": 1.0, "as_asked_guided": GUIDANCE}.items():
        made = drawn(model, JUDGED, condition=told, weight=weight).clamp(0, 1)
        found[name] = (numerals_judge().digits(made) == asked).float().mean().item()
    return found


# faces


@cache
def told_faces(size: int = judged.SIDE, n: int = judged.TRAINING) -> tuple[Tensor, Tensor]:
    """Faces, and of each what is told of its attributes [n, 4]: 1 with, −1 without, 0 not told."""
    given = judged.training_faces() if size == judged.SIDE else data.faces.faces(n, size=size, seed=0)
    told = torch.rand(len(given), ATTRIBUTES, generator=torch.Generator().manual_seed(0)) >= UNASKED
    return given.images, (2 * reading.attributes_of(given) - 1) * told


def faces_net(widths: tuple[int, ...] = (64, 96), unshuffle: int = 2) -> diffusion.UNet:
    """A U-Net that is told four attributes."""
    return diffusion.UNet(3, widths, condition=ATTRIBUTES, unshuffle=unshuffle, depth=3)


def faces_flow() -> diffusion.Diffusion:
    """The velocity on straight paths."""
    return of_pictures(faces_net(), diffusion.Straight(logit_std=1.0), diffusion.VELOCITY)


def faces_ddpm() -> diffusion.Diffusion:
    """ε on a linear schedule, with the net of `faces_flow`."""
    return of_pictures(faces_net(), diffusion.linear(), diffusion.NOISE)


def of_pictures(net: Any, schedule: Any, predicts: diffusion.Target, size: int = judged.SIDE) -> diffusion.Diffusion:
    """A diffusion of images with values in [0, 1]."""
    return diffusion.Diffusion(net, schedule, predicts=predicts, centre=0.5, scale=0.5, shape=(3, size, size))


def wishes(n: int) -> Tensor:
    """Attributes as they occur, 1 or −1: [n, 4]."""
    return 2 * judged.asked(n) - 1


def of_small_faces(model: Model) -> Figures:
    """Of 300 samples without any wish, 20 evaluations each: fidelity, shares of attributes, copies, as for the GANs of
    the family; of 100 with attributes as they occur, the share of attributes as asked, without guidance and with it."""
    made = drawn(model, JUDGED).clamp(0, 1)
    found = {**of_fidelity(made), **of_shares(judged.attributes(made)), **of_copies(made)}
    asked = wishes(ASKED)
    for name, weight in {"as_asked": 1.0, "as_asked_guided": GUIDANCE}.items():
        seen = judged.attributes(drawn(model, ASKED, condition=asked, weight=weight).clamp(0, 1))
        found |= {name: (seen == (asked > 0)).float().mean().item()}
        if weight > 1:
            found["all_as_asked_guided"] = (seen == (asked > 0)).all(1).float().mean().item()
    return found


# memorising and generalising

SIZES = (10, 100, 1000, 10_000)
SEED_OF_TWINS, SHOWN = 20, 100  # samples that are compared


class Twins(Model):
    """Two diffusions that never see the same image: batches are pairs, one for the first and one for the second."""

    def __init__(self, make: Callable[[], diffusion.Diffusion]) -> None:
        super().__init__()
        self.first, self.second = make(), make()

    def players(self) -> dict[str, nn.Module]:
        """Each moves by its own loss."""
        return {"first": self.first, "second": self.second}

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """One after the other."""
        yield "first", self.first.loss(x[0])
        yield "second", self.second.loss(x[1])


def twins() -> Twins:
    """Two flows of faces with nets of the same size, each from another start."""
    return Twins(lambda: of_pictures(diffusion.UNet(3, (32, 64), depth=2), diffusion.Straight(), diffusion.VELOCITY))


def halves(n: int) -> tuple[Tensor, Tensor]:
    """n faces, and n others; repeated until there are as many rows as for the largest n, so that all learn as long."""
    images = data.faces.faces(2 * n, size=judged.SIDE, seed=SEED_OF_TWINS).images
    return images[:n].repeat(SIZES[-1] // n, 1, 1, 1), images[n:].repeat(SIZES[-1] // n, 1, 1, 1)


def of_twins(model: Model, n: int) -> Figures:
    """Of a hundred samples of each twin, from the same noises: the median distance to the nearest of its own n training
    images, to the nearest of its twin's, and that of unseen faces to the nearest of the first's (root mean squares per
    number); the correlation of the two twins' pictures, the mean over noises, less the mean image; that of pictures
    from different noises."""
    if not isinstance(model, Twins):
        raise TypeError(f"model: want Twins, got {type(model).__name__}")
    own = [x[:n] for x in halves(n)]
    made = [drawn(net, SHOWN).clamp(0, 1) for net in (model.first, model.second)]
    unseen = data.faces.faces(SHOWN, size=judged.SIDE, seed=SEED_OF_TWINS + 1).images
    pairs = {"own": (made[0], own[0]), "other": (made[0], own[1]), "unseen": (unseen, own[0])}
    away = {f"nearest_{name}": distance(x, known).median().item() for name, (x, known) in pairs.items()}
    return {**away, "alike": alike(*made), "alike_by_chance": alike(made[0], made[1].roll(1, 0))}


def distance(x: Tensor, known: Tensor) -> Tensor:
    """To the nearest of the known images, root mean square per number: [n]."""
    return torch.cdist(x.flatten(1), known.flatten(1)).amin(1) / x[0].numel() ** 0.5


def alike(a: Tensor, b: Tensor) -> float:
    """The mean over pairs of the correlation of their pixels, each less the mean of all pictures of its kind."""
    first, second = ((x - x.mean(0)).flatten(1) for x in (a, b))
    return F.cosine_similarity(first, second).mean().item()


# 64×64, and codes


def faces_diffusion() -> diffusion.Diffusion:
    """The velocity on straight paths, 64×64: patches of 4×4 pixels, then the levels of `faces_flow`."""
    return of_pictures(faces_net((96, 128), 4), diffusion.Straight(logit_std=1.0), diffusion.VELOCITY, LARGE)


def of_large_faces(model: Model) -> Figures:
    """Of 300 samples of 64×64 with attributes as they occur, 20 evaluations each: the share of attributes as asked,
    without guidance and with it; without, and with guidance, fidelity (`recipes.fidelity`)."""
    found: Figures = {}
    asked = wishes(JUDGED)
    for name, weight in {"": 1.0, "_guided": GUIDANCE}.items():
        made = drawn(model, JUDGED, condition=asked, weight=weight).clamp(0, 1)
        found |= {f"as_asked{name}": (reading.reader().attributes(made) == (asked > 0)).float().mean().item()}
        found |= {f"{key}{name}": value for key, value in near(made).items()}
    return found


def near(made: Tensor) -> Figures:
    """Faces of 64×64 against as many unseen ones, by the reader's features."""
    n, features = len(made), reading.reader().features
    real = reading.unseen_faces(2 * n).images
    return fidelity(features(real[:n]), features(real[n:]), features(made))


def faces_latent_diffusion() -> diffusion.Diffusion:
    """ε in the codes of `faces_vae`, told the attributes."""
    net = diffusion.PointNet(portraits.LATENT, 256, 4, condition=ATTRIBUTES)
    return diffusion.Diffusion(net, diffusion.Straight(logit_std=1.0), predicts=diffusion.VELOCITY,
                               shape=(portraits.LATENT,))  # fmt: skip


def told_codes() -> tuple[Tensor, Tensor]:
    """Draws from the posterior of each of the faces that `faces_vae` has seen, and what is told of them."""
    codes = portraits.codes_of_faces()
    told = 2 * reading.attributes_of(portraits.faces()) - 1
    told = told.repeat(len(codes) // len(told), 1)
    return codes, told * (torch.rand(told.shape, generator=torch.Generator().manual_seed(0)) >= UNASKED)


def of_codes(model: Model) -> Figures:
    """`of_large_faces` for codes that `faces_vae` decodes; beside it those of codes h ~ N(0, I)."""
    vae, asked = portraits.variational(), wishes(JUDGED)
    found: Figures = {}
    for name, weight in {"": 1.0, "_guided": GUIDANCE}.items():
        with torch.no_grad():
            made = vae.decode(drawn(model, JUDGED, condition=asked, weight=weight))
        found |= {f"as_asked{name}": (reading.reader().attributes(made) == (asked > 0)).float().mean().item()}
        found |= {f"{key}{name}": value for key, value in near(made).items()}
    with torch.no_grad():
        plain = vae.decode(torch.randn(JUDGED, portraits.LATENT, generator=torch.Generator().manual_seed(0)))
    return {**found, **{f"{key}_prior": value for key, value in near(plain).items()}}


SMALL_FACES = (
    "20,000 rendered faces (`data.faces.faces(20_000, size=32, seed=0)`), of each attribute four in five told; figures "
    "from samples with 20 evaluations of the net, judged by `faces_reader` at 64×64"
)
RECIPES = (
    Recipe(
        "ring_diffusion", "diffusion of a ring: ε, a linear schedule of 1,000 times",
        f"{rings.POINTS:,} points on a ring of eight Gaussians; figures from {rings.JUDGED:,} samples",
        ring_diffusion, rings.ring, of_ring, epochs=rings.EPOCHS, batch_size=rings.BATCH,
        **{**MUON, "autocast": False},
    ),
    Recipe(
        "numerals_diffusion", "diffusion of numerals, told the digit",
        "40,000 numerals (`data.numerals.numerals(40_000, seed=0)`); figures from 300 samples with 20 evaluations",
        numerals_diffusion, numerals_and_classes, of_numerals, epochs=3, **MUON,
    ),
    Recipe(
        "faces_flow", "flow matching of faces, 32×32, told four attributes or some of them", SMALL_FACES, faces_flow,
        told_faces, of_small_faces, epochs=4, **MUON,
    ),
    Recipe(
        "faces_ddpm", "diffusion of faces, 32×32, told four attributes or some of them: ε, a linear schedule",
        SMALL_FACES, faces_ddpm, told_faces, of_small_faces, epochs=4, **MUON, shipped=False,
    ),
    Recipe(
        "faces_diffusion", "flow matching of faces, 64×64, told four attributes or some of them",
        "20,000 rendered faces (`data.faces.faces(20_000, size=64, seed=0)`), of each attribute four in five told; "
        "figures from samples with 20 evaluations of the net",
        faces_diffusion, partial(told_faces, LARGE), of_large_faces, epochs=6, **MUON, shipped=False,
    ),
    Recipe(
        "faces_latent_diffusion", "flow matching in the 16 codes of `faces_vae`, told four attributes or some of them",
        "four draws from the posterior of `faces_vae` for each of its 30,000 faces; figures from codes decoded",
        faces_latent_diffusion, told_codes, of_codes, epochs=10, batch_size=256, lr=2e-3, warm_up=100, ema=0.995,
        autocast=False,
    ),
    *(
        Recipe(
            f"twins_{n}", f"two flows of faces, 32×32, trained on {n:,} faces and on {n:,} others",
            f"{n:,} rendered faces for each (`data.faces`, 32×32, seed 20); figures from 100 samples of each",
            twins, partial(halves, n), partial(of_twins, n=n), epochs=12, **MUON,
        )
        for n in SIZES
    ),
)  # fmt: skip
