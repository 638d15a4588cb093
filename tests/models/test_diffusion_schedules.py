"""Schedules and targets: the chain against its closed form, posteriors against Bayes' rule, diffusers' tables."""

import pytest
import torch

from coursekit.models.diffusion import DATA, NOISE, VELOCITY, Discrete, Spread, Straight, V, cosine, linear


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


SCHEDULES = [linear(), cosine(), Straight(), Spread(20.0)]
PAIRS = [  # a schedule, a time and an earlier one
    (linear(), 700, 300), (linear(), 2, 1), (cosine(50), 30, 29), (Straight(), 0.8, 0.3), (Spread(20.0), 3.0, 0.5),
]  # fmt: skip
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
every_pair = pytest.mark.parametrize(("schedule", "t", "s"), PAIRS, ids=str)


def test_the_linear_schedule_ends_where_it_is_known_to():
    assert linear().alpha_bar(1000).item() == pytest.approx(4.0358e-5, rel=1e-4)
    assert linear().beta(1).item() == pytest.approx(1e-4)
    assert linear().beta(1000).item() == pytest.approx(0.02)


@pytest.mark.parametrize(("name", "schedule"), [("linear", linear()), ("squaredcos_cap_v2", cosine())])
def test_diffusers_has_the_same_tables(name, schedule):
    diffusers = pytest.importorskip("diffusers", reason="needs diffusers: its schedulers are the reference")
    theirs = diffusers.DDPMScheduler(beta_schedule=name)
    t = torch.arange(1, 1001)
    assert torch.allclose(theirs.betas.double(), schedule.beta(t), atol=1e-6)
    assert torch.allclose(theirs.alphas_cumprod.double(), schedule.alpha_bar(t), atol=1e-5)
    x_0, eps = drawn(8, 3).float(), drawn(8, 3, seed=1).float()
    some = torch.tensor([1, 2, 10, 100, 400, 700, 999, 1000])
    assert torch.allclose(theirs.add_noise(x_0, eps, some - 1), schedule.noised(x_0, some, eps), atol=1e-5)


def chain(schedule):
    """The factor of x₀ and the variance of the noise after each step x_t = √(1 − β) x_{t−1} + √β ε."""
    factor, variance, rows = 1.0, 0.0, []
    for beta in schedule.betas.tolist():
        factor, variance = factor * (1 - beta) ** 0.5, variance * (1 - beta) + beta
        rows.append((factor, variance))
    return torch.tensor(rows, dtype=torch.float64).T


@pytest.mark.parametrize("schedule", [linear(), cosine(200)], ids=repr)
def test_one_step_by_the_closed_form_is_the_whole_chain(schedule):
    t = torch.arange(1, schedule.end + 1)
    factor, variance = chain(schedule)
    assert torch.allclose(schedule.signal(t), factor, atol=1e-12)
    assert torch.allclose(schedule.noise(t).square(), variance, atol=1e-12)
    without_root = 1 - schedule.alpha_bar(t)  # a mistake: 1 − ᾱ as the standard deviation
    assert (without_root.square() - variance).abs().max() > 0.2


def test_a_shorter_chain_with_the_same_steps_does_not_end_in_noise():
    assert linear(200, 1e-4, 0.02).alpha_bar(200).item() == pytest.approx(0.13, abs=0.005)
    assert linear(200).alpha_bar(200) < 1e-4
    assert cosine(200).alpha_bar(200) < 1e-4
    data = torch.full((20_000, 1), 0.9, dtype=torch.float64)  # its mean should be forgotten at the end
    ends = [schedule.noised(data, 200, drawn(20_000, 1)).mean() for schedule in (linear(200), linear(200, 1e-4, 0.02))]
    assert ends[0].abs() < 3 / 20_000**0.5 + 0.006
    assert ends[1] > 0.3


@every_pair
def test_a_link_composes_with_what_went_before(schedule, t, s):
    """x_s = a_s x₀ + s_s ε, then x_t = α x_s + √β ε', is x_t = a_t x₀ + s_t ε."""
    alpha, beta = schedule.link(t, s)
    assert alpha * schedule.signal(s) == pytest.approx(schedule.signal(t).item(), abs=1e-12)
    assert beta + (alpha * schedule.noise(s)) ** 2 == pytest.approx(schedule.noise(t).item() ** 2, abs=1e-12)


@every_pair
def test_the_posterior_is_bayes_rule_on_a_grid(schedule, t, s):
    x_0, x_t = 0.7, (schedule.signal(t) * 0.7 - 0.4 * schedule.noise(t)).item()
    a, noise, (alpha, beta) = schedule.signal(s), schedule.noise(s), schedule.link(t, s)
    grid = torch.linspace(-40, 40, 800_001, dtype=torch.float64) * (noise * beta.sqrt() / schedule.noise(t)) + a * x_0
    log_p = -(grid - a * x_0).square() / (2 * noise**2) - (x_t - alpha * grid).square() / (2 * beta)
    p = log_p.softmax(0)
    mean, variance = (grid * p).sum(), (grid.square() * p).sum() - (grid * p).sum() ** 2
    ours = schedule.posterior(*torch.tensor([[x_0], [x_t]], dtype=torch.float64), t, s)
    assert ours[0].item() == pytest.approx(mean.item(), abs=1e-6)
    assert ours[1].item() == pytest.approx(variance.item(), rel=1e-5)
    assert beta.item() != pytest.approx(variance.item(), rel=0.01)  # DDPM's other choice is no posterior


def test_the_posterior_mean_in_its_two_forms():
    schedule, t = linear(), torch.tensor([1, 2, 500, 1000])
    x_0, eps = drawn(4, 3), drawn(4, 3, seed=1)
    x_t = schedule.noised(x_0, t, eps)
    beta, rest = schedule.beta(t)[:, None], 1 - schedule.alpha_bar(t)[:, None]
    from_noise = (x_t - beta / rest.sqrt() * eps) / schedule.alpha(t)[:, None].sqrt()
    mean, variance = schedule.posterior(x_0, x_t, t)
    assert torch.allclose(mean, from_noise, atol=1e-9)
    assert torch.allclose(variance, beta * (1 - schedule.alpha_bar(t - 1)[:, None]) / rest, atol=1e-12)
    assert variance[0] == 0
    without_root = (x_t - beta / rest * eps) / schedule.alpha(t)[:, None].sqrt()
    assert not torch.allclose(mean, without_root, atol=1e-3)


@every_schedule
def test_signal_gives_way_to_noise(schedule):
    t = schedule.times(20)[:-1]
    assert (schedule.snr(t).diff() > 0).all()  # times fall
    assert schedule.snr(t[0]) < 0.01
    assert schedule.snr(0) == float("inf")
    assert schedule.signal(0) == 1
    assert schedule.noise(0) == 0
    assert all(values.dtype == torch.float64 for values in (schedule.signal(t), schedule.noise(t)))


@every_schedule
@pytest.mark.parametrize("power", [None, 1, 2, 7])
def test_times_fall_from_the_end_to_0(schedule, power):
    for steps in (1, 2, 7, 50):
        times = schedule.times(steps, power=power)
        assert len(times) == steps + 1
        assert (times.diff() < 0).all()
        assert times[0] == pytest.approx(schedule.end)
        assert times[-1] == 0
        told = schedule.scaled(times)
        assert told.min() >= 0
        assert told.max() <= 1
        assert (told.diff() < 0).all()


def test_times_are_spaced_as_they_say():
    assert linear().times(4).tolist() == [1000, 750, 500, 250, 0]
    assert linear().times(1000).tolist() == list(range(1000, -1, -1))
    assert Straight().times(4, power=2).tolist() == [1, 0.5625, 0.25, 0.0625, 0]
    rows = Spread(80.0, smallest=0.002).times(10)[:-1], Spread(80.0, smallest=0.002).times(10, power=7)[:-1]
    assert torch.allclose(rows[0].log().diff(), rows[0].log().diff().mean().expand(9))
    assert torch.allclose((rows[1] ** (1 / 7)).diff(), (rows[1] ** (1 / 7)).diff().mean().expand(9))


@every_schedule
def test_drawn_times_are_in_range_and_repeatable(schedule):
    t, again = (schedule.draw(2000, generator=seeded()) for _ in range(2))
    assert torch.equal(t, again)
    assert t.min() > 0
    assert t.max() <= schedule.end


def test_drawn_times_have_the_law_they_say():
    n = 20_000
    whole = Discrete([0.1] * 10).draw(n, generator=seeded())
    assert torch.bincount(whole, minlength=11).tolist()[0] == 0
    assert (torch.bincount(whole)[1:] / n - 0.1).abs().max() < 4 * (0.09 / n) ** 0.5
    even, middle = Straight().draw(n, generator=seeded()), Straight(logit_std=1.0).draw(n, generator=seeded())
    assert even.std().item() == pytest.approx(12**-0.5, abs=0.005)
    assert middle.logit().std().item() == pytest.approx(1, abs=0.02)
    sigma = Spread(10.0, smallest=0.1).draw(n, generator=seeded())
    assert ((sigma > 1).double().mean() - 0.5).abs() < 4 * 0.5 / n**0.5


@every_schedule
def test_a_number_and_one_time_for_each_item_are_the_same(schedule):
    x_0, eps = drawn(3, 2, 4, 4), drawn(3, 2, 4, 4, seed=1)
    t = schedule.times(5)[2]
    x_t = schedule.noised(x_0, t, eps)
    assert torch.equal(x_t, schedule.noised(x_0, t.expand(3), eps))
    assert torch.equal(x_t, schedule.signal(t) * x_0 + schedule.noise(t) * eps)
    assert schedule.noised(x_0.float(), t, eps.float()).dtype == torch.float32
    several = schedule.noised(x_0, schedule.times(5)[1:4], eps)
    assert torch.equal(several[1], x_t[1])
    assert not torch.equal(several[0], x_t[0])


@every_schedule
def test_the_start_has_the_variance_of_noisy_data_of_variance_1(schedule):
    spread = schedule.noised(drawn(20_000, 1), schedule.end, drawn(20_000, 1, seed=1)).std()
    assert schedule.start(drawn(20_000, 1)).std() / spread == pytest.approx(1, abs=0.02)


def test_nets_are_shown_small_numbers():
    sigma = torch.tensor([0.0, 1.0, 100.0])
    x_t = Spread(100.0).noised(drawn(3, 50_000), sigma, drawn(3, 50_000, seed=1))
    assert (Spread(100.0).shown(x_t, sigma).std(1) - 1).abs().max() < 0.02
    assert linear().shown(x_t, 3) is x_t


# targets


@every_schedule
@pytest.mark.parametrize("target", [NOISE, DATA, V, VELOCITY], ids=repr)
def test_x_0_comes_back_from_every_target(schedule, target):
    t = schedule.times(9)[1:-1]
    x_0, eps = drawn(len(t), 5), drawn(len(t), 5, seed=1)
    levels = schedule.levels(t, x_0)
    x_t, made = schedule.noised(x_0, t, eps), target.make(x_0, eps, *levels)
    assert torch.allclose(target.solve(made, x_t, *levels), x_0, atol=1e-5)
    if target is not DATA:
        assert not torch.allclose(target.solve(-made, x_t, *levels), x_0, atol=1e-1)


@every_schedule
@pytest.mark.parametrize("target", [NOISE, DATA, V, VELOCITY], ids=repr)
def test_both_ends_give_numbers(schedule, target):
    x_0, eps = drawn(4, 5), drawn(4, 5, seed=1)
    for t in (schedule.end, 0):
        levels = schedule.levels(t, x_0)
        x_t = schedule.noised(x_0, t, eps)
        solved = target.solve(target.make(x_0, eps, *levels), x_t, *levels)
        assert solved.isfinite().all()
        if t == 0:
            assert torch.allclose(solved, x_0)


def test_targets_are_what_they_are_called():
    x_0, eps = drawn(4, 5), drawn(4, 5, seed=1)
    t, h = 0.4, 1e-6
    moved = (Straight().noised(x_0, t + h, eps) - Straight().noised(x_0, t, eps)) / h
    assert torch.allclose(VELOCITY.make(x_0, eps, *Straight().levels(t, x_0)), moved, atol=1e-6)
    angle = torch.tensor(0.7, dtype=torch.float64)  # v is the derivative of cos φ x₀ + sin φ ε
    turned = ((angle + h).cos() - angle.cos()) / h * x_0 + ((angle + h).sin() - angle.sin()) / h * eps
    assert torch.allclose(V.make(x_0, eps, angle.cos(), angle.sin()), turned, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Discrete([0.1, 1.0]), "betas"),
        (lambda: Discrete([[0.1]]), "betas"),
        (lambda: Discrete([]), "betas"),
        (lambda: linear(30, 0.1, 1.5), "betas"),
        (lambda: linear(20), "T"),
        (lambda: linear().signal(1.5), "t"),
        (lambda: linear().noise(1001), "t"),
        (lambda: linear().beta(0), "t"),
        (lambda: linear().times(1001), "steps"),
        (lambda: linear().times(0), "steps"),
        (lambda: Straight().times(0), "steps"),
        (lambda: Straight().times(5, power=0.5), "power"),
        (lambda: Straight().signal(1.1), "t"),
        (lambda: Straight(logit_std=0.0), "logit_std"),
        (lambda: Spread(1.0).noise(-0.1), "t"),
        (lambda: Spread(0.001), "largest, smallest"),
        (lambda: Spread(1.0).times(0), "steps"),
        (lambda: linear().link(3, 3), "s"),
        (lambda: Straight().posterior(drawn(1), drawn(1), 0.2, 0.4), "s"),
        (lambda: linear().noised(drawn(3, 2), torch.tensor([1, 2]), drawn(3, 2)), "t"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"^{named}: want"):
        call()
