"""Functions for pictures: a model, one of its methods or any function, in a copy that no training moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.base import device_of
from coursekit.explore.explorer import freeze

Function = Callable[..., Tensor]


class Held:
    """A module or a module's method, f(x, …), in a frozen copy on its own `device`.

    x is brought there, and a tensor that f gives is brought back to where x is; anything else comes as f gives it.
    """

    def __init__(self, module: nn.Module, method: str = "__call__") -> None:
        self.device = place(module)
        self._function = getattr(freeze(module, self.device), method)

    def __call__(self, x: Tensor, *rest: Any) -> Any:
        given = self._function(x.to(self.device), *rest)
        return given.to(x.device) if isinstance(given, Tensor) else given


def held(function: Function) -> Function:
    """A frozen copy of a module or of a module's bound method; any other function as it is.

    Raises TypeError for what cannot be called.
    """
    if isinstance(function, nn.Module):
        return Held(function)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, nn.Module):
        return Held(owner, function.__name__)
    if not callable(function):
        raise TypeError(f"want a model or a function of a tensor, got {type(function).__name__}")
    return function


def place(module: nn.Module) -> torch.device:
    """Where a copy of the module makes pictures: its own device; in the CPU's place a CUDA card, if there is one."""
    own = device_of(module)
    return torch.device("cuda") if own.type == "cpu" and torch.cuda.is_available() else own


def runs_on(functions: Iterable[Callable[..., Any]], otherwise: Tensor) -> str:
    """The device of the first of the functions that has one; without any, that of a tensor that they are given."""
    return str(next((f.device for f in functions if isinstance(f, Held)), otherwise.device))
