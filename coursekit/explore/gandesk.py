"""A desk for a generator of pictures: walks through its codes, truncation, class and code switches, many samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.directions import HERE, principal
from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.held import held, runs_on
from coursekit.explore.parts.letters import minus
from coursekit.explore.parts.strip import strip
from coursekit.explore.parts.switches import REACH, amount, given_by, key, names
from coursekit.explore.widget.controls import Choice, Control, Slider, State
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models import gan
from coursekit.models.latent import lerp, slerp

WHOLE = 3.0  # a truncation that cuts off three numbers in a thousand
TILES = 7  # pictures in the strip
ANY, WALK, EACH = "any", "from A to B", "each class"

Directions = int | Mapping[str, Tensor]
Reader = Callable[[Tensor], Tensor]


class GANDesk(Explorer):
    """g(h) for one code under the reader's hand, a strip of codes on a line, and a grid of samples.

    The code goes from that of seed A to that of seed B: its direction along an arc, its length evenly (for priors
    other than the normal one, along a straight line). `truncation`: all normal numbers are drawn from [−t, t]. What
    else there is hangs on the model, a `gan.GAN` of pictures:

    - told a class (its condition is one-hot): a switch for it; `classes` are the names.
    - with `gan.Codes` as prior (InfoGAN): a switch for the class code, a slider for each number, named `codes`.
    - `directions`: {name: [latent size]} to add −2 … 2 times; or how many principal ones to find (see `principal`).
    - `reader`: pictures [n, C, H, W] → classes [n], which the words then tell.
    - `training` [n, C, H, W]: the nearest of them, by pixels, stands beside g(h).

    The strip shows what `along` says. `samples`: how many are in the grid. Raises ValueError for names, codes or
    directions that do not fit.
    """

    title = "GAN desk: a code becomes a picture"

    def __init__(self, model: gan.GAN, *, classes: Sequence[str] = (), codes: Sequence[str] = (),
                 directions: Directions = 0, truncation: bool = True, reader: Reader | None = None,
                 training: Tensor | None = None, samples: int = 25, title: str | None = None) -> None:
        super().__init__()
        self.title = title or self.title
        self.prior, self.told, self.samples = model.prior, model.condition_size, samples
        self.make, self.reader = held(model.generate), None if reader is None else held(reader)
        self.device = runs_on((self.make,), torch.empty(0))
        kinds, numbers = given_by(self.prior, self.told)
        self.classes = names("classes", classes, kinds, "{}")
        self.codes = names("codes", codes, numbers, "number {}")
        with torch.inference_mode(False), torch.no_grad():
            self.directions = self._directions(directions)
        self.training = training
        self.controls = self._controls(truncation and not isinstance(self.prior, gan.Uniform))
        self.panels = self._panels()
        self.grid, self.read = lru_cache(maxsize=64)(self._grid), lru_cache(maxsize=64)(self._reading)
        self._last: tuple[State, Tensor, tuple[int, float]] | None = None
        self.sheet_columns, self.alt = 2, self._alt()

    # --- what there is to move and to see

    def _directions(self, given: Directions) -> dict[str, Tensor]:
        if isinstance(given, int):
            found = principal(self._of_class, self.prior, given) if given else ()
            return {f"direction {i}": d for i, d in enumerate(found, 1)}
        for name, d in given.items():
            if list(d.shape) != [self.prior.size]:
                raise ValueError(f"directions[{name!r}]: want [{self.prior.size}], got {list(d.shape)}")
        return {name: d.float().cpu() for name, d in given.items()}

    def _of_class(self, h: Tensor, kind: int) -> Tensor:
        """g(h), all of one class if that has to be told."""
        return self.generate(h, torch.full((len(h),), kind % max(1, len(self.classes))))

    def _controls(self, truncation: bool) -> tuple[Control, ...]:
        walk: dict[str, Any] = {"low": 0, "high": 999, "step": 1, "group": "the code h"}
        found: list[Control] = [
            Slider("seed_a", value=1, label="seed of A", help="another number, another code", **walk),
            Slider("seed_b", value=2, label="seed of B", help="another number, another code", **walk),
            Slider("t", low=0.0, high=1.0, step=0.01, value=0.0, label="from A to B", help="0: A … 1: B",
                   group="the code h"),
        ]
        if truncation:
            found.append(Slider("truncation", low=0.1, high=WHOLE, step=0.05, value=WHOLE, group="the code h",
                                help=f"numbers of h only from −t to t; {WHOLE:g}: hardly any is cut off"))
        if self.classes:
            found.append(Choice("class", options=(ANY, *self.classes), label="class", group="switches",
                                help="which class is asked for"))
        numbers = "a number of the code, from −1 to 1 in training"
        found += [amount(name, "switches", numbers) for name in self.codes]
        found += [amount(name, "directions", "how many times it is added to h") for name in self.directions]
        if len(self.ways()) > 1:
            found.append(Choice("along", options=self.ways(), label="strip", help="what the strip of pictures shows"))
        return tuple(found)

    def ways(self) -> tuple[str, ...]:
        """What the strip can show."""
        return (WALK, *((EACH,) if self.classes else ()), *self.codes, *self.directions)

    def _panels(self) -> tuple[Panel, ...]:
        one, many = (250, 296) if self.training is None else (176, 188)
        near = () if self.training is None else (Panel("nearest in training", one),)
        return Panel("g(h)", one), *near, Panel("samples", many), Panel("", 560, smooth=True, row=True)

    def _alt(self) -> str:
        switches = [*(["classes"] if self.classes else []), *self.codes, *self.directions]
        return (
            "One generated picture, a grid of samples, and a strip of pictures whose codes lie on a way from one to "
            "another; the less the codes are truncated, the more the samples differ"
            + (f"; also strips along {', '.join(switches)}" if switches else "")
        )

    # --- codes

    def h(self, state: State) -> Tensor:
        """The code of a state, [size]."""
        return self._moved(self._between(state, state["t"]), state)

    def _between(self, state: State, t: float) -> Tensor:
        """The code at t on the way from A to B, [size]."""
        a, b = (self._drawn(1, state[seed], state)[0] for seed in ("seed_a", "seed_b"))
        if isinstance(self.prior, gan.Normal):
            return slerp(a, b, t) if len(a) > 1 else lerp(a, b, t)
        if isinstance(self.prior, gan.Codes):
            return torch.cat([slerp(a[: self.prior.noise], b[: self.prior.noise], t), a[self.prior.noise :]])
        return lerp(a, b, t)

    def _drawn(self, n: int, seed: int, state: State) -> Tensor:
        """n codes from the prior, truncated as the state says, [n, size]; the same quantiles for any truncation."""
        chance, cut = torch.Generator().manual_seed(seed), state.get("truncation")
        return self.prior.draw(n, like=HERE, generator=chance, truncation=cut)

    def _moved(self, h: Tensor, state: State) -> Tensor:
        """Codes [..., size] with the state's switches, and its directions added."""
        h = h.clone()
        if isinstance(self.prior, gan.Codes):
            first = self.prior.noise + self.prior.classes
            if self.classes and state["class"] != ANY:
                h[..., self.prior.noise : first] = one_hot(torch.tensor(self.asked(state)), self.prior.classes).to(h)
            h[..., first:] = torch.tensor([state[key(name)] for name in self.codes])
        for name, d in self.directions.items():
            h = h + state[key(name)] * d
        return h

    def asked(self, state: State) -> int:
        """The number of the class that is asked for; for "any" that of seed A's code, or by its seed."""
        if state["class"] != ANY:
            return self.classes.index(state["class"])
        if self.told:
            return int(state["seed_a"]) % len(self.classes)
        assert isinstance(self.prior, gan.Codes)
        return int(self.prior.parts(self._drawn(1, state["seed_a"], state))[1].argmax())

    def line(self, state: State) -> tuple[list[State], list[str], float]:
        """The states of the strip, the words below them, and where among them the picture stands, in steps."""
        along = state.get("along", WALK)
        if along == WALK:
            moments = torch.linspace(0, 1, TILES).tolist()
            words = ["A", *(f"{t:.2f}" for t in moments[1:-1]), "B"]
            return [{**state, "t": t} for t in moments], words, state["t"] * (TILES - 1)
        if along == EACH:
            return [{**state, "class": name} for name in self.classes], list(self.classes), float(self.asked(state))
        name = key(along)
        values = torch.linspace(-REACH, REACH, TILES).tolist()
        words = [minus(f"{v:+.1f}") if abs(v) > 0.05 else "0" for v in values]
        return [{**state, name: v} for v in values], words, (state[name] + REACH) / (2 * REACH) * (TILES - 1)

    # --- pictures

    def generate(self, h: Tensor, kinds: Tensor) -> Tensor:
        """g(h) for codes [n, size] on the CPU, of these classes [n] if they have to be told: [n, C, H, W]."""
        if not self.told:
            return self.make(h)
        return self.make(h, one_hot(kinds, self.told).float().to(self.device))

    def of(self, states: Sequence[State]) -> Tensor:
        """The pictures of states, [n, C, H, W]."""
        kinds = [self.asked(state) if self.told else 0 for state in states]
        return self.generate(torch.stack([self.h(state) for state in states]), torch.tensor(kinds))

    def _switches(self, state: State) -> tuple[float | None, str, tuple[float, ...]]:
        """What the grid hangs on."""
        return state.get("truncation"), state.get("class", ANY), tuple(state[key(name)] for name in self.codes)

    def _kinds(self, kind: str) -> Tensor:
        """The class that each sample is asked for, [n]; of any class, each in turn."""
        in_turn = torch.arange(self.samples) % max(1, len(self.classes))
        return in_turn if kind == ANY else torch.full_like(in_turn, self.classes.index(kind))

    def _grid(self, cut: float | None, kind: str, numbers: tuple[float, ...]) -> Tensor:
        """Samples with these switches, [n, C, H, W]."""
        still = {key(name): 0.0 for name in self.directions}
        state = {"truncation": cut, "class": kind, **still, **dict(zip(map(key, self.codes), numbers, strict=True))}
        return self.generate(self._moved(self._drawn(self.samples, 0, state), state), self._kinds(kind))

    def drawn(self, state: State) -> Tensor:
        """The grid's samples, [n, C, H, W]."""
        return self.grid(*self._switches(state))

    def _reading(self, *switches: Any) -> Tensor:
        """What the reader says of them, [n]."""
        assert self.reader is not None
        return self.reader(self.grid(*switches))

    def nearest(self, x: Tensor) -> tuple[int, float]:
        """The training picture nearest to x [C, H, W]: its number, and the root mean square difference."""
        assert self.training is not None
        apart = torch.cdist(x.flatten()[None], self.training.flatten(1))[0]
        return int(apart.argmin()), float(apart.min()) / x.numel() ** 0.5

    def _seen(self, state: State) -> tuple[Tensor, tuple[int, float]]:
        """The state's picture and those of the strip, [1 + n, C, H, W]; the first one's nearest. The last ones stay."""
        if self._last is None or self._last[0] != state:
            x = self.of([state, *self.line(state)[0]])
            self._last = dict(state), x, (0, 0.0) if self.training is None else self.nearest(x[0])
        return self._last[1:]

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        x, (number, _) = self._seen(state)
        near = () if self.training is None else (picture(self.training[number]),)
        many = picture(tiled(self.drawn(state), round(self.samples**0.5), gap=2))
        most = max(TILES, len(self.classes))
        return picture(x[0]), *near, many, strip(x[1:], *self.line(state)[1:], most)

    def captions(self, state: State) -> tuple[str, ...]:
        x, (_, apart) = self._seen(state)
        near = () if self.training is None else (f"nearest in training: {apart:.2f} off",)
        spread = f"{self.samples} samples{within(state)}, spread {spread_of(self.drawn(state)):.2f}"
        return f"g(h){self._read(x[0])}", *near, spread, f"strip: {state.get('along', WALK)}"

    def _read(self, x: Tensor) -> str:
        """", read as 7", if anybody reads."""
        return "" if self.reader is None else f", read as {self._name(int(self.reader(x[None])[0]))}"

    def _name(self, kind: int) -> str:
        return self.classes[kind] if self.told and kind < len(self.classes) else str(kind)

    def readout(self, state: State) -> str:
        kind = state.get("class")
        asked = [] if kind is None else ["any class" if kind == ANY else f"class {kind} asked for"]
        length = f"{self.prior.size} numbers, ‖h‖ = {float(self.h(state).norm()):.2f}"
        return " · ".join([*asked, length, *([] if self.reader is None else [self._found(state)])])

    def _found(self, state: State) -> str:
        """What the reader says of the grid."""
        assert self.reader is not None
        read, kind = self.read(*self._switches(state)), state.get("class", ANY)
        wanted, words = read.mode().values, ""
        if self.told:
            wanted = self._kinds(kind)
        else:
            words = f" {self._name(int(wanted))}"
        return f"{int((read == wanted).sum())} of {len(read)} samples are read as{words or ' asked'}"

    # --- what is shown before anything is touched

    def contact_states(self) -> list[tuple[str, State]]:
        shown = [("half-way from A to B", self.state(t=0.5))]
        if "truncation" in self.state() and not self.codes:
            shown.append(("the same, truncated at 0.5", self.state(t=0.5, truncation=0.5)))
        switch = {"class": self.classes[-1]} if self.classes else {}
        if self.classes:
            shown.append((f"class {self.classes[-1]}", self.state(along=EACH, **switch)))
        for name in (*self.codes, *self.directions)[: 4 - len(shown)]:
            shown.append((f"{name} at 1.5", self.state(along=name, **{key(name): 1.5}, **switch)))
        return shown

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn, start = super().surprise(generator), self.state()
        moved = list(map(key, self.directions))
        chosen = int(torch.randint(len(moved), (), generator=generator)) if moved else 0
        still = {name: start[name] for i, name in enumerate(moved) if i != chosen}  # one direction can be told
        return {**drawn, **still, **{name: start[name] for name in start if name == "truncation"}}

    def __repr__(self) -> str:
        parts = ["seeds", *(["classes"] if self.classes else []), *self.codes]
        parts += [f"{len(self.directions)} directions"] if self.directions else []
        return f"{self.title}: explorer with {', '.join(parts)}"


def spread_of(x: Tensor) -> float:
    """How much pictures [n, ...] differ: the root of the mean variance of a pixel."""
    return float(x.float().var(0, correction=0).mean().sqrt())


def within(state: State) -> str:
    """" within ±0.50", if anything is cut off."""
    cut = state.get("truncation", WHOLE)
    return "" if cut >= WHOLE else f" within ±{cut:.2f}"
