"""Latent dimensions: a slider for each, the one that carries most first, and what it does to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit import metrics
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.coder import Coder
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.held import runs_on
from coursekit.explore.parts.inks import inks, kept
from coursekit.explore.parts.letters import centred, font, sized
from coursekit.explore.parts.shelf import thumb
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.widget.controls import Slider, State, words
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.gaussians import gaussian_kl

STEPS, TILE, LIMIT = 7, 128, 3.0  # pictures in the strip, pixels of each; the sliders' ends
BARS = (560, 512)
GROUP = 8  # sliders under a heading


@dataclass(frozen=True)
class Dimension:
    """A latent dimension: its place j in the code, its KL in nats, the factor it follows most and how closely."""

    place: int
    kl: float
    factor: str = ""
    correlation: float = 0.0

    @property
    def follows(self) -> str:
        """"light −0.93", "" if no factors are known."""
        return f"{self.factor} {self.correlation:+.2f}".replace("-", "−") if self.factor else ""


class Dimensions(Explorer):
    """g_d(h) with h_j = start_j + the slider of dimension j, −3 … 3, in standard deviations of P(h) = N(0, I).

    `model` has `encode`, [n, C, H, W] → a Gaussian over [n, K], and `decode`. Over the given `images` each dimension
    has a mean divergence KL_j = mean ½ (σ_j² + μ_j² − 1 − log σ_j²): how many nats it carries. The sliders are sorted
    by it; those at most `nothing` nats stand last. `factors` [n, F] of the images and their `factor_names`: each
    dimension is labelled with the factor whose correlation with μ_j is largest. A strip shows the dimension moved
    last from −3 to 3. `start`: 0 is the prior's mean h = 0, else the code μ of one of the first 24 images. "Surprise
    me" draws h from P(h).

    Raises TypeError for an encoder that gives no distribution, ValueError for factors or names that do not fit.
    """

    title = "Latent dimensions: what does each of them carry?"

    def __init__(self, model: Any, images: Tensor, *, factors: Tensor | None = None,
                 factor_names: Sequence[str] | None = None, nothing: float = 0.05, start: int = 0) -> None:
        super().__init__()
        check_images(images)
        self.coder, self.nothing = Coder("model", model.encode, model.decode), nothing
        mu, sigma = self.coder.posterior(images)  # [n, K]
        if sigma is None:
            raise TypeError("model: want an encoder that gives a distribution over codes, got one that gives codes")
        self.ranked = ranked(mu, sigma, factors, names_of(factors, factor_names, len(images)))
        self.starts = torch.cat([torch.zeros_like(mu[:1]), mu[:24]])  # [1 + n, K]
        self.device = runs_on((self.coder.decode,), images)
        self.used = sum(d.kl > nothing for d in self.ranked)
        self._moved, self._before = 1, {name(rank): 0.0 for rank in range(1, len(self.ranked) + 1)}
        sliders = (self._slider(rank) for rank in range(1, len(self.ranked) + 1))
        self.controls = (self._starting(start, images[:24]), *sliders)
        self.panels = (Panel("decoded", 256), Panel("KL of each dimension, in nats", 280, True),
                       Panel("", 548, True, row=True))
        self.chart = kept(self._chart)
        self.sheet_columns = 2
        self.alt = (
            "A decoded picture; bars that say how much each latent dimension carries; and a strip of pictures in which "
            "one dimension goes from −3 to 3 while the others stay"
        )

    def _starting(self, start: int, images: Tensor) -> Slider:
        shown = torch.cat([self.coder.picture(self.starts[0])[None].to(images), images])
        return Slider("start", low=0, high=len(self.starts) - 1, step=1, value=start, label="start image",
                      help="0: the mean of the prior, h = 0; else the code of that image", pick=thumbs(shown))

    def _slider(self, rank: int) -> Slider:
        d = self.ranked[rank - 1]
        label = f"{rank} · {d.kl:.1f} nats" + (f" · {d.follows}" if d.factor and rank <= self.used else "")
        tail = f", follows {d.factor} (correlation {d.correlation:+.2f})" if d.factor else ""
        return Slider(name(rank), low=-LIMIT, high=LIMIT, step=0.05, value=0.0, label=label, group=self._group(rank),
                      help=f"dimension {d.place} of the code: {d.kl:.3f} nats{tail}".replace("-", "−"))

    def _group(self, rank: int) -> str:
        """The heading above a slider."""
        low, high = (0, self.used) if rank <= self.used else (self.used, len(self.ranked))
        first = low + (rank - 1 - low) // GROUP * GROUP
        last = min(first + GROUP, high)
        if rank > self.used:
            return f"{first + 1} to {last}: carry nothing"
        part, whole = (sum(d.kl for d in some) for some in (self.ranked[first:last], self.ranked))
        return f"{first + 1} to {last}: {part:.1f} of {whole:.1f} nats"

    def code(self, state: State) -> Tensor:
        """The code, [K]: the start's, moved by the sliders."""
        h = self.starts[state["start"]].clone()
        for rank, d in enumerate(self.ranked, 1):
            h[d.place] += state[name(rank)]
        return h

    def traversal(self, state: State, rank: int) -> Tensor:
        """The codes with the slider of that rank at −3 … 3, [7, K]."""
        d = self.ranked[rank - 1]
        h = self.code(state).repeat(STEPS, 1)
        h[:, d.place] = self.starts[state["start"], d.place] + torch.linspace(-LIMIT, LIMIT, STEPS).to(h)
        return h

    def moved_last(self, state: State) -> int:
        """The rank of the slider moved last: among those that have changed, the one that stands furthest out now."""
        changed = [rank for rank in range(1, len(self.ranked) + 1) if state[name(rank)] != self._before[name(rank)]]
        furthest = max(changed, key=lambda rank: abs(state[name(rank)]), default=self._moved)
        self._before = {key: state[key] for key in self._before}
        self._moved = furthest if not changed or state[name(furthest)] else self._moved
        return self._moved

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        rank = self.moved_last(state)
        x = self.coder.decode(torch.cat([self.code(state)[None], self.traversal(state, rank)]))  # [1 + 7, C, H, W]
        return picture(x[0]), self._bars(rank), strip(x[1:], state[name(rank)])

    def readout(self, state: State) -> str:
        rank = self._moved
        d, value = self.ranked[rank - 1], self.code(state)[self.ranked[rank - 1].place]
        follows = f" · follows {d.follows}" if d.factor else ""
        if rank > self.used:
            follows = " · carries nothing: Q(h|x) is almost the prior for every image"
        whole = f"{self.used} of {len(self.ranked)} dimensions carry more than {self.nothing:g} nats"
        return f"dimension {rank}: h = {value:+.2f}, {d.kl:.2f} nats{follows} · {whole}".replace("-", "−")

    def contact_states(self) -> list[tuple[str, State]]:
        chosen = dict.fromkeys([1, min(2, self.used), min(3, self.used), len(self.ranked)])
        return [(self._label(rank), self.state(**{name(rank): 2.0})) for rank in chosen if rank > 0]

    def _label(self, rank: int) -> str:
        d = self.ranked[rank - 1]
        carried = d.follows or f"{d.kl:.2f} nats"
        return f"dimension {rank} at +2: " + (carried if rank <= self.used else "carries nothing")

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn = super().surprise(generator)
        normal = torch.randn(len(self.ranked), generator=generator).clamp(-LIMIT, LIMIT).tolist()
        return {**drawn, "start": 0, **{name(rank): round(x, 2) for rank, x in enumerate(normal, 1)}}

    def _chart(self) -> Image.Image:
        """The bars, without a mark."""
        image = Image.new("RGB", BARS, inks().paper)
        for rank in range(1, len(self.ranked) + 1):
            ImageDraw.Draw(image).rectangle(self._bar(rank), fill=inks().faint)
        return image

    def _bar(self, rank: int) -> tuple[float, float, float, float]:
        wide, high = (BARS[0] - 24) / len(self.ranked), BARS[1] - 80
        tall = high * self.ranked[rank - 1].kl / max(self.ranked[0].kl, 1e-9)
        left = 12 + (rank - 1) * wide
        return left, 44 + high - max(tall, 2), left + max(2.0, wide - 3), 44 + high

    def _bars(self, rank: int) -> Picture:
        """The bars with the one moved last in colour."""
        image, d, ink = self.chart().copy(), self.ranked[rank - 1], inks()
        draw, box = ImageDraw.Draw(image), self._bar(rank)
        draw.rectangle(box, fill=ink.orange)
        middle = centred(str(rank), (box[0] + box[2]) / 2, BARS[0], 22)
        draw.text((middle, box[3] + 6), str(rank), ink.ink, font(22), anchor="mt")
        follows = f", {d.follows}" if d.factor and rank <= self.used else ""
        words = f"{rank}: {d.kl:.2f} nats{follows}"
        draw.text((BARS[0] - 14, 12), words, ink.orange, font(sized(words, BARS[0] - 28, 24)), anchor="rt")
        return np.asarray(image)

    def captions(self, state: State) -> tuple[str, ...]:
        first, second, _ = (panel.caption for panel in self.panels)
        return first, second, f"dimension {self._moved} from −3 to +3, all others as they are"

    def sheet(self) -> bytes:
        before = self._moved, self._before
        try:
            return super().sheet()
        finally:
            self._moved, self._before = before  # nobody's hand moved those

    def __repr__(self) -> str:
        return f"{self.title}: explorer with start image, {len(self.ranked)} dimensions"  # measured labels may differ


def name(rank: int) -> str:
    """The control of the dimension of that rank."""
    return f"dimension_{rank}"


def names_of(factors: Tensor | None, given: Sequence[str] | None, n: int) -> list[str]:
    """The factors' names; ValueError unless there is a row of factors for each image and a name for each factor."""
    if factors is None:
        if given is not None:
            raise ValueError("factors, factor_names: want factors for the names, got none")
        return []
    if factors.ndim != 2 or len(factors) != n:
        raise ValueError(f"factors: want [{n}, F], one row for each image, got {list(factors.shape)}")
    names = [f"factor {i + 1}" for i in range(factors.shape[1])] if given is None else [words(g) for g in given]
    if len(names) != factors.shape[1]:
        raise ValueError(f"factor_names: want {factors.shape[1]}, one for each factor, got {len(names)}")
    return names


def ranked(mu: Tensor, sigma: Tensor, factors: Tensor | None, names: Sequence[str]) -> list[Dimension]:
    """The dimensions by their mean divergence from N(0, 1), largest first; means and deviations [n, K]."""
    kl = gaussian_kl(mu[..., None], 2 * sigma[..., None].log()).mean(0)  # [K]
    order = kl.argsort(descending=True).tolist()
    if factors is None:
        return [Dimension(j, kl[j].item()) for j in order]
    r = metrics.cross_correlations(mu, factors.to(mu))  # [K, F]
    best = r.abs().argmax(1).tolist()
    return [Dimension(j, kl[j].item(), names[best[j]], r[j, best[j]].item()) for j in order]


def strip(images: Tensor, value: float) -> Picture:
    """Pictures [7, C, H, W] side by side with the slider's values below, a mark where the slider stands."""
    gap, edge, ink = 10, 10, inks()
    out = Image.new("RGB", (2 * edge + STEPS * (TILE + gap) - gap, edge + TILE + 44), ink.paper)
    draw = ImageDraw.Draw(out)
    for i, x in enumerate(images):
        left = edge + i * (TILE + gap)
        out.paste(thumb(x, TILE), (left, edge))
        number = f"{i - LIMIT:+.0f}".replace("-", "−").replace("+0", "0")
        draw.text((left + TILE / 2, edge + TILE + 16), number, ink.words, font(22), anchor="mt")
    middle = edge + TILE / 2 + (value + LIMIT) * (TILE + gap)
    below = edge + TILE + 8
    draw.rectangle((edge + TILE / 2, below - 1, out.width - edge - TILE / 2, below + 1), fill=ink.line)
    draw.ellipse((middle - 7, below - 7, middle + 7, below + 7), fill=ink.orange)
    return np.asarray(out)
