"""A horse or zebra under the reader's hand: its controls, and the factors that they stand for."""

from __future__ import annotations

from torch import Tensor

from coursekit.data import horses
from coursekit.explore.widget.controls import Control, Slider, State, Toggle

POSE = ("place", "size", "gait", "neck", "head", "tail")
LAND = ("coat", "sky", "ground", "light")


def animal() -> tuple[Control, ...]:
    """The controls of a horse: pose, which way it looks, coat and landscape."""
    left = Toggle("left", label="looks left", group="pose", help="which way it looks: the same pose mirrored")
    return (*(_factor(name, "pose") for name in POSE), left, *(_factor(name, "coat and landscape") for name in LAND))


def stripes() -> tuple[Control, ...]:
    """The controls of a zebra's stripes."""
    return tuple(_factor(name, "stripes of the zebra") for name in horses.STRIPES)


def _factor(name: str, group: str) -> Slider:
    low, high = horses.RANGES[name]
    return Slider(name, low=low, high=high, step=0.01, value=0.0, help=horses.MEANINGS[name], group=group)


def factors_of(state: State) -> Tensor:
    """The horse of a state, [1, 11]."""
    facing = -1.0 if state["left"] else 1.0
    return horses.factors(facing=facing, **{name: state[name] for name in (*POSE, *LAND)})


def stripes_of(state: State, like: Tensor) -> Tensor:
    """The stripes of a state, [1, 3], of the same type as `like`."""
    return like.new_tensor([[state[name] for name in horses.STRIPES]])
