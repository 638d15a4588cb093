"""The judge of generated faces: the net `faces_reader`, its recipe, and the faces that nobody was trained on."""

from functools import cache

from torch import Tensor

from coursekit import data
from coursekit.models.base import Model
from coursekit.models.readers import ATTRIBUTES, CONTINUOUS, FactorReader, blurred
from coursekit.pretrained.loading import restored
from coursekit.pretrained.recipes import Figures, Recipe

SIZE, SEED_OF_TEST = 64, 1
TRAINING_FACES = 30_000
BLUR = 1.5  # pixels, for the reader's test on soft pictures
READ = "30,000 rendered faces (`data.faces.faces(30_000, size=64, seed=2)`), blurred; figures from others (seed 1)"


@cache
def unseen_faces(n: int = 2000) -> data.Images:
    """Faces that no model was trained on."""
    return data.faces.faces(n, size=SIZE, seed=SEED_OF_TEST)


def factors_of(given: data.Images) -> Tensor:
    """The factors of rendered faces, [n, 14]."""
    assert given.factors is not None
    return given.factors


def attributes_of(given: data.Images) -> Tensor:
    """Their four attributes, [n, 4] of 0 and 1."""
    return factors_of(given)[:, -ATTRIBUTES:]


def of_reader(model: Model) -> Figures:
    """The share of right answers for each attribute, and the errors of the continuous factors, sharp and blurred."""
    if not isinstance(model, FactorReader):
        raise TypeError(f"model: want a FactorReader, got {type(model).__name__}")
    sharp, wanted = unseen_faces().images, factors_of(unseen_faces())
    return {
        **_reading(model.read(sharp), wanted, "sharp"),
        **_reading(model.read(blurred(sharp, BLUR)), wanted, "blurred"),
    }


def _reading(read: Tensor, wanted: Tensor, kind: str) -> Figures:
    """Accuracy of each attribute; mean absolute error and share of variance explained of the continuous factors."""
    right = ((read > 0.5) == (wanted > 0.5)).float().mean(0)[CONTINUOUS:]
    away, truth = (read - wanted)[:, :CONTINUOUS], wanted[:, :CONTINUOUS]
    explained = 1 - away.square().mean(0) / truth.var(0, correction=0)
    accuracies = {f"{kind}_{name}": value for name, value in zip(data.faces.ATTRIBUTES, right.tolist(), strict=True)}
    return {
        **accuracies, f"{kind}_mean_error": away.abs().mean().item(), f"{kind}_r2": explained.mean().item(),
    }  # fmt: skip


def faces_with_factors() -> tuple[Tensor, Tensor]:
    """Faces to learn reading from, others than the generators', and their factors."""
    given = data.faces.faces(TRAINING_FACES, size=SIZE, seed=2)
    return given.images, factors_of(given)


FACES_READER = Recipe(
    "faces_reader", "reads ten factors and four attributes off a rendered face of 64×64, sharp or soft",
    READ, FactorReader, faces_with_factors, of_reader, epochs=20, batch_size=32, ema=0.999,
)


@cache
def reader() -> FactorReader:
    """The judge."""
    judge = restored(FACES_READER)
    assert isinstance(judge, FactorReader)
    return judge
