"""The writer's desk: every factor of a numeral under the reader's hand, the pen's path, and what a net reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.data import numerals
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import FINE, Pen, picture
from coursekit.explore.parts.held import held, runs_on
from coursekit.explore.parts.inks import inks
from coursekit.explore.widget.controls import Control, Slider, State
from coursekit.explore.widget.panel import Panel, Picture

Reader = Callable[[Tensor], Tensor]

EDGE = 560  # pixels of the drawing of the pen's path
BARS, TOP, FOOT, GAP = (572, 120), 8, 26, 8  # of the drawing of chances; above bars, below them, beside each
GROUPS = {"hand": "the hand", "bend": "habits within this way of writing", "drift": "the hand strays"}
EXAMPLES: tuple[tuple[str, int, dict[str, float]], ...] = (
    ("a 2, all factors 0", 2, {}),
    ("a fine pen, leaning", 2, {"pen": -0.9, "slant": 0.8}),
    ("another way: a loop", 2, {"way": 1.0}),
    ("bend 3: a larger loop", 2, {"way": 1.0, "bend_3": 1.0}),
    ("flat and wide, a broad pen", 2, {"way": 2.0, "width": 0.9, "pen": 0.8}),
    ("the hand strays", 2, {"way": 1.0, "drift_x1": -2.5, "drift_x3": 2.5, "drift_y2": 2.5}),
)


class NumeralDesk(Explorer):
    """A control for the digit and for each of its 20 factors h, of which one is the way: x = featureMap(digit, h).

    `reader`: images [n, 1, 28, 28] → chances of the ten digits [n, 10], of a model a frozen copy; without one there are
    no bars. A digit with fewer ways of writing than the slider has takes its last.
    """

    title = "Writer’s desk: a digit, a way of writing, and 19 numbers"
    alt = (
        "Six twos, each as 28 by 28 pixels and as the path that the pen took: with all factors 0; fine and leaning; "
        "with a loop at the foot; with a larger loop; flat, wide and broad; and with a hand that strays"
    )

    def __init__(self, digit: int = 2, *, reader: Reader | None = None) -> None:
        super().__init__()
        self.reader = held(reader) if reader is not None else None
        self.device = runs_on([self.reader] if self.reader else [], torch.empty(0))
        ways = max(len(numerals.ways(label)) for label in range(10))
        self.controls = (
            Slider("digit", low=0, high=9, step=1, value=digit, group="what is written", help="which digit"),
            Slider("way", low=0, high=ways - 1, step=1, value=0, group="what is written",
                   help="which way of writing it; a digit that has fewer ways takes its last"),
            *(control(name) for name in numerals.FACTORS if name != "way"),
        )
        written = Panel("28 × 28 pixels", 280), Panel("the pen’s path, blue first", 280, smooth=True)
        read = Panel("what a net reads: each digit’s chance, the written one’s in orange", 572, smooth=True, row=True)
        self.panels = (*written, read) if self.reader else written
        self.sheet_panels = (0, 1)

    def given(self, state: State) -> tuple[Tensor, Tensor]:
        """The digit [1] and the factors [1, 20] of a state."""
        named = {name: state[name] for name in numerals.FACTORS}
        named["way"] = min(named["way"], len(numerals.ways(state["digit"])) - 1)
        return torch.tensor([state["digit"]]), numerals.factors(**named)

    def chances(self, state: State) -> Tensor:
        """What the reader says of the picture, [10]."""
        assert self.reader is not None
        return self.reader(numerals.render(*self.given(state)))[0].cpu()

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        label, h = self.given(state)
        ends, radius = numerals.written(label, h)
        shown = picture(numerals.render(label, h)[0]), path_of_pen(ends[0].numpy(), float(radius[0]))
        return shown if self.reader is None else (*shown, bars(self.chances(state), state["digit"]))

    def readout(self, state: State) -> str:
        label, h = self.given(state)
        names = numerals.ways(int(label))
        way = int(h[0, numerals.FACTORS.index("way")])
        words = f"{a_digit(int(label))}, way {way}: {names[way]}"
        if way < state["way"]:
            words += f" (there is no way {state['way']})"
        if self.reader is None:
            return words
        chances = self.chances(state)
        return f"{words} · the net reads {a_digit(int(chances.argmax()))} ({100 * float(chances.max()):.0f} %)"

    def contact_states(self) -> list[tuple[str, State]]:
        return [(words, self.state(digit=digit, **named)) for words, digit, named in EXAMPLES]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        label = torch.randint(10, (1,), generator=generator)
        h = numerals.sample_factors(label, generator=generator)[0].tolist()
        drawn = dict(zip(numerals.FACTORS, h, strict=True))
        return self.state(digit=int(label), way=int(drawn.pop("way")), **{k: round(v, 2) for k, v in drawn.items()})


def a_digit(digit: int) -> str:
    """The digit with its article: a 7, an 8."""
    return f"{'an' if digit == 8 else 'a'} {digit}"


def control(name: str) -> Control:
    """The slider of a factor."""
    low, high = numerals.RANGES[name]
    kind = "hand" if name in numerals.HAND else name.partition("_")[0]
    return Slider(name, low=low, high=high, step=0.01, value=0.0, help=numerals.MEANINGS[name], group=GROUPS[kind])


def path_of_pen(ends: np.ndarray, radius: float) -> Picture:
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
    pen, wide, foot = Pen(image), BARS[0] / 10, BARS[1] - FOOT
    for label, chance in enumerate(chances.tolist()):
        left, tall = label * wide, max(2, (foot - TOP) * chance)  # a line where there is no chance
        image.paste(colours.orange if label == digit else colours.faint,
                    (round(left + GAP), round(foot - tall), round(left + wide - GAP), foot))
        pen.text((left + wide / 2, foot + 5), str(label), colours.ink, 16, "ma")
    return np.asarray(image)
