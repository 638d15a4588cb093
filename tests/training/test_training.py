"""The loop: what it does in each step, what it says when something is wrong, what it reports."""

import math

import pytest
import torch
from players import Regulariser, Scripted, TinyGAN, model, same, x
from torch import nn
from torch.optim import SGD, Adam

from coursekit import training
from coursekit.models.base import Model


def test_one_player_is_the_loop_one_writes_by_hand():
    by_loop, by_hand = model(), model()
    data = [x(seed=s) for s in range(5)]
    reports = list(training.steps(by_loop, data, {"model": Adam(by_loop.parameters(), 1e-2)}))
    optimizer = Adam(by_hand.parameters(), 1e-2)
    for batch, report in zip(data, reports, strict=True):
        optimizer.zero_grad()
        loss = by_hand.loss(batch)["loss"]
        loss.backward()
        optimizer.step()
        assert report["model"]["loss"] == loss.item()
    assert same(by_loop, by_hand)


def test_steps_train_only_as_far_as_they_are_asked():
    m = model()
    walk = training.steps(m, [x(), x()], {"model": SGD(m.parameters(), 0.1)})
    start = {name: p.clone() for name, p in m.state_dict().items()}
    next(walk)
    once = {name: p.clone() for name, p in m.state_dict().items()}
    assert any(not torch.equal(start[name], once[name]) for name in once)
    assert all(torch.equal(once[name], p) for name, p in m.state_dict().items())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_player_moves(bad):
    m = Scripted(lambda m, step: [("model", {"loss": m.weight * (bad if step == 3 else 1.0)})])
    with pytest.raises(training.NotFinite, match=r"step 3: 'loss' of player 'model' is (nan|-?inf)") as caught:
        list(training.steps(m, range(5), {"model": SGD(m.parameters(), 0.25)}))
    assert isinstance(caught.value, FloatingPointError)
    assert m.weight.item() == 0.5  # two steps of ¼


def test_the_term_that_is_not_finite_is_the_one_named():
    m = Scripted(lambda m, step: [("model", {"loss": m.weight, "fit": m.weight, "penalty": m.weight.log() - math.inf})])
    with pytest.raises(training.NotFinite, match="step 1: 'penalty' of player 'model' is -inf"):
        list(training.steps(m, [0], {"model": SGD(m.parameters(), 0.1)}))


def test_the_player_whose_loss_is_not_finite_is_the_one_named():
    gan = TinyGAN()
    with torch.no_grad():
        gan.critic[0].bias.fill_(math.nan)
    with pytest.raises(training.NotFinite, match="player 'critic'"):
        training.fit(gan, x(8, 2), steps=1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_stops_before_the_player_moves(bad):
    """The root of 0 is finite, its slope is not; and a slope may be NaN beside a loss that is not."""

    def script(m, step):
        slope = m.weight.sqrt() - m.weight.sqrt().detach() + 1 if bad is math.inf else (m.weight.abs() * 0) ** 0.5
        yield "model", {"loss": slope + m.other if step == 2 else m.weight * 0 + m.other}

    m = Scripted(script)
    m.weight.data.zero_()
    m.other = nn.Parameter(torch.ones(()))
    with pytest.raises(training.NotFinite, match=r"step 2: .*'model' is finite, but not .* to weight;"):
        training.fit(m, x(), steps=5, optimizers={"model": lambda p: SGD(p, 0.25)})
    assert (m.weight.item(), m.other.item()) == (0.0, 0.75)  # one step of ¼


def test_large_gradients_are_no_error():
    """Each number is finite; their sum is not."""
    m = Scripted(lambda m, step: [("model", {"loss": (m.many * 3e38).sum() * 1e-38 * 1e38})])
    m.many, m.weight = nn.Parameter(torch.zeros(4)), None
    training.fit(m, x(), steps=1, optimizers={"model": lambda p: SGD(p, 0.5)})
    assert m.many.tolist() == pytest.approx([-1.5e38] * 4, rel=1e-6)


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (lambda m: ("critic", {"loss": m.weight}), r"'critic' is not one of the players \['model'\]"),
        (lambda m: ("model", {"mse": m.weight}), 'a scalar "loss", got no such term'),
        (lambda m: ("model", {"loss": m.weight.repeat(3)}), r"got shape \[3\]"),
        (lambda m: ("model", {"loss": m.weight.detach()}), "depends on no parameter"),
    ],
)
def test_a_turn_that_cannot_be_taken_is_explained(turn, said):
    m = Scripted(lambda m, step: [turn(m)])
    with pytest.raises(ValueError, match=said):
        list(training.steps(m, [0], {"model": SGD(m.parameters(), 0.1)}))


def test_a_parameter_that_would_never_train_is_named():
    m = Scripted(lambda m, step: [("model", {"loss": m.weight})])
    m.forgotten = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"does not depend on forgotten\.weight, forgotten\.bias, which would never"):
        training.fit(m, x(), steps=1)
    list(training.steps(m, [x()], {"model": SGD(m.parameters(), 0.1)}, allow_unused=True))
    m.forgotten.requires_grad_(False)
    training.fit(m, x(), steps=1)


def test_a_player_without_parameters_is_named():
    gan = TinyGAN()
    gan.critic.requires_grad_(False)
    with pytest.raises(ValueError, match="'critic' has no trainable parameter"):
        training.fit(gan, x(8, 2), steps=1)


def test_every_player_needs_an_optimizer():
    gan = TinyGAN()
    with pytest.raises(ValueError, match=r"\['critic', 'generator'\], got \['critic'\]"):
        list(training.steps(gan, [x(8, 2)], {"critic": SGD(gan.critic.parameters(), 0.1)}))


def test_autocast_computes_the_nets_in_bfloat16_and_the_loss_in_float32():
    seen = {}

    class Watched(Model):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def loss(self, x):
            out = self.layer(x)
            seen["net"], seen["loss"] = out.dtype, (out - x).square().mean().dtype
            return {"loss": (out - x).square().mean()}

    m = Watched()
    training.fit(m, x(), steps=2, along=[training.Autocast()])
    assert seen == {"net": torch.bfloat16, "loss": torch.float32}
    assert all(p.dtype == torch.float32 and p.grad.dtype == torch.float32 for p in m.parameters())
    training.fit(m, x(), steps=2)
    assert seen == {"net": torch.float32, "loss": torch.float32}


def test_autocast_learns_as_well():
    plain, quick = (
        training.fit(model(), x(), steps=150, batch_size=40, lr=1e-2, along=way).last(5)["loss"]
        for way in ([], [training.Autocast()])
    )
    assert quick == pytest.approx(plain, rel=0.05)


def test_fit_restores_modes_and_other_randomness():
    m, before = Regulariser(), torch.get_rng_state()
    m.body[2].eval()
    modes = [module.training for module in m.modules()]
    training.fit(m, x(), steps=3)
    assert [module.training for module in m.modules()] == modes
    assert torch.equal(torch.get_rng_state(), before)


def test_fit_trains_in_train_mode():
    m = Regulariser()
    m.eval()
    training.fit(m, x(), steps=4, batch_size=10)
    assert m.body[1].num_batches_tracked == 4


def test_seed_decides_everything_and_nothing_else_does():
    runs = []
    for disturbance, seed in ((0, 1), (99, 1), (0, 2)):
        torch.manual_seed(5)
        m = Regulariser()
        torch.manual_seed(disturbance)
        training.fit(m, x(), steps=6, batch_size=8, seed=seed)
        runs.append(m)
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_history_has_every_term_of_every_step():
    seen = []
    history = training.fit(model(), x(), steps=7, along=[lambda step, terms: seen.append((step, terms["loss"]))])
    assert list(history) == ["loss", "mse"]
    assert len(history["loss"]) == history.steps == 7
    assert seen == list(enumerate(history["loss"], 1))
    assert history.as_dict() == {"loss": history["loss"], "mse": history["mse"]}
    assert history.last()["mse"] == history["mse"][-1]
    assert history.last(3)["mse"] == pytest.approx(sum(history["mse"][-3:]) / 3)
    assert not history.interrupted
    assert repr(history) == "History(7 steps of loss, mse)"


def test_history_names_the_players_and_the_steps_in_which_they_moved():
    def script(m, step):
        yield "model", {"loss": m.weight.square()} | ({"rare": m.weight} if step % 2 == 0 else {})

    history = training.fit(Scripted(script), x(), steps=5)
    assert history.at("rare") == [2, 4]
    assert history.at("loss") == [1, 2, 3, 4, 5]
    assert set(training.fit(TinyGAN(), x(8, 2), steps=1)) == {"critic.loss", "critic.gap", "generator.loss"}


def test_players_can_have_optimizers_of_their_own():
    gan = TinyGAN()
    still = {name: p.clone() for name, p in gan.generator.state_dict().items()}
    asked = []

    def slow(parameters):
        asked.append(parameters)
        return SGD(parameters, lr=0.0)

    training.fit(gan, x(8, 2), steps=2, optimizers={"generator": slow})
    assert [id(p) for p in asked[0]] == [id(p) for p in gan.generator.parameters()]
    assert all(torch.equal(still[name], p) for name, p in gan.generator.state_dict().items())
    given = Adam(gan.critic.parameters())
    training.fit(gan, x(8, 2), steps=3, optimizers={"critic": given})
    assert next(iter(given.state.values()))["step"] == 3
    with pytest.raises(ValueError, match=r"no such player \['judge'\]"):
        training.fit(gan, x(8, 2), steps=1, optimizers={"judge": slow})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_on_a_gpu_follows_the_model():
    m = model()
    history = training.fit(m.to("cuda"), x(), steps=20, lr=1e-2)
    assert training.device_of(m).type == "cuda"
    assert m.sample(3, generator=torch.Generator().manual_seed(0)).is_cuda
    assert history.last(3)["loss"] < history["loss"][0]
