"""Arithmetic with faces: what A has and B has not, given to C, in pixels and in codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.coder import PIXELS, coders
from coursekit.explore.parts.equation import STAGE, Term, equation
from coursekit.explore.parts.held import runs_on
from coursekit.explore.parts.verdicts import WAIT, Judge, Memory, Verdicts, in_unit_range, results_in
from coursekit.explore.widget.controls import Choice, State, words
from coursekit.explore.widget.panel import Panel, Picture

LETTERS, SIGNS = "ABC", ("", "−", "+")
Reader = Callable[[Tensor], Mapping[str, Any]]  # images [n, C, H, W] → {attribute: probabilities [n]}


class Arithmetic(Explorer):
    """g_d(g_e(A) − g_e(B) + g_e(C)) for each model, beside A − B + C of pixels.

    `models`: {"autoencoder": (encode, decode), "VAE": …}, encode [n, C, H, W] → codes [n, K] or a distribution over
    them, decode back. `images` [n, C, H, W] and their `names`, all different: what A, B and C can be; untouched
    they are the first three. `judge` [n, C, H, W] → distances to the manifold [n]; at most `threshold` is "a face".
    `reads` [n, C, H, W] → {attribute: probabilities [n]}, said below each result, "glasses 99 %, beard no". Both are
    asked when the hand rests. Source of such sums with images: Radford, Metz & Chintala (2016).

    Raises ValueError for fewer than 2 images, or names that are not one for each, all different.
    """

    title = "Arithmetic with faces: A − B + C"

    def __init__(self, models: Mapping[str, Any], images: Tensor, names: Sequence[str], *, judge: Judge | None = None,
                 threshold: float = 0.05, reads: Reader | None = None) -> None:
        super().__init__()
        check_images(images)
        if len(images) < 2 or len(names) != len(images) or len(set(names)) != len(names):
            raise ValueError(f"images, names: want 2 or more, a different name for each, got {len(images)} and {names}")
        self.images, self.names = images, tuple(names)
        self.models, self.verdicts, self.reads = coders(models), Verdicts(judge, threshold), reads
        self.bases: dict[str, Tensor] = {PIXELS: images}
        self.bases |= {name: coder.codes(images) for name, coder in self.models.items()}  # [n, K]
        self._read: Memory[list[str]] = Memory()
        self.device = runs_on((coder.decode for coder in self.models.values()), images)
        self.controls = tuple(self._picker(order, letter) for order, letter in enumerate(LETTERS))
        self.panels = (Panel("", STAGE, True), *results_in(STAGE, ("pixel sum", *self.models)))
        self.sheet_columns = 2
        self.alt = (
            f"{self._labelled(*self.picks(self.state()))[0]} and other sums of three faces, with what comes out: in "
            "pixels the three shine through each other, decoded from a sum of codes there is one face"
        )

    def _picker(self, order: int, letter: str) -> Choice:
        helps = ("has what is wanted", "is like A without it", "is to get it")
        start = self.names[min(order, len(self.names) - 1)]
        return Choice(letter.lower(), options=self.names, value=start, label=f"{SIGNS[order]} {letter}".strip(),
                      help=f"face {letter} {helps[order]}", group="A − B + C")

    def picks(self, state: State) -> list[int]:
        """Positions of A, B and C."""
        return [self.names.index(state[letter.lower()]) for letter in LETTERS]

    def results(self, state: State) -> list[Tensor]:
        """The pictures [C, H, W]: of pixels, and decoded by each model."""
        a, b, c = self.picks(state)
        sums = {way: base[a] - base[b] + base[c] for way, base in self.bases.items()}
        return [sums[PIXELS], *(coder.picture(sums[name]) for name, coder in self.models.items())]

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        results = self.results(state)
        if final:
            self._measure(state, results)
        rows = zip(SIGNS, LETTERS, self.picks(state), strict=True)
        terms = [Term(sign, letter, self.images[i], self.names[i]) for sign, letter, i in rows]
        return equation(terms), *self.verdicts.framed(state, results)

    def _measure(self, state: State, results: Sequence[Tensor]) -> None:
        reads = self.reads
        self.verdicts.measure(state, results)
        if reads is not None:
            self._read.ask(state, lambda: readings(reads, results))

    def captions(self, state: State) -> tuple[str, ...]:
        strip, *names = (panel.caption for panel in self.panels)
        said = self.verdicts.captions(state, names)
        if self.reads is not None:
            known = self._read.known(state) or [WAIT] * len(names)
            said = [f"{line}\n{read}" for line, read in zip(said, known, strict=True)]
        return strip, *said

    def readout(self, state: State) -> str:
        a, b, c = (state[letter.lower()] for letter in LETTERS)
        meaning = "nothing is added to C" if a == b else "what A has and B has not, given to C"
        return f"{a} − {b} + {c}: {meaning}{self.verdicts.legend()}"

    def contact_states(self) -> list[tuple[str, State]]:
        other = min(3, len(self.names) - 1)
        chosen = dict.fromkeys([tuple(self.picks(self.state())), (1, 0, other), (0, 1, 1), (0, 0, other)])
        return [self._labelled(*picks) for picks in chosen]

    def _labelled(self, *picks: int) -> tuple[str, State]:
        a, b, c = (self.names[i] for i in picks)
        return f"{a} − {b} + {c}", self.state(a=a, b=b, c=c)

    def surprise(self, generator: torch.Generator | None = None) -> State:
        order = torch.randperm(len(self.names), generator=generator).tolist()
        return self._labelled(*(order[i % len(order)] for i in range(3)))[1]


def readings(reads: Reader, images: Sequence[Tensor]) -> list[str]:
    """What is read off each picture, "glasses 99 %, beard no"; ValueError unless it is one number for each."""
    found = {name: torch.as_tensor(p, dtype=torch.float64) for name, p in reads(in_unit_range(images)).items()}
    for name, p in found.items():
        if p.shape != (len(images),):
            raise ValueError(f"reads: want a probability of {name!r} for each of {len(images)}, got {list(p.shape)}")
    return [", ".join(f"{words(name)} {chance(p[i].item())}" for name, p in found.items()) for i in range(len(images))]


def chance(probability: float) -> str:
    """A probability in words: "no" below 5 %."""
    return "no" if probability < 0.05 else f"{100 * min(probability, 1.0):.0f} %"
