"""The edit desk: a face is noised, something else is asked for, and it is denoised from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from coursekit.data import faces
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.eyes import Eyes, Reader, alike
from coursekit.explore.parts.held import freeze, place
from coursekit.explore.parts.inks import Colour, inks
from coursekit.explore.parts.known import Ground, Known
from coursekit.explore.parts.letters import listed
from coursekit.explore.parts.strip import strip
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.parts.wishes import RIVALS, SAME, WITH, WITHOUT, Wishes, key, obeyed
from coursekit.explore.widget.controls import Choice, Control, Slider, State, Stops
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import diffusion

ONE, STAGE, BRIEF = 148, 628, 3  # CSS pixels of a picture, of a row; steps of a preview
CHART = (1120, 300)
SURE, NEW = "deterministic", "with new noise"
LATER = "measured when the hand rests"


class Edits(NamedTuple):
    """For each of some times: the noised face and what came of it, [C, H, W]; measured on several noises, how much of
    the face stayed and how much of the change came; a preview measures nothing."""

    noised: dict[float, Tensor]
    made: dict[float, Tensor]
    same: dict[float, float]
    changed: dict[float, float]


class EditDesk(Explorer):
    """x_t = a x₀ + s ε of a given face x₀, then a walk from t to 0 under another condition (SDEdit).

    `model`: a `diffusion.Diffusion` of pictures in [0, 1] whose condition is 1, −1 or 0 for each of its `attributes`.
    `images` [n, C, H, W]: the faces to choose from. Their `own` attributes [n, k] in 1, −1, 0 are asked for where the
    switches say "as it is"; unless given, the reader tells them, and without it they are not asked. The walk is
    deterministic, or draws new noise (DDPM); `weight` is that of guidance, `steps` those of the walk from pure noise.
    With t = 0 there is no step: the face itself.

    `reader`: a `FactorReader`, or images → [n, f + k], factors first, then the chances of the attributes. Then a chart
    shows, as means over `noises` noises, the correlation of the factors before and after (how much of the face
    stayed), and the mean chance of what was changed. All times are computed when the hand rests, and then t moves at
    once. Raises ValueError for images or names that do not fit. Source: Meng et al. (2022).
    """

    title = "Edit desk: noise a face, ask for something else, denoise it"

    def __init__(self, model: diffusion.Diffusion, images: Tensor, *, own: Tensor | None = None,
                 attributes: Sequence[str] = faces.ATTRIBUTES, reader: Reader | None = None, weight: float = 2.0,
                 steps: int = 10, noises: int = 3, title: str | None = None) -> None:
        super().__init__()
        check_images(images)
        self.title, self.weight, self.noises = title or self.title, weight, noises
        self.device, self.model = str(place(model)), freeze(model, place(model))
        self.images, self.eyes = images, None if reader is None else Eyes(reader, len(attributes))
        self.own = self._own(own, len(attributes))
        first = WITHOUT if self.own[0, 0] > 0 else WITH
        self.wishes = Wishes(attributes, model=model, nothing=SAME, asked={attributes[0]: first})
        self.falling = self.model.schedule.times(steps)
        self.times = tuple(float(t) for t in self.falling.flip(0))
        self.controls = self._controls()
        chart = (Panel("", STAGE, smooth=True, row=True),) if self.eyes else ()
        self.panels = (*(Panel("", ONE) for _ in range(4)), Panel("", STAGE, smooth=True, row=True), *chart)
        self.sheet_columns = 2
        self.edits = Known(self.whole, self.brief)
        self.chart = Ground(self._chart)
        self.alt = self._alt()

    def _own(self, given: Tensor | None, k: int) -> Tensor:
        if given is None:
            given = torch.zeros(len(self.images), k) if self.eyes is None else self._read()
        if list(given.shape) != [len(self.images), k]:
            raise ValueError(f"own: want [{len(self.images)}, {k}], got {list(given.shape)}")
        return given.float().cpu()

    def _read(self) -> Tensor:
        assert self.eyes is not None
        with torch.no_grad():
            return 2.0 * (self.eyes(self.images).chances > 0.5) - 1

    def _controls(self) -> tuple[Control, ...]:
        face = Slider("face", low=1, high=max(2, len(self.images)), step=1, value=1, help="which face is changed",
                      pick=thumbs(self.images))
        t = Stops("t", stops=self.times, value=self.times[len(self.times) * 6 // 10], label="noised to t",
                  help="0: not at all … to the end: nothing of the face is left")
        way = Choice("way", options=(SURE, NEW), label="denoised", help="along the flow, or with new noise each step")
        seed = Slider("seed", low=0, high=99, step=1, value=0, label="noise", help="another number, another noise")
        return t, *((face,) if len(self.images) > 1 else ()), *self.wishes.controls, way, seed

    # --- edits

    def condition(self, at: int, asked: Sequence[float]) -> Tensor:
        """The face's own attributes with the changes, [k]."""
        told, names = self.own[at].clone(), [key(name) for name in self.wishes.attributes]
        for name, sign in zip(names, asked, strict=False):
            if sign > 0 and RIVALS.get(name) in names:
                told[names.index(RIVALS[name])] = -1.0
        for i, sign in enumerate(asked):
            told[i] = sign or told[i]
        return told

    def key(self, state: State) -> tuple[int, tuple[float, ...], str, int]:
        """What the edits of a state hang on, whatever t is."""
        return int(state.get("face", 1)) - 1, self.wishes.of(state), state["way"], int(state["seed"])

    def whole(self, at: int, asked: tuple[float, ...], way: str, seed: int) -> Edits:
        """The edits from every time, for every noise."""
        x_0, chance = self.model.inner(self.images[at].to(self.device)), torch.Generator().manual_seed(seed)
        eps = torch.randn(self.noises, *x_0.shape, generator=chance).to(x_0)
        noised, made = self.walked(x_0, eps, self.falling, self.condition(at, asked), way, chance)
        noised[0.0] = made[0.0] = self.images[at].expand_as(eps).cpu()  # exactly
        measured = self._measured(made, at, asked) if self.eyes else ({}, {})
        return Edits({t: x[0] for t, x in noised.items()}, {t: x[0] for t, x in made.items()}, *measured)

    def brief(self, at: int, asked: tuple[float, ...], way: str, seed: int, t: float) -> Edits:
        """The edit from one time, in few steps, for one noise."""
        whole = self.falling[len(self.times) - 1 - self.times.index(t) :]
        few = whole[torch.linspace(0, len(whole) - 1, min(BRIEF, len(whole) - 1) + 1).round().long()]
        x_0, chance = self.model.inner(self.images[at].to(self.device)), torch.Generator().manual_seed(seed)
        eps = torch.randn(1, *x_0.shape, generator=chance).to(x_0)
        if t == 0:
            return Edits({t: self.images[at]}, {t: self.images[at]}, {}, {})
        a = self.model.schedule.noised(x_0[None], float(t), eps)
        end = diffusion.run(self.guided(), diffusion.DDIM(), a, few, condition=self.condition(at, asked)[None].to(a))
        return Edits({t: self.model.outer(a)[0].cpu()}, {t: self.model.outer(end)[0].cpu()}, {}, {})

    def guided(self) -> diffusion.Denoiser:
        """The model, with guidance."""
        return diffusion.Guided(self.model, self.weight)

    def walked(self, x_0: Tensor, eps: Tensor, times: Tensor, told: Tensor, way: str,
               chance: torch.Generator) -> tuple[dict[float, Tensor], dict[float, Tensor]]:
        """All walks at once: at each time those that begin there join. {t: noised}, {t: where it ends}, each [R, …]."""
        sampler = diffusion.DDPM() if way == NEW else diffusion.Heun()
        guided, x, noised = self.guided(), eps[:0], {}
        for t, s in pairwise(times):
            start = self.model.schedule.noised(x_0.expand_as(eps), t, eps)
            noised[float(t)] = self.model.outer(start).cpu()
            x = torch.cat([x, start])
            x = sampler.step(guided, x, t, s, condition=told.to(x).expand(len(x), -1), generator=chance)
        ends = self.model.outer(x).cpu().split(len(eps))
        return noised, dict(zip(noised, ends, strict=True))

    def _measured(self, made: dict[float, Tensor], at: int, asked: tuple[float, ...]) -> tuple[dict[float, float], ...]:
        """For each t the correlation of factors with the face's own, and the mean chance of the changes, or of all."""
        assert self.eyes is not None
        before, wanted = self.eyes(self.images[at][None]).factors[0], asked or tuple(self.own[at].tolist())
        seen = {t: self.eyes(made[t]) for t in self.times}
        return ({t: alike(s.factors, before).mean().item() for t, s in seen.items()},
                {t: obeyed(s.chances, wanted) for t, s in seen.items()})

    def shown(self, state: State, final: bool = False) -> Edits:
        """The edits of a state."""
        return self.edits(self.key(state), final, (state["t"],))

    # --- pictures

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        edits, t, face = self.shown(state, final), state["t"], self.images[self.key(state)[0]]
        off = (edits.made[t].clamp(0, 1) - face.cpu()).abs().amax(0)
        line = [edits.made.get(v, torch.zeros_like(face)) for v in self.times]
        words = [f"{v:g}" for v in self.times]
        marks = [(t, values[t], colour) for values, colour in self.curves(edits)]
        chart = (self.chart(edits).marked(marks),) if self.eyes else ()
        return (picture(face), picture(edits.noised[t]), picture(edits.made[t]), picture(off),
                strip(torch.stack(line), words, self.times.index(t), len(self.times)), *chart)

    def curves(self, edits: Edits) -> list[tuple[Mapping[float, float], Colour]]:
        """What is measured, with its colours; nothing of a preview."""
        return [(edits.changed, inks().orange), (edits.same, inks().blue)] if edits.same else []

    def _chart(self, edits: Edits) -> Chart:
        """What stays and what changes against t."""
        chart = Chart(CHART, (0.0, self.times[-1]), 1.25)
        chart.axes({v: f"{v:g}" for v in self.times}, "noised to t" if edits.same else LATER)
        chart.legend({"as asked": inks().orange, "still the same face": inks().blue})
        for values, colour in self.curves(edits):
            chart.curve(list(values), list(values.values()), colour, points=True)
        return chart

    # --- words

    def captions(self, state: State) -> tuple[str, ...]:
        chart = (f"what a net sees, mean over {self.noises} noises",) if self.eyes else ()
        told = self.wishes.told(state) or "denoised, nothing changed"
        return ("the face", f"noised to t = {state['t']:g}", told, "what has changed", "denoised from every t", *chart)

    def readout(self, state: State) -> str:
        edits, t = self.shown(state), state["t"]
        told = f"t = {t:g}, {self.wishes.told(state) or 'nothing changed'}, {state['way']}"
        if not edits.same:
            return told
        return (f"{told}: {100 * edits.changed[t]:.0f} % as asked; "
                f"correlation of the factors with the face’s own {edits.same[t]:.2f}".replace("-", "−"))

    def sheet(self) -> bytes:
        drawn = super().sheet()
        self.alt = self._alt(self.shown(self.contact_states()[0][1]))
        return drawn

    def _alt(self, edits: Edits | None = None) -> str:
        """In words what the sheet shows, with numbers once they are measured."""
        told, times = self.wishes.told(self.state()), [state["t"] for _, state in self.contact_states()]
        words = (f"A face, the face noised to four times t ({listed(times)}), what is denoised from there {told}, "
                 "and what has changed; a row of the results for every t, from the face itself to another one")
        if edits is None or not edits.same:
            return words
        shares, same = (listed([values[t] for t in times]) for values in (edits.changed, edits.same))
        return f"{words}. In a chart, at these times: as asked {shares}, correlation with the face’s factors {same}"

    def contact_states(self) -> list[tuple[str, State]]:
        last = len(self.times) - 1
        return [(f"t = {self.times[i]:g}", self.state(t=self.times[i]))
                for i in sorted({round(share * last) for share in (0.2, 0.5, 0.7, 1.0)})]
