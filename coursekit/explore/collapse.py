"""Mode collapse: a GAN learns a ring of Gaussians before the reader's eyes, with a loss and a cure to choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.data import toy
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import FINE, Pen, Plane
from coursekit.explore.parts.inks import Colour, inks, kept
from coursekit.explore.parts.letters import font
from coursekit.explore.parts.replay import Match
from coursekit.explore.widget.controls import Choice, Play, Slider, State, Stops
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.metrics import ModeCount
from coursekit.models import gan
from coursekit.models.base import own_randomness
from coursekit.pretrained import rings
from coursekit.training.loop import NotFinite

SCENE, REACH = 560, 1.45  # pixels of either picture's side; how far the first goes from the middle of the ring
LEFT, RIGHT, TOP, FOOT = 56, 64, 58, 56  # of the second: beside the rows, above them, below the curve
ROW, RULE = 30, 4  # pixels from row to row, and of them between the rows
COUNTED, SHOWN = 1000, 400  # samples
EXAMPLES = (
    ("non-saturating", "none"), ("Wasserstein", "gradient penalty"),
    ("non-saturating", "packs of two"), ("non-saturating", "minibatch spread"),
)  # fmt: skip


class Training:
    """A GAN on the ring, trained as far as anyone has asked; what it drew at each stage stays.

    The same game, rate and seed give the same samples at the same step, whatever else draws random numbers meanwhile.
    """

    def __init__(self, game: gan.GAN, *, rate: float, seed: int, stride: int) -> None:
        with torch.inference_mode(False), torch.enable_grad():
            self.match = Match(game, rings.ring(), rates=(rate, rate), batch=rings.BATCH, seed=seed)
            players = self.match.game.players().items()
            self.match.optimizers = {name: rings.half_momentum(p.parameters(), rate) for name, p in players}
            self.h = self.match.game.prior.draw(COUNTED, like=self.match.game, generator=seeded(1))
        self.stride, self.stopped = stride, ""
        self.samples: list[Tensor] = []
        self.counts: list[ModeCount] = []
        self._look()

    def upto(self, stage: int) -> None:
        """Train until so many stages of `stride` steps are behind it, or until a loss is no number any more."""
        with torch.inference_mode(False), torch.enable_grad():
            while len(self.samples) <= stage and not self.stopped:
                try:
                    self.match.play("R", self.stride)
                except NotFinite as error:
                    self.stopped = str(error).partition(";")[0]
                self._look()

    def at(self, stage: int) -> tuple[Tensor, ModeCount]:
        """The samples [1000, 2] at that stage and which modes they cover; the last ones, if training stopped before."""
        self.upto(stage)
        stage = min(stage, len(self.samples) - 1)
        return self.samples[stage], self.counts[stage]

    @torch.no_grad()
    def _look(self) -> None:
        x = self.match.game.generate(self.h)
        self.samples.append(x)
        self.counts.append(rings.covered(x))


class Collapse(Explorer):
    """A ring of eight Gaussians, the samples of a GAN that is trained on it, and which modes they are on as it learns.

    `losses` {name: pair} and `cures` {name: function from a loss to a GAN of points} are what the reader chooses from,
    by default those of `pretrained.rings`: the same nets, steps and data for all. Each combination is trained when it
    is first looked at, `stride` steps a frame, and kept: the picture is a function of the state. A mode counts as
    covered with a sixth of its fair share of the samples within three standard deviations. `examples`: pairs
    (loss, cure) of the still picture, after `still` steps. Raises ValueError for fewer steps than a stride.
    """

    title = "Mode collapse, and what cures it"
    panels = (
        Panel("", 330, smooth=True),
        Panel("", 330, smooth=True),
    )
    sheet_columns = 2

    def __init__(self, *, losses: Mapping[str, gan.Loss] = rings.LOSSES, cures: Mapping[str, rings.Cure] = rings.CURES,
                 steps: int = rings.STEPS, stride: int = 25, still: int = 1000,
                 examples: tuple[tuple[str, str], ...] = EXAMPLES) -> None:
        super().__init__()
        if steps < stride:
            raise ValueError(f"steps: want at least one stride, {stride}, got {steps}")
        self.losses, self.cures, self.stride, self.examples = losses, cures, stride, examples
        self.stages = steps // stride
        self.still = min(self.stages, still // stride)
        self.controls = (
            Play("step", frames=self.stages + 1, fps=12, autoplay=True, label="training"),
            Choice("loss", options=tuple(losses), help="what critic and generator minimise", group="the game"),
            Choice("cure", options=tuple(cures), help="what is added against collapse", group="the game"),
            Slider("seed", low=0, high=9, step=1, value=0, help="other weights, codes and batches", group="the game"),
            Stops("rate", stops=(2e-4, 5e-4, 1e-3, 2e-3), value=rings.RATE, help="Adam’s rate, of both players",
                  group="the game"),
        )
        self.training = lru_cache(maxsize=24)(self._training)
        self.ring = kept(ring)
        self.alt = (
            "A ring of eight circles and a generator’s samples among them, for several games; beside each a row for "
            "every mode, coloured at the steps of training at which samples are on it, and the number of covered "
            "modes as a curve: " + "; ".join(f"{loss}, {named(cure)}" for loss, cure in examples)
        )

    def _training(self, loss: str, cure: str, seed: int, rate: float) -> Training:
        with own_randomness(seed, torch.device("cpu")):
            game = self.cures[cure](self.losses[loss])
        return Training(game, rate=rate, seed=seed, stride=self.stride)

    def of(self, state: State) -> Training:
        """The training of a state, at least as far as its step."""
        chosen = self.training(state["loss"], state["cure"], state["seed"], state["rate"])
        chosen.upto(state["step"])
        return chosen

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        chosen, stage = self.of(state), state["step"]
        x, found = chosen.at(stage)
        return scene(self.ring(), x[:SHOWN], found), history(chosen.counts[: stage + 1], self.stages, self.stride)

    def captions(self, state: State) -> tuple[str, ...]:
        _, found = self.of(state).at(state["step"])
        return (
            f"step {state['step'] * self.stride:,}: {found.modes} of {len(found.counts)} modes covered",
            "which modes the samples are on",
        )

    def readout(self, state: State) -> str:
        chosen = self.of(state)
        _, found = chosen.at(state["step"])
        words = (
            f"{state['loss']}, {named(state['cure'])}, rate {state['rate']:g}: {found.modes} of {len(found.counts)} "
            f"modes have at least {100 * least(COUNTED) / COUNTED:.0f} % of the samples · {100 * found.share:.0f} % "
            "lie on a mode"
        )
        return f"{words} · stopped: {chosen.stopped}" if chosen.stopped else words

    def contact_states(self) -> list[tuple[str, State]]:
        return [(f"{loss}, {named(cure)}, {self.still * self.stride:,} steps",
                 self.state(loss=loss, cure=cure, step=self.still)) for loss, cure in self.examples]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        return {**super().surprise(generator), "step": self.stages // 4}  # a whole training would be waited for


def seeded(seed: int) -> torch.Generator:
    """A generator with that seed."""
    return torch.Generator().manual_seed(seed)


def least(samples: int) -> int:
    """How many samples a mode has to have."""
    return round(samples / (rings.MODES * rings.FAIR_SHARE))


def named(cure: str) -> str:
    """"no cure" for "none"."""
    return "no cure" if cure == "none" else cure


def plane() -> Plane:
    """The picture's coordinates, in its fine pixels."""
    return Plane((-REACH, -REACH, REACH, REACH), (FINE * SCENE, FINE * SCENE), margin=0)


def ring() -> Image.Image:
    """The eight modes as numbered circles of three standard deviations, with points of the data; in fine pixels."""
    image, ink, where = Image.new("RGB", (FINE * SCENE, FINE * SCENE), inks().paper), inks(), plane()
    draw, centres = ImageDraw.Draw(image), toy.ring_centres(rings.MODES).numpy()
    spots(draw, where.pixels(rings.ring(n=480).numpy()), 2.6, ink.pale_blue)
    for number, (centre, beyond) in enumerate(zip(where.pixels(centres), where.pixels(1.32 * centres), strict=True), 1):
        draw.circle(tuple(centre), 3 * rings.STD * where.scale, outline=ink.open, width=FINE * 2)
        draw.text(tuple(beyond), str(number), ink.words, font(FINE * 21), "mm")
    return image


def scene(ground: Image.Image, x: Tensor, found: ModeCount) -> Picture:
    """Samples [n, 2] over the ring, and a green circle around each mode that is covered."""
    image, ink, where = ground.copy(), inks(), plane()
    draw = ImageDraw.Draw(image)
    for centre, count in zip(where.pixels(toy.ring_centres(rings.MODES).numpy()), found.counts, strict=True):
        if count >= least(COUNTED):
            draw.circle(tuple(centre), 3 * rings.STD * where.scale + FINE, outline=ink.green, width=FINE * 4)
    spots(draw, where.pixels(x[(x.abs() < REACH).all(1)].numpy()), 3, ink.orange)
    return np.asarray(image.reduce(FINE))


def spots(draw: ImageDraw.ImageDraw, places: np.ndarray, radius: float, colour: Colour) -> None:
    """Discs at fine pixels [n, 2]."""
    for place in places:
        draw.circle(tuple(place), FINE * radius, colour)


def history(counts: Sequence[ModeCount], stages: int, stride: int) -> Picture:
    """A row for each mode, coloured when samples are on it, stage by stage; below, how many modes are covered."""
    pen, ink = Pen(Image.new("RGB", (SCENE, SCENE), inks().paper)), inks()
    pen.text((LEFT, 8), "samples on each mode", ink.ink, 19, "lt")
    pen.text((SCENE - 8, TOP - 8), "now", ink.words, 17, "rb")
    pen.image.paste(strip(counts, stages), (LEFT, TOP))
    for mode, count in enumerate(counts[-1].counts.tolist()):
        middle = TOP + ROW * mode + (ROW - RULE) / 2
        pen.text((LEFT - 12, middle), str(mode + 1), ink.words, 19, "rm")
        pen.text((SCENE - 8, middle), f"{100 * count / COUNTED:.0f} %", ink.ink, 17, "rm")
    below = TOP + ROW * rings.MODES + 14
    pen.image.paste(curve([found.modes for found in counts], stages, stride, SCENE - below), (0, below))
    return np.asarray(pen.image)


def strip(counts: Sequence[ModeCount], stages: int) -> Image.Image:
    """The rows: paper for no samples on a mode, orange from a fair share on; what is not trained yet is grey."""
    share = torch.stack([found.counts for found in counts], 1).numpy() * rings.MODES / COUNTED  # [modes, stages so far]
    paper, full = (np.array(colour, float) for colour in (inks().paper, inks().orange))
    cells = np.empty((rings.MODES, stages + 1, 3))
    cells[:] = inks().line
    cells[:, : share.shape[1]] = paper + share.clip(0, 1)[..., None] ** 0.7 * (full - paper)
    size = SCENE - LEFT - RIGHT, ROW * rings.MODES
    rows = np.array(Image.fromarray(cells.round().astype(np.uint8)).resize(size, Image.Resampling.NEAREST))
    rows.reshape(rings.MODES, ROW, size[0], 3)[:, -RULE:] = inks().paper
    return Image.fromarray(rows)


def curve(modes: Sequence[int], stages: int, stride: int, high: int) -> Image.Image:
    """How many modes are covered, over the steps: a picture so many pixels high."""
    pen, ink = Pen(Image.new("RGB", (SCENE, high), inks().paper)), inks()
    wide, top, floor = SCENE - LEFT - RIGHT, 34, high - FOOT
    pen.text((LEFT, 0), "modes covered", ink.green, 19, "lt")
    level = {count: floor - (floor - top) * count / rings.MODES for count in range(rings.MODES + 1)}
    for count in (0, rings.MODES // 2, rings.MODES):
        ImageDraw.Draw(pen.image).line((LEFT, level[count], SCENE - RIGHT, level[count]), ink.line, 2)
        pen.text((LEFT - 12, level[count]), str(count), ink.words, 17, "rm")
    x = [LEFT + wide * (stage + 0.5) / (stages + 1) for stage in range(stages + 1)]
    line = [(left, level[count]) for left, count in zip(x, modes, strict=False)]
    pen.line([line[0], *line], ink.green, 3.5)
    pen.disc(line[-1], 6, ink.green)
    for stage in (0, stages // 2, stages):
        pen.text((x[stage], floor + 8), f"{stage * stride:,}", ink.words, 17, "mt")
    pen.text((LEFT + wide / 2, high - 8), "steps of training", ink.words, 17, "mb")
    return pen.image
