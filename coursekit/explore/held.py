"""Functions for pictures: a model, one of its methods or any function, in a copy that no training moves."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from coursekit.explore.explorer import freeze

Function = Callable[..., Tensor]


def held(function: Function) -> Function:
    """A frozen copy of a module or of a module's bound method; any other function as it is.

    Raises TypeError for what cannot be called.
    """
    if isinstance(function, nn.Module):
        return freeze(function)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, nn.Module):
        return getattr(freeze(owner), function.__name__)
    if not callable(function):
        raise TypeError(f"want a model or a function of a tensor, got {type(function).__name__}")
    return function
