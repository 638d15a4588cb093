"""All recipes by name, and what comes of them."""

from collections.abc import Mapping
from pathlib import Path

from coursekit.models.base import Device, Model
from coursekit.pretrained import (
    adversarial,
    animals,
    diffusions,
    family,
    files,
    handwriting,
    large,
    photographs,
    portraits,
    reading,
    rings,
    translators,
)  # fmt: skip
from coursekit.pretrained.loading import card_of, place, restored
from coursekit.pretrained.recipes import Recipe

KINDS = (adversarial, animals, diffusions, family, handwriting, large, photographs, portraits, rings, translators)
ALL = (*(recipe for file in KINDS for recipe in file.RECIPES), reading.NUMERALS_READER)
RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in ALL}


def names(folder: str | Path | None = None) -> list[str]:
    """The names of the models whose card is in the folder, by default of those that come with coursekit."""
    found = (files.card_path(place(folder), name) for name in RECIPES)
    return sorted(path.stem for path in found if path.is_file())


def recipe(name: str) -> Recipe:
    """How that model is made. Raises ValueError, with the names that there are, for another name."""
    if name not in RECIPES:
        raise ValueError(f"name: there is no model {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def card(name: str, *, folder: str | Path | None = None) -> files.Card:
    """What is known about the weights: recipe, data, training, parameters, figures, sha256.

    Raises ValueError for an unknown name or a damaged card, FileNotFoundError for a missing one.
    """
    return card_of(recipe(name), folder=folder)


def load(name: str, *, folder: str | Path | None = None, device: Device = "cpu") -> Model:
    """The trained model, in float32 and eval mode, from the folder of `coursekit train`, or from coursekit itself.

    The file's sha256 is compared with the card's; nothing is unpickled. Raises ValueError for an unknown name or
    damaged files, FileNotFoundError for missing ones.
    """
    return restored(recipe(name), folder=folder, device=device)
