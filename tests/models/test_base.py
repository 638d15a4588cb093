"""Modes, seeds and devices."""

import pytest
import torch
from players import Regulariser
from torch import nn

from coursekit import models


def test_eval_mode_restores_each_module_even_after_an_error():
    m = Regulariser().train()
    m.frozen.eval()
    seen = []

    def body():
        with models.eval_mode(m) as inside:
            seen.extend(module.training for module in inside.modules())
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        body()
    assert not any(seen)
    assert m.training
    assert not m.frozen.training


def test_seed_everything_seeds_the_global_generator_and_returns_one():
    first = (models.seed_everything(3), torch.rand(2))
    again = (models.seed_everything(3), torch.rand(2))
    assert torch.equal(first[1], again[1])
    assert torch.equal(torch.rand(2, generator=first[0]), torch.rand(2, generator=again[0]))


def test_the_default_device_is_there():
    assert torch.ones(1, device=models.default_device()).item() == 1
    assert models.device_of(nn.ReLU()) == torch.device("cpu")
