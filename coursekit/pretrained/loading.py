"""A recipe's trained model, from its weights on disk."""

from pathlib import Path

from coursekit.models.base import Device, Model
from coursekit.pretrained import files
from coursekit.pretrained.recipes import Recipe


def card_of(recipe: Recipe, *, folder: str | Path | None = None) -> files.Card:
    """The card in the folder, by default that which comes with coursekit.

    Raises ValueError for a damaged card, FileNotFoundError for a missing one.
    """
    return files.read_card(files.card_path(place(folder), recipe.name), _advice(recipe))


def restored(recipe: Recipe, *, folder: str | Path | None = None, device: Device = "cpu") -> Model:
    """The trained model, in float32 and eval mode.

    The file's sha256 is compared with the card's; nothing is unpickled. Raises ValueError for damaged files,
    FileNotFoundError for missing ones.
    """
    sha256 = card_of(recipe, folder=folder)["sha256"]
    path = files.weights_path(place(folder), recipe.name)
    model = recipe.blank()
    try:
        model.load_state_dict(files.read_weights(path, sha256, _advice(recipe)))
    except RuntimeError as error:
        raise ValueError(f"{path} is of another net: {error}; {_advice(recipe)}") from error
    return model.to(device).eval()


def place(given: str | Path | None) -> Path:
    """The folder that is meant: the given one, or that of the weights that come with coursekit."""
    return files.HERE if given is None else Path(given)


def _advice(recipe: Recipe) -> str:
    return f"install coursekit again, or make it anew with `coursekit train {recipe.name}`"
