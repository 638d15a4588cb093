"""Linear models: principal components by the singular value decomposition, and by Hebbian learning."""

from collections.abc import Iterator
from math import prod
from typing import Self

import torch
from torch import Tensor

from coursekit.heap import give_back


class PCA:
    """Principal component analysis: h = Vᵀ(x − m), x̂ = V h + m, with V from the SVD X − m = U D Vᵀ.

    The shape is scikit-learn's: `components_` [k, M] are the rows of Vᵀ, `mean_` [M], `singular_values_` [k],
    `explained_variance_` [k] = d²/(n − 1), `explained_variance_ratio_` [k]. Each component's largest entry
    (in size) is positive, which fixes the signs. Data are tensors [n, M] or [n, C, H, W]; what comes back has
    their shape.

    `center=False` leaves m = 0, as in the formula X = U D Vᵀ without centring: the directions then are those
    of the second moment, which the mean dominates.

    Raises ValueError for fewer than two items, or a number of components or data that do not fit.
    """

    components_: Tensor
    mean_: Tensor
    singular_values_: Tensor
    explained_variance_: Tensor
    explained_variance_ratio_: Tensor

    def __init__(self, n_components: int | None = None, *, center: bool = True) -> None:
        self.n_components, self.center = n_components, center

    def fit(self, x: Tensor) -> Self:
        """Find the components of x: [n, M] or [n, C, H, W], n ≥ 2."""
        rows = _rows(x)  # [n, M]
        k = self._count(rows)
        self.shape_ = tuple(x.shape[1:])
        self.mean_ = rows.mean(0) if self.center else torch.zeros_like(rows[0])
        rows = rows - self.mean_
        del x  # the data, if the caller does not keep them either
        give_back()
        values, components = torch.linalg.svd(rows, full_matrices=False)[1:]  # U is as large as half the data: let go
        self.singular_values_, self.components_ = values[:k], _positive(components[:k])
        self.explained_variance_ = self.singular_values_.square() / (len(rows) - 1)
        self.explained_variance_ratio_ = self.singular_values_.square() / rows.square().sum()
        give_back()
        return self

    def _count(self, rows: Tensor) -> int:
        most = min(rows.shape)
        k = most if self.n_components is None else self.n_components
        if len(rows) < 2:
            raise ValueError(f"x: want at least two items, got {len(rows)}")
        if not 1 <= k <= most:
            raise ValueError(f"n_components: want 1 to {most} for data of {list(rows.shape)}, got {k}")
        return k

    def transform(self, x: Tensor) -> Tensor:
        """The code h = Vᵀ(x − m): [n, ...] → [n, k]."""
        return (_rows(x, like=self.mean_) - self.mean_) @ self.components_.T

    def inverse_transform(self, h: Tensor) -> Tensor:
        """x̂ = V h + m: [n, j] → [n, ...] in the shape that was fitted; j < k uses the first j components."""
        k = len(self.components_)
        if h.ndim != 2 or h.shape[1] > k:
            raise ValueError(f"h: want [n, j] with j up to {k}, got {list(h.shape)}")
        return (h @ self.components_[: h.shape[1]] + self.mean_).unflatten(1, self.shape_)

    def reconstruct(self, x: Tensor, n_components: int | None = None) -> Tensor:
        """x̂ from the first so many components (all that were fitted if not given), in the shape of x."""
        return self.inverse_transform(self.transform(x)[:, :n_components])

    def reconstruction_error(self, x: Tensor, n_components: int | None = None) -> Tensor:
        """‖x − x̂‖² of each item: [n, ...] → [n].

        Its mean over the fitted data is the sum of the left-out eigenvalues of the covariance (that with
        1/n).
        """
        return (_rows(x) - _rows(self.reconstruct(x, n_components))).square().sum(1)

    def noise_kept(self, n_components: int | None = None) -> float:
        """The share of isotropic noise that survives the projection: σ² M_h of σ² M in squares, so M_h / M."""
        k = len(self.components_) if n_components is None else n_components
        return k / self.components_.shape[1]


def _rows(x: Tensor, like: Tensor | None = None) -> Tensor:
    """[n, ...] → [n, M]."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise TypeError(f"x: want a tensor of floats, got {getattr(x, 'dtype', type(x).__name__)}")
    size = prod(x.shape[1:])
    if x.ndim < 2 or (like is not None and size != len(like)):
        want = "[n, ...]" if like is None else f"[n, ...] with {len(like)} numbers an item"
        raise ValueError(f"x: want {want}, got {list(x.shape)}")
    return x.flatten(1)


def _positive(components: Tensor) -> Tensor:
    """The rows [k, M] with the signs that make each one's largest entry positive."""
    upside_down = components.amax(1) < -components.amin(1)
    return components * torch.where(upside_down, -1.0, 1.0).to(components)[:, None]


class Oja:
    """Hebbian learning of principal components: a single linear layer y = W x that tends to the leading axes.

    For one component (Oja 1982, eq. 3), with rate η:  w ← w + η (y x − y² w), y = wᵀx.
    For several, Oja's subspace rule (1989):  W ← W + η (y xᵀ − y yᵀ W), which finds the span, not the axes.
    A step uses the mean over its batch. With `normalise` the decay term is replaced by what it approximates:
    W ← W + η (y xᵀ), then its rows are made orthonormal, so a whole-data batch changes the ratio of two
    principal directions' shares by exactly (1 + ηλ₂)/(1 + ηλ₁) a step.

    `components_` is W [k, M]. Stable while η times the largest eigenvalue is well below 1 (and for small
    batches η‖x‖² too). Raises FloatingPointError when it diverges.
    """

    components_: Tensor
    mean_: Tensor

    def __init__(self, n_components: int = 1, *, rate: float = 0.01, normalise: bool = False) -> None:
        if n_components < 1 or rate <= 0:
            raise ValueError(f"n_components, rate: want both positive, got {n_components}, {rate}")
        self.n_components, self.rate, self.normalise = n_components, rate, normalise

    def start(self, x: Tensor, *, generator: torch.Generator | None = None) -> Self:
        """Centre on the mean of x [n, ...] and draw orthonormal first weights."""
        rows = _rows(x)
        if self.n_components > rows.shape[1]:
            raise ValueError(f"n_components: want at most {rows.shape[1]}, got {self.n_components}")
        self.shape_, self.mean_ = tuple(x.shape[1:]), rows.mean(0)
        first = torch.randn(rows.shape[1], self.n_components, generator=generator, dtype=rows.dtype)
        self.components_ = torch.linalg.qr(first.to(rows.device)).Q.T.contiguous()
        return self

    def partial_fit(self, x: Tensor) -> Self:
        """One step with the batch x [n, ...]; the first call starts from it (`start` with all data is better)."""
        if not hasattr(self, "components_"):
            self.start(x)
        rows = _rows(x, like=self.mean_) - self.mean_
        self._step(rows)
        if not self.components_.isfinite().all():
            raise FloatingPointError(f"the weights diverged: rate {self.rate} is too large for this data")
        return self

    def _step(self, rows: Tensor) -> None:
        y = rows @ self.components_.T  # [n, k]
        grown = self.components_ + self.rate * (y.T @ rows) / len(rows)
        if self.normalise:
            q, r = torch.linalg.qr(grown.T)
            self.components_ = (q * r.diagonal().sign()).T.contiguous()
        else:
            self.components_ = grown - self.rate * self._decay(y.T @ y / len(rows)) @ self.components_

    def _decay(self, yy: Tensor) -> Tensor:
        """What of y yᵀ [k, k] pulls each unit back."""
        return yy

    def steps(
        self, x: Tensor, *, batch_size: int = 1, epochs: int = 1, generator: torch.Generator | None = None
    ) -> Iterator[Tensor]:
        """Learn from x [n, ...] in random order and yield W [k, M] after each step (a fresh tensor)."""
        if not hasattr(self, "components_"):
            self.start(x, generator=generator)
        for _ in range(epochs):
            for index in torch.randperm(len(x), generator=generator).split(batch_size):
                yield self.partial_fit(x[index.to(x.device)]).components_

    def fit(self, x: Tensor, *, batch_size: int = 1, epochs: int = 1, generator: torch.Generator | None = None) -> Self:
        """Start afresh and take all the steps over x [n, ...]."""
        self.start(x, generator=generator)
        for _ in self.steps(x, batch_size=batch_size, epochs=epochs, generator=generator):
            pass
        return self

    def transform(self, x: Tensor) -> Tensor:
        """y = W (x − m): [n, ...] → [n, k]."""
        return (_rows(x, like=self.mean_) - self.mean_) @ self.components_.T

    def inverse_transform(self, h: Tensor) -> Tensor:
        """x̂ = Wᵀ h + m: [n, k] → [n, ...] in the shape that was fitted."""
        return (h @ self.components_ + self.mean_).unflatten(1, self.shape_)


class Sanger(Oja):
    """Sanger's generalised Hebbian algorithm (1989): principal components one by one, in order, as rows of W.

    W ← W + η (y xᵀ − LT[y yᵀ] W), where LT keeps the lower triangle: unit i sees what units 1 … i − 1 leave
    over.
    """

    def _decay(self, yy: Tensor) -> Tensor:
        return yy.tril()
