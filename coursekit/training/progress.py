"""What a person at the keyboard sees and does while a model trains: a bar, and the stop button."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from coursekit.training.companions import Training
from coursekit.training.history import History

Shown = bool | str


class Interrupted(KeyboardInterrupt):
    """A training was stopped by hand, and what was to come after it does not run. The model keeps what it has learnt.

    `history` has the steps that were taken; `whole` is False if the last one was broken off half-way. Where nobody has
    caught it, `sys.last_value` is the interrupt, in a notebook too.
    """

    def __init__(self, history: History, total: int | None, whole: bool) -> None:
        done = f"{history.steps} of {total} steps" if total else f"{history.steps} steps"
        state = "is whole" if whole else "was in the middle of one more"
        rest = "and keeps what it has learnt; what was to come next has not run"
        super().__init__(f"Stopped by hand after {done}. The model {state} {rest}.")
        self.history, self.whole = history, whole

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: these words, and not the lines that were running."""
        return [str(self), "The history so far: import sys; sys.last_value.history"]


class Progress:
    """A companion: a bar that leaves no trace in a terminal and one fixed line in a notebook; never on stderr.

    `shown` is True, False, or "auto": where a person watches (a terminal, a notebook). The line that a
    notebook keeps says nothing measured, so stored outputs do not change from run to run. ValueError for another
    word.
    """

    comes = 2  # after a checkpoint has said how many steps are done

    def __init__(self, shown: Shown = "auto") -> None:
        if shown not in (True, False, "auto"):
            raise ValueError(f'progress: want True, False or "auto", got {shown!r}')
        self.shown = shown

    def start(self, training: Training) -> None:
        """Show how far it is."""
        self.history, total = training.history, training.total
        notebook = _in_notebook()
        visible = bool(self.shown) if self.shown != "auto" else notebook or sys.stdout.isatty()
        amount = "" if total is None else f" for {total} step" + "s" * (total != 1)
        self.output = _NotebookLine(f"trained{amount}") if visible and notebook else sys.stdout
        self.bar = tqdm(
            total=total, initial=self.history.steps, file=self.output, disable=not visible, leave=False,
            mininterval=0.2, unit="step", dynamic_ncols=not notebook,
        )  # fmt: skip

    def after(self, step: int, terms: Mapping[str, float]) -> None:
        """One more step; the terms are written beside the bar when it is next drawn."""
        if not self.bar.disable and self.bar.update():
            self.bar.set_postfix({name: f"{value:.4g}" for name, value in terms.items()}, refresh=False)

    def stop(self, whole: bool) -> None:
        """Take the bar away; say so if the training was stopped."""
        self.bar.close()
        if isinstance(self.output, _NotebookLine):
            stopped = self.history.interrupted
            self.output.settle(f"stopped after {self.history.steps} steps" if stopped else None)


class _NotebookLine:
    """The file that tqdm writes to in a notebook: one line of output, rewritten in place."""

    def __init__(self, text: str) -> None:
        from IPython.display import display

        # A stored notebook keeps the last text, a checker that knows no updates the first: let them be one.
        self.text = text
        self.handle: Any = display({"text/plain": text}, raw=True, display_id=True)

    def write(self, text: str) -> None:
        if text.strip():
            self.handle.update({"text/plain": text.strip("\r\n")}, raw=True)

    def flush(self) -> None:
        """Nothing is held back."""

    def settle(self, text: str | None) -> None:
        self.handle.update({"text/plain": text or self.text}, raw=True)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and getattr(shell, "kernel", None) is not None


@contextmanager
def postponed_interrupt() -> Iterator[Callable[[], bool]]:
    """Ctrl-C (or the stop button) is noted instead of raised: the yielded function says whether it came.

    So a step is never left half done. A second Ctrl-C is raised at once. Outside the main thread, or where
    somebody else handles the signal, nothing is changed.
    """
    asked = threading.Event()
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield asked.is_set
        return

    def note(number: int, frame: Any) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
