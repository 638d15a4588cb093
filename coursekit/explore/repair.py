"""Corrupt and repair: noise, lost pixels and painted holes on one side, what a model makes of them on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from PIL import ImageColor
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import diverging, picture
from coursekit.explore.parts.held import held, runs_on
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.widget.controls import Choice, Control, Paint, Slider, State
from coursekit.explore.widget.panel import Panel, Picture

THIRD = ("original x", "still wrong: x − x̂", "the move: x̂ − x̃")
Repair = Callable[[Tensor], Tensor]


class CorruptRepair(Explorer):
    """x̃ = (x + σ ε) outside the holes and `lost` inside them; x̂ = model(x̃).

    `model`: a function x̃ [n, C, H, W] → x̂ of that shape, or several by name to choose from. `images` [n, C, H, W] in
    [0, 1]. The noise ε and the order in which pixels get lost are drawn once for each picture, with `seed`; what
    has been lost is shown in orange. `sigma`, `share`: where the sliders start. The third picture is the original,
    what is still wrong, or the move x̂ − x̃, the arrow that the model draws at x̃ (blue: darker, orange: brighter).
    """

    title = "Corrupt and repair: paint a hole, add noise"

    def __init__(self, model: Repair | Mapping[str, Repair], images: Tensor, *, sigma_max: float = 0.6,
                 sigma: float = 0.0, share: float = 0.0, lost: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        check_images(images)
        self.images, self.lost = images, lost
        named = model if isinstance(model, Mapping) else {"model": model}
        self.models = {name: held(function) for name, function in named.items()}
        self.device = runs_on(self.models.values(), images)
        generator = torch.Generator().manual_seed(seed)
        n, _, height, width = images.shape
        self.noise = torch.randn(images.shape, generator=generator).to(images)
        self.order = torch.rand((n, height, width), generator=generator).to(images)
        self.paint = Paint("holes", shape=(height, width), brush=max(2, height // 14), label="paint holes",
                           help="pixels that are lost, painted on the first picture")
        self.controls = self._controls(sigma_max, sigma, share)
        self.panels = (Panel("corrupted x̃: paint on it", 196), Panel("repaired x̂", 196), Panel(THIRD[0], 196))
        self.sheet_columns = 2
        self.alt = (
            "A picture with noise, with half of its pixels lost, with a hole, with both; beside each what the model "
            "makes of it, and the original"
        )

    def _controls(self, sigma_max: float, sigma: float, share: float) -> tuple[Control, ...]:
        noise = Slider("sigma", low=0.0, high=sigma_max, step=0.01, value=sigma, label="noise σ",
                       help="standard deviation of the noise, added to numbers between 0 and 1")
        lost = Slider("share", low=0.0, high=0.95, step=0.01, value=share, label="lost share",
                      help="the share of the pixels that are lost, at random places")
        which = Slider("picture", low=1, high=max(2, len(self.images)), step=1, value=1, help="which picture",
                       pick=thumbs(self.images))
        third = Choice("third", options=THIRD, label="third", help="what the third picture shows")
        several = (Choice("by", options=tuple(self.models), label="repair by"),) if len(self.models) > 1 else ()
        one = (which,) if len(self.images) > 1 else ()
        return (noise, lost, self.paint, *one, *several, third)

    def holes(self, state: State) -> Tensor:
        """Which pixels are lost, at random or by the reader's hand: bool [H, W]."""
        order = self.order[state.get("picture", 1) - 1]
        return (order < state["share"]) | self.paint.mask(state["holes"]).to(order.device)

    def corrupted(self, state: State) -> tuple[Tensor, Tensor]:
        """The picture x and the corrupted x̃, both [C, H, W]."""
        i = state.get("picture", 1) - 1
        noisy = self.images[i] + state["sigma"] * self.noise[i]
        return self.images[i], noisy.masked_fill(self.holes(state), self.lost)

    def repaired(self, state: State) -> Tensor:
        """x̂ = model(x̃), [C, H, W]."""
        model = self.models[state.get("by", next(iter(self.models)))]
        return model(self.corrupted(state)[1][None])[0]

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        (x, seen), x_hat = self.corrupted(state), self.repaired(state)
        shown = picture(seen)
        if shown.ndim == 2:
            shown = shown[..., None].repeat(3, 2)
        holes = self.holes(state).cpu().numpy()
        shown[holes] = np.array(ImageColor.getrgb(self.paint.colour), np.uint8)
        return shown, picture(x_hat), self._third(state["third"], x, seen, x_hat)

    @staticmethod
    def _third(which: str, x: Tensor, seen: Tensor, x_hat: Tensor) -> Picture:
        if which == THIRD[0]:
            return picture(x)
        return diverging((x - x_hat if which == THIRD[1] else x_hat - seen).mean(0))

    def captions(self, state: State) -> tuple[str, ...]:
        return self.panels[0].caption, self.panels[1].caption, state["third"]

    def readout(self, state: State) -> str:
        (x, seen), x_hat = self.corrupted(state), self.repaired(state)
        before, after = (float((y - x).square().mean()) for y in (seen, x_hat))
        holes = self.holes(state)
        return (
            f"root mean square error per number {before**0.5:.3f} → {after**0.5:.3f} · PSNR {decibels(before)} → "
            f"{decibels(after)} · {int(holes.sum())} of {holes.numel()} pixels lost"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        sigma = next(c for c in self.controls if c.name == "sigma")
        assert isinstance(sigma, Slider)
        half = round(sigma.high / 2, 2)
        height, width = self.paint.shape
        hole = torch.zeros(height, width, dtype=torch.bool)
        hole[3 * height // 8 : 3 * height // 4, width // 4 : 5 * width // 8] = True
        return [
            (f"noise, σ = {half:g}", self.state(sigma=half, share=0.0)),
            ("half of the pixels lost", self.state(share=0.5, sigma=0.0)),
            ("a painted hole", self.state(holes=self.paint.of(hole), sigma=0.0, share=0.0)),
            ("noise and a hole", self.state(holes=self.paint.of(hole), sigma=half, share=0.0)),
        ]


def decibels(mean_square: float) -> str:
    """The peak signal-to-noise ratio 10 log₁₀(1/m) of numbers in [0, 1] with mean squared error m."""
    return f"{-10 * np.log10(mean_square):.1f} dB" if mean_square > 1e-12 else "∞"
