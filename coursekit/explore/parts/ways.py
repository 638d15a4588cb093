"""Translators by name: there and back, in copies that no training moves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from coursekit.explore.parts.held import Function, held
from coursekit.models.translation.translator import Translator


class Ways(NamedTuple):
    """Images [n, C, H, W] of domain a to b, and of domain b to a."""

    to_b: Function
    to_a: Function
    holder: Function  # what is held, for the device

    def there_and_back(self, from_a: bool) -> tuple[Function, Function]:
        """The way from a domain, and the way back to it."""
        return (self.to_b, self.to_a) if from_a else (self.to_a, self.to_b)


def ways(translators: Any) -> dict[str, Ways]:
    """A translator or a pair of functions (a ↦ b, b ↦ a), or several by name, to hold.

    Raises ValueError for none of them, TypeError for what is neither.
    """
    named = translators if isinstance(translators, Mapping) else {"model": translators}
    if not named:
        raise ValueError("translators: want at least one, {name: translator}, got none")
    return {name: _ways(name, model) for name, model in named.items()}


def _ways(name: str, model: Any) -> Ways:
    if isinstance(model, Translator):  # without its critics, if it has some
        hold = held(Translator(model.a_to_b, model.b_to_a).translate)
        return Ways(partial(_to, hold, "b"), partial(_to, hold, "a"), hold)
    if isinstance(model, tuple) and len(model) == 2:
        there, back = map(held, model)
        return Ways(there, back, there)
    raise TypeError(f"translators: want a Translator or a pair (a to b, b to a) for {name!r}, got {_said(model)}")


def _said(model: Any) -> str:
    return f"a tuple of {len(model)}" if isinstance(model, tuple) else type(model).__name__


def _to(hold: Function, side: str, x: Any) -> Any:
    return hold(x, side)
