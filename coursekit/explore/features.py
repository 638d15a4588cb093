"""Features: a picture as a sum of few parts, each with a slider."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import bars
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import Pen, diverging, picture
from coursekit.explore.parts.held import held, one_thread, runs_on
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.widget.controls import Slider, State
from coursekit.explore.widget.panel import Panel, Picture

CHART, STRIP = (560, 200), 560


class Features(Explorer):
    """x̂ = g_d(h) with the activations of this picture's strongest features multiplied by 0 … 3.

    `model` has `encode` and `decode`; `images` [n, C, H, W] in [0, 1]. `features`: how many of the strongest get a
    slider, 1st, 2nd …; strongest is what has the largest |h_j|. Below the pictures stands what each of them adds,
    g_d(h) − g_d(h with h_j = 0), orange brighter, blue darker; full colour means ±`scale` (default: the
    largest that occurs in these images). A feature counts as active if |h_j| is above `threshold` (default: a
    tenth of the largest in these images). Raises ValueError if no feature is to have a slider.
    """

    title = "Features: which parts is this picture made of?"

    def __init__(self, model: Any, images: Tensor, *, features: int | None = None, scale: float | None = None,
                 threshold: float | None = None) -> None:
        super().__init__()
        check_images(images)
        self.encode, self.decode = held(model.encode), held(model.decode)
        if features is not None and features < 1:
            raise ValueError(f"features: want 1 or more, got {features}")
        self.images, self.device = images, runs_on((self.decode,), images)
        with torch.no_grad(), one_thread():
            self.codes = self.encode(images)  # [n, K]
        self.count = min(features or 6, self.codes.shape[1])
        self.span = float(self.codes.abs().max())
        self.threshold = 0.1 * self.span if threshold is None else threshold
        self.scale = self._largest() if scale is None else scale
        which = Slider("picture", low=1, high=max(2, len(images)), step=1, value=1, help="which picture",
                       pick=thumbs(images))
        self.controls = (*((which,) if len(images) > 1 else ()), *map(multiplier, range(1, self.count + 1)))
        self.panels = (
            Panel("original x", 210), Panel("from the changed code x̂", 210, below=True),
            Panel("the code h; its strongest features have numbers", 330, True),
            Panel("what each of them adds to the picture", 330, True, below=True),
        )
        self.sheet_columns = 2
        self.sheet_panels = (0, 1, 3)
        self.alt = (
            "A picture, its reconstruction from a sparse code, the code as bars of which few are tall, and what "
            "each of the tallest adds to the picture; the same with the strongest feature off, and with one tripled"
        )

    def strongest(self, state: State) -> list[int]:
        """The features with sliders, the largest |h_j| first."""
        code = self.codes[state.get("picture", 1) - 1]
        return code.abs().topk(self.count).indices.tolist()

    def code(self, state: State) -> Tensor:
        """The code as the sliders have changed it: [K]."""
        h = self.codes[state.get("picture", 1) - 1].clone()
        for rank, j in enumerate(self.strongest(state), 1):
            h[j] *= state[f"feature_{rank}"]
        return h

    def contributions(self, state: State) -> Tensor:
        """What each of the strongest adds, g_d(h) − g_d(h without it): [count, C, H, W]."""
        h = self.code(state)
        without = h.repeat(self.count, 1)  # [count, K]
        without[range(self.count), self.strongest(state)] = 0
        pictures = self.decode(torch.cat([h[None], without]))
        return pictures[:1] - pictures[1:]

    def _largest(self) -> float:
        with torch.no_grad(), one_thread():
            plain = {f"feature_{rank}": 1.0 for rank in range(1, self.count + 1)}
            first = range(1, min(len(self.images), 24) + 1)
            return max(1e-6, *(float(self.contributions({"picture": i, **plain}).abs().max()) for i in first))

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        h = self.code(state)
        names = [str(rank) for rank in range(1, self.count + 1)]
        values = h.cpu().numpy()
        span = 1.05 * max(self.span, float(np.abs(values).max()))
        chart = bars(CHART, values, self.strongest(state), names, f"the {len(h)} features", span)
        x = self.images[state.get("picture", 1) - 1]
        return picture(x), picture(self.decode(h[None])[0]), chart, self._strip(self.contributions(state).mean(1))

    def _strip(self, parts: Tensor) -> Picture:
        """Signed pictures [count, H, W], three in a row, large, with their numbers below."""
        side = STRIP // 3 - 12
        out = Image.new("RGB", (STRIP, -(-len(parts) // 3) * (side + 30)), inks().paper)
        pen = Pen(out)
        for i, part in enumerate(parts):
            tile = Image.fromarray(diverging(part, self.scale)).resize((side, side), Image.Resampling.NEAREST)
            left, top = 6 + i % 3 * (side + 12), 4 + i // 3 * (side + 30)
            out.paste(inks().rim, (left - 1, top - 1, left + side + 1, top + side + 1))
            out.paste(tile, (left, top))
            pen.text((left + side / 2, top + side + 5), str(i + 1), inks().ink, 16, "mt")
        return np.asarray(out)

    def readout(self, state: State) -> str:
        i = state.get("picture", 1) - 1
        before = self.codes[i]
        active = int((before.abs() > self.threshold).sum())
        error = (self.decode(self.code(state)[None])[0] - self.images[i]).square().mean().sqrt()
        first = self.strongest(state)
        names = ", ".join(f"{rank} = h{subscript(j)}" for rank, j in enumerate(first[:3], 1))
        return (
            f"{active} of {len(before)} features active (|h| > {self.threshold:.2g}) · {names}, … · error {error:.3f} "
            "a number (root mean square)"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        active = int((self.codes[0].abs() > self.threshold).sum())
        return [
            (f"{active} of {self.codes.shape[1]} features active", self.state()),
            ("feature 1 switched off", self.state(feature_1=0.0)),
            ("feature 1 tripled", self.state(feature_1=3.0)),
            (f"feature {self.count} tripled", self.state(**{f"feature_{self.count}": 3.0})),
        ]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn = super().surprise(generator)
        keep = {f"feature_{rank}": 1.0 for rank in range(3, self.count + 1)}  # two changed at once can still be told
        return {**drawn, **keep}


def multiplier(rank: int) -> Slider:
    """The slider of the feature of that rank."""
    help_ = f"what the activation of number {rank} among the strongest is multiplied by"
    return Slider(f"feature_{rank}", low=0.0, high=3.0, step=0.05, value=1.0, label=f"feature {rank}", help=help_,
                  group="activation times")


def subscript(number: int) -> str:
    """A number in small low digits: 17 → ₁₇."""
    return "".join(chr(ord("₀") + int(digit)) for digit in str(number))
