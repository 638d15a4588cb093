"""A learnt denoiser: its objective, its units, its conditions, and its sampling with a net that knows the answer."""

import pytest
import torch
from torch import nn

from coursekit.models.diffusion import (
    DATA,
    DDIM,
    DDPM,
    NOISE,
    VELOCITY,
    Diffusion,
    GaussianDenoiser,
    Guided,
    Heun,
    Spread,
    Straight,
    V,
    cosine,
    linear,
)
from coursekit.models.nets import mlp

TARGETS = [NOISE, DATA, V, VELOCITY]
SCHEDULES = [linear(), cosine(200), Straight(), Straight(logit_std=1.0), Spread(20.0)]
every_target = pytest.mark.parametrize("predicts", TARGETS, ids=repr)
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


class Knows(nn.Module):
    """A net that answers as the exact denoiser of a Gaussian would, in the terms of a target; it asks no schedule for
    the time, but is told it again."""

    def __init__(self, denoiser, predicts):
        super().__init__()
        self.denoiser, self.predicts, self.t = denoiser, predicts, None

    def forward(self, x, told, condition=None):
        schedule = self.denoiser.schedule
        t = told.double() * schedule.end if not isinstance(schedule, Spread) else told.double() / (1 - told.double())
        t = t.round() if isinstance(schedule.end, int) else t
        wide = x.double()
        if isinstance(schedule, Spread):
            wide = wide * (1 + t[:, None].square()).sqrt()
        x_0, levels = self.denoiser(wide, t), schedule.levels(t, wide)
        eps = torch.where(levels[1] > 0, (wide - levels[0] * x_0) / levels[1].clamp(min=1e-12), 0.0)
        return self.predicts.make(x_0, eps, *levels).float()


MEAN, STD = torch.tensor([1.0, -1.0]), torch.tensor([0.5, 2.0])  # the data; inside, the net sees N(0.1, 0.8²)


def knowing(schedule, predicts):
    inner = GaussianDenoiser(torch.full((2,), 0.1).double(), 0.64 * torch.eye(2).double(), schedule)
    net = Knows(inner, predicts)
    return inner, Diffusion(
        net, schedule, predicts=predicts, centre=MEAN - 0.125 * STD, scale=STD / 0.8, shape=(2,)
    )  # fmt: skip


class Told(nn.Module):
    """A small net that takes a time and a condition of two numbers, and remembers them."""

    def __init__(self):
        super().__init__()
        self.layers, self.seen = mlp(5, 8, 2), []

    def forward(self, x, t, condition=None):
        self.seen.append((x, t, condition))
        condition = torch.zeros(len(x), 2) if condition is None else condition
        return self.layers(torch.cat([x, t[:, None], condition], 1))


# the objective


@every_target
@every_schedule
def test_the_loss_is_the_mean_squared_error_of_the_target(schedule, predicts):
    model = Diffusion(Told(), schedule, predicts=predicts, centre=0.5, scale=2.0)
    x, eps, t = drawn(6, 2), drawn(6, 2, seed=1), schedule.draw(6, generator=seeded())
    x_0 = (x - 0.5) / 2
    a, s = (level.float()[:, None] for level in (schedule.signal(t), schedule.noise(t)))
    x_t = a * x_0 + s * eps
    wanted = {"noise": eps, "data": x_0, "v": a * eps - s * x_0, "velocity": eps - x_0}[predicts.name]
    shown = x_t / (1 + s.square()).sqrt() if isinstance(schedule, Spread) else x_t
    error = (model.net(shown, schedule.scaled(t).float()) - wanted).square().mean()
    assert model.loss(x, t=t, noise=eps)["loss"].item() == pytest.approx(error.item(), rel=1e-5)


def test_what_is_not_given_is_drawn():
    model, x = Diffusion(Told(), linear()), drawn(6, 2)
    one, same, other = (model.loss(x, generator=seeded(k))["loss"].item() for k in (0, 0, 1))
    assert one == same != other
    model.loss(x, t=500, generator=seeded())
    assert torch.equal(model.net.seen[-1][1], torch.full((6,), 0.5))


@every_target
def test_the_exact_answer_has_the_smallest_loss(predicts):
    """No other net does better on average: here one that shrinks or stretches the exact answer."""
    inner, model = knowing(linear(), predicts)
    x = MEAN + STD * drawn(20_000, 2)
    losses = {}
    for factor in (0.5, 1.0, 1.5):
        model.net = Scaled(Knows(inner, predicts), factor)
        losses[factor] = model.loss(x, generator=seeded())["loss"].item()
    assert losses[1.0] < min(losses[0.5], losses[1.5])


class Scaled(nn.Module):
    def __init__(self, net, factor):
        super().__init__()
        self.net, self.factor = net, factor

    def forward(self, *given):
        return self.factor * self.net(*given)


def test_a_weight_weighs_the_items():
    x, eps, t = drawn(4, 2), drawn(4, 2, seed=1), torch.tensor([1, 300, 600, 1000])
    net = Told()
    plain, late = Diffusion(net, linear()), Diffusion(net, linear(), weight=lambda t: (t > 500).double())
    parts = [plain.loss(x[i : i + 1], t=t[i : i + 1], noise=eps[i : i + 1])["loss"].item() for i in range(4)]
    assert late.loss(x, t=t, noise=eps)["loss"].item() == pytest.approx((parts[2] + parts[3]) / 4, rel=1e-5)


@pytest.mark.parametrize(("drop", "low", "high"), [(0.0, 0, 0), (0.15, 0.12, 0.18), (1.0, 1, 1)])
def test_a_share_of_the_conditions_is_dropped_whole(drop, low, high):
    model, n = Diffusion(Told(), Straight(), drop=drop), 2000
    condition = torch.where(drawn(n, 2, seed=3) > 0, 1.0, -1.0)
    model.loss((drawn(n, 2), condition), generator=seeded())
    seen = model.net.seen[-1][2]
    dropped = (seen == 0).all(1)
    assert low <= dropped.double().mean() <= high
    assert torch.equal(seen[~dropped], condition[~dropped])


# as a denoiser


@every_target
@every_schedule
def test_with_a_net_that_knows_it_is_the_exact_denoiser(schedule, predicts):
    inner, model = knowing(schedule, predicts)
    for t in schedule.times(6)[1:-1]:
        x = drawn(10, 2) * (schedule.signal(t) ** 2 + schedule.noise(t) ** 2).sqrt().float()
        assert torch.allclose(model(x, t), inner(x, t), atol=2e-4)
        assert torch.allclose(model.eps(x, t), inner.eps(x, t), atol=2e-3)
    several = schedule.times(10)[:-1]
    x = schedule.noised(drawn(10, 2), several, drawn(10, 2, seed=1))
    assert torch.allclose(model(x, several)[1:], inner(x, several)[1:], atol=1e-3)


@every_target
@every_schedule
def test_samples_have_the_datas_mean_and_spread_in_its_own_units(schedule, predicts):
    _, model = knowing(schedule, predicts)
    n = 10_000
    x = model.sample(n, sampler=Heun(), steps=30, power=2, generator=seeded())
    assert ((x.mean(0) - MEAN).abs() < 3 * STD / n**0.5 + 0.02 * STD).all()
    assert (x.std(0) / STD - 1).abs().max() < 3 * (0.5 / n) ** 0.5 + 0.02


def test_units_go_in_and_out():
    model, x = Diffusion(Told(), linear(), centre=0.5, scale=0.5), torch.rand(5, 2, generator=seeded())
    assert torch.allclose(model.outer(model.inner(x)), x)
    assert model.inner(torch.tensor([0.0, 1.0])).tolist() == [-1, 1]
    each = Diffusion(Told(), linear(), centre=torch.tensor([1.0, 2.0]), scale=torch.tensor([1.0, 4.0]))
    assert each.inner(torch.tensor([[2.0, 10.0]])).tolist() == [[1, 2]]
    assert {"centre", "scale"} < set(each.state_dict())


def test_half_precision_of_a_net_ends_at_the_net():
    class Half(nn.Module):
        def forward(self, x, t, condition):
            return x.bfloat16()

    model = Diffusion(Half(), Straight(), predicts=DATA, shape=(2,))
    assert model.loss(drawn(4, 2))["loss"].dtype == torch.float32
    assert model.sample(3).dtype == torch.float32


# sampling


def test_sampling_takes_the_shape_of_the_first_batch():
    model = Diffusion(Told(), linear(20, 0.01, 0.5))
    with pytest.raises(ValueError, match="shape: want that of an item"):
        model.sample(3)
    assert model.sample(3, shape=(2,), steps=5).shape == (3, 2)
    model.loss(drawn(4, 2))
    assert model.sample(3, steps=5).shape == (3, 2)


def test_the_sampler_is_chosen_by_the_schedule_or_the_reader():
    for schedule, ours in ((linear(), DDIM()), (Straight(), Heun()), (Spread(20.0), Heun())):
        model = Diffusion(Told(), schedule, predicts=V, shape=(2,))
        default, chosen, other = (
            model.sample(3, steps=5, generator=seeded(), **how) for how in ({}, {"sampler": ours}, {"sampler": DDPM()})
        )
        assert torch.equal(default, chosen)
        assert not torch.allclose(default, other)


def test_a_path_ends_in_the_sample_and_shows_estimates_in_the_datas_units():
    model = Diffusion(Told(), linear(), predicts=DATA, shape=(2,), centre=5.0)
    rows = list(model.path(3, steps=5, generator=seeded()))
    assert len(rows) == 6
    assert [row[0] for row in rows] == [1000, 800, 600, 400, 200, 0]
    assert torch.equal(rows[-1][1], model.sample(3, steps=5, generator=seeded()))
    t, x_t, x_0 = rows[2]
    assert torch.allclose(x_0, model.outer(model(model.inner(x_t), t)), atol=1e-5)
    assert not any(part.requires_grad for row in rows for part in row[1:])


def test_between_two_steps_of_a_path_the_model_may_be_trained():
    model = Diffusion(Told(), linear(), shape=(2,)).train()
    for _ in model.path(2, steps=3, generator=seeded()):
        assert model.training
        assert torch.is_grad_enabled()


def test_guidance_is_asked_for_with_a_weight():
    model = Diffusion(Told(), Straight(), predicts=VELOCITY, shape=(2,))
    one = torch.tensor([1.0, 0.0])
    free, plain, strong = (
        model.sample(4, steps=3, generator=seeded(), **how)
        for how in ({}, {"condition": one}, {"condition": one, "weight": 3.0})
    )
    assert not torch.allclose(free, plain, atol=1e-3)
    assert not torch.allclose(strong, plain, atol=1e-3)
    again = model.sample(4, steps=3, generator=seeded(), condition=one.expand(4, 2), weight=0.0)
    assert torch.allclose(again, free, atol=1e-6)
    model.net.seen.clear()
    model.sample(4, steps=3, condition=one)
    assert {len(x) for x, _, _ in model.net.seen} == {4}  # weight 1 costs nothing
    model.net.seen.clear()
    model.sample(4, steps=3, condition=one, weight=2.0)
    assert {len(x) for x, _, _ in model.net.seen} == {8}
    x = drawn(4, 2)
    guided = Guided(model, 3.0)(x, 0.5, one.expand(4, 2))
    parts = model(x, 0.5), model(x, 0.5, one.expand(4, 2))
    assert torch.allclose(guided, parts[0] + 3 * (parts[1] - parts[0]), atol=1e-6)


@every_schedule
def test_an_edit_keeps_more_of_an_item_the_less_it_is_noised(schedule):
    """With the exact denoiser of a Gaussian, what comes out is known: x keeps a share of its place, ε has the rest."""
    _, model = knowing(schedule, DATA)
    x, eps = MEAN + STD * drawn(40, 2), drawn(40, 2, seed=1)
    away = []
    for t in schedule.times(10, power=2)[[8, 6, 4, 2]].tolist():
        edited = model.edit(x, t, noise=eps, sampler=Heun(), steps=100, power=2)
        a, s = schedule.signal(t), schedule.noise(t)
        place = (a * 0.8 * (x - MEAN) / STD + s * eps) / (a**2 * 0.64 + s**2).sqrt()  # in units of x_t's spread
        assert torch.allclose(edited, (MEAN + STD * place).float(), atol=0.05)
        away.append((edited - x).abs().mean().item())
    assert away == sorted(away)
    assert torch.allclose(model.edit(x, 0), x, atol=1e-6)
    one, same, other = (model.edit(x, t, generator=seeded(k), steps=10) for k in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Diffusion(Told(), linear(), drop=1.5), "drop"),
        (lambda: Diffusion(Told(), linear(), scale=0.0), "scale"),
        (lambda: Diffusion(Told(), linear(), shape=(2,)).sample(3, condition=torch.zeros(4, 2)), "condition"),
        (lambda: Diffusion(Told(), linear(), shape=(2,)).sample(3, steps=0), "steps"),
        (lambda: Diffusion(nn.Identity(), linear()).loss(drawn(4, 2), t=1001), "t"),
        (lambda: Diffusion(Wide(), linear()).loss(drawn(4, 2)), "net"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"^{named}: want"):
        call()


class Wide(nn.Module):
    def forward(self, x, t, condition):
        return torch.cat([x, x], 1)
