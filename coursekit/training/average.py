"""A running average of a model's weights, which trembles less than the weights themselves."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from coursekit.training.history import Terms


class EMA:
    """A running average of a model's weights, θ̄ ← d θ̄ + (1 − d) θ, in `average`, a frozen copy in eval mode.

    Early on d is min(decay, (1 + k) / (10 + k)) at update k, so that the first weights are soon forgotten.
    Buffers are copied. A companion: `fit(..., along=[ema])`; or call `update()` after each step. Raises ValueError
    for a decay outside [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay: want 0 <= decay < 1, got {decay}")
        self.model, self.decay, self.updates = model, decay, 0
        self.average = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        """One step of the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)
        for mine, theirs in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mine.copy_(theirs)

    def after(self, step: int, terms: Terms) -> None:
        """Update after each step."""
        self.update()

    def state_dict(self) -> dict[str, Any]:
        """The average and the number of its updates."""
        return {**{f"average/{k}": v for k, v in self.average.state_dict().items()}, "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        start = "average/"
        self.average.load_state_dict({k.removeprefix(start): v for k, v in state.items() if k.startswith(start)})
        self.updates = int(state["updates"])
