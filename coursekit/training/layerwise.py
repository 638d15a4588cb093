"""Greedy layerwise training of a stack of autoencoders."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from coursekit.models.autoencoders import Autoencoder
from coursekit.models.base import eval_mode
from coursekit.training.history import History
from coursekit.training.loop import fit


def pretrain(layers: Sequence[Autoencoder], x: Tensor, **how: Any) -> list[History]:
    """Greedy layerwise training: the first learns x [n, ...], each further one the codes of the one before.

    `how` goes to `training.fit`. Source: Hinton and Salakhutdinov (2006), Bengio et al. (2007).
    """
    histories = []
    for layer in layers:
        histories.append(fit(layer, x, **how))
        with torch.no_grad(), eval_mode(layer):
            x = layer.encode(x)
    return histories
