"""Components: how many principal components rebuild this picture."""

from __future__ import annotations

from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.checked import check_images
from coursekit.explore.parts.draw import diverging, picture, tiled
from coursekit.explore.parts.thumbs import thumbs
from coursekit.explore.widget.controls import Slider, State
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.linear import PCA


class Components(Explorer):
    """x̂ = V_k V_kᵀ(x − m) + m for a number k of components under the reader's hand.

    `pca` is fitted, `images` [n, C, H, W] in [0, 1] are what is rebuilt, k goes from 1 to `k_max` (all that the PCA
    has if not given). One picture at a time: original, rebuilt, what is left over (blue: x̂ too bright, orange: too
    dark). With `grid=True` the first images of a square, 8 × 8 if there are so many, are rebuilt at once.
    """

    def __init__(self, pca: PCA, images: Tensor, k_max: int | None = None, *, k: int | None = None,
                 grid: bool = False, title: str = "Components: how many rebuild this picture?") -> None:
        super().__init__()
        check_images(images)
        most = k_max or len(pca.components_)
        if not 2 <= most <= len(pca.components_):
            raise ValueError(f"k_max: want 2 to {len(pca.components_)}, the components of the PCA, got {k_max}")
        self.pca, self.grid, self.title = pca, grid, title
        self.images = images[: square(len(images)) ** 2] if grid else images
        self.codes = pca.transform(self.images)[:, :most]  # [n, k_max]
        self.ratios = pca.explained_variance_ratio_[:most].cumsum(0)
        self.device = str(images.device)
        start = k or max(1, min(most, round(most**0.5)))
        count = Slider("k", low=1, high=most, step=1, value=start, log=most > 30, label="components",
                       help="the number k of principal components that are kept")
        which = Slider("picture", low=1, high=max(2, len(images)), step=1, value=1, help="which picture is rebuilt",
                       pick=thumbs(images))
        self.controls = (count,) if grid or len(images) == 1 else (count, which)
        self.panels = grid_panels() if grid else single_panels()
        self.alt = describe(grid, self.images)
        self.sheet_columns = 3 if grid else 2
        self.sheet_panels = (1,) if grid else (0, 1, 2)

    def rebuilt(self, state: State) -> tuple[Tensor, Tensor]:
        """The chosen originals and their reconstructions, both [n, C, H, W]."""
        chosen = slice(None) if self.grid else slice(state.get("picture", 1) - 1, state.get("picture", 1))
        return self.images[chosen], self.pca.inverse_transform(self.codes[chosen, : state["k"]])

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        x, y = self.rebuilt(state)
        if self.grid:
            columns = square(len(x))
            return picture(tiled(x, columns)), picture(tiled(y.clamp(0, 1), columns))
        return picture(x[0]), picture(y[0]), diverging((x - y)[0].mean(0), span=0.5)

    def readout(self, state: State) -> str:
        x, y = self.rebuilt(state)
        k, numbers = state["k"], x[0].numel()
        error = (x - y).square().mean().sqrt()
        return (
            f"{k} of {numbers:,} numbers kept ({100 * k / numbers:.1f} %) · error {error:.3f} a number (root mean "
            f"square) · {100 * self.ratios[k - 1]:.1f} % of the training pictures’ variance"
        )

    def contact_states(self) -> list[tuple[str, State]]:
        most = int(self.codes.shape[1])
        steps = sorted({1, max(2, round(most**0.5)), most})
        return [(f"k = {k}", self.state(k=k)) for k in steps]


def square(n: int) -> int:
    """The side of the largest square of pictures, at most 8."""
    return min(8, int(n**0.5))


def single_panels() -> tuple[Panel, ...]:
    """Original, rebuilt, residual."""
    return Panel("original x", 200), Panel("rebuilt x̂", 200), Panel("left over: x − x̂", 200)


def grid_panels() -> tuple[Panel, ...]:
    """Originals and reconstructions."""
    return Panel("originals", 290), Panel("rebuilt", 290)


def describe(grid: bool, images: Tensor) -> str:
    """The alt text of the contact sheet."""
    if grid:
        return f"{len(images)} pictures and their reconstructions from few, some and all components, sharper each time"
    return "A picture, its reconstruction from few, some and all principal components, and what is left over"

