"""The moves of a game as a control: how many of which kind, in their order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch

from coursekit.explore.widget.controls import Control


@dataclass(frozen=True)
class Moves(Control):
    """The moves of a game, in the order in which they are made: buttons that add some, one that runs, one that clears.

    The value says how many of which kind, "40D1G200R"; "" before the first. `buttons`: moves and words for each.
    `run`: the moves that running adds for each picture, `fps` times a second at most. `most`: how many there may be.
    `afresh`: the names of controls; when a hand moves one of them, the game is to start again.
    """

    value: str = ""
    buttons: tuple[tuple[str, str], ...] = (("1D", "D"), ("1G", "G"))
    run: str = "1D1G"
    fps: float = 30.0
    most: int = 2000
    afresh: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.buttons or self.most < 1 or self.fps <= 0:
            raise ValueError(f"moves {self.name!r}: wants buttons, most >= 1 and fps > 0, got {self}")
        for given in (self.value, self.run, *(moves for moves, _ in self.buttons)):
            self.check(given)

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"([1-9]\d{0,8}[A-Z])*", value):
            raise ValueError(f"{self.name} = {value!r}: wants numbers, each with a letter, such as 40D1G")
        if sum(count for count, _ in runs(value)) > self.most:
            raise ValueError(f"{self.name} = {value!r}: wants at most {self.most} moves")
        return "".join(f"{count}{kind}" for count, kind in runs(value))

    def draw(self, generator: torch.Generator | None = None) -> str:
        """Up to eight times what running adds."""
        times = 1 + int(torch.randint(8, (), generator=generator))
        moves = sum(count for count, _ in runs(self.run))
        return self.check(self.run * min(times, self.most // moves))


def runs(value: str) -> list[tuple[int, str]]:
    """(count, kind) of moves, "40D1G" → [(40, "D"), (1, "G")]; neighbours of one kind are counted together."""
    found: list[tuple[int, str]] = []
    for count, kind in re.findall(r"(\d+)([A-Z])", value):
        before = found.pop()[0] if found and found[-1][1] == kind else 0
        found.append((before + int(count), kind))
    return found
