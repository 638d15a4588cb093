"""A flow from noise to data in the plane: the density, the field, and particles that a sampler moves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.data import toy
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import Pen, Plane
from coursekit.explore.parts.flowing import blank, field, spots
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import counted
from coursekit.explore.parts.verdicts import WAIT, Memory
from coursekit.explore.widget.controls import Choice, Control, Paint, Play, Slider, State, Stops
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import diffusion
from coursekit.models.diffusion import DDIM, DDPM, Euler, FiniteDenoiser, Heun, Sampler, Schedule, Straight

STAGE, SIDE = 400, 240  # CSS pixels of the panels' widths
SCENE, ENDS, BARS = 560, 360, (480, 390)  # pixels
REACH, CELLS, ACROSS, FRAMES = 2.6, 40, 17, 61  # half of the plane's side, cells to paint on and arrows in a row, film
TRAILS = 10  # of particles that get new noise at every step; their trails fill the picture
NEAR = 0.1  # from a data point: on the data, whose variance is 1
MINE = "only what you paint"


def samplers() -> dict[str, tuple[Schedule, Sampler]]:
    """What there is to choose from: DDPM's chain with a cosine schedule, and flow matching's straight paths."""
    chain, straight = diffusion.cosine(), Straight()
    return {
        "DDPM": (chain, DDPM()), "DDIM (Euler)": (chain, DDIM()), "Heun": (chain, Heun()),
        "flow, Euler": (straight, Euler()), "flow, Heun": (straight, Heun()),
    }  # fmt: skip


class Way(NamedTuple):
    """Particles at falling times [K + 1]: their places [K + 1, n, 2]."""

    times: Tensor
    x: Tensor

    def upto(self, t: float) -> Tensor:
        """The places until time t, straight between two times: [i, n, 2], the last at t itself."""
        i = min(int((self.times > t).sum()), len(self.times) - 1)
        if i == 0:
            return self.x[:1]
        share = float((self.times[i - 1] - t) / (self.times[i - 1] - self.times[i]))
        now = self.x[i - 1] + min(share, 1.0) * (self.x[i] - self.x[i - 1])
        return torch.cat([self.x[:i], now[None]])


class FlowField(Explorer):
    """Particles that start as noise and go where the exact denoiser of a few points tells a sampler to.

    `data` {name: points [m, 2]}: each set is moved to mean 0 and scaled to variance 1; a ring of Gaussians and two arcs
    unless given. The reader paints further points, or all of them. Shade: the density p_t of the noisy data. Arrows:
    the score s² ∇ log p_t(x) = a D(x, t) − x, or the probability flow, both cut at the grid's spacing. Between two
    steps a particle is drawn on a straight line. A particle is on the data if it ends within 0.1 of a point. Raises
    ValueError for points that are not [m, 2], m >= 2.
    """

    title = "From noise to data: the field and its particles"

    def __init__(self, data: Mapping[str, Tensor] | None = None, *, particles: int = 150) -> None:
        super().__init__()
        self.sets = {name: standard(name, points) for name, points in (data or examples()).items()}
        self.samplers = samplers()
        self.paint = Paint("painted", shape=(CELLS, CELLS), brush=1, colour="#2166ac80", label="paint data",
                           help="points of your own, painted on the plane")
        self.controls = self._controls(particles)
        self.panels = (Panel("", STAGE, smooth=True), Panel("", SIDE, smooth=True),
                       Panel("", SIDE, smooth=True, below=True))
        self.sheet_panels, self.sheet_columns = (0, 1), 2
        self.points, self.way = lru_cache(maxsize=8)(self._points), lru_cache(maxsize=32)(self._way)
        self.memory: Memory[dict[str, float]] = Memory()
        self.alt = self._alt()

    def _controls(self, particles: int) -> tuple[Control, ...]:
        counts = tuple(sorted({20, particles, 400}))
        return (
            Play("time", frames=FRAMES, fps=15, label="noise → data", autoplay=True),
            Choice("sampler", options=tuple(self.samplers), value="DDIM (Euler)", help="who moves the particles"),
            Stops("steps", stops=(1, 2, 3, 5, 10, 20, 50), value=20, help="in so many steps from noise to data"),
            Choice("data", options=(*self.sets, MINE), help="the points that the denoiser knows"),
            self.paint,
            Choice("arrows", options=("score", "flow"), help="uphill in the density, or the way of a particle that "
                   "gets no new noise"),
            Stops("particles", stops=counts, value=particles, help="how many start", group="particles"),
            Slider("seed", low=0, high=20, step=1, value=0, label="other noise", help="where they start",
                   group="particles"),
        )

    # --- data and particles

    def _points(self, data: str, painted: str) -> Tensor:
        """The data [m, 2]: the chosen set and what is painted."""
        row, column = torch.nonzero(self.paint.mask(painted), as_tuple=True)
        cell = 2 * REACH / CELLS
        own = torch.stack([(column + 0.5) * cell - REACH, REACH - (row + 0.5) * cell], 1)
        return own if data == MINE else torch.cat([self.sets[data], own])

    def data(self, state: State) -> Tensor:
        """The data of a state, [m, 2]; none if the reader has painted nothing yet."""
        return self.points(state["data"], state["painted"])

    def denoiser(self, state: State) -> FiniteDenoiser:
        """The exact denoiser of the state's data."""
        return FiniteDenoiser(self.data(state), self.samplers[state["sampler"]][0])

    def _way(self, data: str, painted: str, sampler: str, steps: int, particles: int, seed: int) -> Way:
        schedule, mover = self.samplers[sampler]
        generator = torch.Generator().manual_seed(seed)
        x = schedule.start(torch.randn(particles, 2, generator=generator))
        denoiser = FiniteDenoiser(self.points(data, painted), schedule)
        places = list(diffusion.path(denoiser, mover, x, schedule.times(steps), generator=generator))
        return Way(torch.tensor([t for t, *_ in places]), torch.stack([x for _, x, _ in places]))

    def of(self, state: State) -> Way:
        """The particles of a state from noise to data."""
        return self.way(*(state[name] for name in ("data", "painted", "sampler", "steps", "particles", "seed")))

    def on(self, state: State) -> Tensor:
        """Which particles end on the data: bool [n]."""
        return torch.cdist(self.of(state).x[-1], self.data(state)).amin(1) <= NEAR

    def shares(self, state: State) -> dict[str, float]:
        """The share of particles that end on the data, for each sampler."""
        return {name: float(self.on({**state, "sampler": name}).float().mean()) for name in self.samplers}

    def known(self, state: State, final: bool) -> dict[str, float]:
        """The shares as far as they are measured; all of them when the hand rests."""
        apart = {name: state[name] for name in ("data", "painted", "steps", "particles", "seed")}
        if final:
            return self.memory.ask(apart, lambda: self.shares(state))
        own = {state["sampler"]: float(self.on(state).float().mean())}
        return self.memory.known(apart) or own

    def time(self, state: State) -> float:
        """The time of a state, from the schedule's end to 0."""
        return float(self.samplers[state["sampler"]][0].end * (1 - state["time"] / (FRAMES - 1)))

    # --- the field

    def asked_at(self, state: State) -> float:
        """The time at which the field is drawn: the state's, or a little before 0, and whole where times are."""
        schedule = self.samplers[state["sampler"]][0]
        t = max(self.time(state), schedule.end / 250)
        return t if schedule.end == 1 else round(t)

    def arrows(self, state: State, x: Tensor) -> Tensor:
        """The arrows at places x [n, 2]: s² ∇ log p_t(x), or where the flow would go in a tenth of the whole time."""
        denoiser, t = self.denoiser(state), self.asked_at(state)
        x_0, (a, _) = denoiser(x, t), denoiser.schedule.levels(t, x)
        if state["arrows"] == "score":
            return a * x_0 - x
        soon = t - denoiser.schedule.end / 1000
        return 100 * (Euler().step(denoiser, x, t, soon) - x)

    def density(self, state: State, side: int) -> np.ndarray:
        """p_t on a grid over the plane, rows from the top, as shares of its largest value: [side, side]."""
        points = self.data(state)
        a, s = self.samplers[state["sampler"]][0].levels(self.asked_at(state), points)
        at = (torch.arange(side) + 0.5) * (2 * REACH / side) - REACH
        variance = s.square() + 0.03**2  # the grid shows nothing finer
        x, y = ((-(at - a * points[:, [i]]).square() / (2 * variance)).exp() for i in (0, 1))  # [m, side]
        p = (y.T @ x).flip(0)
        return (p / p.amax().clamp(min=1e-30)).numpy()

    # --- what is shown

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        if not len(self.data(state)):
            return blank((SCENE, SCENE), "paint some points here"), blank((ENDS, ENDS)), blank(BARS)
        return self._scene(state, 2 if final else 1), self._ends(state), self._bars(state, self.known(state, final))

    def _scene(self, state: State, fine: int) -> Picture:
        """Density, data, arrows, particles with their trails; drawn so many times as large and averaged."""
        side, ink = fine * SCENE, inks()
        image, where = self._ground(state, side), Plane((-REACH, -REACH, REACH, REACH), (side, side), margin=0)
        draw = ImageDraw.Draw(image)
        spots(draw, where.pixels(self.data(state).numpy()), 2.4 * fine, ink.blue)
        at = (torch.arange(ACROSS) + 0.5) * (2 * REACH / ACROSS) - REACH
        grid = torch.cartesian_prod(at, at)
        field(draw, where, grid, self.arrows(state, grid), 1.7 * REACH / ACROSS, fine)
        trail = where.pixels(self.of(state).upto(self.time(state)).reshape(-1, 2).numpy())
        trail = trail.reshape(-1, state["particles"], 2)
        shown = TRAILS if isinstance(self.samplers[state["sampler"]][1], DDPM) else 6 * TRAILS
        for one in range(min(state["particles"], shown) if len(trail) > 1 else 0):
            draw.line([*map(tuple, trail[:, one])], ink.orange, fine)
        spots(draw, trail[-1], 3.2 * fine, ink.orange)
        return np.asarray(image.reduce(fine))

    def _ground(self, state: State, side: int) -> Image.Image:
        """The density as a shade of blue over paper, with a rim of paper."""
        levels = Image.fromarray((255 * np.sqrt(self.density(state, 140))).astype(np.uint8))
        share = np.arange(256)[:, None] / 255
        shade = (np.array(inks().paper) + share * np.subtract(inks().pale_blue, inks().paper)).round().astype(np.uint8)
        image, rim = Image.new("RGB", (side, side), inks().paper), side // 140
        fine = np.asarray(levels.resize((side, side), Image.Resampling.BILINEAR))[rim:-rim, rim:-rim]
        image.paste(Image.fromarray(shade[fine]), (rim, rim))
        return image

    def _ends(self, state: State) -> Picture:
        """Where the particles end: green on the data, orange beside them."""
        image = Image.new("RGB", (2 * ENDS, 2 * ENDS), inks().paper)
        draw, ink, on = ImageDraw.Draw(image), inks(), self.on(state).numpy()
        where = Plane((-REACH, -REACH, REACH, REACH), image.size, margin=0)
        spots(draw, where.pixels(self.data(state).numpy()), 4, ink.pale_blue)
        places = where.pixels(self.of(state).x[-1].numpy())
        spots(draw, places[~on], 7, ink.orange)
        spots(draw, places[on], 7, ink.green)
        return np.asarray(image.reduce(2))

    def _bars(self, state: State, known: Mapping[str, float]) -> Picture:
        """For each sampler how often it asks the denoiser, and a bar for the particles that end on the data."""
        pen, ink, row = Pen(Image.new("RGB", BARS, inks().paper)), inks(), (BARS[1] - 16) // len(self.samplers)
        left, right = 14, BARS[0] - 96
        for i, (name, (_, mover)) in enumerate(self.samplers.items()):
            top, chosen = 8 + row * i, name == state["sampler"]
            words = f"{name}: {counted(mover.evaluations(state['steps']), 'evaluation')}"
            pen.text((left, top + 6), words, ink.ink if chosen else ink.words, 23, "lt")
            box = left, top + 36, right, top + 60
            ImageDraw.Draw(pen.image).rectangle(box, ink.line)
            share, told = known.get(name), WAIT
            if share is not None:
                end, told = left + share * (right - left), f"{100 * share:.0f} %"
                ImageDraw.Draw(pen.image).rectangle((*box[:2], end, box[3]), ink.green if chosen else ink.faint)
            pen.text((right + 12, top + 48), told, ink.ink if chosen else ink.words, 23, "lm")
        return np.asarray(pen.image)

    def captions(self, state: State) -> tuple[str, ...]:
        if not len(self.data(state)):
            return "paint data", "", ""
        left = self.time(state) / self.samplers[state["sampler"]][0].end
        share = 100 * float(self.on(state).float().mean())
        return (
            f"time {left:.2f}: density (shade), {state['arrows']} (arrows), particles",
            f"the ends: {share:.0f} % on the data", "share that ends on the data",
        )

    def readout(self, state: State) -> str:
        if not len(self.data(state)):
            return "no data yet: paint some points on the plane, or choose a set"
        mover, on = self.samplers[state["sampler"]][1], self.on(state)
        return (
            f"{state['sampler']}, {counted(state['steps'], 'step')}, "
            f"{counted(mover.evaluations(state['steps']), 'evaluation')} of the denoiser: {int(on.sum())} of {len(on)} "
            f"particles end within {NEAR:g} of the data, {counted(len(self.data(state)), 'point')}"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        end = FRAMES - 1
        return [
            ("pure noise", self.state()),
            ("DDIM, on the way", self.state(time=45)),
            ("DDIM in 20 steps", self.state(time=end)),
            ("DDPM in 20 steps: new noise at every step", self.state(time=end, sampler="DDPM")),
            ("DDIM in 3 steps", self.state(time=end, steps=3)),
            ("flow matching in 3 steps", self.state(time=end, sampler="flow, Euler", steps=3)),
        ]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn = super().surprise(generator)
        return drawn if drawn["data"] == MINE else {**drawn, "painted": ""}

    def _alt(self) -> str:
        states = self.contact_states()[2:]
        with torch.no_grad():
            said = "; ".join(f"{words}: {100 * float(self.on(state).float().mean()):.0f} %" for words, state in states)
        return (
            "Data in the plane, a cloud: the density of the noisy data, arrows, and particles with their trails: "
            "at first all over the plane, then drawn together, at last on the data, in few steps also beside them. The "
            f"share that ends on the data: {said}"
        )


def examples() -> dict[str, Tensor]:
    """A ring of eight Gaussians and two arcs, 200 points each."""
    generator = torch.Generator().manual_seed(0)
    ring = toy.ring_of_gaussians(200, generator=generator).points
    upper = toy.arc(200, noise=0.03, generator=generator).points
    lower = torch.tensor([1.0, 0.4]) - upper
    return {"ring": ring, "two arcs": torch.cat([upper[::2], lower[1::2]])}


def standard(name: str, points: Tensor) -> Tensor:
    """Points with mean 0 and, over both coordinates, variance 1; ValueError unless [m, 2] with m >= 2."""
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise ValueError(f"data: want [m, 2] with m >= 2 for {name!r}, got {list(points.shape)}")
    off = points.float().cpu() - points.float().cpu().mean(0)
    return off / off.square().mean().sqrt().clamp(min=1e-6)
