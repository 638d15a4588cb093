"""The guidance desk: attributes asked of a diffusion model, and how much weight the question has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coursekit.data import faces
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.eyes import Eyes, Reader, variety
from coursekit.explore.parts.held import freeze, place
from coursekit.explore.parts.inks import Colour, inks
from coursekit.explore.parts.known import Ground, Known
from coursekit.explore.parts.letters import listed
from coursekit.explore.parts.row import row
from coursekit.explore.parts.wishes import Wishes, condition, obeyed, question
from coursekit.explore.widget.controls import Slider, State, Stops
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import diffusion

WEIGHTS = (0.0, 1.0, 2.0, 4.0, 6.0)
BRIEF, COLUMNS = 3, 3  # steps of a preview; of the grid
CHART = (480, 420)
LATER = "measured when the hand rests"


class Drawn(NamedTuple):
    """Faces for each of some weights, [n, C, H, W] each; as asked, as various as; nothing measured in a preview."""

    images: Mapping[float, Tensor]
    asked: Mapping[float, float]
    variety: Mapping[float, float]


class GuidanceDesk(Explorer):
    """Samples x ~ p(x | what is asked) with guidance, ε = ε(nothing) + w (ε(asked) − ε(nothing)).

    `model`: a `diffusion.Diffusion` of pictures in [0, 1] whose condition is 1, −1 or 0 (not asked) for each of its
    `attributes`. The same `samples` noises are drawn with each of the `weights` w, so that only the weight differs; all
    weights of a question are drawn when the hand rests, and then the weight moves at once. `asked` {attribute: "with"
    or "without"}: the question at first; unless given, with the first and the last of them.

    `reader`: a `FactorReader`, or images → [n, f + k], factors first, then the chances of the attributes. It measures
    the mean chance of what was asked for, and the variety, the mean distance of two faces in the factors that nobody
    can ask for. Without it there is no chart. Raises ValueError for names that do not fit, or fewer than two weights.
    """

    title = "Guidance desk: how much weight has a question?"

    def __init__(self, model: diffusion.Diffusion, *, attributes: Sequence[str] = faces.ATTRIBUTES,
                 reader: Reader | None = None, weights: Sequence[float] = WEIGHTS, samples: int = 9, steps: int = 4,
                 asked: Mapping[str, str] | None = None, seed: int = 1, title: str | None = None) -> None:
        super().__init__()
        self.title, self.samples, self.steps = title or self.title, samples, steps
        self.device, self.model = str(place(model)), freeze(model, place(model))
        self.eyes = None if reader is None else Eyes(reader, len(attributes))
        self.wishes = Wishes(attributes, model=model, asked=question(attributes) if asked is None else asked)
        self.weights = tuple(float(w) for w in weights)
        self.controls = (
            Stops("weight", stops=self.weights, value=self.weights[min(2, len(weights) - 1)], label="weight w",
                  help="0: the question is not heard; 1: the plain conditional model; more: exaggerated"),
            *self.wishes.controls,
            Slider("seed", low=0, high=999, step=1, value=seed, help="another number, other noises"),
        )
        chart = (Panel("", 310, smooth=True),) if self.eyes else ()
        self.panels = Panel("samples", 300), *chart, Panel("", 628, smooth=True, row=True)
        self.sheet_columns, self.sheet_panels = 2, tuple(range(len(self.panels) - 1))
        self.drawn = Known(self.whole, self.brief)
        self.chart = Ground(self._chart)
        self.alt = self._alt()

    # --- what is drawn

    def key(self, state: State) -> tuple[tuple[float, ...], int]:
        """What all samples of a state hang on, whatever the weight: the question and the seed."""
        return self.wishes.of(state), int(state["seed"])

    def whole(self, asked: tuple[float, ...], seed: int) -> Drawn:
        """The samples for every weight, and what is measured on them."""
        images = {w: self.sample(asked, seed, w, self.steps) for w in self.weights}
        if self.eyes is None:
            return Drawn(images, {}, {})
        seen = {w: self.eyes(x) for w, x in images.items()}
        return Drawn(images, {w: obeyed(s.chances, asked) for w, s in seen.items()},
                     {w: variety(s.factors) for w, s in seen.items()})

    def brief(self, asked: tuple[float, ...], seed: int, weight: float) -> Drawn:
        """The samples for one weight, in few steps."""
        return Drawn({weight: self.sample(asked, seed, weight, BRIEF, diffusion.DDIM())}, {}, {})

    def sample(self, asked: tuple[float, ...], seed: int, weight: float, steps: int,
               sampler: diffusion.Sampler | None = None) -> Tensor:
        """`model.sample` with a generator of that seed; with weight 0 nothing is asked. [n, C, H, W]."""
        told = condition(asked) if weight else None
        return self.model.sample(self.samples, condition=told, weight=weight, steps=steps, sampler=sampler, power=2,
                                 generator=torch.Generator().manual_seed(seed)).cpu()

    def shown(self, state: State, final: bool = False) -> Drawn:
        """What is drawn for a state."""
        return self.drawn(self.key(state), final, (state["weight"],))

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        drawn, w = self.shown(state, final), state["weight"]
        grid = picture(tiled(drawn.images[w], COLUMNS))
        marks = [(w, values[w], colour) for values, colour in self.curves(drawn)]
        chart = (self.chart(drawn).marked(marks),) if self.eyes else ()
        first = next(iter(drawn.images.values()))[0]
        line = [drawn.images[v][0] if v in drawn.images else torch.zeros_like(first) for v in self.weights]
        return grid, *chart, row(line, [f"w = {v:g}" for v in self.weights], self.weights.index(w))

    def curves(self, drawn: Drawn) -> list[tuple[Mapping[float, float], Colour]]:
        """What is measured, with its colours; nothing of a preview."""
        return [(drawn.asked, inks().orange), (drawn.variety, inks().blue)] if drawn.asked else []

    def _chart(self, drawn: Drawn) -> Chart:
        """What was asked for and the variety against the weight."""
        most = 1.25 * max(1.0, *drawn.variety.values(), 0.0)
        chart = Chart(CHART, (self.weights[0], self.weights[-1]), most)
        chart.axes({v: f"{v:g}" for v in self.weights}, "guidance weight w" if drawn.variety else LATER)
        chart.legend({"as asked": inks().orange, "variety": inks().blue})
        for values, colour in self.curves(drawn):
            chart.curve(list(values), list(values.values()), colour, points=True)
        return chart

    # --- words

    def captions(self, state: State) -> tuple[str, ...]:
        chart = ("what a net sees on them",) if self.eyes else ()
        grid = f"{self.samples} faces {self.wishes.told(state) or 'as they come'}, w = {state['weight']:g}"
        return grid, *chart, "the first face at every weight: the same noise"

    def readout(self, state: State) -> str:
        drawn, w = self.shown(state), state["weight"]
        told = self.wishes.told(state) or "nothing asked"
        if not drawn.asked:
            return f"{told}, weight {w:g}"
        base = next(iter(drawn.variety.values()))
        return (f"{told}, weight {w:g}: {100 * drawn.asked[w]:.0f} % as asked, variety {drawn.variety[w]:.2f} "
                f"({100 * drawn.variety[w] / base:.0f} % of that at weight {self.weights[0]:g})")

    def sheet(self) -> bytes:
        drawn = super().sheet()
        self.alt = self._alt(self.shown(self.contact_states()[0][1]))
        return drawn

    def _alt(self, drawn: Drawn | None = None) -> str:
        """In words what the sheet shows, with numbers once they are measured."""
        told, weights = self.wishes.told(self.state()), listed(self.weights, 0)
        words = f"{self.samples} faces from the same noises with four weights of guidance; asked for: {told}"
        if drawn is None or not drawn.asked:
            return words
        shares, spread = (listed(list(values.values())) for values in (drawn.asked, drawn.variety))
        return f"{words}. In a chart, at the weights {weights}: as asked {shares}, variety {spread}"

    def contact_states(self) -> list[tuple[str, State]]:
        n = len(self.weights)
        chosen = sorted({0, 1, min(2, n - 1), n - 1})
        return [(f"weight {self.weights[i]:g}", self.state(weight=self.weights[i])) for i in chosen]
