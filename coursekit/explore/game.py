"""The adversarial game in the plane, move by move: generated points learn a shape from a critic that learns them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.data import toy
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.inks import Inks, inks
from coursekit.explore.parts.letters import minus
from coursekit.explore.parts.replay import Match, Replay, share_of, template
from coursekit.explore.parts.world import World, distances, push_of
from coursekit.explore.widget.controls import Choice, Control, Paint, Slider, State
from coursekit.explore.widget.moves import Moves, runs
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import gan

SHAPES = ("ring of eight", "two arcs", "line", "spiral")
LOSSES: dict[str, tuple[gan.Loss, tuple[gan.GradientPenalty, ...]]] = {
    "non-saturating": (gan.NON_SATURATING, ()),
    "minimax": (gan.MINIMAX, ()),
    "least squares": (gan.LEAST_SQUARES, ()),
    "hinge": (gan.HINGE, ()),
    "Wasserstein, penalty": (gan.WASSERSTEIN, (gan.GradientPenalty(1.0),)),
}
PAINTED, CELLS = "painted", 24
SHOWN, PUSHED = 320, 40  # generated points, and those of them with an arrow
SIDES = {True: 640, False: 400}  # pixels of the picture
CHART = (640, 270)
FIRST, SEEN = 200, 200  # moves on the chart at first, and how many of them are drawn
UNIT = 0.1  # of an arrow: the generator's loss falls by so much for each unit of its slope


class Game(Explorer):
    """A generator of points and a critic that play against each other, a move for each press of a button, or running.

    Blue dots are data, orange ones g(h) for fixed h, the colour behind them is what the critic says of each place
    (blue: data, orange: generated), and an arrow −∂L_G/∂x is the way that the generator is told to move a point. A move
    is one step of D, one of G, or a round: `steps_of_d` of D, then one of G. What is painted on the picture takes the
    place of the chosen shape. Both nets are perceptrons with `hidden` units, trained by Adam on `batch` points a step.
    A change of anything but the moves starts the game again. `moves`: those made at first; `stages`: (label, moves)
    of the still picture. The picture is a function of the state: all randomness comes from the seed.
    """

    title = "The game: a generator learns a shape from a critic that learns to tell"
    alt = (
        "Points of data on a ring in eight heaps, generated points among them, and the critic’s opinion as colour, at "
        "four moments: at first the generated points lie in the middle; after some steps of the critic alone its "
        "colour is blue around the data and orange over the generated points, whose arrows point outwards; then they "
        "spread into a ring, and at last most of them lie in the heaps"
    )
    panels = (
        Panel("", 420, smooth=True),
        Panel("", 420, smooth=True, below=True),
    )
    sheet_panels = (0,)
    sheet_columns = 2

    def __init__(self, *, hidden: tuple[int, ...] = (64, 64), batch: int = 128, moves: str = "",
                 stages: tuple[tuple[str, str], ...] | None = None) -> None:
        super().__init__()
        self.batch, self.world = batch, World(1.6)
        self.templates = {name: template(2, *hidden, loss=loss, penalties=penalties)
                          for name, (loss, penalties) in LOSSES.items()}
        self.stages = stages or (
            ("start: D knows nothing, g(h) is a heap", ""),
            ("60 steps of D alone: it sees the difference", "60D"),
            ("and 150 rounds of both", "60D150R"),
            ("and 1,200 rounds: D can hardly tell", "60D1200R"),
        )
        self.controls = self._controls(moves)
        self.replay = Replay(self._begin)

    def _controls(self, moves: str) -> tuple[Control, ...]:
        rate: dict[str, Any] = {"low": 1e-4, "high": 0.05, "log": True, "group": "rules"}
        buttons = (("1D", "D: 1 step"), ("25D", "25 steps"), ("1G", "G: 1 step"), ("25G", "25 steps"))
        afresh = ("data", "paint", "loss", "steps_of_d", "rate_d", "rate_g", "seed")
        return (
            Moves("moves", value=moves, buttons=buttons, run="3R", most=4000, afresh=afresh, label="play",
                  help="D: the critic; G: the generator; running: rounds of both", group="moves"),
            Choice("data", options=SHAPES, help="what the generator is to learn", group="data"),
            Paint("paint", shape=(CELLS, CELLS), colour="#2166ac33", label="or paint it",
                  help="paint a shape of data on the picture", group="data"),
            Choice("loss", options=tuple(LOSSES), help="what D and G minimise", group="rules"),
            Slider("steps_of_d", low=1, high=5, step=1, value=1, label="steps of D",
                   help="in a round, before one step of G", group="rules"),
            Slider("rate_d", value=0.005, label="rate of D", help="Adam’s rate of the critic", **rate),
            Slider("rate_g", value=0.002, label="rate of G", help="Adam’s rate of the generator", **rate),
            Slider("seed", low=0, high=9, step=1, value=0, help="other weights, codes and batches", group="rules"),
        )

    def settings(self, state: State) -> tuple[Any, ...]:
        """What a match depends on besides the moves."""
        rates = state["rate_d"], state["rate_g"]
        return (shape_of(state), state["paint"], state["loss"], rates, state["steps_of_d"], state["seed"])

    def _begin(self, settings: tuple[Any, ...]) -> Match:
        shape, painted, loss, rates, steps_of_d, seed = settings
        points = self.points(shape, painted)
        return Match(self.templates[loss], points, rates=rates, steps_of_d=steps_of_d, batch=self.batch, seed=seed)

    def points(self, shape: str, painted: str = "") -> Tensor:
        """The data, [2,000, 2]: the same whenever they are asked for."""
        chance = torch.Generator().manual_seed(99)
        if shape != PAINTED:
            return drawn(shape, 2000, chance)
        paint = next(control for control in self.controls if isinstance(control, Paint))
        return scattered(paint.mask(painted), self.world.reach, 2000, chance)

    def match(self, state: State) -> Match:
        """The game after the state's moves: its nets, and how D judged after each move."""
        return self.replay.after(self.settings(state), runs(state["moves"]))

    def fake(self, match: Match) -> Tensor:
        """The generated points that are shown: g(h) for the same h at any time, [320, 2]."""
        return match.game.generate(match.codes[:SHOWN]).detach()

    def share(self, match: Match, x: Tensor) -> Tensor:
        """What the critic says of places [n, 2] as a share: 0 generated, 1 data."""
        return share_of(match.game.objective, match.game.score(x), match.judged[-1])

    def push(self, match: Match, x: Tensor) -> Tensor:
        """−∂L_G/∂x for each point's own share of the generator's loss, [n, 2]."""
        def loss(place: Tensor) -> Tensor:
            score = match.game.score(place)
            return len(place) * match.game.objective.generator(score, score)

        return push_of(loss, x)

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        match = self.match(state)
        fake = self.fake(match)
        picture = self.world.draw(
            lambda x: self.share(match, x), match.points[:SHOWN], fake, UNIT * self.push(match, fake[:PUSHED]),
            side=SIDES[final], fine=final,
        )
        return picture, chart(match)

    def captions(self, state: State) -> tuple[str, ...]:
        told = "mean D on data (blue) and on g(h) (orange)"
        if not bounded(state["loss"]):
            told = "mean score on data less that on g(h)"
        return "data (blue dots), g(h) (orange), arrows −∂L_G/∂x; colour: D says data (blue), generated (orange)", told

    def readout(self, state: State) -> str:
        match = self.match(state)
        to_data, to_fake = distances(self.fake(match), match.points[:SHOWN])
        real, fake = match.judged[-1]
        counts = {kind: sum(n for n, letter in runs(state["moves"]) if letter == kind) for kind in "DGR"}
        steps_of_d, steps_of_g = counts["D"] + state["steps_of_d"] * counts["R"], counts["G"] + counts["R"]
        name = "D" if bounded(state["loss"]) else "score"
        return minus(
            f"{steps_of_d} steps of D (rate {state['rate_d']:.2g}, {state['steps_of_d']} a round), "
            f"{steps_of_g} of G (rate {state['rate_g']:.2g}) · "
            f"{name} {real:.2f} on data, {fake:.2f} on g(h) · "
            f"from g(h) to the nearest data {to_data:.2f}, from data to the nearest g(h) {to_fake:.2f}"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        return [(label, self.state(moves=moves)) for label, moves in self.stages]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        return {**super().surprise(generator), "paint": ""}


def shape_of(state: State) -> str:
    """The name of the data: painted if anything is."""
    return PAINTED if state["paint"] else str(state["data"])


def bounded(loss: str) -> bool:
    """Whether the critic's word for data is 1 and for generated items 0."""
    return loss in ("non-saturating", "minimax", "least squares")


def drawn(shape: str, n: int, chance: torch.Generator) -> Tensor:
    """Points of one of the shapes, [n, 2], within ±1.3."""
    u, noise = torch.rand(n, generator=chance), torch.randn(n, 2, generator=chance)
    ways: dict[str, Callable[[], Tensor]] = {
        "ring of eight": lambda: toy.ring_of_gaussians(n, generator=chance).points,
        "two arcs": lambda: arcs(u),
        "line": lambda: (2.4 * u - 1.2)[:, None] * torch.tensor(toy.DATA_DIRECTION),
        "spiral": lambda: (0.25 + u)[:, None] * toy.arc_points(3 * math.pi * u.sqrt()),
    }
    return ways[shape]() + (0.0 if shape == "ring of eight" else 0.04) * noise


def arcs(u: Tensor) -> Tensor:
    """Two half circles that reach into each other: the first half of u [n] on the one, the rest on the other."""
    upper = u < 0.5
    half = toy.arc_points(2 * math.pi * u.where(upper, u - 0.5))
    return 0.8 * torch.where(upper[:, None], half + torch.tensor([-0.5, -0.25]), torch.tensor([0.5, 0.25]) - half)


def scattered(mask: Tensor, reach: float, n: int, chance: torch.Generator) -> Tensor:
    """Points evenly over the painted cells of a square from −reach to reach, bool [side, side] → [n, 2]."""
    side, cells = len(mask), mask.nonzero()
    chosen = cells[torch.randint(len(cells), (n,), generator=chance)]
    row, column = ((chosen + torch.rand(n, 2, generator=chance)) / side).unbind(1)
    return reach * torch.stack([2 * column - 1, 1 - 2 * row], 1)


def chart(match: Match) -> Picture:
    """How D judged after each move: two curves where its word is between 0 and 1, else their gap."""
    judged, ink = np.array(match.judged), inks()
    if match.game.objective in (gan.HINGE, gan.WASSERSTEIN):
        curves, most = {"gap": (judged[:, 0] - judged[:, 1], ink.green)}, top(judged)
    else:
        curves, most = {"data": (judged[:, 0], ink.blue), "g(h)": (judged[:, 1], ink.orange)}, 1.0
    made = len(judged) - 1
    last = FIRST * 2 ** max(0, math.ceil(math.log2(max(made, 1) / FIRST)))
    out = axes(last, most, "score" if len(curves) == 1 else "mean D", inks())
    chosen = np.unique(np.linspace(0, made, min(made + 1, SEEN)).round().astype(int))
    for ys, colour in curves.values():
        out.curve(chosen.tolist(), ys[chosen].tolist(), colour)
    out.legend({name: colour for name, (_, colour) in curves.items()})
    return np.asarray(out.ground)


def top(judged: np.ndarray) -> float:
    """The upper end of a scale for the gaps: 0.5, 1, 2, 4 …"""
    gap = 1.05 * float((judged[:, 0] - judged[:, 1]).max())
    return 2.0 ** max(-1, math.ceil(math.log2(max(gap, 0.5))))


def axes(last: int, most: float, unit: str, chosen: Inks) -> Chart:
    """A chart without curves yet."""
    out = Chart(CHART, (0, last), most)
    out.ground.paste(_axes(last, most, unit, chosen))
    return out


@lru_cache(maxsize=32)
def _axes(last: int, most: float, unit: str, chosen: Inks) -> Image.Image:
    """The axes of that chart, in these colours, which are those that are drawn with."""
    out = Chart(CHART, (0, last), most)
    out.axes({0: "0", last // 2: f"{last // 2:,}", last: f"{last:,}"}, "moves", unit)
    return out.ground
