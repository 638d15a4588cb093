"""Training that is stopped and taken up again, and files that are not what they should be."""

import os
import re
import signal

import pytest
import torch
from players import Debate, Regulariser, TinyGAN, model, same, x
from safetensors.torch import save_file
from torch import nn
from torch.optim import SGD, Adam

from coursekit import training
from coursekit.models.base import Model
from coursekit.training import checkpoints


def press_stop():
    os.kill(os.getpid(), signal.SIGINT)


def trained(steps, path=None, kind=Regulariser, ema=False, **options):
    torch.manual_seed(0)
    m = kind()
    average = training.EMA(m, 0.9) if ema else None
    data = x(40, 2) if kind is TinyGAN else x()
    history = training.fit(m, data, steps=steps, batch_size=12, checkpoint=path, ema=average, **options)
    return m, history, average


@pytest.mark.parametrize("kind", [Regulariser, TinyGAN, Debate])
def test_resumed_training_is_uninterrupted_training_bit_for_bit(kind, tmp_path):
    path = tmp_path / "run" / "run.safetensors"
    whole, history, average = trained(11, kind=kind, ema=True)
    trained(5, path, kind, ema=True)
    torch.manual_seed(77)
    resumed, resumed_history, resumed_average = trained(11, path, kind, ema=True)
    assert same(whole, resumed)
    assert same(average.average, resumed_average.average)
    assert history.as_dict() == resumed_history.as_dict()
    assert [p.name for p in path.parent.iterdir()] == ["run.safetensors"]
    assert trained(11, path, kind, ema=True)[1].steps == 11  # nothing left to do


def test_momentum_and_other_optimizers_are_resumed(tmp_path):
    for make in (lambda p: SGD(p, 0.05, momentum=0.9), lambda p: Adam(p, 0.01, amsgrad=True), lambda p: SGD(p, 0.05)):
        path = tmp_path / "m.safetensors"
        whole, *_ = trained(8, optimizers={"model": make})
        trained(3, path, optimizers={"model": make})
        assert same(whole, trained(8, path, optimizers={"model": make})[0])
        path.unlink()


def test_an_interrupted_run_is_resumed_where_it_stopped(tmp_path):
    path = tmp_path / "m.safetensors"
    whole, *_ = trained(9)
    _, history, _ = trained(9, path, callback=lambda step, terms: press_stop() if step == 4 else None)
    assert history.steps == 4
    resumed, history, _ = trained(9, path)
    assert same(whole, resumed)
    assert history.steps == 9
    assert not history.interrupted


def test_a_run_that_dies_leaves_its_last_checkpoint(tmp_path):
    path = tmp_path / "m.safetensors"

    def die(step, terms):
        if step == 7:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        trained(9, path, callback=die, checkpoint_every=3)
    _, notes = checkpoints.read(path)
    assert notes["steps"] == 6
    assert same(trained(9)[0], trained(9, path)[0])


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    trained(3, path)
    before = path.read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        trained(5, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_tied_weights_are_kept(tmp_path):
    class Tied(Model):
        def __init__(self):
            super().__init__()
            self.down, self.up = nn.Linear(4, 2), nn.Linear(2, 4)
            self.also = self.down

        def loss(self, x):
            return {"loss": (self.up(self.also(x)) - x).square().mean()}

    path = tmp_path / "m.safetensors"
    assert same(trained(6, kind=Tied)[0], [trained(n, path, Tied) for n in (2, 6)][1][0])


def truncated(path):
    path.write_bytes(path.read_bytes()[:-40])


def foreign(path):
    save_file({"a": torch.zeros(2)}, path)


@pytest.mark.parametrize("harm", [truncated, foreign, lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_is_refused(harm, tmp_path):
    path = tmp_path / "m.safetensors"
    trained(2, path)
    harm(path)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        trained(4, path)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    trained(2, path)
    with pytest.raises(ValueError, match="another run"):
        trained(4, path, seed=5)
    with pytest.raises(ValueError, match="another model"):
        training.fit(model(), x(), steps=4, batch_size=12, checkpoint=path)
    with pytest.raises(ValueError, match="checkpoint_every"):
        trained(4, path, checkpoint_every=0)
