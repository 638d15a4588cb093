"""A running average of weights: alone, in a training, and in a checkpoint."""

import pytest
import torch
from players import Regulariser, same, x
from torch import nn

from coursekit import training


def test_ema_is_its_recursion():
    m = nn.Linear(1, 1, bias=False)
    ema = training.EMA(m, decay=0.2)
    average = m.weight.item()
    for k in range(6):
        with torch.no_grad():
            m.weight.fill_(float(k))
        ema.update()
        decay = min(0.2, (1 + k) / (10 + k))
        average = decay * average + (1 - decay) * k
        assert ema.average.weight.item() == pytest.approx(average, rel=1e-6)
    assert not ema.average.weight.requires_grad
    assert not ema.average.training
    with pytest.raises(ValueError, match="decay"):
        training.EMA(m, 1.0)


def test_ema_takes_buffers_as_they_are():
    m = Regulariser()
    ema = training.EMA(m)
    training.fit(m, x(), steps=3, along=[ema])
    assert torch.equal(ema.average.body[1].running_mean, m.body[1].running_mean)


def test_ema_is_remembered_whole():
    m = Regulariser()
    ema, again = training.EMA(m, 0.9), training.EMA(Regulariser(), 0.9)
    training.fit(m, x(), steps=3, along=[ema])
    again.load_state_dict(ema.state_dict())
    assert again.updates == ema.updates == 3
    assert same(again.average, ema.average)
