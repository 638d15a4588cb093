"""What takes a while to compute: kept for the last states, and something brief in its place while a hand moves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from coursekit.explore.parts.inks import Inks, inks

Value = TypeVar("Value")
Key = tuple[Any, ...]


class Known(Generic[Value]):
    """`whole(*key)` when a hand rests; while it moves, what is known of the key, or else `brief(*key, *more)`.

    The last `most` whole values stay, and the last brief one.
    """

    def __init__(self, whole: Callable[..., Value], brief: Callable[..., Value], most: int = 6) -> None:
        self.whole, self.brief, self.most = whole, brief, most
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._brief: tuple[Key, Value] | None = None

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def __call__(self, key: Key, final: bool = True, more: Key = ()) -> Value:
        if key not in self._kept:
            if not final:
                return self._briefly((*key, *more))
            self._kept[key] = self.whole(*key)
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _briefly(self, key: Key) -> Value:
        if self._brief is None or self._brief[0] != key:
            self._brief = key, self.brief(*key)
        return self._brief[1]


class Ground(Generic[Value]):
    """A drawing that stays while only marks on it move: drawn anew for another value or another page's colours."""

    def __init__(self, draw: Callable[[Any], Value]) -> None:
        self.draw = draw
        self._last: tuple[Any, Inks, Value] | None = None

    def __call__(self, of: Any) -> Value:
        if self._last is None or self._last[0] is not of or self._last[1] is not inks():
            self._last = of, inks(), self.draw(of)
        return self._last[2]
