"""What is measured on pictures that stay: too slow for a dragged slider, so kept and said when the hand rests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import torch
from torch import Tensor

from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.shelf import framed
from coursekit.explore.widget.controls import State
from coursekit.explore.widget.panel import Panel, Picture

Judge = Callable[[Tensor], Tensor]  # images [n, C, H, W] → distances to the manifold [n]
Found = TypeVar("Found")
MOST = 64  # states whose measurements are kept
WAIT = "…"


class Memory(Generic[Found]):
    """The measurements of the states that were asked for last."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Found] = {}

    def known(self, state: State) -> Found | None:
        """What was measured for this state, None if nothing yet."""
        return self._kept.get(tuple(state.values()))

    def ask(self, state: State, measure: Callable[[], Found]) -> Found:
        """What was measured for this state; measured now if it is not known."""
        key = tuple(state.values())
        found = self._kept.pop(key) if key in self._kept else measure()
        self._kept[key] = found  # the newest stands last
        if len(self._kept) > MOST:
            del self._kept[next(iter(self._kept))]
        return found


class Verdicts:
    """"a face" or "no face" for several pictures at once, by their distances to the manifold.

    A picture is a face if its distance (root mean square a number) is at most `threshold`. Without a `judge`
    nothing is said. Raises ValueError for a threshold that is not positive.
    """

    def __init__(self, judge: Judge | None, threshold: float) -> None:
        if not threshold > 0:
            raise ValueError(f"threshold: want a positive distance, got {threshold}")
        self.judge, self.threshold = judge, threshold
        self._memory: Memory[list[float]] = Memory()

    def measure(self, state: State, images: Sequence[Tensor]) -> None:
        """Ask the judge about the state's pictures, [C, H, W] each, unless it has been asked."""
        judge = self.judge
        if judge is not None:
            self._memory.ask(state, lambda: distances(judge, images))

    def known(self, state: State, count: int) -> list[float | None]:
        """The distances of the state's pictures, None for each that is not measured."""
        found = self._memory.known(state)
        return [None] * count if found is None else list(found)

    def framed(self, state: State, images: Sequence[Tensor]) -> list[Picture]:
        """The pictures in frames: green for a face, orange for none, grey while not measured; bare without a judge."""
        if self.judge is None:
            return [picture(image) for image in images]
        known = self.known(state, len(images))
        return [framed(x, None if d is None else d <= self.threshold) for x, d in zip(images, known, strict=True)]

    def captions(self, state: State, names: Sequence[str]) -> list[str]:
        """Each name with what was found, "VAE: a face, 0.031 off"; the names alone without a judge."""
        if self.judge is None:
            return list(names)
        return [f"{name}: {self.words(d)}" for name, d in zip(names, self.known(state, len(names)), strict=True)]

    def words(self, distance: float | None) -> str:
        """"a face, 0.031 off", "…" while not measured."""
        if distance is None:
            return WAIT
        return f"{'a face' if distance <= self.threshold else 'no face'}, {distance:.3f} off"

    def legend(self) -> str:
        """What the words mean, for the end of a readout."""
        if self.judge is None:
            return ""
        return f" · off: root mean square distance to the nearest possible face; up to {self.threshold:g} is a face"


def results_in(width: int, names: Sequence[str]) -> tuple[Panel, ...]:
    """A row of panels that share so many CSS pixels."""
    each = min(204, width // len(names) - 8)
    return tuple(Panel(name, each, row=i == 0) for i, name in enumerate(names))


def distances(judge: Judge, images: Sequence[Tensor]) -> list[float]:
    """The judge's answer about pictures in [0, 1]; ValueError unless it is one number for each."""
    found = judge(in_unit_range(images))
    if not isinstance(found, Tensor) or found.shape != (len(images),):
        got = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"judge: want a distance for each of {len(images)} images, got {got}")
    return found.tolist()


def in_unit_range(images: Sequence[Tensor]) -> Tensor:
    """Pictures as they are shown, clipped to [0, 1], on the CPU: [n, C, H, W]."""
    return torch.stack([image.detach().float().cpu().clamp(0, 1) for image in images])
