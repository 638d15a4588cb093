"""Modes, averages, seeds and devices."""

import pytest
import torch
from players import Regulariser, model, x
from torch import nn

from coursekit import training


def test_eval_mode_restores_each_module_even_after_an_error():
    m = Regulariser().train()
    m.frozen.eval()
    seen = []

    def body():
        with training.eval_mode(m) as inside:
            seen.extend(module.training for module in inside.modules())
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        body()
    assert not any(seen)
    assert m.training
    assert not m.frozen.training


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


def test_seed_everything_seeds_the_global_generator_and_returns_one():
    first = (training.seed_everything(3), torch.rand(2))
    again = (training.seed_everything(3), torch.rand(2))
    assert torch.equal(first[1], again[1])
    assert torch.equal(torch.rand(2, generator=first[0]), torch.rand(2, generator=again[0]))


def test_the_default_device_is_there():
    assert torch.ones(1, device=training.default_device()).item() == 1
    assert training.device_of(nn.ReLU()) == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_on_a_gpu_follows_the_model():
    m = model()
    history = training.fit(m.to("cuda"), x(), steps=20, lr=1e-2)
    assert training.device_of(m).type == "cuda"
    assert m.sample(3, generator=torch.Generator().manual_seed(0)).is_cuda
    assert history.last(3)["loss"] < history["loss"][0]
