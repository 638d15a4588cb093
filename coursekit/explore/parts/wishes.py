"""What a conditional model can be asked for: a switch for each attribute, or one for the class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from coursekit.explore.widget.controls import Choice, State, words

NOTHING, SAME, WITH, WITHOUT = "not asked", "as it is", "with", "without"
SIGNS = {NOTHING: 0.0, SAME: 0.0, WITH: 1.0, WITHOUT: -1.0}
RIVALS = {"glasses": "sunglasses", "sunglasses": "glasses"}  # nobody wears both
GROUP = "what is asked for"


class Wishes:
    """Switches, and the condition [k] that they stand for: zeros where nothing is asked.

    `attributes`: their names; 1 with it, −1 without, 0 for `nothing`, a word. Or `classes`: their names; one-hot.
    `asked` {name: word}: where the switches stand at first. Raises ValueError for both kinds, for other words, and if
    the model's net is told another number of them.
    """

    def __init__(self, attributes: Sequence[str] = (), classes: Sequence[str] = (), *, model: Any = None,
                 asked: Mapping[str, str] | None = None, nothing: str = NOTHING) -> None:
        if attributes and classes:
            raise ValueError("attributes, classes: want one of the two, got both")
        self.attributes, self.classes, self.nothing = tuple(attributes), tuple(classes), nothing
        told = getattr(getattr(getattr(model, "net", None), "embedding", None), "condition", len(self))
        if len(self) not in (0, told):
            raise ValueError(f"attributes, classes: want {told} names, as the net is told {told}, got {len(self)}")
        self.controls = tuple(self._switch(name, (asked or {}).get(name, nothing)) for name in self.attributes)
        if self.classes:
            self.controls = (Choice("class", options=(nothing, *self.classes), group=GROUP, help="which class"),)

    def _switch(self, name: str, word: str) -> Choice:
        label = words(name)
        return Choice(key(name), options=(self.nothing, WITH, WITHOUT), value=word, label=label, group=GROUP,
                      help=f"{self.nothing}, with or without {label}")

    def __len__(self) -> int:
        return len(self.attributes) + len(self.classes)

    def of(self, state: State) -> tuple[float, ...]:
        """The condition of a state, k numbers; none at all if nothing is asked for."""
        asked = [SIGNS[state[key(name)]] for name in self.attributes]
        asked += [float(state["class"] == name) for name in self.classes]
        return tuple(asked) if any(asked) else ()

    def told(self, state: State) -> str:
        """The wishes in words: "with glasses and beard, without long hair"; "" if there are none."""
        if self.classes:
            return "" if state["class"] == self.nothing else f"class {state['class']}"
        said = {word: [words(name) for name in self.attributes if state[key(name)] == word] for word in (WITH, WITHOUT)}
        return ", ".join(f"{word} {' and '.join(names)}" for word, names in said.items() if names)


def key(name: str) -> str:
    """The control's name for an attribute."""
    return name.replace(" ", "_")


def question(attributes: Sequence[str]) -> dict[str, str]:
    """A question about all of them: with the first and the last, if they go together, and without the others."""
    ends = {attributes[0], attributes[-1]}
    ends -= {RIVALS[name] for name in attributes[:1] if name in RIVALS}
    return {name: WITH if name in ends else WITHOUT for name in attributes}


def condition(asked: Sequence[float]) -> Tensor | None:
    """What a model is told, [k]; None if nothing is asked for."""
    return torch.tensor(asked) if len(asked) else None


def obeyed(chances: Tensor, asked: Sequence[float]) -> float:
    """The mean chance that a picture shows what is asked for, of chances [n, k] of the attributes; 1 if nothing is."""
    wanted = torch.tensor(asked)
    if not wanted.any():
        return 1.0
    right = torch.where(wanted > 0, chances.cpu(), 1 - chances.cpu())
    return right[:, wanted != 0].mean().item()
