"""The check of the failure gallery: which letter has which fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coursekit.checks.core import Verdict
from coursekit.checks.failures import FAULTS, PATIENTS

__all__ = ["diagnosis"]

PRAISE = "All eight. Several curves at once, and a look at the samples: that is how one reads a training."


def diagnosis(function) -> Verdict:
    """Judge `function() -> {"A": fault, …, "H": fault}`, the faults being the keys of `failures.FAULTS`.

    Letters may be left out, or empty. What is wrong gets a hint where to look.
    """
    try:
        answer = function()
    except NotImplementedError:
        return Verdict("untouched")
    except Exception as error:  # as in `Exercise`: words, not a traceback
        return Verdict("wrong", f"Your function stopped with {type(error).__name__}: {error}")
    if answer is None or answer is ...:
        return Verdict("untouched")
    if not isinstance(answer, Mapping):
        return Verdict(
            "wrong", f"A dictionary from letters to faults is wanted, and {type(answer).__name__} came back."
        )
    given = {str(letter).strip().upper(): _word(value) for letter, value in answer.items()}
    return _judge({letter: word for letter, word in given.items() if word})


def _word(value: Any) -> str:
    """A fault as it is written in the list; nothing for a place left open."""
    return "" if value is None or value is ... else str(value).strip().lower().replace("’", "'")


def _judge(given: Mapping[str, str]) -> Verdict:
    if not given:
        return Verdict("untouched")
    strange = [f"there is no patient {letter!r}" for letter in given if letter not in PATIENTS]
    strange += [f"{word!r} is not in the list of faults" for word in given.values() if word not in FAULTS]
    if strange:
        return Verdict("wrong", "; ".join(strange) + ".")
    right = [letter for letter in PATIENTS if given.get(letter) == PATIENTS[letter]]
    if len(right) == len(PATIENTS):
        return Verdict("right", PRAISE)
    lines = [f"Right so far: {', '.join(right) or 'none'}."]
    lines += [
        f"{letter}: {FAULTS[PATIENTS[letter]].look}" for letter in PATIENTS if letter in given and letter not in right
    ]
    return Verdict("wrong", "\n".join(lines))
