"""Samplers: how one goes from noise to data with a denoiser. Each defines one `step`, from a time t to an earlier s."""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from coursekit.models.diffusion.denoisers import Denoiser
from coursekit.models.diffusion.schedules import Time


class Sampler:
    """A way from x_t to x_s, s < t. It holds options and nothing else.

    `clip` c: the estimate of x₀ is held within [−c, c], and ε is what then makes x_t of it; None leaves it alone.
    """

    def __init__(self, *, clip: float | None = None) -> None:
        if clip is not None and not clip > 0:
            raise ValueError(f"clip: want a positive number or None, got {clip}")
        self.clip = clip

    def step(
        self, denoiser: Denoiser, x_t: Tensor, t: Time, s: Time, *, condition: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """x_s [n, ...] from x_t [n, ...]."""
        raise NotImplementedError(f"{type(self).__name__} has no step(denoiser, x_t, t, s)")

    def evaluations(self, steps: int) -> int:
        """How often the denoiser is asked in that many steps, the last of which ends at time 0."""
        return steps

    def estimates(self, denoiser: Denoiser, x_t: Tensor, t: Time, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """x₀ and ε as the denoiser sees them in x_t; of the two, x_t = a x₀ + s ε holds always."""
        x_0 = denoiser(x_t, t, condition)
        x_0 = x_0 if self.clip is None else x_0.clamp(-self.clip, self.clip)
        return x_0, denoiser.implied(x_0, x_t, t)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items() if v is not None)})"


class DDPM(Sampler):
    """A draw from q(x_s | x_t, x₀) with the estimated x₀, for any two times: a shortened chain has composed βs.

    `variance`: "small" is q's own, β (1 − ᾱ_s)/(1 − ᾱ_t), exact if all data are one point; "large" is β, exact for data
    N(0, I) where a² + s² = 1, as on `Discrete`. The step to time 0 adds no noise. Raises ValueError for another word.
    Source: Ho et al. (2020), algorithm 2, section 3.2.
    """

    def __init__(self, variance: str = "small", *, clip: float | None = None) -> None:
        super().__init__(clip=clip)
        if variance not in ("small", "large"):
            raise ValueError(f'variance: want "small" or "large", got {variance!r}')
        self.variance = variance

    def step(
        self, denoiser: Denoiser, x_t: Tensor, t: Time, s: Time, *, condition: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """x_s = mean + √variance z, z ~ N(0, I)."""
        x_0, _ = self.estimates(denoiser, x_t, t, condition)
        mean, variance = denoiser.schedule.posterior(x_0, x_t, t, s)
        if self.variance == "large":
            beta = denoiser.schedule.link(t, s)[1].reshape(variance.shape).to(variance)
            variance = torch.where(denoiser.schedule.levels(s, x_t)[1] > 0, beta, 0 * beta)
        return mean + variance.sqrt() * _drawn(x_t, generator)


class DDIM(Sampler):
    """The estimated x₀, and the estimated ε again instead of new noise: x_s = a_s x₀ + √(s_s² − τ²) ε + τ z.

    τ² is `eta`² times the variance of q(x_s | x_t, x₀): eta = 0 is deterministic, eta = 1 DDPM with the small variance.
    Raises ValueError for an eta outside [0, 1]. Source: Song, Meng & Ermon (2021), equations 12 and 16.
    """

    def __init__(self, eta: float = 0.0, clip: float | None = None) -> None:
        super().__init__(clip=clip)
        if not 0 <= eta <= 1:
            raise ValueError(f"eta: want 0 to 1, got {eta}")
        self.eta = eta

    def step(
        self, denoiser: Denoiser, x_t: Tensor, t: Time, s: Time, *, condition: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """x_s; new noise is drawn for eta > 0 only."""
        x_0, eps = self.estimates(denoiser, x_t, t, condition)
        a_s, s_s = denoiser.schedule.levels(s, x_t)
        variance = self.eta**2 * denoiser.schedule.posterior(x_0, x_t, t, s)[1]
        x_s = a_s * x_0 + (s_s.square() - variance).clamp(min=0).sqrt() * eps
        return x_s + variance.sqrt() * _drawn(x_t, generator) if self.eta else x_s


class Euler(Sampler):
    """Straight on: x_s = a_s x₀ + s_s ε with the estimates at x_t, one step of Euler's method on the probability flow.

    With r = s/a, d(x/a)/dr = ε; on the straight schedule dx/dt = ε − x₀. In both, Euler's step is this one: DDIM with
    η = 0. The error falls as 1/steps, on `Spread` down to what the last step, from `smallest` to 0, leaves.
    """

    def step(
        self, denoiser: Denoiser, x_t: Tensor, t: Time, s: Time, *, condition: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """x_s; `generator` is not asked."""
        denoiser.schedule.link(t, s)  # s < t
        x_0, eps = self.estimates(denoiser, x_t, t, condition)
        a_s, s_s = denoiser.schedule.levels(s, x_t)
        return a_s * x_0 + s_s * eps


class Heun(Euler):
    """Euler's step on trial, a second look at where it ends, and the step again with the mean of both slopes.

    Two evaluations a step, but for the one to time 0, which is Euler's. The error falls as 1/steps² on even times of
    `Straight`; elsewhere the last step may limit it (on `Spread` it goes from `smallest` to 0 however many there are).
    The flow is followed along one of two lines, which are the same to first order:

    - `along="straight"`: z = x/(a + s), r = s/(a + s), dz/dr = ε − x₀. For every schedule, pure noise (a = 0) included;
    - `along="noise"`: z = x/a, r = s/a, dz/dr = ε, as Karras et al. (2022), algorithm 1 with σ(t) = t and s(t) = 1.
      Raises ValueError where a = 0.
    """

    def __init__(self, along: str = "straight", *, clip: float | None = None) -> None:
        super().__init__(clip=clip)
        if along not in ("straight", "noise"):
            raise ValueError(f'along: want "straight" or "noise", got {along!r}')
        self.along = along

    def evaluations(self, steps: int) -> int:
        """2 steps − 1."""
        return 2 * steps - 1

    def step(
        self, denoiser: Denoiser, x_t: Tensor, t: Time, s: Time, *, condition: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """x_s; `generator` is not asked."""
        denoiser.schedule.link(t, s)  # s < t
        (a_t, s_t), (a_s, s_s) = (denoiser.schedule.levels(time, x_t) for time in (t, s))
        x_0, eps = self.estimates(denoiser, x_t, t, condition)
        trial = a_s * x_0 + s_s * eps
        if not bool((denoiser.schedule.noise(s) > 0).any()):
            return trial
        slopes = self._slope(x_0, eps) + self._slope(*self.estimates(denoiser, trial, s, condition))
        unit_t, unit_s = self._unit(a_t, s_t), self._unit(a_s, s_s)
        return unit_s * (x_t / unit_t + (s_s / unit_s - s_t / unit_t) * slopes / 2)

    def _slope(self, x_0: Tensor, eps: Tensor) -> Tensor:
        return eps if self.along == "noise" else eps - x_0

    def _unit(self, a: Tensor, s: Tensor) -> Tensor:
        if self.along == "straight":
            return a + s
        if not bool((a > 0).all()):
            raise ValueError('along: "noise" divides by the signal a, which is 0 at this time; want "straight"')
        return a


class SmallSteps(Sampler):
    """A small step towards what the denoiser sees: x' = (1 − η) x + η D(x), asked at time t. It ends nowhere: s is not
    looked at, and may be t itself.

    Raises ValueError for an eta outside (0, 1].
    """

    def __init__(self, eta: float = 0.1) -> None:
        super().__init__()
        if not 0 < eta <= 1:
            raise ValueError(f"eta: want above 0 and at most 1, got {eta}")
        self.eta = eta

    def step(
        self, denoiser: Denoiser, x_t: Tensor, t: Time, s: Time, *, condition: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """x'."""
        return (1 - self.eta) * x_t + self.eta * denoiser(x_t, t, condition)


class _Watched(Denoiser):
    """A denoiser that remembers what it was first asked and said."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser, self.schedule = denoiser, denoiser.schedule
        self.first: Tensor | None = None

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """What the denoiser says."""
        x_0: Tensor = self.denoiser(x_t, t, condition)
        self.first = x_0 if self.first is None else self.first
        return x_0


def path(
    denoiser: Denoiser, sampler: Sampler, x: Tensor, times: Tensor, *, condition: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[tuple[float, Tensor, Tensor]]:  # fmt: skip
    """The walk from x at times[0] to times[-1]: (t, x_t, the estimate of x₀ there) for each time, without gradients.

    The estimate costs no further evaluation, and is not clipped; at the last time it is x itself. `times` falls, as
    `schedule.times(steps)`; for an edited item start with less than pure noise, at a later place in that row. Raises
    ValueError for fewer than two times.
    """
    if len(times) < 2:
        raise ValueError(f"times: want at least two, got {list(times)}")
    for t, s in pairwise(times):
        watched = _Watched(denoiser)
        with torch.no_grad():
            x_s = sampler.step(watched, x, t, s, condition=condition, generator=generator)
        yield float(t), x, x if watched.first is None else watched.first
        x = x_s
    yield float(times[-1]), x, x


def run(
    denoiser: Denoiser, sampler: Sampler, x: Tensor, times: Tensor, *, condition: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Where `path` ends: [n, ...]."""
    for _, end, _ in path(denoiser, sampler, x, times, condition=condition, generator=generator):
        x = end
    return x


def _drawn(x: Tensor, generator: torch.Generator | None) -> Tensor:
    source = x.device if generator is None else generator.device
    return torch.randn(x.shape, generator=generator, device=source, dtype=x.dtype).to(x.device)
