"""The two terms of the bound against β and σ_ε: small VAEs that were trained before, one for each pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.checked import check_codes, check_images
from coursekit.explore.parts.codemap import CodeMap
from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.held import freeze, one_thread, place
from coursekit.explore.parts.inks import inks, kept
from coursekit.explore.parts.letters import minus
from coursekit.explore.widget.controls import Control, State, Stops
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.base import device_of
from coursekit.models.vae import VAE, GaussianLikelihood

CHART = (520, 360)
MOST = 800  # codes with a dot
SAMPLES = 8  # of h for the reconstruction term
Pair = tuple[float, float]  # β, σ_ε
Models = Mapping[Pair, VAE] | Callable[[float, float], VAE]


@dataclass(frozen=True)
class Trained:
    """What one trained model shows: its map, its decoded grid, and means over the pictures in nats."""

    plane: Callable[[], Picture]
    grid: Callable[[], Picture]
    reconstruction: float  # −E[log P(x|h)]
    constant: float  # the part of it that no decoder can change: ½ M log 2π σ²
    kl: float


class ElboDesk(Explorer):
    """What β and σ_ε do to a VAE with a code of two numbers, trained with −E[log P(x|h)] + β D_KL(Q(h|x) ‖ P(h)).

    `models`: {(β, σ_ε): a trained VAE}, or a function (β, σ_ε) → VAE with the values in `betas` and `sigmas`. `x`
    [n, C, H, W] and `labels` [n]: pictures whose codes are shown and on which the terms are measured, best ones that no
    model was trained on. All is rendered and measured here, once: a slider only chooses. The chart shows the mean
    ‖x − x̂‖²/2σ² (for other likelihoods −log P(x|h)) and D_KL against β, for the σ chosen. Raises ValueError for a
    grid with holes, fewer than two pairs, or codes that are not of two numbers.
    """

    title = "Two terms in balance: β and σ of a VAE"

    def __init__(self, models: Models, x: Tensor, labels: Tensor | None = None, *, betas: Sequence[float] = (),
                 sigmas: Sequence[float] = (), names: Sequence[str] | None = None, grid: int = 11, low: float = -3.0,
                 high: float = 3.0, seed: int = 0) -> None:
        super().__init__()
        check_images(x)
        pairs = all_pairs(models, betas, sigmas)
        self.betas, self.sigmas = (tuple(sorted({pair[i] for pair in pairs})) for i in (0, 1))
        self.map = CodeMap(low, high, 480)
        self.trained: dict[Pair, Trained] = {}
        with torch.no_grad(), one_thread():
            for pair in pairs:
                model = models(*pair) if callable(models) else models[pair]
                model = freeze(model, place(model))
                self.trained[pair] = trained = self._trained(model, x.to(device_of(model)), labels, names, grid, seed)
                _ = trained.plane(), trained.grid()  # now, so that a slider only chooses; a dark page's when asked for
        self.device = str(device_of(model))
        self.charts = {sigma: kept(partial(self._chart, sigma)) for sigma in self.sigmas}
        self.controls = self._controls()
        self.panels = (
            Panel(f"codes of {len(x):,} pictures", 296, smooth=True), Panel("decoded grid, h from −2 to 2", 268),
            Panel("the two terms against β, in nats", 360, smooth=True, row=True),
        )
        self.sheet_panels, self.sheet_columns = (0, 1), 2
        self.alt = (
            "Maps of codes and grids of decoded pictures for several weights β: with a small one the codes lie far "
            "apart and the pictures are sharp; with a large one they crowd into the prior and the pictures become alike"
        )

    def _trained(self, model: VAE, x: Tensor, labels: Tensor | None, names: Sequence[str] | None, grid: int,
                 seed: int) -> Trained:
        codes = model.encode(x).mean
        check_codes(codes, labels)
        generator = torch.Generator().manual_seed(seed)
        terms = [model.elbo(x, generator=generator) for _ in range(SAMPLES)]
        reconstruction = float(torch.stack([each["reconstruction"] for each in terms]).mean())
        likelihood = model.likelihood
        sigma = likelihood.sigma if isinstance(likelihood, GaussianLikelihood) else None
        decoded = model.decode(self.map.grid(grid).to(x))
        return Trained(
            kept(lambda: self.map.draw(codes.float(), labels, names=names, most=MOST, radius=2.8)),
            kept(lambda: picture(tiled(decoded, grid))), reconstruction,
            0.0 if sigma is None else x[0].numel() / 2 * math.log(2 * math.pi * sigma**2),
            float(terms[0]["kl"].mean()),
        )

    def _controls(self) -> tuple[Control, ...]:
        near = min(self.betas, key=lambda value: abs(value - 1))
        words = "the weight of the divergence; 1 is the bound", "the noise that the decoder assumes"
        beta: dict[str, Any] = {"stops": self.betas, "value": near, "label": "β", "help": words[0]}
        sigma: dict[str, Any] = {"stops": self.sigmas, "label": "σ of P(x|h)", "help": words[1]}
        return tuple(Stops(name, **how) for name, how in (("beta", beta), ("sigma", sigma)) if len(how["stops"]) > 1)

    def now(self, state: State) -> Trained:
        """The model of a state."""
        return self.trained[state.get("beta", self.betas[0]), state.get("sigma", self.sigmas[0])]

    def _chart(self, sigma: float) -> Chart:
        """Both terms against β; β at equal steps, so that 0 has a place too."""
        row = [self.trained[beta, sigma] for beta in self.betas]
        misfit, kl = [each.reconstruction - each.constant for each in row], [each.kl for each in row]
        chart = Chart(CHART, (0, max(1, len(row) - 1)), 1.3 * max(*misfit, *kl, 1e-6))
        chart.axes({i: f"{beta:g}" for i, beta in enumerate(self.betas)}, "β", "nats")
        orange, blue, *_ = inks().curves
        chart.curve(range(len(row)), misfit, orange, points=True)
        chart.curve(range(len(row)), kl, blue, points=True)
        first = "‖x − x̂‖² / 2σ²" if row[0].constant else "−log P(x|h)"
        chart.legend({first: orange, "D_KL(Q(h|x) ‖ P(h))": blue})
        return chart

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        now, sigma = self.now(state), state.get("sigma", self.sigmas[0])
        at = self.betas.index(state.get("beta", self.betas[0]))
        marks = [(at, now.reconstruction - now.constant, inks().orange), (at, now.kl, inks().blue)]
        return now.plane(), now.grid(), self.charts[sigma]().marked(marks)

    def readout(self, state: State) -> str:
        now, beta = self.now(state), state.get("beta", self.betas[0])
        sigma = state.get("sigma", self.sigmas[0])
        return minus(
            f"β = {beta:g}, σ = {sigma:g}: −E[log P(x|h)] = {now.reconstruction:.1f}, D_KL = {now.kl:.1f}, "
            f"bound = {-now.reconstruction - now.kl:.1f} nats a picture"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        name, stops = ("beta", self.betas) if len(self.betas) > 1 else ("sigma", self.sigmas)
        chosen = sorted({stops[round(share * (len(stops) - 1) / 3)] for share in range(4)})
        states = [self.state(**{name: value}) for value in chosen]
        return [(self.readout(state).partition(":")[0], state) for state in states]


def all_pairs(models: Models, betas: Sequence[float], sigmas: Sequence[float]) -> list[Pair]:
    """Every pair (β, σ) of the grid, in rising order; ValueError if one has no model or there is but one."""
    given = [(beta, sigma) for beta in betas for sigma in sigmas] if callable(models) else list(models)
    rows, columns = ({pair[i] for pair in given} for i in (0, 1))
    wanted = [(beta, sigma) for beta in sorted(rows) for sigma in sorted(columns)]
    missing = [] if callable(models) else [pair for pair in wanted if pair not in models]
    if missing or len(wanted) < 2:
        raise ValueError(f"models: want one for each of two or more pairs (β, σ), got {len(given)}, none for {missing}")
    return wanted
