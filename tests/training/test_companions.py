"""What goes along with a training: when each of its methods is called, and what is not a companion."""

from contextlib import contextmanager

import pytest
import torch
from players import TinyGAN, model, x

from coursekit import training
from coursekit.training.companions import Companions


class Diary:
    """Notes every call."""

    def __init__(self, name, notes):
        self.name, self.notes = name, notes

    def start(self, training):
        self.notes.append((self.name, "start", training.total, training.batch_size))

    def before(self, step):
        self.notes.append((self.name, "before", step))

    @contextmanager
    def losses(self):
        self.notes.append((self.name, "loss"))
        yield
        self.notes.append((self.name, "done"))

    def after(self, step, terms):
        self.notes.append((self.name, "after", step, sorted(terms)))

    def stop(self, whole):
        self.notes.append((self.name, "stop", whole))


def test_each_method_has_its_time():
    notes = []
    training.fit(model(), x(), steps=2, batch_size=20, along=[Diary("a", notes)])
    losses = [("a", "loss"), ("a", "done"), ("a", "loss"), ("a", "done")]  # the second finds that there is no more turn
    wanted = [("a", "start", 2, 20)]
    for step in (1, 2):
        wanted += [("a", "before", step), *losses, ("a", "after", step, ["loss", "mse"])]
    assert notes == [*wanted, ("a", "stop", True)]


def test_they_are_asked_in_order_and_know_the_players():
    notes = []
    training.fit(TinyGAN(), x(8, 2), steps=1, along=[Diary("a", notes), Diary("b", notes)])
    assert [name for name, what, *_ in notes if what == "after"] == ["a", "b"]
    assert ("a", "after", 1, ["critic.gap", "critic.loss", "generator.loss"]) in notes
    assert notes.count(("a", "loss")) == 3  # two players, and the end of the turns


def test_an_error_stops_them_and_says_that_a_step_was_broken_off(tmp_path):
    notes, path = [], tmp_path / "run.safetensors"

    def die(step, terms):
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        training.fit(model(), x(), steps=3, along=[Diary("a", notes), die, training.Checkpoint(path)])
    assert notes[-1] == ("a", "stop", False)
    assert not path.exists()


def test_one_that_cannot_start_leaves_the_others_stopped():
    class Broken:
        def start(self, training):
            raise ValueError("no room")

    notes = []
    with pytest.raises(ValueError, match="no room"):
        training.fit(model(), x(), steps=1, along=[Diary("a", notes), Broken(), Diary("b", notes)])
    assert notes == [("a", "start", 1, 64), ("a", "stop", False)]


def test_a_checkpoint_comes_after_those_that_it_keeps(tmp_path):
    """Whatever the order in which they are given, it holds the average of its own step."""
    m, path = model(), tmp_path / "run.safetensors"
    ema = training.EMA(m, 0.5)
    training.fit(m, x(), steps=4, along=[training.Checkpoint(path, every=1), ema])
    tensors, notes = training.checkpoints.read(path)
    assert notes["memories"]["EMA"]["updates"] == ema.updates == 4
    for name, tensor in ema.average.state_dict().items():
        assert torch.equal(tensors[f"memories/EMA/average/{name}"], tensor)


def test_memories_are_told_apart_by_number():
    m = model()
    assert list(Companions([training.EMA(m), print, training.EMA(m, 0.5)]).memories()) == ["EMA", "EMA 2"]


@pytest.mark.parametrize(
    ("given", "said"), [(training.EMA, r"got EMA; call it: EMA\(…\)"), (7, "got int"), ("ema", "got str")]
)
def test_what_is_no_companion_is_refused(given, said):
    with pytest.raises(TypeError, match=f"along: want companions or functions .step, terms., {said}"):
        training.fit(model(), x(), steps=1, along=[given])
