"""Gaussians in closed form: their divergence from N(0, I), and a model with an exact log P(x) and posterior."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """D_KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ_j (σ_j² + μ_j² − 1 − log σ_j²) in nats: [..., M_h] each → [...].

    `log_var` is log σ². Source: Kingma & Welling (2014), appendix B.
    """
    return 0.5 * (log_var.exp() + mu.square() - 1 - log_var).sum(-1)


def gaussian_kl_full(mu: Tensor, scale_tril: Tensor) -> Tensor:
    """D_KL(N(μ, Σ) ‖ N(0, I)) = ½ (tr Σ + μᵀμ − M_h − log det Σ) in nats, with Σ = L Lᵀ.

    μ [..., M_h], L [..., M_h, M_h] lower triangular with a positive diagonal → [...]. tr Σ is the sum of L's
    squared entries, log det Σ twice the sum of the logarithms of its diagonal.
    """
    log_det = 2 * scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return 0.5 * (scale_tril.square().sum((-2, -1)) + mu.square().sum(-1) - mu.shape[-1] - log_det)


def kl_to_standard_normal(q: Distribution) -> Tensor:
    """D_KL(q ‖ N(0, I)) in nats for a Gaussian q over [..., M_h] → [...].

    q is Independent(Normal) or MultivariateNormal; TypeError for anything else.
    """
    if isinstance(q, MultivariateNormal):
        return gaussian_kl_full(q.loc, q.scale_tril)
    if isinstance(q, Independent) and isinstance(q.base_dist, Normal):
        return gaussian_kl(q.base_dist.loc, 2 * q.base_dist.scale.log())
    raise TypeError(f"q: want Independent(Normal) or MultivariateNormal, got {type(q).__name__}")


def standard_normal(size: int, *, like: Tensor | None = None) -> Independent:
    """N(0, I) over [size], in the dtype and on the device of a tensor."""
    zeros = torch.zeros(size) if like is None else torch.zeros(size, dtype=like.dtype, device=like.device)
    return Independent(Normal(zeros, torch.ones_like(zeros), validate_args=False), 1)


def moved(q: Distribution, noise: Tensor) -> Tensor:
    """Reparameterised samples h = μ + L ε of a Gaussian (L = diag σ if it is diagonal): ε [..., M_h] → h.

    Gradients reach μ and L. Raises TypeError for other distributions.
    """
    if isinstance(q, MultivariateNormal):
        return q.loc + (q.scale_tril @ noise[..., None].to(q.loc))[..., 0]
    if isinstance(q, Independent) and isinstance(q.base_dist, Normal):
        return q.base_dist.loc + q.base_dist.scale * noise
    raise TypeError(f"q: want Independent(Normal) or MultivariateNormal, got {type(q).__name__}")


@dataclass(frozen=True)
class LinearGaussian:
    """h ~ N(0, I), x = W h + b + σ ε: the one generator whose integral P(x) = ∫ P(x|h) P(h) dh is a formula.

    W [M, M_h], b [M], σ > 0. P(x) = N(b, W Wᵀ + σ² I); P(h|x) = N(A⁻¹ Wᵀ(x − b)/σ², A⁻¹), A = I + WᵀW/σ².
    Also known as probabilistic PCA (Tipping & Bishop, 1999). Raises ValueError for sizes that do not fit.
    """

    weight: Tensor
    bias: Tensor
    sigma: float

    def __post_init__(self) -> None:
        if self.weight.ndim != 2 or self.bias.shape != self.weight.shape[:1] or not self.sigma > 0:
            got = f"{list(self.weight.shape)}, {list(self.bias.shape)}, {self.sigma}"
            raise ValueError(f"weight, bias, sigma: want [M, M_h], [M] and a positive number, got {got}")

    @classmethod
    def fitted(cls, x: Tensor, latent_size: int) -> "LinearGaussian":
        """The maximum-likelihood model of points x [n, M]: W = U (Λ − σ²)^½, σ² the mean of the left-out λ.

        λ are the eigenvalues of the covariance (with 1/n), U its first eigenvectors (Tipping & Bishop, eq. 7, 8).
        Raises ValueError unless 1 ≤ latent_size < M.
        """
        if x.ndim != 2 or not 1 <= latent_size < x.shape[1]:
            got = f"{list(x.shape)}, {latent_size}"
            raise ValueError(f"x, latent_size: want [n, M] and 1 <= latent_size < M, got {got}")
        mean = x.mean(0)
        values, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))  # ascending
        left_out = values[: -latent_size].mean().clamp(min=0)
        kept = values[-latent_size:].flip(0), vectors[:, -latent_size:].flip(1)
        return cls(kept[1] * (kept[0] - left_out).clamp(min=0).sqrt(), mean, math.sqrt(float(left_out)))

    @property
    def latent_size(self) -> int:
        """M_h."""
        return self.weight.shape[1]

    @property
    def marginal(self) -> MultivariateNormal:
        """P(x) = N(b, W Wᵀ + σ² I)."""
        noise = self.sigma**2 * torch.eye(len(self.bias)).to(self.weight)
        return MultivariateNormal(self.bias, self.weight @ self.weight.T + noise)

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) in nats, exactly: [..., M] → [...]."""
        return self.marginal.log_prob(x)

    def posterior(self, x: Tensor) -> MultivariateNormal:
        """P(h|x), exactly, for x [..., M]. All x share one covariance."""
        mean, covariance = self._posterior(x)
        return MultivariateNormal(mean, covariance.expand(*mean.shape, -1))

    def _posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        eye = torch.eye(self.latent_size).to(self.weight)
        covariance = torch.linalg.inv(eye + self.weight.T @ self.weight / self.sigma**2)
        return (x - self.bias) @ self.weight @ covariance / self.sigma**2, covariance

    def likelihood(self, h: Tensor) -> Independent:
        """P(x|h) = N(W h + b, σ² I) for h [..., M_h]."""
        mean = h @ self.weight.T + self.bias
        return Independent(Normal(mean, torch.full_like(mean, self.sigma)), 1)

    def elbo(self, x: Tensor, q: Distribution) -> Tensor:
        """E_q[log P(x|h)] − D_KL(q ‖ N(0, I)) in nats, exactly: x [..., M], Gaussian q over [..., M_h] → [...].

        E_q ‖x − b − W h‖² = ‖x − b − W μ‖² + tr(W Σ Wᵀ).
        """
        mean, spread = q.mean, _covariance(q)  # [..., M_h], [..., M_h, M_h]
        missed = (x - self.bias - mean @ self.weight.T).square().sum(-1)
        scatter = torch.einsum("ma,...ab,mb->...", self.weight, spread, self.weight)
        constant = len(self.bias) * math.log(2 * math.pi * self.sigma**2)
        return -0.5 * (constant + (missed + scatter) / self.sigma**2) - kl_to_standard_normal(q)

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """n pairs (x [n, M], h [n, M_h])."""
        device = self.weight.device if generator is None else generator.device
        h, noise = (
            torch.randn(n, size, generator=generator, device=device).to(self.weight)
            for size in (self.latent_size, len(self.bias))
        )
        return h @ self.weight.T + self.bias + self.sigma * noise, h


def _covariance(q: Distribution) -> Tensor:
    if isinstance(q, MultivariateNormal):
        return q.covariance_matrix
    return torch.diag_embed(q.variance)
