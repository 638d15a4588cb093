"""Which zebra? One horse, and the numbers that say which of its many zebras is meant."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.data import horses
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.held import held, runs_on
from coursekit.explore.parts.letters import minus
from coursekit.explore.parts.strip import strip
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.widget.controls import Choice, Control, Slider, State
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.horse_reader import Reading

ONE, STAGE = 148, 628  # CSS pixels of a picture, and of the strip
REACH, TILES, HANDFUL = 2.0, 7, 9
DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
Values = tuple[float, ...]
Read = Callable[..., Any]  # pictures → Reading


class WhichZebra(Explorer):
    """F(x, h) for a horse x and a code h = (h₁, …, h_k): a slider for each number, and zebras on a line through h.

    `model`: many to many, with `translate(x, "b", h=codes)` and the codes' sizes in `latent["b"]`
    (`models.translation.AugmentedCycleGAN`). The horses are the first `animals` of `data.horses.horses(seed=seed)`,
    `size` pixels large. The strip goes from −2 to 2 along one number, the others as the sliders stand. A handful of
    codes from N(0, I) stands beside as many true zebras of that horse, whose stripes are drawn at random.

    `reader` (`HorseReader.read`): what it reads along the strip is told in words, the stripes' and the pose's.
    Raises TypeError for a model without such a translation, ValueError if it adds no number.
    """

    title = "Which zebra? One horse, many zebras"

    def __init__(self, model: Any, *, size: int = 32, reader: Read | None = None, animals: int = 8,
                 seed: int = 300) -> None:
        super().__init__()
        self.latent, self.size = numbers(model), size
        self.make = held(model.translate)
        self.reader = None if reader is None else held(reader)
        self.device = runs_on([self.make], torch.empty(0))
        self.herd = horses.horses(animals, size=size, seed=seed)
        self.names = tuple(f"h{i}".translate(DIGITS) for i in range(1, self.latent + 1))
        self.controls = self._controls()
        grids = (Panel(f"{HANDFUL} random codes", ONE), Panel("true zebras of this horse", ONE))
        self.panels = (Panel("x: a horse", ONE), Panel("F(x, h): a zebra", ONE), *grids,
                       Panel("", STAGE, smooth=True, row=True))
        self.sheet_columns = 2
        self.line, self.handful = lru_cache(maxsize=16)(self._line), lru_cache(maxsize=16)(self._handful)
        self.read, self.true = lru_cache(maxsize=16)(self._read), lru_cache(maxsize=16)(self._true)
        self.alt = (
            "One horse, its zebra for a code, nine zebras for random codes, nine true zebras of this horse, and a "
            f"strip of seven zebras along one number of the code; so for {', '.join(self.names[:4])}"
        )

    def _controls(self) -> tuple[Control, ...]:
        herd = Slider("horse", low=1, high=max(2, len(self.herd.images)), step=1, value=1, help="which horse",
                      pick=thumbs(self.herd.images))
        sliders = (Slider(key(i), low=-REACH, high=REACH, step=0.05, value=0.0, label=name, group="the code h",
                          help="a number of the code, drawn from N(0, 1) in training")
                   for i, name in enumerate(self.names))
        along = Choice("along", options=self.names, label="strip along", help="which number the strip changes")
        chance = Slider("others", low=0, high=99, step=1, value=0, label="handful", help="other random codes")
        several = (herd,) if len(self.herd.images) > 1 else ()
        return (*several, *sliders, *((along,) if self.latent > 1 else ()), chance)

    # --- codes and pictures

    def code(self, state: State) -> Values:
        """The numbers of a state."""
        return tuple(state[key(i)] for i in range(self.latent))

    def axis(self, state: State) -> int:
        """Which number the strip changes."""
        return self.names.index(state["along"]) if self.latent > 1 else 0

    def at(self, state: State) -> int:
        """The position of the horse."""
        return int(state.get("horse", 1)) - 1

    def zebras(self, at: int, codes: Tensor) -> Tensor:
        """The horse's zebras for codes [n, k], [n, 3, size, size]."""
        x = self.herd.images[at : at + 1].expand(len(codes), -1, -1, -1)
        return self.make(x, "b", h=codes)

    def _handful(self, at: int, seed: int) -> Tensor:
        return self.zebras(at, torch.randn(HANDFUL, self.latent, generator=torch.Generator().manual_seed(seed)))

    def _true(self, at: int, seed: int) -> Tensor:
        stripes = horses.sample_stripes(HANDFUL, generator=torch.Generator().manual_seed(seed))
        return horses.render(self._factors(at).expand(HANDFUL, -1), self.size, stripes=stripes)

    def _factors(self, at: int) -> Tensor:
        assert self.herd.factors is not None
        return self.herd.factors[at : at + 1]

    def _line(self, at: int, axis: int, others: Values) -> Tensor:
        codes = torch.tensor([[*others[:axis], 0.0, *others[axis:]]] * TILES)
        codes[:, axis] = torch.linspace(-REACH, REACH, TILES)
        return self.zebras(at, codes)

    def _read(self, *where: Any) -> Any:
        assert self.reader is not None
        return self.reader(self.line(*where).clamp(0, 1))

    def where(self, state: State) -> tuple[int, int, Values]:
        """The strip of a state: which horse, which number, the other numbers."""
        axis, code = self.axis(state), self.code(state)
        return self.at(state), axis, code[:axis] + code[axis + 1 :]

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        at, code, seed = self.at(state), self.code(state), state["others"]
        grids = (picture(tiled(many(at, seed), 3, gap=2)) for many in (self.handful, self.true))
        values = torch.linspace(-REACH, REACH, TILES).tolist()
        words = [minus(f"{v:+.1f}") if abs(v) > 0.05 else "0" for v in values]
        place = (code[self.axis(state)] + REACH) / (2 * REACH) * (TILES - 1)
        return (picture(self.herd.images[at]), picture(self.zebras(at, torch.tensor([code]))[0]), *grids,
                strip(self.line(*self.where(state)), words, place, TILES))

    def captions(self, state: State) -> tuple[str, ...]:
        return *(panel.caption for panel in self.panels[:-1]), f"along {self.names[self.axis(state)]}"

    # --- words

    def readout(self, state: State) -> str:
        name = f"along {self.names[self.axis(state)]} from −2 to 2"
        if self.reader is not None:
            return f"{name}: {along(self.read(*self.where(state)))}"
        inside, outside = self.changed(self.line(*self.where(state)), self.at(state))
        return f"{name}: standard deviation of a pixel {inside:.2f} on the animal, {outside:.2f} on the landscape"

    def changed(self, pictures: Tensor, at: int) -> tuple[float, float]:
        """How much pictures differ where the animal is and where it is not: the root of a pixel's mean variance."""
        outline = horses.silhouette(self._factors(at), self.size)[0].to(pictures)  # [1, S, S]
        variance = pictures.var(0, correction=0).mean(0)
        shares = outline[0] > 0.5, outline[0] == 0
        return tuple(float(variance[where].mean().sqrt()) for where in shares)  # type: ignore[return-value]  # two

    def contact_states(self) -> list[tuple[str, State]]:
        along = [{"along": name} if self.latent > 1 else {} for name in self.names[:4]]
        return [(f"{name} at 1.5", self.state(**{key(i): 1.5}, **along[i])) for i, name in enumerate(self.names[:4])]

    def __repr__(self) -> str:
        return f"{self.title}: explorer with horse, {', '.join(self.names)}, strip, handful"


def numbers(model: Any) -> int:
    """How many numbers say which zebra; TypeError for a model without codes, ValueError for none."""
    latent = getattr(model, "latent", None)
    if not isinstance(model, nn.Module) or not isinstance(latent, dict) or "b" not in latent:
        raise TypeError(f"model: want an AugmentedCycleGAN or the like, got {type(model).__name__}")
    if latent["b"] < 1:
        raise ValueError(f"model: want one whose zebras are told a code, got latent['b'] = {latent['b']}")
    return int(latent["b"])


def key(i: int) -> str:
    """The control's name for a number of the code."""
    return f"h_{i + 1}"


def along(seen: Reading) -> str:
    """What a reader sees along a strip: the stripes from end to end, and the most that the pose moves."""
    ends = [[seen.stripes[i, j].item() for i in (0, -1)] for j in (1, 2)]
    width, tint = (minus(f"{a:+.2f} → {b:+.2f}") for a, b in ends)
    steps = torch.remainder(seen.stripes[:, 0].diff() + 1, 2) - 1  # the shorter way round, in half periods
    turn = abs(float(steps.sum())) / 2
    moved = float((seen.pose.amax(0) - seen.pose.amin(0)).max())
    return f"stripes’ width {width}, tint {tint}, phase by {turn:.2f} of a period; the pose by {moved:.2f} at most"
