"""Classical generators, fitted by maximum likelihood: one Gaussian, and a mixture of them."""

from typing import Literal, Self

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

__all__ = ["GaussianGenerator", "MixtureGenerator"]

Covariance = Literal["full", "diag"]


class _Fitted:
    """P(x) = Σ_k π_k N(x; μ_k, L_k L_kᵀ), once it is fitted, for items of any shape.

    `weights_` π [K], `means_` μ [K, M], `roots_` L [K, M, M], or standard deviations [K, M], all in float64.
    """

    weights_: Tensor
    means_: Tensor
    roots_: Tensor

    def fit(self, x: Tensor) -> Self:
        """Find the parameters that make the items x [n, ...] most likely; ValueError for fewer than two items."""
        if not x.is_floating_point() or x.ndim < 2 or len(x) < 2:
            raise ValueError(f"x: want floats [n, ...] with n at least 2, got {x.dtype} {list(x.shape)}")
        self.shape_, self.dtype_ = tuple(x.shape[1:]), x.dtype
        self.weights_, self.means_, self.roots_ = self._parameters(x.detach().cpu().double().flatten(1))
        return self

    def _parameters(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raise NotImplementedError

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats, [n, ...] → [n]. Raises ValueError for items of another shape than those of `fit`."""
        if tuple(x.shape[1:]) != self.shape_:
            raise ValueError(f"x: want items of shape {list(self.shape_)}, got {list(x.shape[1:])}")
        parts = MixtureSameFamily(Categorical(self.weights_), self._gaussians())
        return parts.log_prob(x.detach().cpu().double().flatten(1)).to(self.dtype_)

    def _gaussians(self) -> Independent | MultivariateNormal:
        if self.roots_.ndim == 3:
            return MultivariateNormal(self.means_, scale_tril=self.roots_)
        return Independent(Normal(self.means_, self.roots_), 1)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n new items, [n, ...] in the shape and dtype of those it was fitted to: k ~ π, then x = μ_k + L_k ε.

        On the CPU, as its generator has to be.
        """
        kind = torch.multinomial(self.weights_, n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means_.shape[1], generator=generator, dtype=torch.float64)
        for k, root in enumerate(self.roots_):  # not L[kind], which is n matrices
            mine = kind == k
            noise[mine] = noise[mine] @ root.T if root.ndim == 2 else noise[mine] * root
        return (self.means_[kind] + noise).to(self.dtype_).unflatten(1, self.shape_)


class GaussianGenerator(_Fitted):
    """x ~ N(μ, Σ) with the mean and the covariance (with 1/n) of the data: the likeliest Gaussian.

    `ridge` is added to the variances: where a number never changes, as a pixel at the border, Σ alone has no inverse.
    Raises ValueError for a negative one.
    """

    def __init__(self, *, ridge: float = 1e-6) -> None:
        _check(1, ridge)
        self.ridge = ridge

    def _parameters(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        covariance = rows.T.cov(correction=0).reshape(rows.shape[1], -1) + self.ridge * torch.eye(rows.shape[1])
        return torch.ones(1).double(), rows.mean(0)[None], torch.linalg.cholesky(covariance)[None]


class MixtureGenerator(_Fitted):
    """A mixture of Gaussians by expectation maximisation: scikit-learn's `GaussianMixture`, sampled with torch.

    EM climbs to a maximum that is near its start, so it starts `starts` times, from k-means with seeds that follow from
    `seed`, and keeps the best. `covariance` "full" or "diag" (far faster for images); `ridge` is added to variances.
    Raises ValueError for another covariance, fewer than one component, or fewer items than components.
    """

    def __init__(
        self, components: int = 8, *, covariance: Covariance = "full", ridge: float = 1e-6, starts: int = 3,
        steps: int = 200, seed: int = 0,
    ) -> None:  # fmt: skip
        _check(components, ridge)
        if covariance not in ("full", "diag"):
            raise ValueError(f'covariance: want "full" or "diag", got {covariance!r}')
        self.components, self.covariance, self.ridge = components, covariance, ridge
        self.starts, self.steps, self.seed = starts, steps, seed

    def _parameters(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        from sklearn.mixture import GaussianMixture  # here, because it takes most of a second to import

        if len(rows) < self.components:
            raise ValueError(f"x: want at least as many items as {self.components} components, got {len(rows)}")
        mixture = GaussianMixture(
            self.components, covariance_type=self.covariance, reg_covar=self.ridge, n_init=self.starts,
            max_iter=self.steps, random_state=self.seed,
        ).fit(rows.numpy())  # fmt: skip
        weights, means, spread = map(torch.from_numpy, (mixture.weights_, mixture.means_, mixture.covariances_))
        return weights, means, spread.sqrt() if self.covariance == "diag" else torch.linalg.cholesky(spread)


def _check(components: int, ridge: float) -> None:
    if components < 1 or not ridge >= 0:
        raise ValueError(f"components, ridge: want at least 1 and at least 0, got {components}, {ridge}")
