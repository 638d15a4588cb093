"""The learning rate's way through a training."""

from typing import ClassVar

import pytest
import torch
from players import TinyGAN, model, same, x
from torch.optim import SGD

from coursekit import training
from coursekit.training import rates


def test_the_rate_rises_in_a_line_and_falls_to_nothing_along_half_a_cosine():
    rate = rates.half_cosine(110, warm_up=10)
    assert [rate(k) for k in (1, 5, 10)] == pytest.approx([0.1, 0.5, 1.0])
    assert [rate(k) for k in (35, 60, 85)] == pytest.approx([0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5])
    assert rate(110) == rate(200) == pytest.approx(0, abs=1e-12)


def test_it_is_torchs_own():
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], 1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    mine = rates.half_cosine(20)
    for k in range(1, 21):
        optimizer.step()
        theirs.step()
        assert optimizer.param_groups[0]["lr"] == pytest.approx(mine(k), abs=1e-9)


@pytest.mark.parametrize(("hold", "wanted"), [(0.5, [1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0, 0]), (0.0, [0.9, 0.8, 0.7])])
def test_the_rate_is_held_and_then_falls_in_a_line(hold, wanted):
    for rate in (rates.linear(hold=hold).of_total(10), rates.linear(10, hold=hold).of_total(7)):
        assert [rate(k + 1) for k in range(len(wanted))] == pytest.approx(wanted)


@pytest.mark.parametrize(("steps", "hold"), [(10, -0.1), (10, 1.0), (0, 0.5)])
def test_what_is_held_is_a_share(steps, hold):
    with pytest.raises(ValueError, match="0 <= hold < 1"):
        rates.linear(steps, hold=hold)


@pytest.mark.parametrize(("steps", "warm_up"), [(0, 0), (5, 5), (5, -1)])
def test_no_way_through_no_steps(steps, warm_up):
    with pytest.raises(ValueError, match="0 <= warm_up < steps"):
        rates.cosine(steps, warm_up=warm_up)


def test_every_step_of_every_player_goes_as_far_as_its_rate_says():
    seen, gan = [], TinyGAN()
    optimizers = {name: SGD(player.parameters(), lr) for lr, (name, player) in enumerate(gan.players().items(), 1)}

    def note(step, terms):
        seen.append([o.param_groups[0]["lr"] for o in optimizers.values()])

    training.fit(gan, x(40, 2), steps=3, optimizers=optimizers, along=[rates.scaled(lambda k: 0.1 * k), note])
    assert seen == [pytest.approx([0.1 * k, 0.2 * k]) for k in (1, 2, 3)]


def test_a_rate_of_nothing_moves_nothing():
    still, moved = model(), model()
    training.fit(still, x(), steps=3, along=[rates.scaled(lambda k: 0.0)])
    training.fit(moved, x(), steps=3)
    assert same(still, model())
    assert not same(moved, model())


def test_resumed_training_goes_on_with_the_rate_of_its_step(tmp_path):
    path, whole, halves = tmp_path / "run.safetensors", model(), [model(), model()]
    training.fit(whole, x(), steps=11, batch_size=12, along=[rates.cosine(warm_up=3)])
    for part, steps in zip(halves, (5, 11), strict=True):
        along = [training.Checkpoint(path), rates.cosine(11, warm_up=3)]
        training.fit(part, x(), steps=steps, batch_size=12, along=along)
    assert same(whole, halves[1])


def test_the_rates_are_afterwards_as_they_were_given():
    m = model()
    given = SGD(m.parameters(), 0.5)
    training.fit(m, x(), steps=3, optimizers={"model": given}, along=[rates.cosine()])
    assert given.param_groups[0]["lr"] == 0.5


def test_without_a_number_of_steps_there_is_no_way_through_them():
    with pytest.raises(ValueError, match="give fit `steps=`"):
        training.fit(model(), iter([x()]), along=[rates.cosine()])


def test_before_each_step_comes_its_number(tmp_path):
    class Note:
        seen: ClassVar[list[int]] = []

        def before(self, step):
            self.seen.append(step)

    for steps in (3, 5):
        along = [Note(), training.Checkpoint(tmp_path / "run.safetensors")]
        training.fit(model(), x(), steps=steps, along=along)
    assert Note.seen == [1, 2, 3, 4, 5]
