"""How an exercise is judged: against a reference on a few cases, with a hint for every typical mistake.

A check never raises for what a reader wrote: an untouched stub is "not attempted yet", a known mistake gets
its hint, anything else a counterexample in numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Function = Callable[..., Any]
MARKS = {"right": "✓ Right.", "wrong": "✗ Not yet.", "untouched": "○ Not attempted yet."}


@dataclass(frozen=True)
class Verdict:
    """What a check found: `status` is "right", "wrong" or "untouched"; `message` says more."""

    status: str
    message: str = ""

    def __repr__(self) -> str:
        return f"{MARKS[self.status]} {self.message}".rstrip()


def same_numbers(a: Tensor, b: Tensor) -> bool:
    """Equal shapes, and numbers equal within 1e-4 (relative or absolute)."""
    return a.shape == b.shape and bool(torch.allclose(a.double(), b.double(), rtol=1e-4, atol=1e-5))


@dataclass(frozen=True)
class Exercise:
    """One exercise: what is right, what is typically wrong.

    Attributes:
        reference: the right function.
        cases: lists of arguments to try it on.
        praise: said after a right answer: what has just been shown.
        mistakes: hint → the function that somebody writes who makes this mistake.
        same: when two outputs count as equal (default: the same numbers).
    """

    reference: Function
    cases: Sequence[tuple[Any, ...]]
    praise: str
    mistakes: Mapping[str, Function] = field(default_factory=dict)
    same: Callable[[Tensor, Tensor], bool] = same_numbers

    def __call__(self, function: Function) -> Verdict:
        """Judge `function`; see `Verdict`."""
        try:
            answers = [function(*_fresh(case)) for case in self.cases]
        except NotImplementedError:
            return Verdict("untouched")
        except Exception as error:  # whatever a reader's code raises belongs into words, not a traceback
            return Verdict("wrong", f"Your function stopped with {type(error).__name__}: {error}")
        if all(answer is None or answer is ... for answer in answers):
            return Verdict("untouched")
        return self._judge(answers)

    def _judge(self, answers: list[Any]) -> Verdict:
        tensors = [_tensor(answer) for answer in answers]
        for answer, tensor in zip(answers, tensors, strict=True):
            if tensor is None:
                return Verdict("wrong", f"A tensor or a number is wanted, and {type(answer).__name__} came back.")
        if self._agrees(self.reference, tensors):
            return Verdict("right", self.praise)
        for hint, mistake in self.mistakes.items():
            if self._agrees(mistake, tensors):
                return Verdict("wrong", hint)
        return Verdict("wrong", self._counterexample(tensors))

    def _agrees(self, function: Function, answers: list[Any]) -> bool:
        wanted = [_tensor(function(*_fresh(case))) for case in self.cases]
        return all(w is not None and self.same(a, w) for a, w in zip(answers, wanted, strict=True))

    def _counterexample(self, answers: list[Any]) -> str:
        for case, answer in zip(self.cases, answers, strict=True):
            wanted = _tensor(self.reference(*_fresh(case)))
            assert wanted is not None
            if answer.shape != wanted.shape:
                return f"The shape should be {list(wanted.shape)}; yours is {list(answer.shape)}."
            if not self.same(answer, wanted):
                given = ", ".join(_short(argument) for argument in case)
                return f"For ({given}) the answer is {_short(wanted)}; yours is {_short(answer)}."
        return "It fails on one of the cases."


def _fresh(case: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a case, copied: a function that writes into its input must not spoil the next one."""
    return tuple(value.clone() if isinstance(value, Tensor) else value for value in case)


def _tensor(value: Any) -> Tensor | None:
    """`value` as a tensor, or None if it is no number and no array."""
    if isinstance(value, Tensor):
        return value.detach()
    try:
        return torch.as_tensor(value, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        return None


def _short(value: Any) -> str:
    """Numbers in a few characters: small tensors in full, large ones by their shape and first entries."""
    if not isinstance(value, Tensor):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if value.numel() == 1:
        return f"{value.item():.4g}"
    numbers = ", ".join(f"{v:.3g}" for v in value.flatten()[:6].tolist())
    return f"[{numbers}{', …' if value.numel() > 6 else ''}] of shape {list(value.shape)}"
