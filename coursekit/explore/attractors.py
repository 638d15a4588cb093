"""Attractors: small steps towards what a denoiser sees, over a handful of stored pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.atnoise import AtNoise
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import Pen, picture
from coursekit.explore.parts.held import held, runs_on
from coursekit.explore.parts.inks import Inks, inks, kept
from coursekit.explore.parts.letters import counted, minus, sized
from coursekit.explore.parts.shelf import thumb
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.widget.controls import Choice, Control, Play, Slider, State, Stops
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import diffusion
from coursekit.models.diffusion import Denoiser, Diffusion, FiniteDenoiser, LinearDenoiser, SmallSteps, Spread
from coursekit.models.diffusion.schedules import Time

ONE, STAGE = 196, 628  # CSS pixels of a picture, and of what is below
CHART = (840, 236)  # pixels
WIDE, HIGH, EDGE, BARS, NUMBERS = 1120, 300, 12, 132, 26  # pixels of the shelf, its rim, bars, numbers
SIGMAS = (0.1, 0.3, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0)
NOISES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
EXACT, LINEAR = "exact", "linear"
THERE = 0.02  # so near, root mean square a number, counts as arrived
Denoise = Callable[..., Tensor]


class Asked(Denoiser):
    """A function (x, σ) as a denoiser."""

    def __init__(self, function: Denoise, schedule: Spread) -> None:
        super().__init__()
        self.function, self.schedule = function, schedule

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """The function's answer."""
        return self.function(x_t, float(t))


class Steps(NamedTuple):
    """A walk: x after 0 … K steps and D(x) there [K + 1, C, H, W]; how far it is from each stored picture
    [K + 1, m] and from their mean [K + 1], root mean squares a number."""

    x: Tensor
    answer: Tensor
    off: Tensor
    off_mean: Tensor


class Attractors(Explorer):
    """The walk x′ = (1 − η) x + η D(x) for a denoiser D made for noise of standard deviation σ.

    `images` [m, C, H, W], m >= 2, are stored in the exact denoiser D(x) = Σ_i P(x_i|x) x_i; the linear one projects on
    the plane through all of them, and stores none. `denoisers` {name: D}: others, learnt ones for example, each a
    `Diffusion` or a function (x, σ) → [n, C, H, W].

    The walk starts at a stored picture, a blend of the first two (0.6 to 0.4), one of `others` [k, C, H, W] that are
    not stored, or at grey, with noise upon it. Raises ValueError for pictures that do not fit.
    """

    title = "Attractors: small steps x′ = (1 − η) x + η D(x)"

    def __init__(self, images: Tensor, *, others: Tensor | None = None, denoisers: Mapping[str, Denoise] | None = None,
                 sigma: Sequence[float] = SIGMAS, steps: int = 40) -> None:
        super().__init__()
        check_images(images)
        if len(images) < 2:
            raise ValueError("images: want at least 2, got 1")
        self.images, self.mean = images, images.mean(0)
        self.unseen = images[:0] if others is None else others
        if self.unseen.shape[1:] != images.shape[1:]:
            shape = ", ".join(map(str, images.shape[1:]))
            raise ValueError(f"others: want [k, {shape}], got {list(self.unseen.shape)}")
        learnt = {name: AtNoise(f) if isinstance(f, Diffusion) else held(f) for name, f in (denoisers or {}).items()}
        self.device = runs_on([getattr(f, "still", f) for f in learnt.values()], images)
        self.denoisers = self._denoisers(learnt, sigma)
        blend = 0.6 * images[:1] + 0.4 * images[1:2]
        self.starts = torch.cat([images, blend, self.unseen, torch.full_like(images[:1], 0.5)])
        self.steps, self.controls = steps, self._controls(tuple(sigma), steps)
        self.panels = (Panel("", ONE), Panel("", ONE), Panel("", ONE), Panel("", STAGE, smooth=True, row=True),
                       Panel("", STAGE, smooth=True, row=True))
        self.sheet_columns = 2
        self.walk, self.curves = lru_cache(maxsize=48)(self._walk), lru_cache(maxsize=16)(self._curves)
        self.each = (WIDE - 2 * EDGE) / (len(images) + 1)
        self.side = min(round(self.each) - 10, HIGH - BARS - 2 * EDGE - 2 * NUMBERS)
        self.shelf = kept(self._ground)
        self.alt = self._alt()

    def _denoisers(self, learnt: Mapping[str, Denoise], sigma: Sequence[float]) -> dict[str, Denoiser]:
        schedule = Spread(max(sigma), smallest=min(sigma) / 2)
        exact = FiniteDenoiser(self.images, schedule)
        off = (self.images - self.mean).flatten(1)
        _, size, axes = torch.linalg.svd(off, full_matrices=False)
        linear = LinearDenoiser(axes[size > 1e-4 * size[0]], self.mean, schedule)
        return {EXACT: exact, LINEAR: linear} | {name: Asked(f, schedule) for name, f in learnt.items()}

    def _controls(self, sigma: tuple[float, ...], steps: int) -> tuple[Control, ...]:
        grey = len(self.starts)
        return (
            Play("step", frames=steps + 1, value=0, fps=10, autoplay=True, label="steps"),
            Stops("sigma", stops=sigma, value=sigma[1] if len(sigma) > 2 else sigma[0], label="noise σ",
                  help="the noise that the denoiser expects"),
            Choice("by", options=tuple(self.denoisers), label="denoiser", help="who says where the picture is pulled"),
            Slider("start", low=1, high=grey, step=1, value=grey - 1, group="the start", pick=thumbs(self.starts),
                   help="stored pictures, a blend of the first two, pictures that are not stored, grey"),
            Slider("seed", low=0, high=20, step=1, value=0, group="the start", label="other noise",
                   help="another draw of the noise"),
            Stops("noise", stops=NOISES, value=0.1, group="the start", help="standard deviation of the noise on it"),
            Stops("eta", stops=(0.05, 0.1, 0.2, 0.5, 1.0), value=0.2, label="step size η",
                  help="which share of the way to D(x) a step goes"),
        )

    # --- the walk

    def start(self, state: State) -> Tensor:
        """The noisy start, [1, C, H, W]."""
        return self._start(state["start"], state["noise"], state["seed"])

    def _start(self, which: int, noise: float, seed: int) -> Tensor:
        x = self.starts[which - 1 : which]
        return x + noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed)).to(x)

    def of(self, state: State) -> Steps:
        """The whole walk of a state."""
        return self.walk(*key(state))

    def _walk(self, by: str, sigma: float, eta: float, *start: Any) -> Steps:
        times = torch.full((self.steps + 2,), sigma, dtype=torch.float64)
        places = diffusion.path(self.denoisers[by], SmallSteps(eta), self._start(*start), times)
        x, answer = (torch.cat(each) for each in zip(*(row[1:] for row in islice(places, self.steps + 1)), strict=True))
        rows, size = x.flatten(1), x[0].numel() ** 0.5
        apart = torch.cdist(rows, self.images.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
        return Steps(x, answer, apart / size, (rows - self.mean.flatten()).norm(dim=1) / size)

    def shares(self, state: State) -> Tensor:
        """The numbers c [m] for which D(x) = Σ_i c_i x_i, of the exact and the linear denoiser: P(x_i|x), or those of
        the projection, which sum to 1 and may be negative. For others, P(x_i|x) as the exact one has it."""
        x = self.of(state).x[state["step"]]
        if state["by"] != LINEAR:
            exact = self.denoisers[EXACT]
            assert isinstance(exact, FiniteDenoiser)
            return exact.posterior(x[None], state["sigma"])[0]
        off = (self.images - self.mean).flatten(1)
        return 1 / len(off) + torch.linalg.pinv(off.T, rtol=1e-4) @ (x - self.mean).flatten()

    def end(self, state: State) -> str:
        """Where the walk ends, in words."""
        walk = self.of(state)
        nearest = int(walk.off[-1].argmin())
        if (walk.answer[-1] - walk.x[-1]).square().mean().sqrt() > THERE:
            return "still on its way"
        if walk.off[-1, nearest] < THERE:
            return f"on stored picture {nearest + 1}"
        return "at the mean picture" if walk.off_mean[-1] < THERE else "at none of the stored pictures"

    # --- what is shown

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        walk, step = self.of(state), state["step"]
        pictures = (picture(x) for x in (walk.x[0], walk.x[step], walk.answer[step]))
        return *pictures, self._shelf(state), self._chart(state)

    def captions(self, state: State) -> tuple[str, ...]:
        sums = {EXACT: "D(x) = Σ P(xᵢ|x) xᵢ: how much of each stored picture",
                LINEAR: "D(x) = Σ cᵢ xᵢ: how much of each stored picture"}
        start = f"start: {self.name(state['start'])}" + (" under noise" if state["noise"] else "")
        return (
            start, f"x after {counted(state['step'], 'step')}",
            f"D(x): where it is pulled, σ = {state['sigma']:g}",
            sums.get(state["by"], "P(xᵢ|x), as the exact denoiser has it") + "; framed: the nearest to x",
            "how far x is from the nearest stored picture and from the mean (r.m.s.)",
        )

    def name(self, start: int) -> str:
        """What a start is called."""
        m, last = len(self.images), len(self.starts)
        names = {m + 1: "a blend of 1 and 2", last: "grey"}
        return f"stored picture {start}" if start <= m else names.get(start, "a picture not stored")

    def _ground(self) -> Image.Image:
        """The stored pictures and their mean, named."""
        pen = Pen(Image.new("RGB", (WIDE, HIGH), inks().paper))
        for i, image in enumerate([*self.images, self.mean]):
            left, top = self._corner(i)
            pen.image.paste(thumb(image, self.side), (left, top))
            name = "mean" if i == len(self.images) else str(i + 1)
            pen.text((left + self.side / 2, top + self.side + 8), name, inks().words, sized(name, self.each, 21), "mt")
        return pen.image

    def _corner(self, i: int) -> tuple[int, int]:
        """Left and top of a picture on the shelf."""
        return round(EDGE + self.each * (i + 0.5) - self.side / 2), EDGE + BARS + NUMBERS

    def _shelf(self, state: State) -> Picture:
        """The shelf with a frame around what is nearest to x, and above each stored picture its bar."""
        pen = Pen(self.shelf().copy())
        nearest = int(self.near(state).argmin())
        left, top = self._corner(nearest)
        colour = inks().orange if nearest < len(self.images) else inks().blue
        box = left - 5, top - 5, left + self.side + 4, top + self.side + 4
        ImageDraw.Draw(pen.image).rectangle(box, outline=colour, width=4)
        for i, share in enumerate(self.shares(state).tolist()):
            self._bar(pen, self._corner(i)[0] + self.side / 2, self.side, share, state["by"] == LINEAR)
        return np.asarray(pen.image)

    def near(self, state: State) -> Tensor:
        """How far x is from each stored picture and, last, from their mean: [m + 1]."""
        walk, step = self.of(state), state["step"]
        return torch.cat([walk.off[step], walk.off_mean[step, None]])

    @staticmethod
    def _bar(pen: Pen, middle: float, side: int, share: float, signed: bool) -> None:
        """A bar up, or for a negative number down, and its number."""
        ink, high = inks(), BARS / 2 if signed else BARS
        zero, draw = EDGE + NUMBERS - 8 + high, ImageDraw.Draw(pen.image)
        end = zero - high * min(max(share, -1.0), 1.0)
        box = (middle - side / 4, min(zero, end), middle + side / 4, max(zero, end))
        draw.rectangle(box, ink.orange if share > 0 else ink.blue)
        draw.line((middle - side / 2, zero, middle + side / 2, zero), ink.faint, 2)
        words = minus(f"{share:+.2f}") if signed else f"{100 * share:.0f} %"
        above = min(zero, end) - 4 if share >= 0 else zero - 4
        if signed or share >= 0.005:
            pen.text((middle, above), words, ink.ink, sized(words, 2 * side, 19), "mb")

    def _curves(self, ink: Inks, *key: Any) -> Chart:
        """The chart of a walk: two distances over the steps."""
        walk = self.walk(*key)
        near, mean = walk.off.amin(1).tolist(), walk.off_mean.tolist()
        chart, times = Chart(CHART, (0, self.steps), 1.3 * max(*near, *mean)), range(self.steps + 1)
        chart.axes({at: str(at) for at in sorted({0, self.steps // 2, self.steps})}, "steps")
        chart.curve(times, mean, ink.blue)
        chart.curve(times, near, ink.orange)
        chart.legend({"to the nearest stored picture": ink.orange, "to the mean picture": ink.blue})
        return chart

    def _chart(self, state: State) -> Picture:
        """The walk's chart with two dots for now."""
        chart, walk, step, ink = self.curves(inks(), *key(state)), self.of(state), state["step"], inks()
        image = chart.ground.copy()
        for off, colour in ((walk.off_mean[step], ink.blue), (walk.off[step].amin(), ink.orange)):
            at = chart.at(step, float(off))
            ImageDraw.Draw(image).circle(at, 8, colour, ink.paper, 2)
        return np.asarray(image)

    def readout(self, state: State) -> str:
        walk, step = self.of(state), state["step"]
        near = int(walk.off[step].argmin())
        return (
            f"{counted(step, 'step')}: {walk.off[step, near]:.3f} from stored picture {near + 1}, the nearest, "
            f"{walk.off_mean[step]:.3f} from the mean · after {self.steps} steps: {self.end(state)}"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        sigma = next(control for control in self.controls if control.name == "sigma")
        assert isinstance(sigma, Stops)
        small, large = self.state()["sigma"], sigma.stops[-1]
        face, grey, m = len(self.starts) - 1, len(self.starts), len(self.images)
        named: dict[str, State] = {
            f"σ = {small:g} from {self.name(face)}": {"start": face},
            f"σ = {small:g} from noise": {"start": grey, "noise": 1.0},
            f"σ = {large:g} from {self.name(face)}": {"start": face, "sigma": large},
            f"linear, from {self.name(face)}": {"start": face, "by": LINEAR},
        }
        assert face > m
        return [(words, self.state(step=self.steps, **more)) for words, more in named.items()]

    def _alt(self) -> str:
        with torch.no_grad():
            ends = "; ".join(f"{words}: it ends {self.end(state)}" for words, state in self.contact_states())
        return (
            "A start, what small steps have made of it, and where it is pulled; below, the stored pictures with the "
            f"share that each has in the pull, and the distances over the steps. {ends}"
        )


def key(state: State) -> tuple[Any, ...]:
    """What a walk depends on."""
    return tuple(state[name] for name in ("by", "sigma", "eta", "start", "noise", "seed"))
