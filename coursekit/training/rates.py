"""How the learning rates go through a training: the factor by which they are multiplied at each step."""

import math
from collections.abc import Callable

from torch.optim import Optimizer

from coursekit.training.companions import Training

Factor = Callable[[int], float]  # the number of a step, from 1 → a factor


class Rate:
    """A companion that multiplies all learning rates by factor(k) at step k, from 1; afterwards they are as given.

    `of_total(K)` makes the factor of a training of K steps. Raises ValueError at the start of a training whose number
    of steps is not known.
    """

    def __init__(self, of_total: Callable[[int], Factor]) -> None:
        self.of_total = of_total
        self._factor: Factor = lambda step: 1.0
        self._given: list[tuple[Optimizer, list[float]]] = []

    def start(self, training: Training) -> None:
        """Note the rates that were given."""
        if training.total is None:
            raise ValueError("along: a rate that falls needs to know how many steps there are; give fit `steps=`")
        self._given = [(one, [group["lr"] for group in one.param_groups]) for one in training.optimizers.values()]
        if training.total:
            self._factor = self.of_total(training.total)

    def before(self, step: int) -> None:
        """The rates of this step."""
        self._set(self._factor(step))

    def stop(self, whole: bool) -> None:
        """The rates as they were given."""
        self._set(1.0)

    def _set(self, factor: float) -> None:
        for optimizer, rates in self._given:  # a checkpoint that is read replaces the groups
            for group, lr in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = lr * factor


def scaled(factor: Factor) -> Rate:
    """All learning rates times factor(k) at step k."""
    return Rate(lambda total: factor)


def cosine(steps: int | None = None, *, warm_up: int = 0) -> Rate:
    """Up in a straight line during the first `warm_up` of the steps, then down to 0 along half a cosine.

        r(k) = k / w                              for k ≤ w,
        r(k) = ½ (1 + cos(π (k − w) / (K − w)))   for w < k ≤ K, and 0 after that,

    at step k of K, with w = `warm_up`; K is `steps`, or all steps of the training. Large steps find the way; small
    ones at the end lose the jitter that they leave. Raises ValueError for fewer than one step, or a `warm_up` that is
    negative or leaves no step over. Source: Loshchilov & Hutter (2017), without restarts.
    """
    if steps is not None:
        half_cosine(steps, warm_up)
    return Rate(lambda total: half_cosine(total if steps is None else steps, warm_up))


def half_cosine(steps: int, warm_up: int = 0) -> Factor:
    """The factor r of `cosine`."""
    if steps < 1 or not 0 <= warm_up < steps:
        raise ValueError(f"steps, warm_up: want 0 <= warm_up < steps, got {warm_up} and {steps}")

    def factor(step: int) -> float:
        if step <= warm_up:
            return step / warm_up
        return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - warm_up) / (steps - warm_up)))

    return factor


def linear(steps: int | None = None, *, hold: float = 0.5) -> Rate:
    """As given during a share `hold` of the steps, then in a straight line to 0:

        r(k) = min(1, (K − k) / ((1 − hold) K)), and 0 after that,

    at step k of K; K is `steps`, or all steps of the training. Raises ValueError unless 0 <= hold < 1, and for fewer
    than one step. Source: Zhu et al. (2017), section 4, where the rate is held for 100 epochs and falls during 100.
    """
    if not 0 <= hold < 1 or (steps is not None and steps < 1):
        raise ValueError(f"steps, hold: want at least one step and a share 0 <= hold < 1, got {steps} and {hold}")
    return Rate(lambda total: straight(total if steps is None else steps, hold))


def straight(steps: int, hold: float) -> Factor:
    """The factor r of `linear`."""
    return lambda step: min(1.0, max(0, steps - step) / ((1 - hold) * steps))
