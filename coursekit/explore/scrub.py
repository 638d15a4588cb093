"""Scrub: a diffusion model draws, and the reader moves its time forwards and backwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.held import freeze, place
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.known import Ground, Known
from coursekit.explore.parts.letters import listed
from coursekit.explore.parts.wishes import Wishes, condition
from coursekit.explore.widget.controls import Choice, Control, Play, Slider, State, Stops, Toggle
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import diffusion

FRAMES, HANDFUL, KEPT, BRIEF = 41, 9, 6, 5  # of the film; pictures at once; films that stay; steps of a preview
STEPS = (5, 10, 20, 40)
CHART = (520, 440)
Key = tuple[int, int, tuple[float, ...], str, int]  # pictures, seed, condition, sampler, steps


class Walk(NamedTuple):
    """A walk from noise to pictures: its times [T], all x_t and estimates as uint8 [T, n, C, H, W], and how far the
    estimates are from where the walk ends (root mean square a number, data in −1 … 1) [T]."""

    times: Tensor
    x_t: Tensor
    x_0: Tensor
    off: list[float]


class Scrub(Explorer):
    """x_t and the estimate E[x₀ | x_t] beside it at every time of a walk from noise to a picture, or to nine.

    `model`: a `diffusion.Diffusion` of pictures in [0, 1]. `samplers`: {name: sampler} to choose from; DDIM, DDPM and
    Heun unless given, the model's own first. `steps`: how many a walk may have. If the model is conditional, name its
    `attributes` or its `classes`: then there are switches, and `weight` is that of guidance.

    A walk is computed when the hand rests, and the last ones stay, so that time moves at once; while another control is
    dragged, five steps of DDIM stand for it. Raises ValueError for names that do not fit the net.
    """

    title = "Scrub: from noise to pictures, and back"

    def __init__(self, model: diffusion.Diffusion, *, samplers: Mapping[str, diffusion.Sampler] | None = None,
                 steps: Sequence[int] = STEPS, attributes: Sequence[str] = (), classes: Sequence[str] = (),
                 weight: float = 2.0, seed: int = 1, title: str | None = None) -> None:
        super().__init__()
        self.title, self.weight = title or self.title, weight
        self.device, self.model = str(place(model)), freeze(model, place(model))
        self.samplers = dict(samplers or own_samplers(model.schedule))
        self.wishes = Wishes(attributes, classes, model=model)
        self.steps = tuple(steps)
        self.controls = self._controls(seed)
        self.panels = (Panel("x_t", 224), Panel("the estimate of x₀", 224),
                       Panel("", 260, smooth=True))
        self.sheet_columns = 2
        self.walks = Known(self.whole, self.brief, KEPT)
        self.chart = Ground(self._chart)
        self.alt = "Pictures at four times of a walk from noise: x_t, the estimate of x₀, how far it is from the end"

    def _controls(self, seed: int) -> tuple[Control, ...]:
        found: list[Control] = [
            Play("frame", frames=FRAMES, fps=12, autoplay=True, label="noise → picture",
                 help="the time of the walk, which falls to t = 0"),
            Slider("seed", low=0, high=999, step=1, value=seed, help="another number, another noise"),
            Toggle("nine", value=True, label="nine pictures", help="one picture, or nine at once"),
        ]
        if len(self.samplers) > 1:
            found.append(Choice("sampler", options=tuple(self.samplers), help="how x_s follows from x_t"))
        if len(self.steps) > 1:
            middle = 20 if 20 in self.steps else self.steps[len(self.steps) // 2]
            found.append(Stops("steps", stops=self.steps, value=middle, help="how many steps the walk has"))
        return *found, *self.wishes.controls

    # --- walks

    def key(self, state: State) -> Key:
        """What the walk of a state hangs on."""
        steps = int(state["steps"]) if "steps" in state else self.steps[0]
        return HANDFUL if state["nine"] else 1, int(state["seed"]), self.wishes.of(state), self.sampler(state), steps

    def sampler(self, state: State) -> str:
        """The name of the sampler."""
        return str(state.get("sampler", next(iter(self.samplers))))

    def whole(self, n: int, seed: int, told: tuple[float, ...], name: str, steps: int) -> Walk:
        """The walk that `model.sample` takes with these arguments and a generator of that seed."""
        return self._walked(n, seed, told, self.samplers[name], steps)

    def brief(self, n: int, seed: int, told: tuple[float, ...], name: str, steps: int) -> Walk:
        """A walk of few steps from the same noise."""
        return self._walked(n, seed, told, diffusion.DDIM(), min(BRIEF, steps))

    def _walked(
        self, n: int, seed: int, told: tuple[float, ...], sampler: diffusion.Sampler, steps: int
    ) -> Walk:
        chance = torch.Generator().manual_seed(seed)
        path = list(self.model.path(n, condition=condition(told), weight=self.weight, sampler=sampler, steps=steps,
                                    generator=chance))
        end = self.model.inner(path[-1][1])
        off = [(self.model.inner(x_0) - end).square().mean().sqrt().item() for _, _, x_0 in path]
        times, noisy, clean = zip(*((t, small(x_t), small(x_0)) for t, x_t, x_0 in path), strict=True)
        return Walk(torch.tensor(times, dtype=torch.float64), torch.stack(noisy), torch.stack(clean), off)

    def shown(self, state: State, final: bool = False) -> tuple[Walk, int]:
        """The state's walk and the place in it; a brief one while the hand moves, if the whole one is not known."""
        walk = self.walks(self.key(state), final)
        return walk, round(state["frame"] / (FRAMES - 1) * (len(walk.off) - 1))

    # --- pictures

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        walk, i = self.shown(state, final)
        grids = (picture(tiled(x[i].float() / 255, 3 if state["nine"] else 1)) for x in (walk.x_t, walk.x_0))
        noise = self.model.schedule.noise(walk.times).tolist()
        marks = [(i, noise[i], inks().blue), (i, walk.off[i], inks().orange)]
        return *grids, self.chart(walk).marked(marks)

    def _chart(self, walk: Walk) -> Chart:
        """Noise and the estimate's distance along the walk."""
        noise, last = self.model.schedule.noise(walk.times).tolist(), len(walk.off) - 1
        chart = Chart(CHART, (0, last), 1.3 * max(*noise, *walk.off))
        chart.axes({0: f"t = {walk.times[0]:g}", last: "t = 0"}, "time of the walk")
        for values, colour in ((noise, inks().blue), (walk.off, inks().orange)):
            chart.curve(list(range(last + 1)), values, colour)
        chart.legend({"noise in x_t": inks().blue, "estimate, off the end": inks().orange})
        return chart

    # --- words

    def captions(self, state: State) -> tuple[str, ...]:
        walk, i = self.shown(state)
        a, s = (float(level(walk.times[i])) for level in (self.model.schedule.signal, self.model.schedule.noise))
        return f"x_t = {a:.2f} x₀ + {s:.2f} ε", "the estimate of x₀", "root mean square over the pixels"

    def readout(self, state: State) -> str:
        (walk, i), steps = self.shown(state), self.key(state)[-1]
        name = self.sampler(state)
        said = [f"t = {walk.times[i]:.3g}, step {i} of {len(walk.off) - 1}", f"estimate {walk.off[i]:.2f} off the end",
                f"{name}: {self.samplers[name].evaluations(steps)} evaluations of the net"]
        return " · ".join([*said, *([self.wishes.told(state) or "nothing asked"] if len(self.wishes) else [])])

    def contact_states(self) -> list[tuple[str, State]]:
        last = FRAMES - 1
        moments = (("noise", 0.0), ("a third of the way", 0.35), ("two thirds", 0.65), ("the end", 1.0))
        return [(words, self.state(frame=round(share * last))) for words, share in moments]

    def sheet(self) -> bytes:
        drawn = super().sheet()
        walk, _ = self.shown(self.contact_states()[0][1])
        places = [self.shown(state)[1] for _, state in self.contact_states()]
        noise = self.model.schedule.noise(walk.times)
        self.alt = (
            "Nine pictures at four times of a walk from noise to faces: x_t is noise at first and clears slowly, the "
            "estimate of x₀ beside it is blurred at first and sharp early. In a chart the noise falls as "
            f"{listed([float(noise[i]) for i in places])}, the estimate’s distance from the final pictures as "
            f"{listed([walk.off[i] for i in places])}"
        )
        return drawn

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn = super().surprise(generator)
        still = self.state()
        kept: State = {name: still[name] for name in ("nine", "sampler", "steps") if name in still}
        return {**drawn, **kept, "frame": FRAMES - 1}


def own_samplers(schedule: diffusion.Schedule) -> dict[str, diffusion.Sampler]:
    """The usual samplers, the one that suits the schedule first."""
    usual = {"DDIM": diffusion.DDIM(), "DDPM": diffusion.DDPM(), "Heun": diffusion.Heun()}
    first = "DDIM" if isinstance(schedule, diffusion.Discrete) else "Heun"
    return {first: usual.pop(first), **usual}


def small(x: Tensor) -> Tensor:
    """Pictures in [0, 1] (clipped) as uint8 on the CPU, the same numbers that are shown."""
    return (x.float().clamp(0, 1) * 255).round().byte().cpu()
