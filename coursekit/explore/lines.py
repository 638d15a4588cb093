"""Two games that can be seen through: the lecture's two lines, move by move, and x·y by three kinds of steps."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.draw import Pen, Plane
from coursekit.explore.parts.inks import Colour, inks
from coursekit.explore.parts.letters import minus
from coursekit.explore.parts.world import World
from coursekit.explore.widget.controls import Play, Point, Slider, State
from coursekit.explore.widget.moves import Moves, runs
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import games
from coursekit.models.games import CRITIC_DIRECTION, GENERATOR_DIRECTION

SIDE, CHART = 640, (520, 400)
MOST = 200  # moves
WAYS: tuple[games.Way, ...] = ("simultaneous", "alternating", "continuous")
FRAMES, REACH = 121, 3.0  # of the film, and of x and y to all sides
Pair = tuple[Tensor, Tensor]


class TwoLines(Explorer):
    """The lecture's smallest GAN under the reader's hand: x = h v, data h d, D(x) = σ(|x₁| w₁ + |x₂| w₂).

    A move turns v (one step of G) or w (one of D) by a step of the chosen size along the unit circle. The colour is D:
    blue where it takes x for data, orange for generated, and D = ½ on the seams. With the first size the moves G, D are
    the lecture's: v = (0.39, 0.92), then w = (0.67, −0.74). Played on, v goes past the data and swings. With smaller
    steps it swings less, but about the x₁ axis: w has length 1, D is never silent, and v goes where D says "data".
    """

    title = "Two lines: a generator of one direction against a discriminator of two weights"
    alt = (
        "A line of data near the horizontal axis, the generator’s line near the vertical one, and D as colour in four "
        "sectors. After one step of G the generator’s line has turned towards the data, after one of D the seams "
        "between the colours have turned a little; after twenty of each the generator’s line has gone past the data’s"
    )
    panels = (Panel("", 420, smooth=True), Panel("how far each line is turned from the x₁ axis (°)", 300, smooth=True))
    sheet_panels = (0,)
    sheet_columns = 2

    def __init__(self, *, size: float = 0.89, moves: str = "") -> None:
        super().__init__()
        self.game, self.world = games.TwoLines(), World(1.75)
        h = torch.randn(90, 1, generator=torch.Generator().manual_seed(3))
        self.h = h[h.abs().flatten() < 1.6]
        self.controls = (
            Moves("moves", value=moves, buttons=(("1G", "G: 1 step"), ("1D", "D: 1 step")), run="1G1D", fps=5,
                  most=MOST, label="play", help="G turns v, D turns w; running: in turn"),
            Slider("size", low=0.05, high=1.5, step=0.01, value=size, label="size of a step",
                   help="0.89 gives the lecture’s numbers"),
        )
        self._latest: tuple[float, str, list[Pair]] = (size, "", [self._start()])

    def _start(self) -> Pair:
        v, w = (torch.tensor(start, dtype=torch.float64) for start in (GENERATOR_DIRECTION, CRITIC_DIRECTION))
        return v, w

    def _moved(self, v: Tensor, w: Tensor, kind: str, size: float) -> Pair:
        """(v, w) after a move."""
        if kind == "G":
            return self.game.generator_step(v, w, size), w
        return v, self.game.critic_step(v, w, size)

    def so_far(self, state: State) -> list[Pair]:
        """(v, w) before the first move and after each of the state's."""
        letters = "".join(count * kind for count, kind in runs(state["moves"]))
        size, made, known = self._latest
        if size != state["size"] or not letters.startswith(made):
            made, known = "", [self._start()]
        way = known.copy()
        for kind in letters[len(made) :]:
            way.append(self._moved(*way[-1], kind, state["size"]))
        self._latest = (state["size"], letters, way)
        return way

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        way = self.so_far(state)
        return self._scene(way), self._angles(way)

    def _scene(self, way: list[Pair]) -> Picture:
        """D as colour, both lines with points on them, and v and w as arrows; a dot where v has been."""
        v, w = (part.float() for part in way[-1])
        d = torch.tensor(self.game.data)
        ground = self.world.draw(lambda x: self.game.discriminator(x, w), self.h * d, self.h.flip(0) * v)
        pen, ink = Pen(Image.fromarray(ground)), inks()
        plane = Plane(self.world.box, (SIDE, SIDE), margin=0)

        def at(x: np.ndarray | Tensor) -> tuple[float, float]:
            across, up = plane.pixels(np.asarray(x))
            return float(across), float(up)

        turn = np.linspace(0, 2 * np.pi, 90)
        pen.line([at(x) for x in np.stack([np.cos(turn), np.sin(turn)], 1)], ink.faint, 1.5)
        for line, colour in ((d, ink.blue), (v, ink.orange)):
            pen.line([at(-1.7 * line), at(1.7 * line)], colour, 2, 0.7)
        pen.discs([at(before) for before, _ in way[:-1]], 4, ink.ink)
        for arrow, colour in ((v, ink.orange), (w, ink.ink)):
            pen.arrow(at(0 * arrow), at(arrow), colour, 5, 20)
        names = {"v": (beside(v), ink.orange), "w": (beside(w), ink.ink), "data": (-beside(1.2 * d), ink.blue)}
        for name, (place, colour) in names.items():
            pen.text(at(place), name, colour, 26, "mm")
        return np.asarray(pen.image)

    def _angles(self, way: list[Pair]) -> Picture:
        """The angle of v after each move, and that of the data."""
        last = 10 * 2 ** max(0, math.ceil(math.log2(max(len(way) - 1, 1) / 10)))
        chart, ink = Chart(CHART, (0, last), 90), inks()
        chart.axes({0: "0", last // 2: f"{last // 2}", last: f"{last}"}, "moves", "degrees")
        chart.curve([0, last], [turned(torch.tensor(self.game.data))] * 2, ink.blue)
        angles = [turned(v) for v, _ in way]
        chart.curve(range(len(way)), angles, ink.orange)
        if len(way) <= 50:
            chart.pen.discs([chart.at(move, angle) for move, angle in enumerate(angles)], 3.5, ink.orange)
        chart.legend({"v": ink.orange, "data": ink.blue})
        return np.asarray(chart.ground)

    def captions(self, state: State) -> tuple[str, ...]:
        words = "blue: D says data; orange: D says generated; D = ½ on the seams\ndots on the circle: where v has been"
        return words, self.panels[1].caption

    def readout(self, state: State) -> str:
        v, w = self.so_far(state)[-1]
        counts = {kind: sum(n for n, letter in runs(state["moves"]) if letter == kind) for kind in "GD"}
        value = float(self.game.value(v, w)) + 0.0
        return minus(
            f"after {counts['G']} of G and {counts['D']} of D: v = ({v[0]:.2f}, {v[1]:.2f}), "
            f"w = ({w[0]:.2f}, {w[1]:.2f}) · value of the game {value:.2f}; −2 log 2 = −1.39 where D is ½ everywhere"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        labels = {
            "start: D tells them": "", "G turns v: (0.2, 0.98) → {v}": "1G", "D turns w: (0.71, −0.71) → {w}": "1G1D",
            "20 of each: v swings past the data and back, {v}": 20 * "1G1D",
        }  # fmt: skip
        return [(self._labelled(label, state), state)
                for label, state in ((label, self.state(moves=moves)) for label, moves in labels.items())]

    def _labelled(self, label: str, state: State) -> str:
        v, w = (minus(f"({part[0]:.2f}, {part[1]:.2f})") for part in self.so_far(state)[-1])
        return label.format(v=v, w=w)


def beside(arrow: Tensor) -> Tensor:
    """A place a little to the right of an arrow's tip."""
    return 1.1 * arrow + 0.12 * torch.stack([arrow[1], -arrow[0]])


def turned(v: Tensor) -> float:
    """The angle between a line and the x₁ axis in degrees, 0 … 90: D sees no more of it."""
    x, y = v.abs().tolist()
    return math.degrees(math.atan2(y, x))


class BilinearGame(Explorer):
    """min_x max_y x·y: where steps lead that both players take at once, in turn, or infinitely small, from one start.

    The only equilibrium is (0, 0). Steps at once spiral outwards, whatever their size; steps in turn stay on an
    ellipse; the continuous game circles. None arrives. The start is dragged on the picture.
    """

    title = "A game that does not converge: x · y, one wants it small, one large"
    alt = (
        "Three paths around the equilibrium at the middle, early and late, with small and with large steps: "
        "simultaneous steps spiral outwards, faster if they are larger; alternating ones stay on an ellipse; the "
        "continuous game stays on a circle"
    )
    panels = (Panel("", 420, smooth=True), Panel("distance to the equilibrium", 300, smooth=True))
    sheet_panels = (0,)
    sheet_columns = 2

    def __init__(self, *, rate: float = 0.2, start: tuple[float, float] = (1.0, 0.5)) -> None:
        super().__init__()
        self.plane = Plane((-REACH, -REACH, REACH, REACH), (SIDE, SIDE), margin=0)
        self.controls = (
            Play("steps", value=30, frames=FRAMES, fps=20, label="steps"),
            Slider("rate", low=0.01, high=1.0, value=rate, log=True, label="rate η", help="the size of a step"),
            Point("start", value=start, low=-REACH, high=REACH, axes=("x", "y"), help="where the game begins"),
        )

    def paths(self, state: State) -> dict[games.Way, np.ndarray]:
        """{way: (x, y) at the start and after each step, [steps + 1, 2]}."""
        return {way: games.bilinear(state["start"], state["steps"], state["rate"], way).numpy() for way in WAYS}

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        paths = self.paths(state)
        return self._scene(paths), self._distances(paths, state)

    def _scene(self, paths: dict[games.Way, np.ndarray]) -> Picture:
        pen, ink = Pen(Image.new("RGB", (SIDE, SIDE), inks().paper)), inks()
        for number in range(-2, 3):
            across, up = ((number, -REACH), (number, REACH)), ((-REACH, number), (REACH, number))
            for line in (across, up):
                pen.line([tuple(p) for p in self.plane.pixels(np.array(line))], ink.line if number else ink.faint, 1.5)
        pen.text((SIDE - 12, SIDE / 2 + 8), "x", ink.words, 24, "rt")
        pen.text((SIDE / 2 + 10, 10), "y", ink.words, 24, "lt")
        for way, path in paths.items():
            places = self._seen(path)
            if len(places) > 1:
                pen.line([tuple(p) for p in places], colour_of(way), 3, 0.75)
            pen.discs([tuple(p) for p in places], 4.5, colour_of(way))
            pen.disc(tuple(places[-1]), 10, colour_of(way))
        pen.disc((SIDE / 2, SIDE / 2), 6, ink.ink)
        for row, way in enumerate(WAYS):
            pen.text((14, 12 + 30 * row), way, colour_of(way), 24, "lt")
        return np.asarray(pen.image)

    def _seen(self, path: np.ndarray) -> np.ndarray:
        """The path's pixels, up to where it has left the picture."""
        out = np.flatnonzero(np.abs(path).max(1) > 2 * REACH)
        return self.plane.pixels(path[: out[0] + 1 if len(out) else None].clip(-9 * REACH, 9 * REACH))

    def _distances(self, paths: dict[games.Way, np.ndarray], state: State) -> Picture:
        chart = Chart(CHART, (0, FRAMES - 1), max(1.0, 3 * math.hypot(*state["start"])))
        chart.axes({0: "0", (FRAMES - 1) // 2: f"{(FRAMES - 1) // 2}", FRAMES - 1: f"{FRAMES - 1}"}, "steps")
        for way, path in paths.items():
            chart.curve(range(len(path)), np.hypot(*path.T).tolist(), colour_of(way), points=len(path) == 1)
        return np.asarray(chart.ground)

    def captions(self, state: State) -> tuple[str, ...]:
        words = "x goes down x·y, y goes up; in the middle the equilibrium; large dots: now"
        return words, self.panels[1].caption

    def readout(self, state: State) -> str:
        far = {way: np.hypot(*path.T) for way, path in self.paths(state).items()}
        start = far["continuous"][0]
        now = ", ".join(f"{way} {number(r[-1])}" for way, r in far.items())
        steps = f"{state['steps']} steps of η = {state['rate']:.2g}"
        return f"distance to the equilibrium: {start:.2f} at the start; after {steps} {now}"

    def contact_states(self) -> list[tuple[str, State]]:
        return [
            (f"rate η = {rate}, {steps} steps: {words}", self.state(rate=rate, steps=steps))
            for rate, steps, words in (
                (0.2, 15, "away or around"), (0.2, 60, "none comes nearer"),
                (0.05, 120, "small steps: slower outwards"), (0.6, 8, "large steps: soon gone"),
            )
        ]  # fmt: skip


def number(r: float) -> str:
    """A distance in a few digits."""
    return f"{r:.2f}" if r < 100 else f"{r:.1e}"


def colour_of(way: games.Way) -> Colour:
    """The colour of one way to play."""
    return dict(zip(WAYS, (inks().orange, inks().blue, inks().green), strict=True))[way]
