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


def trained(steps, path=None, kind=Regulariser, ema=False, every=500, along=(), **options):
    torch.manual_seed(0)
    m = kind()
    average = training.EMA(m, 0.9) if ema else None
    data = x(40, 2) if kind is TinyGAN else x()
    companions = [*along, *([average] if ema else []), *([training.Checkpoint(path, every)] if path else [])]
    history = training.fit(m, data, steps=steps, batch_size=12, along=companions, **options)
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
    with pytest.raises(KeyboardInterrupt):
        trained(9, path, along=[lambda step, terms: press_stop() if step == 4 else None])
    assert checkpoints.read(path)[1]["steps"] == 4
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
        trained(9, path, along=[die], every=3)
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
        training.fit(model(), x(), steps=4, batch_size=12, along=[training.Checkpoint(path)])
    with pytest.raises(ValueError, match="another run"):
        trained(4, path, ema=True)
    with pytest.raises(ValueError, match="every: want at least 1"):
        trained(4, path, every=0)


def test_a_resumed_run_has_the_rates_of_the_optimizer_that_it_is_given(tmp_path):
    """Half of a run with one rate, half with another: as by hand with one optimizer whose rate is changed between."""
    path, by_hand = tmp_path / "m.safetensors", model()
    adam = Adam(by_hand.parameters(), 0.1)
    for lr in (0.1, 0.001):
        adam.param_groups[0]["lr"] = lr
        list(training.steps(by_hand, [x()] * 3, {"model": adam}))
    found = []
    for steps, lr in ((3, 0.1), (6, 0.001), (6, 0.1)):
        found.append(model())
        training.fit(found[-1], [x()], steps=steps, lr=lr, along=[training.Checkpoint(path)])
    assert all(map(torch.allclose, found[1].parameters(), by_hand.parameters()))
    training.fit(wrong := model(), [x()], steps=6, lr=0.1)  # as if the rate of the file had won
    assert not any(map(torch.allclose, wrong.parameters(), by_hand.parameters()))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (Adam, SGD, "the run's optimizer is Adam, not SGD"),
        (SGD, Adam, "the run's optimizer is SGD, not Adam"),
        (Adam, lambda p: Adam(p, amsgrad=True), "amsgrad=False, not True"),
        (SGD, lambda p: SGD(p, momentum=0.9), "momentum=0, not 0.9"),
        (Adam, lambda p: Adam([{"params": p[:1]}, {"params": p[1:]}]), "other groups of parameters"),
    ],
)
def test_another_optimizer_is_refused_with_words(before, after, said, tmp_path):
    path = tmp_path / "m.safetensors"
    trained(2, path, optimizers={"model": before})
    with pytest.raises(ValueError, match=rf"player 'model': .*{said}.*: give the same one") as caught:
        trained(4, path, optimizers={"model": after})
    assert str(path) in str(caught.value)


def test_what_a_companion_remembers_is_kept(tmp_path):
    class Counter:
        def __init__(self):
            self.seen, self.sum = 0, torch.zeros(())

        def after(self, step, terms):
            self.seen, self.sum = self.seen + 1, self.sum + terms["loss"]

        def state_dict(self):
            return {"seen": self.seen, "sum": self.sum}

        def load_state_dict(self, state):
            self.seen, self.sum = state["seen"], state["sum"]

    path, whole, parts = tmp_path / "m.safetensors", [Counter(), Counter()], [[Counter(), Counter()] for _ in range(2)]
    trained(7, along=whole)
    for steps, along in zip((3, 7), parts, strict=True):
        trained(steps, path, along=along)
    assert [c.seen for c in parts[1]] == [7, 7]
    assert [c.sum for c in parts[1]] == [c.sum for c in whole]
