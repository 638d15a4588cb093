"""Denoisers: E[x₀ | x_t], the best guess of the clean item. Exact ones for data whose law is known; linear ones."""

import math

import torch
from torch import Tensor, nn

from coursekit.models.diffusion.schedules import Schedule, Time

BLOCK = 2**23  # at most so many weights of (noisy item, data point) at a time: 32 MB


class Denoiser(nn.Module):
    """x_t ↦ an estimate of E[x₀ | x_t], for the noise of a `schedule`. One says `forward`; the rest follows from it.

    x_t is [n, ...], t a number or [n]; a `condition` [n, k] is for those that know what it means.
    """

    schedule: Schedule

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """E[x₀ | x_t], in the shape of x_t."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(x_t, t)")

    def eps(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """E[ε | x_t] = (x_t − a E[x₀ | x_t])/s, the noise in x_t. Not for time 0, where there is none."""
        return self.implied(self(x_t, t, condition), x_t, t)

    def score(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """∇ log p_t(x_t) = −E[ε | x_t]/s (Tweedie's formula). Not for time 0."""
        return -self.eps(x_t, t, condition) / self.schedule.levels(t, x_t)[1]

    def velocity(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """E[ε − x₀ | x_t], on the straight path (a = 1 − t, s = t) the probability flow's dx/dt. Not for time 0."""
        x_0 = self(x_t, t, condition)
        return self.implied(x_0, x_t, t) - x_0

    def implied(self, x_0: Tensor, x_t: Tensor, t: Time) -> Tensor:
        """The ε that makes x_t of this x₀: (x_t − a x₀)/s."""
        a, s = self.schedule.levels(t, x_t)
        return (x_t - a * x_0) / s


class FiniteDenoiser(Denoiser):
    """The data are `points` [m, ...] and nothing else: E[x₀ | x_t] = Σ_i P(x_i | x_t) x_i,

        P(x_i | x_t) ∝ w_i exp(−‖x_t − a x_i‖² / 2 s²),

    with equal w or `weights` [m]. Computed in blocks of x_t. Raises ValueError for weights or items that do not fit.
    """

    points: Tensor
    log_weights: Tensor

    def __init__(self, points: Tensor, schedule: Schedule, weights: Tensor | None = None) -> None:
        super().__init__()
        self.schedule = schedule
        self.register_buffer("points", points)
        self.register_buffer("log_weights", _logs(weights, points))

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """E[x₀ | x_t]; at time 0, x_t itself."""
        weights = self.blocks(x_t, t)
        rows = [block @ self.points.flatten(1).to(x_t) for block in weights]
        mean, (a, s) = torch.cat(rows).reshape(x_t.shape), self.schedule.levels(t, x_t)
        return torch.where(s > 0, mean, x_t / a.where(s == 0, torch.ones_like(a)))

    def posterior(self, x_t: Tensor, t: Time) -> Tensor:
        """P(x_i | x_t), how likely it is that x_t was made of each point: [n, m]."""
        return torch.cat(self.blocks(x_t, t))

    def blocks(self, x_t: Tensor, t: Time) -> list[Tensor]:
        """The posterior in blocks of rows."""
        if x_t.shape[1:] != self.points.shape[1:]:
            raise ValueError(f"x_t: want [n, {', '.join(map(str, self.points.shape[1:]))}], got {list(x_t.shape)}")
        rows, points = x_t.flatten(1), self.points.flatten(1).to(x_t)
        a, s = (level.expand(len(rows), 1) for level in self.schedule.levels(t, rows))
        middle = points.mean(0)  # distances do not change, but their digits do
        rows, points, half = rows - a * middle, points - middle, (points - middle).square().sum(1) / 2
        each = max(1, BLOCK // len(points))
        return [
            ((a_i * (x @ points.T) - a_i**2 * half) / s_i.square().clamp(min=1e-30) + self.log_weights.to(x)).softmax(1)
            for x, a_i, s_i in zip(rows.split(each), a.split(each), s.split(each), strict=True)
        ]


class MixtureDenoiser(Denoiser):
    """The data are a mixture of Gaussians Σ_k w_k N(μ_k, Σ_k), so x_t is one of Σ_k w_k N(a μ_k, a² Σ_k + s² I), and

        E[x₀ | x_t] = Σ_k P(k | x_t) (μ_k + a Σ_k (a² Σ_k + s² I)⁻¹ (x_t − a μ_k)).

    `means` [K, ...]; either `std`, one number or [K], for round ones, or `covariances` [K, M, M]; equal w or `weights`
    [K]. Raises ValueError for what does not fit.
    """

    means: Tensor
    variances: Tensor  # [K, M], or [K, 1] where a component is round
    axes: Tensor | None  # [K, M, M], in columns
    log_weights: Tensor

    def __init__(
        self, means: Tensor, schedule: Schedule, *, std: float | Tensor | None = None,
        covariances: Tensor | None = None, weights: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if (std is None) == (covariances is None):
            raise ValueError("std, covariances: want one of the two")
        self.schedule = schedule
        variances, axes = _round(std, means) if covariances is None else _principal(covariances, means)
        for name, value in (("means", means), ("variances", variances), ("axes", axes)):
            self.register_buffer(name, value)
        self.register_buffer("log_weights", _logs(weights, means))

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """E[x₀ | x_t]."""
        a, _ = self.schedule.levels(t, x_t.flatten(1)[:, None])
        along, spread, log_p = self._components(x_t, t)
        gain = torch.where(spread > 0, a * self.variances.to(x_t) / spread.clamp(min=1e-30), 0)  # [n, K, M]
        each = self.means.flatten(1).to(x_t) + self._back(gain * along)
        return (log_p.softmax(1)[..., None] * each).sum(1).reshape(x_t.shape)

    def log_prob(self, x_t: Tensor, t: Time) -> Tensor:
        """log p_t(x_t) in nats, the density of the noisy data: [n]."""
        return self._components(x_t, t)[2].logsumexp(1)

    def _components(self, x_t: Tensor, t: Time) -> tuple[Tensor, Tensor, Tensor]:
        """x_t − a μ_k along each component's axes [n, K, M], its variances there, log w_k N(x_t) [n, K]."""
        if x_t.shape[1:] != self.means.shape[1:]:
            raise ValueError(f"x_t: want [n, {', '.join(map(str, self.means.shape[1:]))}], got {list(x_t.shape)}")
        rows = x_t.flatten(1)[:, None]  # [n, 1, M]
        a, s = self.schedule.levels(t, rows)
        off = rows - a * self.means.flatten(1).to(x_t)  # [n, K, M]
        along = off if self.axes is None else torch.einsum("nkm,kmj->nkj", off, self.axes.to(x_t))
        spread = (a.square() * self.variances.to(x_t) + s.square()).expand_as(along)
        logs = (spread.clamp(min=1e-30) * (2 * math.pi)).log()
        log_p = -0.5 * (along.square() / spread.clamp(min=1e-30) + logs).sum(2)
        return along, spread, log_p + self.log_weights.to(x_t)

    def _back(self, along: Tensor) -> Tensor:
        return along if self.axes is None else torch.einsum("nkj,kmj->nkm", along, self.axes.to(along))


class GaussianDenoiser(MixtureDenoiser):
    """The data are one Gaussian N(μ, Σ): E[x₀ | x_t] = μ + a Σ (a² Σ + s² I)⁻¹ (x_t − a μ), an affine function of x_t.

    Also the best affine denoiser of any data with this mean [...] and covariance [M, M] (Wiener's filter).
    """

    def __init__(self, mean: Tensor, covariance: Tensor, schedule: Schedule) -> None:
        super().__init__(mean[None], schedule, covariances=covariance[None])

    @classmethod
    def fitted(cls, x: Tensor, schedule: Schedule) -> "GaussianDenoiser":
        """With the mean and the covariance (with 1/n) of items [n, ...]."""
        rows = x.flatten(1) - x.flatten(1).mean(0)
        return cls(x.mean(0), rows.T @ rows / len(x), schedule)


class LinearDenoiser(Denoiser):
    """Whatever the noise: x_t/a projected on a plane through `mean` [...], μ + Vᵀ V (x_t/a − μ).

    `components` V [M_h, M] are orthonormal rows, as `PCA.components_`. It knows a subspace and not one item of it.
    Raises ValueError for rows that are not orthonormal or do not fit.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, components: Tensor, mean: Tensor, schedule: Schedule) -> None:
        super().__init__()
        if components.ndim != 2 or components.shape[1] != mean.numel():
            raise ValueError(f"components: want [M_h, {mean.numel()}], got {list(components.shape)}")
        off = (components @ components.T - torch.eye(len(components)).to(components)).abs().max()
        if off > 1e-4:
            raise ValueError(f"components: want orthonormal rows, but a product of two is off by {off:.2g}")
        self.schedule = schedule
        self.register_buffer("mean", mean)
        self.register_buffer("components", components)

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """The projection; the mean where there is no signal."""
        a, _ = self.schedule.levels(t, x_t)
        mean, components = self.mean.to(x_t), self.components.to(x_t)
        off = (x_t / a.where(a > 0, torch.ones_like(a)) - mean) * (a > 0)
        return mean + (off.flatten(1) @ components.T @ components).reshape(x_t.shape)


def _logs(weights: Tensor | None, points: Tensor) -> Tensor:
    """log w, normalised: [m]."""
    if not len(points):
        raise ValueError("points, means: want at least one")
    if weights is None:
        weights = torch.ones(len(points), dtype=points.dtype, device=points.device)
    if weights.shape != points.shape[:1] or not bool((weights >= 0).all()) or not bool(weights.sum() > 0):
        raise ValueError(f"weights: want [{len(points)}], none below 0 and not all 0, got {weights}")
    return (weights / weights.sum()).log()


def _round(std: float | Tensor | None, means: Tensor) -> tuple[Tensor, None]:
    values = torch.as_tensor(std, dtype=means.dtype, device=means.device)
    if values.ndim > 1 or (values.ndim and len(values) != len(means)) or not bool((values >= 0).all()):
        raise ValueError(f"std: want one number, or [{len(means)}], none below 0, got {std}")
    return values.square().expand(len(means))[:, None].clone(), None


def _principal(covariances: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
    """Variances along the principal axes [K, M], and those [K, M, M], in columns."""
    size = means[0].numel()
    if covariances.shape != (len(means), size, size):
        raise ValueError(f"covariances: want [{len(means)}, {size}, {size}], got {list(covariances.shape)}")
    if not torch.allclose(covariances, covariances.mT, atol=1e-5 * float(covariances.abs().max())):
        raise ValueError("covariances: want symmetric ones")
    values, axes = torch.linalg.eigh(covariances)
    if bool((values < -1e-5 * values.abs().amax()).any()):
        raise ValueError(f"covariances: want no variance below 0, got {values.min():.3g}")
    return values.clamp(min=0), axes
