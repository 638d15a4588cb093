"""Translate live: a horse that the reader turns and moves, its zebra, the way back, and the zebra that is true."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.data import horses
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts import readings
from coursekit.explore.parts.animal import animal, factors_of, stripes, stripes_of
from coursekit.explore.parts.draw import Pen, picture
from coursekit.explore.parts.held import held, runs_on
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.row import row
from coursekit.explore.parts.ways import ways
from coursekit.explore.widget.controls import Choice, Control, State, Toggle
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.metrics import masked_error
from coursekit.models.horse_reader import Reading

STAGE, ONE = 640, 148  # CSS pixels of the rows, and of a picture in the first of them
KINDS = {"a": "horse", "b": "zebra"}
Read = Callable[..., Any]  # pictures → Reading
Kept = dict[str, Any]


class Seen(NamedTuple):
    """The pictures of a state, [C, H, W] each: where it starts, what is true, every translation, the way back."""

    start: Tensor
    truth: Tensor
    made: list[Tensor]
    back: Tensor
    factors: Tensor
    reading: Reading | None


class TranslateLive(Explorer):
    """x → F(x) → G(F(x)) for a horse x whose every factor the reader moves, beside the zebra that is true.

    `translators`: a `Translator`, a pair of functions (horses → zebras, zebras → horses) of images [n, 3, size, size],
    or several of them by name: a choice switches between them, and a row shows the translations of all. `size`: of the
    pictures in pixels. The other direction starts from a zebra with its three sliders. The truth is
    `data.horses.render` of the same factors; of its zebra only the stripes are free.

    `reader` (`HorseReader.read`): what it reads on the translation is drawn against what it reads on the truth, and
    told in words; and what the other domain does not show (a horse's coat; the stripes' width and tint), read on the
    way back against the start. A factor is kept if the two are at most 0.3 apart (it goes from −1 to 1).
    """

    title = "Translate live: move the horse, its zebra follows"

    def __init__(self, translators: Any, *, size: int = 32, reader: Read | None = None) -> None:
        super().__init__()
        self.ways, self.size = ways(translators), size
        self.reader = None if reader is None else held(reader)
        self.device = runs_on([way.holder for way in self.ways.values()], torch.empty(0))
        self.controls = self._controls()
        self.panels = self._panels()
        self.sheet_panels, self.sheet_columns = (0, 1, 2, 3), 2
        self._last: tuple[Kept, Seen] | None = None
        self.land = lru_cache(maxsize=1)(horses.silhouette)
        third = "the first horse translated by another model" if len(self.ways) > 1 else "a grazing horse at dusk"
        self.alt = (
            "Four times a picture, its translation, the way back, and the hidden truth: of a rendered horse; of the "
            f"same horse looking the other way; of {third}; and of a zebra that is to become a horse"
        )

    def _controls(self) -> tuple[Control, ...]:
        by = Choice("by", options=tuple(self.ways), label="translator", help="who translates", group="translation")
        back = Toggle("from_zebra", label="start from a zebra", group="translation", help="the other direction")
        truth = Toggle("truth", value=True, label="show the hidden truth", group="what no model is told",
                       help="the picture that really belongs to the first: no model was trained on such pairs")
        return (*((by,) if len(self.ways) > 1 else ()), back, *animal(), *stripes(), truth)

    def _panels(self) -> tuple[Panel, ...]:
        words = "ring: read on the truth; dot: on the translation, orange if lost"
        every = Panel("all translators", STAGE, smooth=True, row=True)
        chart = Panel(f"{words}; ↩: on the start, on the way back", STAGE, smooth=True, row=True)
        rows = (*((every,) if len(self.ways) > 1 else ()), *((chart,) if self.reader else ()))
        return *(Panel("", ONE) for _ in range(4)), *rows

    # --- what a state shows

    def chosen(self, state: State) -> str:
        """The name of the translator."""
        return str(state.get("by", next(iter(self.ways))))

    def truths(self, state: State) -> tuple[Tensor, Tensor]:
        """The state's horse and its zebra, [1, 3, size, size] each."""
        h = factors_of(state)
        return horses.render(h, self.size), horses.render(h, self.size, stripes=stripes_of(state, h))

    def seen(self, state: State) -> Seen:
        """All pictures of a state; the last ones stay."""
        bare = {name: value for name, value in state.items() if name != "truth"}
        if self._last is None or self._last[0] != bare:
            self._last = bare, self._seen(state)
        return self._last[1]

    def _seen(self, state: State) -> Seen:
        start, truth = self.truths(state)[:: -1 if state["from_zebra"] else 1]
        there, back = self.ways[self.chosen(state)].there_and_back(not state["from_zebra"])
        made = there(start)
        again = back(made)
        every = [self._by(name, start, state, made) for name in self.ways]
        return Seen(start[0], truth[0], every, again[0], factors_of(state), self._read(made, truth, again, start))

    def _read(self, *pictures: Tensor) -> Any:
        """What the reader says of them, if there is one."""
        return None if self.reader is None else self.reader(torch.cat(pictures).clamp(0, 1))

    def _by(self, name: str, start: Tensor, state: State, made: Tensor) -> Tensor:
        """One translator's picture, [C, H, W]."""
        if name == self.chosen(state):
            return made[0]
        return self.ways[name].there_and_back(not state["from_zebra"])[0](start)[0]

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        seen, at = self.seen(state), list(self.ways).index(self.chosen(state))
        truth = picture(seen.truth) if state["truth"] else covered(self.size)
        shown = (picture(seen.start), picture(seen.made[at]), picture(seen.back), truth)
        every = (row(seen.made, list(self.ways), at),) if len(self.ways) > 1 else ()
        chart = () if seen.reading is None else (readings.drawn(readings.columns(seen.reading, side(state))),)
        return *shown, *every, *chart

    def captions(self, state: State) -> tuple[str, ...]:
        a = "y" if state["from_zebra"] else "x"
        f, g = ("F", "G")[:: -1 if state["from_zebra"] else 1]
        to, start = KINDS[side(state)], KINDS["b" if side(state) == "a" else "a"]
        off = rms(self.seen(state).back - self.seen(state).start)
        rest = (panel.caption for panel in self.panels[4:])
        return f"{a}: a {start}", f"{f}({a}): as a {to}", f"{g}({f}({a})): {off:.2f} off", f"its true {to}", *rest

    def readout(self, state: State) -> str:
        seen, at = self.seen(state), list(self.ways).index(self.chosen(state))
        outside = (self.land(seen.factors, self.size) == 0).to(seen.start)
        off = masked_error(seen.made[at][None].to(seen.truth), seen.truth[None], outside) ** 0.5
        back = rms(seen.back - seen.start)
        words = f"the landscape is {off:.2f} off the truth’s, the way back {back:.2f} off the start"
        if seen.reading is None:
            return words
        read = readings.columns(seen.reading, side(state))
        return f"{readings.told(seen.reading, read, side(state))} · {words}"

    # --- what is shown before anything is touched

    def contact_states(self) -> list[tuple[str, State]]:
        pose: Kept = {"gait": 0.8, "neck": 0.5, "tail": 0.6, "coat": 0.3, "sky": 0.7, "ground": 0.6, "light": 0.5}
        other = list(self.ways)[-1]
        low = self.state(neck=-0.8, gait=-0.5, coat=-0.6, sky=-0.8, ground=-0.7)
        third = (other, self.state(**pose, by=other)) if len(self.ways) > 1 else ("at dusk, grazing", low)
        name = f"{next(iter(self.ways))}: " if len(self.ways) > 1 else ""
        return [(f"{name}a horse", self.state(**pose)), (f"{name}looking left", self.state(**pose, left=True)), third,
                (f"{name}from a zebra", self.state(**pose, from_zebra=True))]  # fmt: skip

    def surprise(self, generator: torch.Generator | None = None) -> State:
        start = self.state()
        return {**super().surprise(generator), **{name: start[name] for name in ("by", "truth") if name in start}}


def side(state: State) -> str:
    """The domain that a state translates to."""
    return "a" if state["from_zebra"] else "b"


def rms(difference: Tensor) -> float:
    """The root mean square."""
    return float(difference.float().square().mean().sqrt())


def covered(size: int) -> Picture:
    """What stands where the truth is hidden."""
    side = max(64, size)
    pen = Pen(Image.new("RGB", (side, side), inks().line))
    pen.text((side / 2, side / 2), "?", inks().words, side // 2, "mm")
    return np.asarray(pen.image)
