"""The bound under the reader's hand: q approaches the posterior of a model whose log P(x) is a formula."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.distributions import Normal, kl_divergence

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import SIZE, Chart
from coursekit.explore.parts.draw import Pen
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import minus, sized
from coursekit.explore.widget.controls import Slider, State, Toggle
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.gaussians import LinearGaussian

CURVES, BARS = (620, 420), (360, 420)
REACH = 4.0  # of h and μ to both sides
DEPTH = 9.0  # nats below the highest log P(x) that the bars show
SAMPLES = 241


class BoundDesk(Explorer):
    """E_q[log P(x|h)] − D_KL(q ‖ P(h)) = log P(x) − D_KL(q ‖ P(h|x)) for a q = N(μ, σ²) under the reader's hand.

    `model`: a `LinearGaussian` with one hidden number, h ~ N(0, 1), x = w h + b + σ ε, whose log P(x) and P(h|x) are
    formulas; without it w = 1.2, b = 0, σ = 0.7. `x`: where the slider of x starts (for a model of several visible
    numbers x = (x, b₂, b₃, …)). The left panel shows P(h), P(h|x) and q; in the right one the bound is a bar, the gap
    D_KL(q ‖ P(h|x)) the bar on top of it, and log P(x) the line that both reach together. The toggle sets q to
    P(h|x). Raises ValueError for a model with more than one hidden number.
    """

    title = "The bound touches log P(x) when q is the posterior"
    alt = (
        "Three curves over h: the prior, the posterior for one x, and the approximation q; beside them the bound and "
        "its gap as one bar that reaches the line of log P(x). With q far away the gap is large, with q on the "
        "posterior it is gone"
    )
    panels = (Panel("densities over h", 372, smooth=True), Panel("nats", 216, smooth=True))
    sheet_columns = 2

    def __init__(self, model: LinearGaussian | None = None, *, x: float = 1.5) -> None:
        super().__init__()
        self.model = model or LinearGaussian(torch.tensor([[1.2]]), torch.tensor([0.0]), 0.7)
        if self.model.latent_size != 1:
            raise ValueError(f"model: want one hidden number, got {self.model.latent_size}")
        self.controls = (
            Slider("mu", low=-3.0, high=3.0, step=0.01, value=-0.7, label="μ of q", group="q(h) = N(μ, σ²)"),
            Slider("log_sigma", low=-2.0, high=1.0, step=0.01, value=0.0, label="log σ of q", group="q(h) = N(μ, σ²)"),
            Toggle("exact", label="q = P(h|x)", help="set q to the posterior, whatever x is",
                   group="q(h) = N(μ, σ²)"),
            Slider("x", low=-4.0, high=4.0, step=0.01, value=x, help="the number that was seen", group="seen"),
        )
        peak = float(self.posterior(self.state()).log_prob(self.posterior(self.state()).mean).exp())
        self.most = 1.45 * max(peak, 0.4)  # of densities; a narrower q goes out of the picture
        self.h = torch.linspace(-REACH, REACH, SAMPLES)
        middle = self.model.bias[None]
        self.top = math.ceil(float(self.model.log_prob(middle)))

    def seen(self, state: State) -> torch.Tensor:
        """x [1, M]: the slider's number first, and b for the others."""
        x = self.model.bias.clone()
        x[0] = state["x"]
        return x[None]

    def posterior(self, state: State) -> Normal:
        """P(h|x)."""
        exact = self.model.posterior(self.seen(state))
        return Normal(exact.mean[0, 0], exact.variance[0, 0].sqrt())

    def q(self, state: State) -> Normal:
        """q as the sliders say, or the posterior."""
        if state["exact"]:
            return self.posterior(state)
        return Normal(torch.tensor(state["mu"]), torch.tensor(math.exp(state["log_sigma"])))

    def nats(self, state: State) -> dict[str, float]:
        """log P(x), the bound, the gap D_KL(q ‖ P(h|x)), and the bound's two terms."""
        q, prior = self.q(state), Normal(torch.zeros(()), torch.ones(()))
        kl = float(kl_divergence(q, prior))
        bound = float(self.model.elbo(self.seen(state), _as_vector(q))[0])
        return {
            "evidence": float(self.model.log_prob(self.seen(state))[0]), "bound": bound,
            "gap": float(kl_divergence(q, self.posterior(state))), "kl": kl, "reconstruction": bound + kl,
        }

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        return self._curves(state), self._bars(self.nats(state))

    def _curves(self, state: State) -> Picture:
        chart = Chart(CURVES, (-REACH, REACH), self.most)
        chart.axes({-4: "−4", -2: "−2", 0: "0", 2: "2", 4: "4"}, "h", "density")
        shown: dict[str, tuple[Normal, Any]] = {
            "prior P(h)": (Normal(torch.zeros(()), torch.ones(())), inks().grey),
            "posterior P(h|x)": (self.posterior(state), inks().blue),
            "q(h)": (self.q(state), inks().orange),
        }
        for density, colour in shown.values():
            chart.curve(self.h.tolist(), density.log_prob(self.h).exp().tolist(), colour)
        chart.legend({name: colour for name, (_, colour) in shown.items()})
        return np.asarray(chart.ground)

    def _bars(self, nats: dict[str, float]) -> Picture:
        pen, ink = Pen(Image.new("RGB", BARS, inks().paper)), inks()
        top, bottom, floor = 44, BARS[1] - 40, self.top - DEPTH
        def y(value: float) -> float:
            return bottom - (min(max(value, floor), self.top) - floor) / DEPTH * (bottom - top)
        for mark in range(math.ceil(floor), self.top + 1):
            pen.line([(56, y(mark)), (BARS[0] - 10, y(mark))], ink.line, 1)
            pen.text((48, y(mark)), minus(f"{mark}"), size=sized(minus(f"{mark}"), 46, SIZE), anchor="rm")
        bound, evidence = y(nats["bound"]), y(nats["evidence"])
        box(pen, (96, bound, 216, bottom), ink.blue)
        box(pen, (96, evidence, 216, bound), ink.pale_orange)
        pen.line([(56, evidence), (BARS[0] - 10, evidence)], ink.ink, 3)
        pen.text((BARS[0] - 10, evidence - 5), "log P(x)", ink.ink, SIZE, "rb")
        if bound - evidence > 20:
            pen.text((226, (bound + evidence) / 2), f"gap {nats['gap']:.2f}", ink.orange, SIZE, "lm")
        if nats["bound"] > floor:
            pen.text((226, max((bound + bottom) / 2, bound + 12)), "bound", ink.blue, SIZE, "lm")
        else:
            pen.text((156, bottom + 6), "the bound is below", ink.words, SIZE, "mt")
        return np.asarray(pen.image)

    def captions(self, state: State) -> tuple[str, ...]:
        q, exact = self.q(state), self.posterior(state)
        return (
            minus(f"q = N({float(q.mean):.2f}, {float(q.stddev):.2f}²), P(h|x) = N({float(exact.mean):.2f}, "
                  f"{float(exact.stddev):.2f}²)"),
            "bound + gap = log P(x), in nats",
        )

    def readout(self, state: State) -> str:
        nats = self.nats(state)
        return minus(
            f"bound {nats['bound']:.3f} + gap {abs(nats['gap']):.3f} = log P(x) {nats['evidence']:.3f} nats · "
            f"bound = E[log P(x|h)] {nats['reconstruction']:.3f} less D_KL(q ‖ P(h)) {abs(nats['kl']):.3f}"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        exact = self.posterior(self.state())
        near = {"mu": round(float(exact.mean) - 0.3, 2), "log_sigma": round(float(exact.stddev.log()) + 0.4, 2)}
        return [
            ("q far from the posterior", self.state()),
            ("q = the prior: no divergence from P(h), a gap all the same", self.state(mu=0.0, log_sigma=0.0)),
            ("nearer: the gap shrinks", self.state(**near)),
            ("q = the posterior: the bound is log P(x)", self.state(exact=True)),
        ]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        return {**super().surprise(generator), "exact": False}


def _as_vector(q: Normal) -> torch.distributions.Independent:
    """q over one number as a distribution over [1, 1]."""
    return torch.distributions.Independent(Normal(q.mean.view(1, 1), q.stddev.view(1, 1)), 1)


def box(pen: Pen, corners: tuple[float, float, float, float], colour: tuple[int, ...]) -> None:
    """A filled box (left, top, right, bottom) in whole pixels; nothing if it has no height."""
    left, top, right, bottom = (round(side) for side in corners)
    if bottom > top:
        pen.image.paste(colour, (left, top, right, bottom))
