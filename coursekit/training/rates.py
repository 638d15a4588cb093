"""How the learning rate goes through a training: the factor by which it is multiplied at each step."""

import math
from collections.abc import Callable

Rate = Callable[[int], float]  # the number of a step, from 1 → a factor


def cosine(steps: int, *, warm_up: int = 0) -> Rate:
    """Up in a straight line during the first `warm_up` of the steps, then down to 0 along half a cosine.

        r(k) = k / w                              for k ≤ w,
        r(k) = ½ (1 + cos(π (k − w) / (K − w)))   for w < k ≤ K, and 0 after that,

    at step k of K, with w = `warm_up`. Large steps find the way; small ones at the end lose the jitter that they
    leave. Raises ValueError for fewer than one step, or a `warm_up` that is negative or leaves no step over.
    Source: Loshchilov & Hutter (2017), without restarts.
    """
    if steps < 1 or not 0 <= warm_up < steps:
        raise ValueError(f"steps, warm_up: want 0 <= warm_up < steps, got {warm_up} and {steps}")

    def rate(step: int) -> float:
        if step <= warm_up:
            return step / warm_up
        return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - warm_up) / (steps - warm_up)))

    return rate
