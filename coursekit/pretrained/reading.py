"""The judges of generated pictures, `faces_reader` and `numerals_reader`: recipes, and what nobody was trained on."""

from functools import cache

from torch import Tensor

from coursekit import data
from coursekit.models.base import Model
from coursekit.models.readers import ATTRIBUTES, CONTINUOUS, DigitReader, FactorReader, blurred
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
    "faces_reader",
    "reads ten factors and four attributes off a rendered face of 64×64, sharp or soft",
    READ,
    FactorReader,
    faces_with_factors,
    of_reader,
    epochs=20,
    batch_size=32,
    ema=0.999,
)


@cache
def reader() -> FactorReader:
    """The judge."""
    judge = restored(FACES_READER)
    assert isinstance(judge, FactorReader)
    return judge


TRAINING_NUMERALS, SEED_OF_NUMERALS = 60_000, 1  # the second: of those to test on
WRITTEN = (
    "60,000 numerals (`data.numerals.numerals(60_000, seed=2)`), blurred; figures from 10,000 others (seed 1), and "
    "from MNIST's 10,000 test images, of which it has seen none"
)


@cache
def unseen_numerals(n: int = 10_000) -> data.Images:
    """Numerals that no model was trained on."""
    return data.numerals.numerals(n, seed=SEED_OF_NUMERALS)


def numerals_with_labels() -> tuple[Tensor, Tensor]:
    """Numerals to learn reading from, and their classes."""
    given = data.numerals.numerals(TRAINING_NUMERALS, seed=2)
    assert given.labels is not None
    return given.images, given.labels


def of_numerals_reader(model: Model) -> Figures:
    """The shares of digits read right: of numerals, sharp and blurred, and of MNIST's test images, class by class."""
    reader = digit_reader(model)
    return {**of_numerals(reader), **of_mnist(reader)}


def of_numerals(reader: DigitReader) -> Figures:
    """The share of unseen numerals read right, sharp and blurred."""
    given = unseen_numerals()
    soft = blurred(given.images, 1.0)
    return {**_right(reader, given.images, given, "numerals", each=False),
            **_right(reader, soft, given, "blurred", each=False)}  # fmt: skip


def of_mnist(reader: DigitReader) -> Figures:
    """The share of MNIST's 10,000 test images read right, in all and of each class. OSError without MNIST."""
    test = data.mnist(train=False)
    return _right(reader, test.images, test, "mnist")


def digit_reader(model: Model) -> DigitReader:
    """The model, if it reads digits; TypeError otherwise."""
    if not isinstance(model, DigitReader):
        raise TypeError(f"model: want a DigitReader, got {type(model).__name__}")
    return model


def _right(reader: DigitReader, images: Tensor, given: data.Images, kind: str, *, each: bool = True) -> Figures:
    assert given.labels is not None
    right = (reader.digits(images) == given.labels).float()
    found = {kind: right.mean().item()}
    classes = range(10) if each else ()
    return found | {f"{kind}_{digit}": right[given.labels == digit].mean().item() for digit in classes}


NUMERALS_READER = Recipe(
    "numerals_reader",
    "reads the digit off a picture of 28×28, sharp or soft; it has seen numerals only",
    WRITTEN,
    DigitReader,
    numerals_with_labels,
    of_numerals_reader,
    epochs=6,
    batch_size=64,
    lr=2e-3,
    ema=0.999,
    warm_up=200,
)
