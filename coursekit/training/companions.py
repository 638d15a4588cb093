"""What goes along with a training: an average of the weights, a rate's course, a checkpoint, a picture that is drawn.

A companion is any object with some of these methods; those that it lacks are not missed.

    start(training)      before the first step, with a `Training`
    before(step)         before each step, counted from 1
    losses()             a context in which the losses are computed
    after(step, terms)   after each step, with the terms as the history names them
    stop(whole)          at the end; `whole` is False if an error or a second Ctrl-C broke a step off

One with `state_dict()` and `load_state_dict(state)`, tensors and plain values by name, is kept in checkpoints. A
function (step, terms) is called after each step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from typing import Any

from torch.optim import Optimizer

from coursekit.models.base import Model
from coursekit.training.history import History, Terms
from coursekit.training.processes import Processes

HOOKS = ("start", "before", "losses", "after", "stop")


@dataclass
class Training:
    """A training under way, as its companions see it: `total` steps (None if not known before) of `batch_size` items.

    `stream` gives the batches that are left, `memories` is what checkpoints keep besides, by name: companions that
    remember something, and the model's own `memories()`.
    """

    model: Model
    optimizers: Mapping[str, Optimizer]
    total: int | None
    seed: int
    batch_size: int
    together: Processes = field(default_factory=Processes)
    history: History = field(default_factory=History)
    stream: Iterator[Any] = field(default_factory=lambda: iter(()))
    memories: Mapping[str, Any] = field(default_factory=dict)


class Companions:
    """The companions of one training, asked in the order in which they were given; checkpoints and the bar come last.

    Raises TypeError for what is neither a companion nor a function.
    """

    def __init__(self, given: Sequence[Any]) -> None:
        self.all = sorted(map(_companion, given), key=lambda one: getattr(one, "comes", 0))
        self._started: list[Any] = []

    def memories(self) -> dict[str, Any]:
        """Those that have something to remember, by their kind: "EMA", and "EMA 2" for a second one."""
        found: dict[str, Any] = {}
        for one in self.all:
            if hasattr(one, "state_dict") and hasattr(one, "load_state_dict"):
                kind = type(one).__name__
                count = sum(name.split()[0] == kind for name in found)
                found[f"{kind} {count + 1}" if count else kind] = one
        return found

    def start(self, training: Training) -> None:
        """Before the first step."""
        for one in self.all:
            if hasattr(one, "start"):
                one.start(training)
            self._started.append(one)

    def before(self, step: int) -> None:
        """Before each step."""
        for one in self.all:
            if hasattr(one, "before"):
                one.before(step)

    def losses(self) -> AbstractContextManager[Any]:
        """Around the computation of each loss."""
        stack = ExitStack()
        for one in self.all:
            if hasattr(one, "losses"):
                stack.enter_context(one.losses())
        return stack

    def after(self, step: int, terms: Terms) -> None:
        """After each step."""
        for one in self.all:
            if hasattr(one, "after"):
                one.after(step, terms)

    def stop(self, whole: bool) -> None:
        """At the end, for those that have been started."""
        while self._started:
            one = self._started.pop(0)
            if hasattr(one, "stop"):
                one.stop(whole)


class Call:
    """A function (step, terms) as a companion."""

    def __init__(self, function: Callable[[int, Terms], Any]) -> None:
        self.function = function

    def after(self, step: int, terms: Terms) -> None:
        """Call it."""
        self.function(step, terms)


def _companion(given: Any) -> Any:
    if not isinstance(given, type):
        if any(hasattr(given, hook) for hook in HOOKS):
            return given
        if callable(given):
            return Call(given)
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    hint = f"; call it: {kind}(…)" if isinstance(given, type) else ""
    raise TypeError(f"along: want companions or functions (step, terms), got {kind}{hint}")
