"""Models that took longer to train than a reader wants to wait: weights with a card, and the recipe of each.

    model = pretrained.load("mnist_conv_autoencoder")
    pretrained.card("mnist_conv_autoencoder")["figures"]

`coursekit checkpoints` lists them, `coursekit train NAME` makes one anew.
"""

from pathlib import Path

from coursekit.base import Device, Model
from coursekit.pretrained import files
from coursekit.pretrained.making import make
from coursekit.pretrained.recipe import Recipe
from coursekit.pretrained.recipes import RECIPES

__all__ = ["RECIPES", "Recipe", "card", "load", "make", "names", "recipe"]


def names(folder: str | Path | None = None) -> list[str]:
    """The names of the models whose card is in the folder, by default of those that come with coursekit."""
    found = (_folder(folder) / f"{name}.json" for name in RECIPES)
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
    return files.read_card(files.card_path(_folder(folder), recipe(name).name), _advice(name))


def load(name: str, *, folder: str | Path | None = None, device: Device = "cpu") -> Model:
    """The trained model, in float32 and eval mode, from the folder of `coursekit train`, or from coursekit itself.

    The file's sha256 is compared with the card's; nothing is unpickled. Raises ValueError for an unknown name or
    damaged files, FileNotFoundError for missing ones.
    """
    sha256 = card(name, folder=folder)["sha256"]
    path = files.weights_path(_folder(folder), name)
    model = recipe(name).build()
    try:
        model.load_state_dict(files.read_weights(path, sha256, _advice(name)))
    except RuntimeError as error:
        raise ValueError(f"{path} is of another net: {error}; {_advice(name)}") from error
    return model.to(device).eval()


def _folder(given: str | Path | None) -> Path:
    return files.HERE if given is None else Path(given)


def _advice(name: str) -> str:
    return f"install coursekit again, or make it anew with `coursekit train {name}`"
