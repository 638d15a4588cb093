"""The face desk: mix faces and attributes, in pixels and in codes, and see which mixture is still a face."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.coder import PIXELS, coders
from coursekit.explore.parts.equation import STAGE, Term, equation
from coursekit.explore.parts.held import runs_on
from coursekit.explore.parts.shelf import LETTERS, Shelf
from coursekit.explore.parts.verdicts import Judge, Verdicts, results_in
from coursekit.explore.widget.controls import Control, Slider, State, words
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.explore.widget.picking import Cells

MOST, COLUMNS = 24, 12  # pictures to pick from; in a row
Directions = Mapping[str, Mapping[str, Tensor]]


class FaceDesk(Explorer):
    """g_d(Σ_i w_i g_e(x_i) + Σ_j a_j d_j) for each model, beside the same sum of pixels.

    `models`: {"autoencoder": (encode, decode), "VAE": …}, encode [n, C, H, W] → codes [n, K] or a distribution
    over them, decode back. `images` [n, C, H, W]: what the pickers A, B, … (`picks` of them, 2 to 4) choose from,
    the first 24. The weights w are the sliders divided by their sum (all 0: equal parts). `directions`:
    {attribute: {model's name: [K], …, "pixels": [C, H, W]}}, each added a = −2 … 2 times. `judge` [n, C, H, W]
    → distances to the manifold [n], asked when the hand rests (`lambda x: manifold.nearest(x)[0]` with a
    `metrics.face_manifold()` kept); at most `threshold` is "a face".

    Raises ValueError for fewer than 2 images, other picks, or directions that do not fit the codes.
    """

    title = "Face desk: mix faces in pixels, and in codes"

    def __init__(self, models: Mapping[str, Any], images: Tensor, *, directions: Directions | None = None,
                 judge: Judge | None = None, threshold: float = 0.05, picks: int = 3) -> None:
        super().__init__()
        check_images(images)
        if len(images) < 2 or not 2 <= picks <= len(LETTERS):
            raise ValueError(f"images, picks: want 2 or more images and 2 to 4 picks, got {len(images)} and {picks}")
        self.images, self.letters = images[:MOST], LETTERS[:picks]
        self.models, self.verdicts = coders(models), Verdicts(judge, threshold)
        self.bases: dict[str, Tensor] = {PIXELS: self.images}
        self.bases |= {name: coder.codes(self.images) for name, coder in self.models.items()}  # [n, K]
        self.directions = {trait: self._fitting(trait, given) for trait, given in (directions or {}).items()}
        self.device = runs_on((coder.decode for coder in self.models.values()), images)
        self.shelf = Shelf(self.images, side=64, columns=min(len(self.images), COLUMNS))
        self.controls = (*map(self._picker, self.letters), *map(self._weight, self.letters),
                         *map(amount, self.directions))
        self.panels = (Panel("", STAGE, True), Panel("", STAGE, True, row=True),
                       *results_in(STAGE, ("pixel blend", *self.models)))
        self.sheet_panels, self.sheet_columns = tuple(range(1, len(self.panels))), 2
        self.alt = (
            "Chosen faces with their shares, and three ways to mix them, each marked as a face or not: in the blend of "
            "pixels both faces shine through each other, decoded from a mixture of codes there is one face"
        )

    def _picker(self, letter: str) -> Control:
        n = len(self.images)
        return Slider(f"face_{letter.lower()}", low=1, high=n, step=1, value=min(LETTERS.index(letter) + 1, n),
                      label=f"face {letter}", help=f"the number of face {letter} in the row of pictures",
                      group="which faces", pick=Cells(0, n, self.shelf.columns, self.shelf.frame))

    def _weight(self, letter: str) -> Control:
        return Slider(f"weight_{letter.lower()}", low=0.0, high=1.0, step=0.01, value=0.5 if letter in "AB" else 0.0,
                      label=f"weight {letter}", help=f"how much of {letter}: the weights are divided by their sum",
                      group="how much of each (divided by their sum)")

    def _fitting(self, trait: str, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """An attribute's directions, one for each way, on its device; ValueError if one is missing or does not fit."""
        for way, base in self.bases.items():
            got = list(given[way].shape) if way in given else "none"
            if got != list(base.shape[1:]):
                raise ValueError(f"directions[{trait!r}][{way!r}]: want {list(base.shape[1:])}, got {got}")
        return {way: given[way].to(base) for way, base in self.bases.items()}

    def shares(self, state: State) -> list[float]:
        """The weights divided by their sum; equal ones if all are 0."""
        raw = [state[f"weight_{letter.lower()}"] for letter in self.letters]
        total = sum(raw)
        return [weight / total for weight in raw] if total > 0 else [1 / len(raw)] * len(raw)

    def picks(self, state: State) -> list[int]:
        """Positions of the picked images."""
        return [state[f"face_{letter.lower()}"] - 1 for letter in self.letters]

    def mixed(self, state: State, way: str) -> Tensor:
        """Σ w_i · base_i + Σ a_j · d_j, of pixels [C, H, W] or of codes [K]."""
        base = self.bases[way][self.picks(state)]
        mixture = torch.einsum("i,i...->...", torch.tensor(self.shares(state)).to(base), base)
        for trait, given in self.directions.items():
            mixture = mixture + state[identifier(trait)] * given[way]
        return mixture

    def results(self, state: State) -> dict[str, Tensor]:
        """The pictures [C, H, W]: of pixels, and decoded by each model."""
        decoded = {name: coder.picture(self.mixed(state, name)) for name, coder in self.models.items()}
        return {PIXELS: self.mixed(state, PIXELS), **decoded}

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        results = list(self.results(state).values())
        if final:
            self.verdicts.measure(state, results)
        shares = self.shares(state)
        shelf = self.shelf.marked(self.picks(state), [share > 0 for share in shares])
        return shelf, equation(self._terms(state), self._added(state)), *self.verdicts.framed(state, results)

    def _terms(self, state: State) -> list[Term]:
        rows = zip(self.letters, self.picks(state), self.shares(state), strict=True)
        seen = [(letter, self.images[i], f"{100 * share:.0f} %", share) for letter, i, share in rows if share > 0]
        return [Term("+" if order else "", *term) for order, term in enumerate(seen)]

    def _added(self, state: State) -> list[str]:
        """The attributes with their amounts, "+ 0.50 smile"."""
        amounts = {trait: state[identifier(trait)] for trait in self.directions}
        return [f"{'+' if a > 0 else '−'} {abs(a):.2f} {words(trait)}" for trait, a in amounts.items() if a]

    def captions(self, state: State) -> tuple[str, ...]:
        shelf, strip, *names = (panel.caption for panel in self.panels)
        return shelf, strip, *self.verdicts.captions(state, names)

    def readout(self, state: State) -> str:
        pairs = zip(self.letters, self.shares(state), strict=True)
        parts = [f"{share:.2f} {letter}" for letter, share in pairs if share]
        return f"{' + '.join(parts)} {' '.join(self._added(state))}".strip() + self.verdicts.legend()

    def contact_states(self) -> list[tuple[str, State]]:
        alone = self.weighted(1.0, 0.0)
        shown = [("A alone: each model’s reconstruction", alone), ("half A, half B", self.weighted(1.0, 1.0))]
        if self.directions:
            first = next(iter(self.directions))
            return [*shown, *((f"A {name} {words(first)}", {**alone, identifier(first): a})
                              for name, a in (("+", 1.0), ("+ 2 ×", 2.0)))]
        return [*shown, ("three quarters B", self.weighted(1 / 3, 1.0))]

    def weighted(self, *weights: float) -> State:
        """The start with other weights, 0 for letters without one."""
        given = dict(zip(self.letters, weights, strict=False))
        return self.state(**{f"weight_{letter.lower()}": given.get(letter, 0.0) for letter in self.letters})

    def surprise(self, generator: torch.Generator | None = None) -> State:
        drawn = super().surprise(generator)
        still = [identifier(trait) for trait in self.directions]
        kept = int(torch.randint(len(still), (), generator=generator)) if still else 0
        return {**drawn, **{name: 0.0 for i, name in enumerate(still) if i != kept}}  # one attribute can be told


def amount(trait: str) -> Slider:
    """The slider of an attribute direction."""
    return Slider(identifier(trait), low=-2.0, high=2.0, step=0.05, value=0.0, label=words(trait),
                  help=f"how many times the direction “{words(trait)}” is added", group="attribute directions")


def identifier(trait: str) -> str:
    """The control's name for an attribute."""
    return trait.replace(" ", "_")
