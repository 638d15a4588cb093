"""Functions for pictures: a model, one of its methods or any function, in a copy that no training moves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from coursekit.models.base import device_of

Function = Callable[..., Tensor]
Model = TypeVar("Model", bound=nn.Module)


class Held:
    """A module or a module's method, f(x, …), in a frozen copy on its own `device`.

    x is brought there, and a tensor that f gives is brought back to where x is; anything else comes as f gives it.
    """

    def __init__(self, module: nn.Module, method: str = "__call__") -> None:
        self.device = place(module)
        self._function = getattr(freeze(module, self.device), method)

    def __call__(self, x: Tensor, *rest: Any, **named: Any) -> Any:
        given = self._function(x.to(self.device), *rest, **named)
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


def freeze(model: Model, device: torch.device | str | None = None) -> Model:
    """A copy of the model for pictures: own weights, evaluation mode, no gradients; training goes on beside it."""
    still = copy.deepcopy(model).eval().requires_grad_(False)
    return still if device is None else still.to(device)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch with one thread in here: a small picture gains nothing from two, and loses much beside a cell that trains.

    Torch counts threads for each Python thread, so a training in the main thread keeps its own number.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
