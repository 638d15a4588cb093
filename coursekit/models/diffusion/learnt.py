"""A denoiser that is learnt: a net that predicts noise, data, v or a velocity, its objective and its sampling."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.models.base import Model, Terms, eval_mode
from coursekit.models.base import noise as drawn
from coursekit.models.diffusion.denoisers import Denoiser
from coursekit.models.diffusion.guidance import Guided
from coursekit.models.diffusion.samplers import DDIM, Heun, Sampler, path
from coursekit.models.diffusion.schedules import Discrete, Schedule, Time
from coursekit.models.diffusion.targets import NOISE, Target


class Diffusion(Model, Denoiser):
    """E ‖net(x_t, t) − target‖² is minimised over x₀ of the data, t ~ schedule, ε ~ N(0, I), x_t = a x₀ + s ε.

    - `net` is called with (x_t [n, ...], t as `schedule.scaled` in [0, 1] [n], condition [n, k] or None) and gives what
      `predicts` says, in the shape of x_t.
    - `centre`, `scale`: data enter as (x − centre)/scale and leave in their own units. Numbers, or tensors that fit an
      item. For images in [0, 1] take .5 and .5. As a denoiser (`forward`, `eps`, …) it lives in the inner units.
    - Conditional: batches are pairs (x, condition [n, k]). A row of zeros means that nothing is asked; in training a
      share `drop` of the rows is set to zero, so that one net learns both (Ho & Salimans, 2022).
    - `predicts`: with NOISE a mistake of the net counts s/a times in x₀. Where the schedule's end has hardly any signal
      left (`cosine`), take another target, or a sampler that clips.
    - `weight(t)` [n] → [n] weights the items' squared errors; None: all alike, the "simple" loss.
    - `shape` of an item; else that of the first batch.

    Raises ValueError for a drop outside [0, 1] or a scale that is not positive. Source: Ho et al. (2020), equation 14.
    """

    centre: Tensor
    scale: Tensor

    def __init__(
        self, net: nn.Module, schedule: Schedule, *, predicts: Target = NOISE, centre: float | Tensor = 0.0,
        scale: float | Tensor = 1.0, drop: float = 0.15, weight: Callable[[Tensor], Tensor] | None = None,
        shape: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 0 <= drop <= 1:
            raise ValueError(f"drop: want a share from 0 to 1, got {drop}")
        self.register_buffer("centre", torch.as_tensor(centre, dtype=torch.float32))
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32))
        if not bool((self.scale > 0).all()):
            raise ValueError(f"scale: want positive numbers, got {scale}")
        self.net, self.schedule, self.predicts = net, schedule, predicts
        self.drop, self.weight = drop, weight
        self.shape = None if shape is None else tuple(shape)

    def inner(self, x: Tensor) -> Tensor:
        """(x − centre)/scale, [n, ...]: data as the net sees them."""
        return (x - self.centre.to(x)) / self.scale.to(x)

    def outer(self, x: Tensor) -> Tensor:
        """centre + scale x, [n, ...]: the way back to the data's own units."""
        return self.centre.to(x) + self.scale.to(x) * x

    def predict(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """The net's answer, in the shape of x_t and in float32 at least."""
        times = self.schedule.scaled(t).to(x_t).expand(len(x_t))
        output: Tensor = self.net(self.schedule.shown(x_t, t), times, condition)
        if output.shape != x_t.shape:
            raise ValueError(f"net: want an answer of the shape {list(x_t.shape)}, got {list(output.shape)}")
        return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output

    def forward(self, x_t: Tensor, t: Time, condition: Tensor | None = None) -> Tensor:
        """The estimate of E[x₀ | x_t], in the inner units."""
        return self.predicts.solve(self.predict(x_t, t, condition), x_t, *self.schedule.levels(t, x_t))

    def loss(
        self, x: Any, t: Time | None = None, noise: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Terms:
        """{"loss": the mean squared error of the prediction} for a batch [n, ...] or a pair (batch, condition [n, k]).

        `t` (a number or [n]) and `noise` ε in the shape of the batch are drawn unless given.
        """
        items, condition = x if isinstance(x, tuple | list) else (x, None)
        self.shape = self.shape or tuple(items.shape[1:])
        x_0, n = self.inner(items), len(items)
        t = self.schedule.draw(n, generator=generator) if t is None else t
        eps = drawn(*x_0.shape, like=self, generator=generator).to(x_0) if noise is None else noise
        if condition is not None:
            condition = self._dropped(condition, generator)
        x_t, levels = self.schedule.noised(x_0, t, eps), self.schedule.levels(t, x_0)
        error = (self.predict(x_t, t, condition) - self.predicts.make(x_0, eps, *levels)).square()
        return {"loss": error.mean() if self.weight is None else self._weighted(error, t)}

    def _weighted(self, error: Tensor, t: Time) -> Tensor:
        assert self.weight is not None
        weights = self.weight(torch.as_tensor(t).expand(len(error))).to(error)
        return (weights * error.flatten(1).mean(1)).mean()

    def _dropped(self, condition: Tensor, generator: torch.Generator | None) -> Tensor:
        """The condition [n, k], with a share of its rows zero."""
        source = condition.device if generator is None else generator.device
        kept = torch.rand(len(condition), 1, generator=generator, device=source) >= self.drop
        return condition * kept.to(condition)

    def path(
        self, n: int, *, shape: Sequence[int] | None = None, condition: Tensor | None = None, weight: float = 1.0,
        sampler: Sampler | None = None, steps: int = 50, power: float | None = None,
        generator: torch.Generator | None = None,
    ) -> Iterator[tuple[float, Tensor, Tensor]]:  # fmt: skip
        """The walk that `sample` takes: (t, x_t, the estimate of x₀) for each time, in the data's own units.

        Between two of them the model is in the mode it was in. Arguments and errors as `sample`'s.
        """
        noise = drawn(n, *self._shape(shape), like=self, generator=generator)
        how: dict[str, Any] = {"condition": condition, "weight": weight, "sampler": sampler, "generator": generator}
        yield from self._walk(self.schedule.start(noise), self.schedule.times(steps, power=power), **how)

    def _walk(
        self, x: Tensor, times: Tensor, *, condition: Tensor | None, weight: float, sampler: Sampler | None,
        generator: torch.Generator | None,
    ) -> Iterator[tuple[float, Tensor, Tensor]]:  # fmt: skip
        sampler = (DDIM() if isinstance(self.schedule, Discrete) else Heun()) if sampler is None else sampler
        denoiser = self if weight == 1 or condition is None else Guided(self, weight)
        walk = path(denoiser, sampler, x, times, condition=self._told(condition, len(x)), generator=generator)
        for _ in range(len(times)):
            with eval_mode(self):
                t, x_t, x_0 = next(walk)
            yield t, self.outer(x_t), self.outer(x_0)

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None, **how: Any) -> Tensor:
        """n items [n, ...] in the data's own units.

        - `shape` of an item, unless it is known from the constructor or a batch.
        - `condition` [n, k], or [k] for all: what is asked for. `weight`: how strong guidance is, 1 for none beyond the
          condition (see `Guided`).
        - `sampler`: `DDIM()` on a discrete schedule and `Heun()` on others unless given; `steps` = 50, its steps;
          `power`, how much smaller they are towards the data (see `Schedule.times`; 2 suits `Heun`).

        Raises ValueError for an unknown shape or a condition of another length.
        """
        *_, (_, x, _) = self.path(n, generator=generator, **how)
        return x

    @torch.no_grad()
    def edit(
        self, x: Tensor, t: float, *, condition: Tensor | None = None, weight: float = 1.0, noise: Tensor | None = None,
        sampler: Sampler | None = None, steps: int = 50, power: float | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:  # fmt: skip
        """Items x [n, ...] noised to time t and denoised again, under another condition perhaps: [n, ...].

        The later t, the more is new; t = 0 changes nothing. `noise` in the shape of x is drawn unless given. Of the
        `steps` times from `end` to 0, those before t are taken. Other arguments as `sample`'s. Source: Meng et al.
        (2022), "SDEdit".
        """
        x_0 = self.inner(x.to(self.centre.device))
        if t == 0:
            return self.outer(x_0)
        eps = drawn(*x_0.shape, like=self, generator=generator) if noise is None else noise.to(x_0)
        row = self.schedule.times(steps, power=power)
        times = torch.cat([torch.as_tensor([t], dtype=row.dtype), row[row < t]])
        how: dict[str, Any] = {"condition": condition, "weight": weight, "sampler": sampler, "generator": generator}
        *_, (_, end, _) = self._walk(self.schedule.noised(x_0, t, eps), times, **how)
        return end

    def _shape(self, given: Sequence[int] | None) -> tuple[int, ...]:
        shape = self.shape if given is None else tuple(given)
        if shape is None:
            raise ValueError("shape: want that of an item, as the model has seen no batch yet")
        return shape

    def _told(self, condition: Tensor | None, n: int) -> Tensor | None:
        if condition is None:
            return None
        told = (
            condition.to(self.centre.device).expand(n, -1) if condition.ndim == 1 else condition.to(self.centre.device)
        )
        if told.ndim != 2 or len(told) != n:
            raise ValueError(f"condition: want [{n}, k] or [k], got {list(condition.shape)}")
        return told
