"""Recipes of translators between horses and zebras: what keeps the pose, with and without the cycle, and 64×64."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from torch import nn

from coursekit import data
from coursekit.data import horses
from coursekit.models import translation
from coursekit.models.base import Model, Terms
from coursekit.pretrained.animals import of_translator
from coursekit.pretrained.recipes import Betas, Figures, Recipe

SMALL, LARGE, SEEDS = 32, 64, 3
ANIMALS = 3000  # of each kind
STABLE: dict[str, Any] = {"optimizer": Betas(0.5, 0.999), "hold": 0.5, "batch_size": 16}


class Runs(Model):
    """The same game from several starts, each with its own players, on the same batches: what is chance shows."""

    def __init__(self, start: Callable[[], Model], count: int = SEEDS) -> None:
        super().__init__()
        self.runs = nn.ModuleList(start() for _ in range(count))

    def players(self) -> dict[str, nn.Module]:
        """The players of each run, "0 generators" …"""
        return {f"{k} {name}": net for k, run in enumerate(self.runs) for name, net in run.players().items()}  # type: ignore[operator]

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """One run after the other."""
        for k, run in enumerate(self.runs):
            for name, terms in run.turns(x):  # type: ignore[operator]
                yield f"{k} {name}", terms

    def memories(self) -> dict[str, Any]:
        """Those of each run."""
        return {f"{k} {name}": one for k, run in enumerate(self.runs) for name, one in run.memories().items()}  # type: ignore[operator]

    def __getitem__(self, k: int) -> Any:
        return self.runs[k]

    def __len__(self) -> int:
        return len(self.runs)


def game(make: Callable[[], nn.Module], **options: Any) -> translation.CycleGAN:
    """Two such generators and two small critics."""
    critics = translation.small_critic(), translation.small_critic()
    return translation.CycleGAN(make(), make(), *critics, **options)


def unpaired(size: int, n: int = ANIMALS) -> data.Unpaired:
    """Horses, and zebras that are none of theirs."""
    return data.Unpaired(horses.horses(n, size=size, seed=0), horses.zebras(n, size=size, seed=1), ("horse", "zebra"))


def of_runs(model: Model) -> Figures:
    """The figures of each run, "0_striped" …"""
    if not isinstance(model, Runs):
        raise TypeError(f"model: want Runs, got {type(model).__name__}")
    each = [of_translator(model[k], SMALL) for k in range(len(model))]
    return {f"{k}_{name}": value for k, figures in enumerate(each) for name, value in figures.items()}


def translators(model: Any) -> Model:
    """The generators of each run."""
    kept = (translation.Translator(run.a_to_b, run.b_to_a) for run in model.runs)
    return Runs(partial(next, kept), len(model.runs))


UNPAIRED = "3,000 horses and 3,000 other zebras (`data.horses`, 32×32); figures from 500 unseen pairs"
MAKERS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "free": ("convolutional generators", partial(translation.small_generator, start="free")),
    "identity": ("convolutional generators that start at the identity", translation.small_generator),
    "narrow": ("generators through 32 numbers", translation.narrow_generator),
}


def case(kind: str, suffix: str, words: str, count: int = SEEDS, **options: Any) -> Recipe:
    """One of the cases whose generators are compared."""
    about, make = MAKERS[kind]
    return Recipe(
        f"horses_{kind}{suffix}", f"horses to zebras and back, 32×32: {about}, {words}; {count} runs", UNPAIRED,
        partial(Runs, partial(game, make, **options), count), partial(unpaired, SMALL), of_runs, part=translators,
        epochs=6, lr=4e-4, **STABLE,
    )  # fmt: skip


CASES = (
    *(case(kind, "", "with the cycle loss") for kind in MAKERS),
    *(case(kind, "_alone", "without the cycle loss", cycle=0.0) for kind in MAKERS),
    case("identity", "_noise", "with the cycle loss and noise before the way back", count=1, noise=0.05),
)

RECIPES = CASES
