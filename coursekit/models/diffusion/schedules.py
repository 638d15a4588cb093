"""Schedules: how much signal and how much noise there is in x_t = a(t) x₀ + s(t) ε, with ε ~ N(0, I)."""

import math
from typing import Any

import torch
from torch import Tensor

Time = float | Tensor  # one time for all items, or one for each of them, [n]


class Schedule:
    """x_t = a(t) x₀ + s(t) ε: at time 0 there is no noise, at time `end` (nearly) nothing else.

    What a schedule says is computed in float64 on the CPU, and brought to the items' dtype and device by `levels`.
    A new one says `end`, `signal`, `noise`, `times` and `draw`.
    """

    end: float

    def signal(self, t: Time) -> Tensor:
        """a(t), in the shape of t."""
        raise NotImplementedError(f"{type(self).__name__} has no signal(t)")

    def noise(self, t: Time) -> Tensor:
        """s(t), in the shape of t."""
        raise NotImplementedError(f"{type(self).__name__} has no noise(t)")

    def times(self, steps: int, *, power: float | None = None) -> Tensor:
        """steps + 1 times that fall from `end` to 0; ValueError for a number of steps that it cannot take.

        `power` p above 1 makes the steps smaller towards 0, where details come out: end · (1 − i/steps)^p. None: 1.
        """
        raise NotImplementedError(f"{type(self).__name__} has no times(steps)")

    def draw(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n random times to train at, [n]."""
        raise NotImplementedError(f"{type(self).__name__} has no draw(n)")

    def snr(self, t: Time) -> Tensor:
        """The signal-to-noise ratio a²/s², in the shape of t; infinite at time 0."""
        return (self.signal(t) / self.noise(t)).square()

    def scaled(self, t: Time) -> Tensor:
        """The time as nets are told it, in [0, 1]."""
        return self._time(t) / self.end

    def shown(self, x_t: Tensor, t: Time) -> Tensor:
        """What a net is shown of x_t: all of it, as long as its numbers stay near 1."""
        return x_t

    def levels(self, t: Time, like: Tensor) -> tuple[Tensor, Tensor]:
        """a(t) and s(t) in the dtype and on the device of items [n, ...], in a shape that multiplies them.

        Raises ValueError unless t is a number or [n].
        """
        return self._beside(self.signal(t), like), self._beside(self.noise(t), like)

    def noised(self, x_0: Tensor, t: Time, eps: Tensor) -> Tensor:
        """x_t = a(t) x₀ + s(t) ε, [n, ...]."""
        a, s = self.levels(t, x_0)
        return a * x_0 + s * eps

    def start(self, eps: Tensor) -> Tensor:
        """Pure noise at time `end`, as large as x_t is for data of mean 0 and variance 1: √(a² + s²) ε."""
        a, s = self.levels(self.end, eps)
        return torch.hypot(a, s) * eps

    def posterior(self, x_0: Tensor, x_t: Tensor, t: Time, s: Time) -> tuple[Tensor, Tensor]:
        """q(x_s | x_t, x₀) for s < t, a Gaussian: its mean [n, ...] and its variance, in a shape that multiplies it.

        With α = a_t/a_s and β = s_t² − α² s_s² (what the chain scales and adds on the way from s to t):

            mean = (β a_s x₀ + α s_s² x_t) / s_t²,     variance = β s_s² / s_t².

        Source: Ho et al. (2020), equations 6 and 7, there for s = t − 1. Raises ValueError unless s < t.
        """
        alpha, beta = self.link(t, s)
        a_s, s_s, s_t = self.signal(s), self.noise(s), self.noise(t)
        clean, noisy, variance = beta * a_s / s_t**2, alpha * s_s**2 / s_t**2, beta * s_s**2 / s_t**2
        mean = self._beside(clean, x_t) * x_0 + self._beside(noisy, x_t) * x_t
        return mean, self._beside(variance, x_t)

    def link(self, t: Time, s: Time) -> tuple[Tensor, Tensor]:
        """α and β of q(x_t | x_s) = N(α x_s, β I) for s < t; ValueError otherwise. (DDPM's α_t is this α squared.)"""
        if not bool((self._time(s) < self._time(t)).all()):
            raise ValueError(f"s: want a time before t = {t}, got {s}")
        alpha = self.signal(t) / self.signal(s)
        return alpha, self.noise(t) ** 2 - (alpha * self.noise(s)) ** 2

    def _time(self, t: Time) -> Tensor:
        return torch.as_tensor(t, dtype=torch.float64, device="cpu")

    def _beside(self, values: Tensor, like: Tensor) -> Tensor:
        if values.ndim and values.shape != like.shape[:1]:
            raise ValueError(f"t: want a number or [{len(like)}], one for each item, got {list(values.shape)}")
        return values.reshape(values.shape + (1,) * (like.ndim - 1) if values.ndim else ()).to(like)


class Discrete(Schedule):
    """DDPM's chain of T steps: times are whole numbers, a = √ᾱ_t and s = √(1 − ᾱ_t), with ᾱ_t = Π_{i ≤ t} (1 − β_i).

    `betas` [T] in (0, 1): betas[t − 1] is the variance of the noise of step t = 1 … T. ᾱ_0 = 1. Raises ValueError for
    other betas; its functions, for times that are no whole numbers from 0 (or 1) to T. Source: Ho et al. (2020).
    """

    def __init__(self, betas: Any) -> None:
        betas = torch.as_tensor(betas, dtype=torch.float64, device="cpu")
        if betas.ndim != 1 or not len(betas) or not bool(((betas > 0) & (betas < 1)).all()):
            raise ValueError(f"betas: want [T], each above 0 and below 1, got {betas}")
        self.betas, self.end = betas, len(betas)
        self._alpha_bar = torch.cat([betas.new_ones(1), (1 - betas).cumprod(0)])  # [T + 1]

    def __repr__(self) -> str:
        return f"Discrete({self.end} steps, ᾱ_T = {self._alpha_bar[-1]:.2g})"

    def beta(self, t: Time) -> Tensor:
        """β_t, the variance that step t adds, t = 1 … T."""
        return self.betas[self._place(t, first=1) - 1]

    def alpha(self, t: Time) -> Tensor:
        """α_t = 1 − β_t."""
        return 1 - self.beta(t)

    def alpha_bar(self, t: Time) -> Tensor:
        """ᾱ_t = Π_{i ≤ t} α_i, t = 0 … T."""
        return self._alpha_bar[self._place(t)]

    def signal(self, t: Time) -> Tensor:
        """√ᾱ_t."""
        return self.alpha_bar(t).sqrt()

    def noise(self, t: Time) -> Tensor:
        """√(1 − ᾱ_t)."""
        return (1 - self.alpha_bar(t)).sqrt()

    def times(self, steps: int, *, power: float | None = None) -> Tensor:
        """steps + 1 falling whole numbers from T to 0, evenly spaced up to rounding unless there is a `power`.

        Raises ValueError unless 1 <= steps <= T and power >= 1.
        """
        if not 1 <= steps <= self.end:
            raise ValueError(f"steps: want 1 to {self.end}, got {steps}")
        times = (self.end * _falling(steps, power) + 0.5).floor().long()
        return torch.maximum(times, torch.arange(steps, -1, -1))  # no time twice

    def draw(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Each of 1 … T equally likely, [n]."""
        return torch.randint(1, int(self.end) + 1, (n,), generator=generator, device=_device(generator)).cpu()

    def posterior(self, x_0: Tensor, x_t: Tensor, t: Time, s: Time | None = None) -> tuple[Tensor, Tensor]:
        """q(x_s | x_t, x₀), see `Schedule.posterior`; s is t − 1 unless it is given.

        variance = β_t (1 − ᾱ_{t−1}) / (1 − ᾱ_t), which is 0 at t = 1.
        """
        return super().posterior(x_0, x_t, t, t - 1 if s is None else s)

    def _place(self, t: Time, first: int = 0) -> Tensor:
        time = self._time(t)
        if bool(((time != time.round()) | (time < first) | (time > self.end)).any()):
            raise ValueError(f"t: want whole numbers from {first} to {self.end}, got {t}")
        return time.long()


def linear(T: int = 1000, first: float | None = None, last: float | None = None) -> Discrete:
    """β rises evenly from `first` to `last`; 0.1/T and 20/T unless given: Ho et al.'s 0.0001 and 0.02 for T = 1000.

    With fewer steps each has to add more: with T = 200 and those same two numbers, ᾱ_T is .13 and the end is no noise.
    Raises ValueError for a T that these defaults are too large for, and for other β.
    """
    if last is None and T <= 20:
        raise ValueError(f"T: want more than 20 steps unless `last` is given, got {T}")
    bounds = (0.1 / T if first is None else first, 20 / T if last is None else last)
    return Discrete(torch.linspace(*bounds, T, dtype=torch.float64))


def cosine(T: int = 1000, offset: float = 0.008) -> Discrete:
    """ᾱ_t = f(t)/f(0), f(t) = cos²(π/2 · (t/T + offset)/(1 + offset)), and no β above .999.

    Source: Nichol & Dhariwal (2021), equation 17.
    """
    t = torch.arange(T + 1, dtype=torch.float64)
    f = ((t / T + offset) / (1 + offset) * (math.pi / 2)).cos().square()
    return Discrete((1 - f[1:] / f[:-1]).clamp(max=0.999))


class Straight(Schedule):
    """Flow matching's straight paths from data to noise: a = 1 − t, s = t, t in [0, 1]; dx_t/dt = ε − x₀.

    Training times are uniform, or with `logit_std` logit-normal: t = sigmoid(u), u ~ N(0, logit_std²), more often in
    the middle (Esser et al., 2024). Source: Lipman et al. (2023); Liu et al. (2023): there, time runs the other
    way.
    """

    end = 1.0

    def __init__(self, *, logit_std: float | None = None) -> None:
        if logit_std is not None and not logit_std > 0:
            raise ValueError(f"logit_std: want a positive number, or None for uniform times, got {logit_std}")
        self.logit_std = logit_std

    def __repr__(self) -> str:
        return "Straight()" if self.logit_std is None else f"Straight(logit_std={self.logit_std:g})"

    def signal(self, t: Time) -> Tensor:
        """1 − t."""
        return 1 - self._time(t)

    def noise(self, t: Time) -> Tensor:
        """t."""
        return self._time(t)

    def times(self, steps: int, *, power: float | None = None) -> Tensor:
        """steps + 1 times from 1 to 0, evenly spaced unless there is a `power`; ValueError for one of them below 1."""
        return _falling(steps, power)

    def draw(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """Uniform in (0, 1] or logit-normal, [n]."""
        device = _device(generator)
        if self.logit_std is None:
            return 1 - torch.rand(n, generator=generator, device=device).double().cpu()
        return (self.logit_std * torch.randn(n, generator=generator, device=device)).double().cpu().sigmoid()

    def _time(self, t: Time) -> Tensor:
        time = super()._time(t)
        if not bool(((time >= 0) & (time <= 1)).all()):
            raise ValueError(f"t: want times from 0 to 1, got {t}")
        return time


class Spread(Schedule):
    """Noise upon noise: a = 1, s = t, so that the time *is* the noise's standard deviation σ, from 0 to `largest`.

    ("Variance exploding": Song et al., 2021; with this time, Karras et al., 2022.) `smallest` is the σ of the last step
    before 0, and the smallest trained at. Raises ValueError unless 0 < smallest < largest.
    """

    def __init__(self, largest: float, *, smallest: float = 0.01) -> None:
        if not 0 < smallest < largest < math.inf:
            raise ValueError(f"largest, smallest: want 0 < smallest < largest, got {largest}, {smallest}")
        self.end, self.smallest = float(largest), smallest

    def __repr__(self) -> str:
        return f"Spread({self.end:g}, smallest={self.smallest:g})"

    def signal(self, t: Time) -> Tensor:
        """1."""
        return torch.ones_like(self._time(t))

    def noise(self, t: Time) -> Tensor:
        """σ = t."""
        return self._time(t)

    def scaled(self, t: Time) -> Tensor:
        """σ/(1 + σ): the time at which `Straight` has as much noise beside its signal."""
        time = self._time(t)
        return time / (1 + time)

    def shown(self, x_t: Tensor, t: Time) -> Tensor:
        """x_t/√(1 + σ²), of variance 1 if the data are."""
        a, s = self.levels(t, x_t)
        return x_t / torch.hypot(a, s)

    def times(self, steps: int, *, power: float | None = None) -> Tensor:
        """`steps` times from `largest` to `smallest`, then 0: a geometric row, or with `power` p evenly spaced σ^(1/p).

        p = 7 is Karras et al.'s choice (equation 5). Raises ValueError for steps or power below 1.
        """
        share = torch.linspace(0, 1, _checked(steps, power), dtype=torch.float64)
        if power is None:
            times = self.end * (self.smallest / self.end) ** share
        else:
            roots = self.end ** (1 / power), self.smallest ** (1 / power)
            times = (roots[0] + share * (roots[1] - roots[0])) ** power
        return torch.cat([times, times.new_zeros(1)])

    def draw(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """log σ is uniform between those of `smallest` and `largest`, [n]."""
        powers = torch.rand(n, generator=generator, device=_device(generator)).double().cpu()
        return self.end * (self.smallest / self.end) ** powers

    def _time(self, t: Time) -> Tensor:
        time = super()._time(t)
        if not bool((time >= 0).all()):
            raise ValueError(f"t: want a standard deviation, 0 or more, got {t}")
        return time


def _checked(steps: int, power: float | None) -> int:
    if steps < 1:
        raise ValueError(f"steps: want at least 1, got {steps}")
    if power is not None and not power >= 1:
        raise ValueError(f"power: want at least 1, got {power}")
    return steps


def _falling(steps: int, power: float | None) -> Tensor:
    """(1 − i/steps)^power, i = 0 … steps."""
    even = torch.linspace(1, 0, _checked(steps, power) + 1, dtype=torch.float64)
    return even if power is None else even**power


def _device(generator: torch.Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device
