"""Recipes of translators between horses and zebras: what keeps the pose, with and without the cycle, and 64×64."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from coursekit import data
from coursekit.data import horses
from coursekit.models import translation
from coursekit.models.base import Model, Terms
from coursekit.pretrained.animals import of_many, of_pictures, of_studio, of_translator, studio, translated, truth
from coursekit.pretrained.photographs import share_smiling
from coursekit.pretrained.recipes import Betas, Figures, Recipe

SMALL, LARGE, SEEDS = 32, 64, 3
WIDTH = 32  # channels of generators and critics for 32×32
ANIMALS = 3000  # of each kind
STABLE: dict[str, Any] = {"optimizer": Betas(0.5, 0.999), "hold": 0.5, "batch_size": 16}


class Runs(Model):
    """Several games side by side, each with its own players, on the same batches: by seed, or by what they try."""

    def __init__(self, starts: Mapping[str, Callable[[], Model]]) -> None:
        super().__init__()
        self.runs = nn.ModuleDict({name: start() for name, start in starts.items()})

    def games(self) -> dict[str, Any]:
        """The games by name."""
        return dict(self.runs.items())

    def players(self) -> dict[str, nn.Module]:
        """The players of each game, "0 generators" …"""
        return {f"{k} {name}": net for k, run in self.games().items() for name, net in run.players().items()}

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """One game after the other."""
        for k, run in self.games().items():
            for name, terms in run.turns(x):
                yield f"{k} {name}", terms

    def memories(self) -> dict[str, Any]:
        """Those of each game."""
        return {f"{k} {name}": one for k, run in self.games().items() for name, one in run.memories().items()}

    def __getitem__(self, name: str | int) -> Any:
        return self.runs[str(name)]

    def __len__(self) -> int:
        return len(self.runs)


def seeds(start: Callable[[], Model], count: int = SEEDS) -> Runs:
    """The same game from several starts: what is chance shows."""
    return Runs({str(k): start for k in range(count)})


def game(make: Callable[[], nn.Module], **options: Any) -> translation.CycleGAN:
    """Two such generators and two small critics."""
    critics = translation.small_critic(width=WIDTH), translation.small_critic(width=WIDTH)
    return translation.CycleGAN(make(), make(), *critics, **options)


def unpaired(size: int, n: int = ANIMALS) -> data.Unpaired:
    """Horses, and zebras that are none of theirs."""
    return data.Unpaired(horses.horses(n, size=size, seed=0), horses.zebras(n, size=size, seed=1), ("horse", "zebra"))


def of_runs(model: Model) -> Figures:
    """The figures of each run, "0_striped" …"""
    return {f"{k}_{name}": v for k, run in runs(model).items() for name, v in of_translator(run, SMALL).items()}


def runs(model: Model) -> dict[str, Any]:
    """The games of `Runs`; TypeError for another model."""
    if not isinstance(model, Runs):
        raise TypeError(f"model: want Runs, got {type(model).__name__}")
    return model.games()


def translators(model: Any) -> Model:
    """The generators of each run."""
    return Runs({k: partial(both_ways, run) for k, run in model.games().items()})


def both_ways(model: Any) -> translation.Translator:
    """The generators of a game."""
    return translation.Translator(model.a_to_b, model.b_to_a)


UNPAIRED = "3,000 horses and 3,000 other zebras (`data.horses`, 32×32); figures from 500 unseen pairs"
MAKERS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "free": ("convolutional generators", partial(translation.small_generator, width=WIDTH, start="free")),
    "identity": (
        "convolutional generators that start at the identity",
        partial(translation.small_generator, width=WIDTH),
    ),
    "narrow": ("generators through 32 numbers", partial(translation.narrow_generator, width=16)),
}


def case(kind: str, suffix: str, words: str, count: int = SEEDS, **options: Any) -> Recipe:
    """One of the cases whose generators are compared."""
    about, make = MAKERS[kind]
    return Recipe(
        f"horses_{kind}{suffix}", f"horses to zebras and back, 32×32: {about}, {words}; {count} runs", UNPAIRED,
        partial(seeds, partial(game, make, **options), count), partial(unpaired, SMALL), of_runs, part=translators,
        epochs=5, lr=1e-3, **STABLE,
    )  # fmt: skip


CASES = (
    *(case(kind, "", "with the cycle loss") for kind in MAKERS),
    *(case(kind, "_alone", "without the cycle loss", cycle=0.0) for kind in MAKERS),
    case("identity", "_noise", "with the cycle loss and noise before the way back", count=1, noise=0.05),
)


def shuffled_critic(channels: int = 3) -> nn.Sequential:
    """The small critic at half the side, so that it sees 44×44 of 64×64 pixels."""
    return nn.Sequential(nn.PixelUnshuffle(2), translation.small_critic(4 * channels, width=64))


def large_game(channels: int = 3, **options: Any) -> translation.CycleGAN:
    """For 64×64: fine generators, critics at half the side."""
    nets = (translation.FineGenerator(channels) for _ in range(2))
    return translation.CycleGAN(*nets, shuffled_critic(channels), shuffled_critic(channels), **options)


HORSES_CYCLEGAN = Recipe(
    "horses_cyclegan", "CycleGAN, horses to zebras and back, 64×64",
    "5,000 horses and 5,000 other zebras (`data.horses`, 64×64); figures from 500 unseen pairs",
    large_game, partial(unpaired, LARGE, 5000), lambda model: of_translator(model, LARGE), part=both_ways,
    epochs=8, lr=8e-4, **STABLE,
)  # fmt: skip


def paired_game(l1: float, adversarial: bool = True) -> translation.Pix2Pix:
    """With pairs: a fine generator, and a critic of pairs unless L1 is all there is."""
    critic = shuffled_critic(6) if adversarial else None
    return translation.Pix2Pix(translation.FineGenerator(), critic, l1=l1)


def pairs(n: int = 5000) -> tuple[Tensor, Tensor]:
    """Horses and the zebras that stand just so."""
    a, b = horses.pairs(n, size=LARGE, seed=0)
    return a.images, b.images


def of_pairs(model: Model) -> Figures:
    """The figures of each objective's translations."""
    true = truth(LARGE)
    each = {k: of_pictures(translated(run, true.horses), LARGE) for k, run in runs(model).items()}
    return {f"{k}_{name}": value for k, figures in each.items() for name, value in figures.items()}


def generators(model: Any) -> Model:
    """The generators alone, with no critic."""
    return Runs({k: partial(translation.Pix2Pix, run.generator, None) for k, run in model.games().items()})


OBJECTIVES: dict[str, Callable[[], Model]] = {
    "l1": partial(paired_game, 100.0, adversarial=False), "cgan": partial(paired_game, 0.0),
    "both": partial(paired_game, 100.0),
}  # fmt: skip
HORSES_PIX2PIX = Recipe(
    "horses_pix2pix", "horses to zebras with pairs, 64×64: L1 alone, the conditional GAN alone, and both (pix2pix)",
    "5,000 horses and their zebras (`data.horses`, 64×64); figures from 500 unseen pairs",
    partial(Runs, OBJECTIVES), pairs, of_pairs, part=generators, epochs=5, lr=8e-4, **STABLE,
)  # fmt: skip

COAT, STRIPES = 1, 3  # numbers that a horse, and a zebra, has beyond the other


def many_game() -> translation.AugmentedCycleGAN:
    """Each animal's code: one number for a horse's coat, three for a zebra's stripes."""
    return translation.AugmentedCycleGAN(
        translation.small_generator(width=WIDTH, latent=STRIPES), translation.small_generator(width=WIDTH, latent=COAT),
        translation.code_reader(COAT), translation.code_reader(STRIPES),
        translation.small_critic(width=WIDTH), translation.small_critic(width=WIDTH),
        translation.code_critic(COAT), translation.code_critic(STRIPES), latent=(COAT, STRIPES), noise=0.05,
    )  # fmt: skip


HORSES_MANY = Recipe(
    "horses_many", "augmented CycleGAN, 32×32: three numbers for a zebra's stripes, one for a horse's coat",
    UNPAIRED.replace("500 unseen pairs", "200 unseen horses, eight zebras of each"),
    many_game, partial(unpaired, SMALL), of_many, epochs=8, lr=1e-3, **STABLE,
)  # fmt: skip


def into_the_studio() -> data.Unpaired:
    """Horses in every landscape, and other zebras that all stand in one and the same."""
    zebras = horses.zebras(ANIMALS, size=SMALL, seed=1)
    assert zebras.factors is not None
    h, stripes = zebras.factors.split([len(horses.FACTORS), len(horses.STRIPES)], 1)
    there = data.Images(horses.render(studio(h), SMALL, stripes=stripes))
    return data.Unpaired(horses.horses(ANIMALS, size=SMALL, seed=0), there, ("horse", "zebra in a studio"))


def into(noise: float, suffix: str, words: str) -> Recipe:
    """From a landscape that the zebras do not show: where does it go?"""
    make = partial(translation.small_generator, width=WIDTH, start="free")
    return Recipe(
        f"horses_studio{suffix}", f"CycleGAN, horses anywhere to zebras in a studio and back, 32×32{words}",
        "3,000 horses, and 3,000 other zebras in one landscape (`data.horses`, 32×32); figures from 500 unseen horses",
        partial(game, make, noise=noise), into_the_studio, of_studio, part=both_ways, epochs=8, lr=1e-3, **STABLE,
    )  # fmt: skip


STUDIOS = (into(0.0, "", ""), into(0.05, "_noise", ", with noise before the way back"))


def smiles_unpaired() -> data.Unpaired:
    """Neutral and smiling training photographs, and their mirror images."""
    sets = (torch.cat([x, x.flip(-1)]) for x in by_smile("train"))
    return data.Unpaired(*sets, names=("neutral", "smiling"))


def by_smile(split: str) -> tuple[Tensor, Tensor]:
    """Neutral and smiling photographs, [n, 1, 64, 64] each."""
    given = data.smiles(split)
    assert given.labels is not None
    return given.images[given.labels == 0], given.images[given.labels == 1]


def of_smiles(model: Model) -> Figures:
    """Of unseen photographs, neutral ones made to smile and the other way round: the shares that the judge calls
    smiling, before and after; "same": the share whose translation is nearer to its own original than to any other
    photograph of that kind; the root mean square change; the error of the round trip."""
    if not isinstance(model, translation.Translator):
        raise TypeError(f"model: want a Translator, got {type(model).__name__}")
    found: Figures = {}
    for to, name, x in zip("ba", ("neutral", "smiling"), by_smile("test"), strict=True):
        made, back = model.translate(x, to=to), model.round_trip(x, to=to)
        nearest = torch.cdist(made.flatten(1), x.flatten(1)).argmin(1)
        found |= {
            f"{name}_before": share_smiling(x), f"{name}_after": share_smiling(made),
            f"{name}_same": (nearest == torch.arange(len(x))).float().mean().item(),
            f"{name}_change": (made - x).square().mean().sqrt().item(),
            f"{name}_cycle": (back - x).square().mean().sqrt().item(),
        }  # fmt: skip
    return found


SMILES_CYCLEGAN = Recipe(
    "smiles_cyclegan", "CycleGAN of grey photographs of faces, 64×64: neutral to smiling and back",
    "smiles: 6,600 photographs and their mirror images; figures from the 780 test photographs",
    partial(large_game, 1, cycle=2.0), smiles_unpaired, of_smiles, part=both_ways, epochs=4, lr=8e-4,
    **STABLE,
)  # fmt: skip

RECIPES = (*CASES, *STUDIOS, HORSES_CYCLEGAN, HORSES_MANY, HORSES_PIX2PIX, SMILES_CYCLEGAN)
