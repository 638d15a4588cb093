"""Your own picture: paint or upload one, translate it, and see what comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from coursekit.data import horses, photographs
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import diverging, picture
from coursekit.explore.parts.held import runs_on
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.parts.ways import ways
from coursekit.explore.widget.controls import Choice, Control, Slider, State, Toggle
from coursekit.explore.widget.palette import Palette
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.explore.widget.upload import Upload

LARGE, SMALL, SPAN = 192, 96, 0.6  # CSS pixels of a picture; the difference that has the full colour
PAINTS = {"black": "#17150f", "white": "#f6f3ea", "brown": "#6b3a1c", "chestnut": "#b5652a", "sand": "#dcae74",
          "green": "#7a9a4f", "blue": "#8db3dc", "red earth": "#a8583c"}  # fmt: skip
GREYS = {"black": "#0a0a0a", "dark grey": "#484848", "grey": "#868686", "light grey": "#c0c0c0", "white": "#f8f8f8"}
FOURTH = ("of the translation", "of the way back")


class Seen(NamedTuple):
    """The pictures of a state, [C, H, W] each, and what is wrong with the reader's file, "" if nothing is."""

    start: Tensor
    made: Tensor
    back: Tensor
    wrong: str


class OwnPicture(Explorer):
    """x → F(x) → G(F(x)) for a picture that the reader paints on, or brings from the disk.

    `translators`: as for `TranslateLive`; `size`: the pixels of their pictures; `grey`: whether these have one channel.
    `kinds`: what is in domains a and b. `examples` [n, C, size, size] to begin with; without any, horses, zebras and an
    empty landscape. `picture`: a file that stands before them.

    A file becomes what the translators take as `data.photographs` does it: turned upright, in colour or grey, over
    white where it is transparent, its middle square resized. Raises ValueError for examples of another shape, and for a
    `picture` that cannot be read (the file is named); what is wrong with an uploaded file is said below the pictures.
    """

    title = "Your own picture: paint or bring one, and translate it"

    def __init__(self, translators: Any, *, size: int = 64, grey: bool = False,
                 kinds: tuple[str, str] = ("horse", "zebra"), examples: Tensor | None = None,
                 picture: str | Path | None = None) -> None:
        super().__init__()
        self.ways, self.size, self.grey, self.kinds = ways(translators), size, grey, kinds
        self.examples = self._examples(examples, picture)
        self.device = runs_on([way.holder for way in self.ways.values()], self.examples)
        paints = GREYS if grey else PAINTS
        self.paint = Palette("painted", shape=(size, size), brush=max(2, size // 14), label="paint on it",
                             help="colours that lie on the first picture", colours=tuple(paints.values()),
                             names=tuple(paints))
        self.controls = self._controls()
        self.panels = Panel("", LARGE), Panel("", LARGE), Panel("", SMALL), Panel("", SMALL, below=True)
        self.sheet_columns = 2
        self._last: tuple[State, Seen] | None = None
        self.alt = (
            "Four times a picture, its translation, the way there and back, and a difference in blue and orange: of a "
            "picture as it is given, with a patch painted on it, of another picture, and in the other direction"
        )

    def _examples(self, given: Tensor | None, file: str | Path | None) -> Tensor:
        shown = world(self.size, self.grey) if given is None else given
        check_images(shown)
        wanted = [1 if self.grey else 3, self.size, self.size]
        if list(shown.shape[1:]) != wanted:
            raise ValueError(f"examples: want [n, {', '.join(map(str, wanted))}], got {list(shown.shape)}")
        if file is None:
            return shown
        return torch.cat([photographs.decode_all([Path(file)], size=self.size, grey=self.grey).to(shown), shown])

    def _controls(self) -> tuple[Control, ...]:
        which = Slider("example", low=1, high=max(2, len(self.examples)), step=1, value=1, label="picture",
                       help="which picture to begin with", pick=thumbs(self.examples))
        own = Upload("file", label="or your own", side=2 * self.size, afresh=("example",),
                     help="a picture from your disk; its middle square is taken, and stays on this machine")
        by = Choice("by", options=tuple(self.ways), label="translator", help="who translates")
        back = Toggle("from_b", label=f"start from a {self.kinds[1]}", help="the other direction")
        fourth = Choice("fourth", options=FOURTH, label="difference",
                        help="what the fourth picture shows; blue: darker than it was, orange: brighter")
        return (*((which,) if len(self.examples) > 1 else ()), own, self.paint,
                *((by,) if len(self.ways) > 1 else ()), back, fourth)

    # --- what a state shows

    def given(self, state: State) -> tuple[Tensor, str]:
        """The picture before anything is painted on it, [C, H, W], and what is wrong with the reader's file."""
        example = self.examples[state.get("example", 1) - 1]
        if not state["file"]:
            return example, ""
        try:
            own = photographs.decoded(Upload.content(state["file"]), size=self.size, grey=self.grey)
        except ValueError as error:
            return example, str(error)
        return own.to(example), ""

    def seen(self, state: State) -> Seen:
        """All pictures of a state; the last ones stay."""
        bare = {name: value for name, value in state.items() if name != "fourth"}
        if self._last is None or self._last[0] != bare:
            self._last = bare, self._seen(state)
        return self._last[1]

    def _seen(self, state: State) -> Seen:
        base, wrong = self.given(state)
        start = self.paint.on(base, state["painted"])
        there, back = self.ways[state.get("by", next(iter(self.ways)))].there_and_back(not state["from_b"])
        made = there(start[None])
        return Seen(start, made[0], back(made)[0], wrong)

    def difference(self, state: State) -> Tensor:
        """What the fourth picture shows, [C, H, W]: the translation or the way back, less the start."""
        seen = self.seen(state)
        return (seen.made if state["fourth"] == FOURTH[0] else seen.back) - seen.start

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        seen = self.seen(state)
        pictures = (picture(x) for x in (seen.start, seen.made, seen.back))
        return *pictures, diverging(self.difference(state).mean(0), SPAN)

    def captions(self, state: State) -> tuple[str, ...]:
        a, f, g = ("y", "G", "F") if state["from_b"] else ("x", "F", "G")
        to = self.kinds[0 if state["from_b"] else 1]
        minus = f"{f}({a}) − {a}" if state["fourth"] == FOURTH[0] else f"{g}({f}({a})) − {a}"
        whose = "your picture" if state["file"] and not self.seen(state).wrong else "the picture"
        names = f"{a}: {whose}; paint on it", f"{f}({a}): as a {to}", f"{g}({f}({a})): back"
        return *names, minus

    def readout(self, state: State) -> str:
        seen = self.seen(state)
        if seen.wrong:
            return f"your file: {seen.wrong}"
        changed, missed = (float((x - seen.start).square().mean().sqrt()) for x in (seen.made, seen.back))
        share = self.paint.mask(state["painted"]).float().mean().item()
        painted = f" · {100 * share:.0f} % painted" if share else ""
        return f"the translation changes a number by {changed:.3f}, there and back by {missed:.3f} (r.m.s.){painted}"

    # --- what is shown before anything is touched

    def contact_states(self) -> list[tuple[str, State]]:
        numbers = torch.zeros(self.size, self.size, dtype=torch.long)
        quarter = self.size // 4
        numbers[quarter : 2 * quarter, quarter : 2 * quarter] = 2
        last = {"example": len(self.examples)} if len(self.examples) > 1 else {}
        return [
            ("as it is", self.state()),
            (f"a patch of {self.paint.names[1]}", self.state(painted=self.paint.of(numbers))),
            ("another picture", self.state(**last, fourth=FOURTH[1])),
            (f"taken for a {self.kinds[1]}", self.state(from_b=True)),
        ]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn, start = super().surprise(generator), self.state()
        return {**drawn, **{name: start[name] for name in ("file", "by", "fourth") if name in start}}


def world(size: int, grey: bool) -> Tensor:
    """Horses, zebras and an empty landscape, [7, C, size, size]."""
    a, b = horses.horses(3, size=size, seed=7), horses.zebras(3, size=size, seed=8)
    assert a.factors is not None
    images = torch.cat([a.images, b.images, horses.landscape(a.factors[:1], size)])
    return images.mean(1, keepdim=True) if grey else images
