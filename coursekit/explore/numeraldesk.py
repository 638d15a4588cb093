"""The writer's desk: every factor of a numeral under the reader's hand, the way the pen takes, and what a net reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.data import numerals
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import FINE, Pen, picture
from coursekit.explore.parts.held import held
from coursekit.explore.parts.inks import inks
from coursekit.explore.widget.controls import Control, Slider, State
from coursekit.explore.widget.panel import Panel, Picture

Reader = Callable[[Tensor], Tensor]

EDGE = 560  # pixels of the drawing of the pen's way
BARS = (560, 190)
GROUPS = {"hand": "the hand", "bend": "habits of this way of writing", "drift": "the hand strays"}
EXAMPLES: tuple[tuple[str, int, dict[str, float]], ...] = (
    ("a 2, all factors 0", 2, {}),
    ("a fine pen, leaning", 2, {"pen": -0.9, "slant": 0.8}),
    ("another way: a loop", 2, {"way": 1.0}),
    ("bend 3: a larger loop", 2, {"way": 1.0, "bend_3": 1.0}),
    ("wide, with a broad pen", 2, {"way": 2.0, "width": 0.9, "pen": 0.8}),
    ("the hand strays", 2, {"way": 1.0, "drift_x1": -2.5, "drift_x3": 2.5, "drift_y2": 2.5}),
)


class NumeralDesk(Explorer):
    """Each of the 20 factors h a control, and the digit and its way of writing: x = featureMap(digit, h).

    `reader`: images [n, 1, 28, 28] → chances of the ten digits [n, 10], of a model a frozen copy; without one there are
    no bars. A digit with fewer ways of writing than the slider has takes its last.
    """

    title = "Writer’s desk: a digit, a way of writing, and 19 numbers"
    alt = (
        "Six twos, each as 28 by 28 pixels and as the way that the pen took: with all factors 0; fine and leaning; "
        "with a loop at the foot; with a larger loop; wide and broad; and with a hand that strays"
    )

    def __init__(self, digit: int = 2, *, reader: Reader | None = None) -> None:
        super().__init__()
        self.reader = held(reader) if reader is not None else None
        ways = max(len(numerals.ways(label)) for label in range(10))
        self.controls = (
            Slider("digit", low=0, high=9, step=1, value=digit, group="what", help="which digit is written"),
            Slider("way", low=0, high=ways - 1, step=1, value=0, group="what", help="which way of writing it"),
            *(control(name) for name in numerals.FACTORS if name != "way"),
        )
        bars = (Panel("what a net reads: the chance of each digit", 280, smooth=True, below=True),)
        self.panels = (Panel("28 × 28 pixels", 280), Panel("the pen’s way, blue first", 280, smooth=True),
                       *(bars if self.reader else ()))
        self.sheet_panels = (0, 1)

    def given(self, state: State) -> tuple[Tensor, Tensor]:
        """The digit [1] and the factors [1, 20] of a state."""
        way = min(state["way"], len(numerals.ways(state["digit"])) - 1)
        return torch.tensor([state["digit"]]), numerals.factors(**{**state_of(state), "way": way})

    def chances(self, state: State) -> Tensor:
        """What the reader says of the picture, [10]."""
        assert self.reader is not None
        return self.reader(numerals.render(*self.given(state)))[0].cpu()

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        label, h = self.given(state)
        ends, radius = numerals.written(label, h)
        shown = picture(numerals.render(label, h)[0]), way_of_pen(ends[0].numpy(), float(radius[0]))
        return shown if self.reader is None else (*shown, bars(self.chances(state), state["digit"]))

    def readout(self, state: State) -> str:
        label, h = self.given(state)
        names = numerals.ways(int(label))
        way = int(h[0, numerals.FACTORS.index("way")])
        words = f"a {int(label)}, way {way + 1} of {len(names)}: {names[way]}"
        if self.reader is None:
            return words
        chances = self.chances(state)
        return f"{words} · the net reads a {int(chances.argmax())} ({100 * float(chances.max()):.0f} %)"

    def contact_states(self) -> list[tuple[str, State]]:
        return [(words, self.state(digit=digit, **named)) for words, digit, named in EXAMPLES]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        label = torch.randint(10, (1,), generator=generator)
        h = numerals.sample_factors(label, generator=generator)[0].tolist()
        drawn = dict(zip(numerals.FACTORS, h, strict=True))
        return self.state(digit=int(label), way=int(drawn.pop("way")), **{k: round(v, 2) for k, v in drawn.items()})


def state_of(state: State) -> dict[str, Any]:
    """The factors among a state's controls."""
    return {name: value for name, value in state.items() if name in numerals.FACTORS}


def control(name: str) -> Control:
    """The slider of a factor."""
    low, high = numerals.RANGES[name]
    kind = "hand" if name in numerals.HAND else name.partition("_")[0]
    return Slider(name, low=low, high=high, step=0.01, value=0.0, help=numerals.MEANINGS[name], group=GROUPS[kind])


def way_of_pen(ends: np.ndarray, radius: float) -> Picture:
    """The segments [S, 2, 2] in pixels of 28, in a light trace of the pen, from blue at the start to orange."""
    scale, colours = FINE * EDGE / 28, inks()
    image = Image.new("RGB", (FINE * EDGE, FINE * EDGE), colours.paper)
    draw, places = ImageDraw.Draw(image), ends * scale
    share = np.linspace(0, 1, len(places))[:, None]
    mixed = ((1 - share) * np.array(colours.blue) + share * np.array(colours.orange)).round().astype(int).tolist()
    for segment in places:
        stroke(draw, segment, radius * scale, colours.line)
    for segment, colour in zip(places, mixed, strict=True):
        stroke(draw, segment, 7, tuple(colour))
    draw.circle(tuple(places[0, 0]), 20, colours.blue)
    return np.asarray(image.reduce(FINE))


def stroke(draw: ImageDraw.ImageDraw, segment: np.ndarray, radius: float, colour: tuple[int, ...]) -> None:
    """A segment with round ends."""
    draw.line([tuple(place) for place in segment], colour, round(2 * radius))
    for place in segment:
        draw.circle(tuple(place), radius, colour)


def bars(chances: Tensor, digit: int) -> Picture:
    """The ten chances as bars, the written digit's in colour."""
    colours = inks()
    image = Image.new("RGB", BARS, colours.paper)
    pen, wide, high = Pen(image), BARS[0] / 10, BARS[1] - 52
    for label, chance in enumerate(chances.tolist()):
        left, top = label * wide + 8, 10 + high * (1 - chance)
        image.paste(colours.orange if label == digit else colours.faint,
                    (round(left), round(min(top, 8 + high)), round(left + wide - 16), round(10 + high)))
        pen.text((left + wide / 2 - 8, 16 + high), str(label), colours.ink, 26, "ma")
    return np.asarray(image)
