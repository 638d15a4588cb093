"""Noise added and projected away: how many components pay for themselves."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import Pen, picture, tiled
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import centred
from coursekit.explore.widget.controls import Slider, State
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.linear import PCA

CHART = (480, 300)
MARGIN = 34
SIZE, APART = 18, 60  # of letters; pixels from the middle of "best 12" in which no other words stand
SHOWN = 4  # pictures in a row and in a column


class NoiseDesk(Explorer):
    """Images x₀ + σε projected on k components; the error against k, λ_{k+1} + … + λ_M + σ²k (claim M9).

    `pca` is fitted to clean images with all its components; `images` [n, C, H, W] get the noise, ε drawn once with
    `seed`. The eigenvalues λ are those of `images` along the PCA's axes.
    """

    title = "Noise and projection: how many components pay"
    alt = (
        "Sixteen noisy digits after projection on few, on the best number, and on all of the components: with few they "
        "are smeared and alike, with the best number they can be read, with all of them the noise is back"
    )
    sheet_panels = (1,)

    def __init__(self, pca: PCA, images: Tensor, *, seed: int = 0) -> None:
        super().__init__()
        self.pca, self.images = pca, images
        self.noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
        self.most = len(pca.components_)
        centred = images.flatten(1) - pca.mean_
        self.eigenvalues = (centred @ pca.components_.T).square().mean(0)  # [K], with 1/n
        self.controls = (
            Slider("sigma", low=0.0, high=0.6, step=0.01, value=0.3, label="noise σ"),
            Slider("k", low=0, high=self.most, step=1, value=min(12, self.most), label="components k"),
        )
        self.panels = (
            Panel("noisy", 208),
            Panel("projected on k components", 208),
            Panel("squared error against k", 300, smooth=True),
        )

    def theory(self, sigma: float) -> Tensor:
        """Expected squared error with 0 … K components, [K + 1]."""
        left_out = self.eigenvalues.sum() - torch.cat([torch.zeros(1), self.eigenvalues.cumsum(0)])
        return left_out + sigma**2 * torch.arange(self.most + 1)

    def denoised(self, state: State) -> tuple[Tensor, Tensor]:
        """The noisy images and their projections."""
        noisy = self.images + state["sigma"] * self.noise
        return noisy, self.pca.reconstruct(noisy, state["k"])

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        noisy, clean = self.denoised(state)
        chart = self._chart(self.theory(state["sigma"]), state)
        return (*(picture(tiled(x[: SHOWN**2], SHOWN)) for x in (noisy, clean)), chart)

    def readout(self, state: State) -> str:
        noisy, projected = self.denoised(state)
        before, after = ((x - self.images).square().flatten(1).sum(1).mean() for x in (noisy, projected))
        expected = self.theory(state["sigma"])
        return (
            f"k = {state['k']}: squared error {after:.1f} (theory {expected[state['k']]:.1f}), before {before:.1f}; "
            f"best k = {int(expected.argmin())}"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        best = int(self.theory(0.3).argmin())
        return [(f"σ = 0.3, k = {k}", self.state(sigma=0.3, k=k)) for k in (2, best, self.most)]

    def _chart(self, expected: Tensor, state: State) -> Picture:
        width, height = CHART
        top = 2 * float(self.theory(0.0)[0])  # a fixed scale, so that the curve is seen to rise with σ
        x = MARGIN + np.arange(self.most + 1) / self.most * (width - 2 * MARGIN)
        y = height - MARGIN - np.clip(expected.numpy() / top, 0, 1) * (height - 2 * MARGIN)
        pen, ink = Pen(Image.new("RGB", CHART, inks().paper)), inks()
        pen.line([(MARGIN, height - MARGIN), (width - MARGIN, height - MARGIN)], ink.faint, 1.5)
        inside = expected.numpy() <= top  # what rises above the chart is left out, not flattened
        pen.line([(float(a), float(b)) for a, b in zip(x[inside], y[inside], strict=True)], ink.blue, 4)
        best, k = int(expected.argmin()), state["k"]
        pen.line([(x[best], y[best]), (x[best], height - MARGIN)], ink.faint, 1.5)
        words, below = f"best {best}", height - MARGIN + 7
        pen.text((centred(words, x[best], width, SIZE), below), words, ink.ink, SIZE, "mt")
        if x[best] - MARGIN > APART:
            pen.text((MARGIN, below), "0", ink.words, SIZE, "lt")
        if width - MARGIN - x[best] > 2 * APART:
            pen.text((width - MARGIN, below), f"k = {self.most}", ink.words, SIZE, "rt")
        pen.disc((float(x[k]), float(y[k])), 9, ink.orange)
        return np.asarray(pen.image)
