"""What several tests need of pretrained models and data, computed once in each process.

Tests that need the same costly things are in one group (`tests/order.py`), and so in one process.
"""

from functools import cache

from real_sets import real_set

from coursekit import data, pretrained
from coursekit.data import Images
from coursekit.models.base import Model
from coursekit.pretrained.recipes import Figures

REAL = ("mnist", "smiles")


@cache
def model(name: str) -> Model:
    """The pretrained model, without gradients. Nobody may change it."""
    return pretrained.load(name).requires_grad_(False)


@cache
def _figures(name: str) -> Figures:
    return pretrained.recipe(name).measure(model(name))


def figures(name: str) -> Figures:
    """The figures of a pretrained model, measured, not read off its card; skips where its data are not there."""
    for folder in REAL:
        if folder in pretrained.recipe(name).data.lower():
            real_set(folder)
    return _figures(name)


@cache
def mnist(train: bool) -> Images:
    """MNIST's 60,000 training images or its 10,000 others."""
    return data.mnist(train)
