"""Samplers: variances and flows in closed form, orders of convergence, diffusers' numbers, and typical mistakes."""

import pytest
import torch

from coursekit.models.diffusion import (
    DDIM,
    DDPM,
    Euler,
    FiniteDenoiser,
    GaussianDenoiser,
    Heun,
    MixtureDenoiser,
    SmallSteps,
    Spread,
    Straight,
    cosine,
    linear,
    path,
    run,
)
from coursekit.models.diffusion.denoisers import Denoiser


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


SCHEDULES = [linear(), cosine(200), Straight(), Spread(20.0)]
every_schedule = pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
SAMPLERS = [DDPM(), DDPM("large"), DDIM(), DDIM(0.5), DDIM(1.0), Euler(), Heun(), Heun("noise")]
MEANS = torch.tensor([[1.0, 0.5], [-1.0, 0.0], [0.5, -1.0]], dtype=torch.float64)


def normal(variance, schedule, mean=0.0):
    """The denoiser of N(mean, variance)."""
    one = torch.ones(1, dtype=torch.float64)
    return GaussianDenoiser(mean * one, variance * one[None], schedule)


def mixture(schedule):
    return MixtureDenoiser(MEANS, schedule, std=0.2)


class Counting(Denoiser):
    """A denoiser that counts the questions."""

    def __init__(self, denoiser):
        super().__init__()
        self.denoiser, self.schedule, self.calls = denoiser, denoiser.schedule, 0

    def forward(self, x_t, t, condition=None):
        self.calls += 1
        return self.denoiser(x_t, t, condition)


# variances in closed form


def grid(steps):
    """As many whole numbers from 1000 to 1, evenly spaced, and then 0."""
    return torch.cat([torch.linspace(1000, 1, steps, dtype=torch.float64).round().long(), torch.zeros(1).long()])


@pytest.mark.parametrize(("steps", "variance"), [(1000, 0.248498), (50, 0.222704), (10, 0.130763)])
def test_deterministic_samples_lose_variance_with_few_steps(steps, variance):
    """For data N(0, ¼), each step multiplies x by a number; what is left of the variance is their square's product."""
    end = run(normal(0.25, linear()), DDIM(), torch.ones(1, 1, dtype=torch.float64), grid(steps))
    assert end.square().item() == pytest.approx(variance, abs=1e-6)


@every_schedule
def test_each_deterministic_step_is_the_known_factor(schedule):
    (t, s), c = schedule.times(6)[2:4], 0.25
    (a_t, s_t), (a_s, s_s) = ((schedule.signal(u), schedule.noise(u)) for u in (t, s))
    factor = (a_s * a_t * c + s_s * s_t) / (a_t**2 * c + s_t**2)
    x = drawn(5, 1)
    assert torch.allclose(DDIM().step(normal(c, schedule), x, t, s), factor * x, atol=1e-12)


class Sure(Denoiser):
    """The data are one point, and it is known."""

    def __init__(self, x_0, schedule):
        super().__init__()
        self.x_0, self.schedule = x_0, schedule

    def forward(self, x_t, t, condition=None):
        return self.x_0.expand_as(x_t)


def spread_after(step, schedule, t):
    """The variance of x_s = step(x_t) where x_t has the variance s_t², for an affine step."""
    zero = torch.zeros(1, 1, dtype=torch.float64)
    slope = step(zero + 1, seeded()) - step(zero, seeded())
    added = [step(zero, seeded(seed)) for seed in range(2)]
    unit = [torch.randn(1, 1, generator=seeded(seed), dtype=torch.float64) for seed in range(2)]
    tau = (added[1] - added[0]) / (unit[1] - unit[0])
    return (slope**2 * schedule.noise(t) ** 2 + tau**2).item()


@every_schedule
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_whatever_eta_the_noise_that_is_left_is_that_of_time_s(schedule, eta):
    """Where x₀ is known: a_s x₀ + √(s_s² − τ²) ε + τ z has the variance s_s²."""
    (t, s), sure = schedule.times(6)[2:4], Sure(torch.tensor([0.7]).double(), schedule)
    wanted = schedule.noise(s).item() ** 2

    def right(x, generator):
        return DDIM(eta).step(sure, x, t, s, generator=generator)

    def wrong(x, generator):
        """A mistake: new noise on top of all of the old one, √(s_s²) ε + τ z."""
        _, eps = DDIM().estimates(sure, x, t, None)
        tau = eta * schedule.posterior(x, x, t, s)[1].sqrt()
        z = torch.randn(1, 1, generator=generator, dtype=torch.float64)
        return schedule.signal(s) * sure.x_0 + schedule.noise(s) * eps + tau * z

    assert spread_after(right, schedule, t) == pytest.approx(wanted, abs=1e-12)
    if eta:
        assert spread_after(wrong, schedule, t) > wanted * (1 + eta**2 / 4)


@every_schedule
@pytest.mark.parametrize("steps", [7, 50])
def test_ddim_with_eta_1_is_ddpm_with_the_small_variance(schedule, steps):
    x, times = schedule.start(drawn(20, 2)), schedule.times(steps)
    one, other, large = (
        run(mixture(schedule), sampler, x, times, generator=seeded()) for sampler in (DDIM(1.0), DDPM(), DDPM("large"))
    )
    assert torch.allclose(one, other, atol=1e-9)
    assert not torch.allclose(one, large, atol=1e-3)


@pytest.mark.parametrize("sampler", [DDPM(), DDIM(1.0), DDIM()], ids=repr)
def test_all_steps_give_the_datas_mean_and_variance(sampler):
    schedule, n = linear(250), 20_000
    denoiser = normal(0.25, schedule, mean=0.3)
    ends = run(denoiser, sampler, drawn(n, 1), schedule.times(250), generator=seeded(1))
    assert ends.mean().item() == pytest.approx(0.3, abs=3 * 0.5 / n**0.5 + 0.005)
    assert ends.var().item() == pytest.approx(0.25, abs=3 * 0.25 * (2 / n) ** 0.5 + 0.006)


def test_a_walk_that_starts_where_there_is_still_signal_goes_astray():
    """A mistake: T shortened to 200 with the βs of 1,000. Its end is no pure noise, so samples miss the data's mean."""
    ends = {}
    for schedule in (linear(200), linear(200, 1e-4, 0.02)):
        denoiser = normal(0.25, schedule, mean=2.0)
        ends[schedule] = run(denoiser, DDIM(), drawn(2000, 1), schedule.times(200)).mean().item()
    right, wrong = ends.values()
    assert right == pytest.approx(2.0, abs=3 * 0.5 / 2000**0.5 + 0.01)
    assert wrong < 1.75


# clipping


@every_schedule
@pytest.mark.parametrize("sampler", [DDIM, DDPM, Euler, Heun])
def test_a_clipped_x_0_brings_its_own_noise(schedule, sampler):
    """If x₀ = 1 is right and the net says 3, clipping to 1 repairs the step; with the ε of before it would not."""
    t, s = schedule.times(6)[2:4]
    truth, eps = torch.ones(1, 1, dtype=torch.float64), drawn(1, 1)
    x_t, too_far = schedule.noised(truth, t, eps), Sure(torch.tensor([3.0]).double(), schedule)
    knows = Sure(truth[0], schedule)
    clipped, right, unclipped = (
        how.step(denoiser, x_t, t, s, generator=seeded())
        for how, denoiser in ((sampler(clip=1.0), too_far), (sampler(), knows), (sampler(), too_far))
    )
    assert torch.allclose(clipped, right, atol=1e-12)
    assert not torch.allclose(unclipped, right, atol=1e-2)
    if sampler is DDIM:
        wrong = schedule.signal(s) * truth + schedule.noise(s) * too_far.eps(x_t, t)
        assert not torch.allclose(wrong, right, atol=1e-2)


# the flow


def flowed(x, c, mean, schedule, t, s):
    """The probability flow of N(mean, c): x_t keeps its place in units of the standard deviation."""
    (a_t, s_t), (a_s, s_s) = ((schedule.signal(u), schedule.noise(u)) for u in (t, s))
    ratio = ((a_s**2 * c + s_s**2) / (a_t**2 * c + s_t**2)).sqrt()
    return a_s * mean + ratio * (x - a_t * mean)


def order(sampler, schedule, times):
    """By which powers of two the error falls when the steps are halved, for ever more of them."""
    denoiser, x = normal(0.25, schedule, mean=0.7), drawn(50, 1)
    errors = []
    for row in times:
        wanted = flowed(x, 0.25, 0.7, schedule, row[0], row[-1])
        errors.append((run(denoiser, sampler, x, row) - wanted).abs().max())
    return (torch.stack(errors).log2().diff() / -1).tolist()


GRIDS = {
    "linear": (linear(1024), [linear(1024).times(n)[: 3 * n // 4 + 1] for n in (32, 64, 128)]),  # to a quarter of T
    "straight": (Straight(), [Straight().times(n) for n in (64, 128, 256)]),
    "spread": (Spread(3.0), [Spread(3.0).times(n + 1)[:-1] for n in (64, 128, 256)]),
}


@pytest.mark.parametrize(
    ("sampler", "wanted", "name"),
    [(sampler, 1, name) for sampler in (Euler(), DDIM()) for name in GRIDS]
    + [(Heun(), 2, name) for name in GRIDS]
    + [(Heun("noise"), 2, name) for name in ("linear", "spread")],  # on the straight schedule it would divide by 0
    ids=str,
)
def test_eulers_error_falls_with_the_steps_and_heuns_with_their_square(sampler, wanted, name):
    assert order(sampler, *GRIDS[name]) == pytest.approx([wanted] * 2, abs=0.2)


@every_schedule
def test_euler_is_ddim_without_noise(schedule):
    x, times = schedule.start(drawn(20, 2)), schedule.times(10)
    one, other, heun = (run(mixture(schedule), sampler, x, times) for sampler in (Euler(), DDIM(), Heun()))
    assert torch.equal(one, other)
    assert not torch.allclose(one, heun, atol=1e-3)


def test_on_the_straight_path_euler_follows_the_velocity():
    x, denoiser = drawn(20, 2), mixture(Straight())
    by_hand = x + (0.5 - 0.8) * denoiser.velocity(x, 0.8)
    assert torch.allclose(Euler().step(denoiser, x, 0.8, 0.5), by_hand, atol=1e-12)
    twice = x - 0.3 / 2 * (denoiser.velocity(x, 0.8) + denoiser.velocity(by_hand, 0.5))
    assert torch.allclose(Heun().step(denoiser, x, 0.8, 0.5), twice, atol=1e-12)


def test_one_step_to_the_end_is_the_estimate_itself():
    for schedule in SCHEDULES:
        x = schedule.start(drawn(5, 2))
        for sampler in (DDPM(), DDPM("large"), DDIM(1.0), Euler(), Heun()):
            end = sampler.step(mixture(schedule), x, schedule.end, 0, generator=seeded())
            assert torch.allclose(end, mixture(schedule)(x, schedule.end), atol=1e-9)


# diffusers


ENDS = {"beta_start": 1e-4, "beta_end": 0.02}


def scheduler(name, **how):
    """One of diffusers', with our float64 table instead of its own in float32: what is compared is the steps."""
    diffusers = pytest.importorskip("diffusers", reason="needs diffusers: its schedulers are the reference")
    made = getattr(diffusers, name)(**ENDS, timestep_spacing="trailing", **how)
    made.alphas_cumprod = linear().alpha_bar(torch.arange(1, 1001))  # its time t is our t + 1
    return made


def walk(scheduler, x, steps, *, left=0, **how):
    """Where its steps lead, all but the last few that are `left`; the net predicts ε."""
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps[: steps - left]:
        eps = mixture(linear()).eps(x.double(), int(t) + 1).to(x)
        x = scheduler.step(eps, t, x, **how).prev_sample
    return x


@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize("steps", [200, 20])
def test_ddpm_has_diffusers_numbers(variance, steps):
    """Up to the last step: there, in a shortened chain, theirs adds noise to what should be the data."""
    theirs = scheduler("DDPMScheduler", variance_type=f"fixed_{variance}", clip_sample=False)
    x = drawn(20, 2).float()
    wanted = walk(theirs, x, steps, left=1, generator=seeded())
    ours = run(mixture(linear()), DDPM(variance), x, linear().times(steps)[:-1], generator=seeded())
    assert torch.allclose(ours, wanted, atol=1e-5)


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("steps", [50, 10])
def test_ddim_has_diffusers_numbers(eta, steps):
    theirs, x = scheduler("DDIMScheduler", clip_sample=False), drawn(20, 2).float()
    wanted = walk(theirs, x, steps, eta=eta, generator=seeded())
    ours = run(mixture(linear()), DDIM(eta), x, linear().times(steps), generator=seeded())
    assert torch.allclose(ours, wanted, atol=1e-5)


def test_clipped_ddim_has_diffusers_numbers_where_they_recompute_the_noise():
    theirs, x = scheduler("DDIMScheduler", clip_sample=True, clip_sample_range=0.5), drawn(20, 2).float()
    ours = run(mixture(linear()), DDIM(clip=0.5), x, linear().times(20))
    right, wrong = (walk(theirs, x, 20, use_clipped_model_output=again) for again in (True, False))
    assert torch.allclose(ours, right, atol=1e-5)
    assert not torch.allclose(ours, wrong, atol=1e-2)


def test_heun_has_diffusers_numbers():
    """Theirs walks with x/a and asks in units of x."""
    diffusers = pytest.importorskip("diffusers", reason="needs diffusers: its schedulers are the reference")
    theirs = diffusers.HeunDiscreteScheduler(**ENDS)
    schedule, x, steps = linear(), drawn(20, 2), 10
    theirs.set_timesteps(steps)
    scaled = x / schedule.signal(1000)
    for t in theirs.timesteps:
        time = int(t) + 1
        eps = mixture(schedule).eps(scaled * schedule.signal(time), time)
        scaled = theirs.step(eps, t, scaled).prev_sample
    ours = run(mixture(schedule), Heun("noise"), x, grid(steps))
    assert torch.allclose(ours, scaled, atol=1e-5)


def test_the_straight_flow_has_diffusers_numbers():
    diffusers = pytest.importorskip("diffusers", reason="needs diffusers: its schedulers are the reference")
    theirs, times = diffusers.FlowMatchEulerDiscreteScheduler(), Straight().times(10)
    theirs.set_timesteps(sigmas=times[:-1].tolist())
    x = wanted = drawn(20, 2).float()
    for t in theirs.timesteps:
        velocity = mixture(Straight()).velocity(wanted, t.item() / 1000)
        wanted = theirs.step(velocity, t, wanted).prev_sample
    assert torch.allclose(run(mixture(Straight()), Euler(), x, times), wanted, atol=1e-5)


# small steps, paths


def test_small_steps_end_at_an_attractor():
    denoiser, x = FiniteDenoiser(MEANS, Spread(5.0)), MEANS + 0.2 * drawn(3, 2)
    step = SmallSteps(0.1).step(denoiser, x, 0.3, 0.3)
    assert torch.allclose(step, 0.9 * x + 0.1 * denoiser(x, 0.3))
    assert torch.allclose(SmallSteps(1.0).step(denoiser, x, 0.3, 0.3), denoiser(x, 0.3))
    end = run(denoiser, SmallSteps(0.1), x, torch.full((200,), 0.3, dtype=torch.float64))
    assert torch.allclose(end, MEANS, atol=1e-3)
    assert torch.allclose(denoiser(end, 0.3), end, atol=1e-6)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_a_path_shows_each_time_and_asks_no_more_than_it_says(sampler):
    schedule = linear()
    denoiser, x, times = Counting(mixture(schedule)), drawn(5, 2), schedule.times(8)
    rows = list(path(denoiser, sampler, x, times, generator=seeded()))
    assert denoiser.calls == sampler.evaluations(8)
    assert [t for t, _, _ in rows] == times.tolist()
    assert torch.equal(rows[0][1], x)
    for t, x_t, x_0 in rows[:-1]:
        assert torch.equal(x_0, mixture(schedule)(x_t, t))
    assert torch.equal(rows[-1][1], rows[-1][2])
    assert torch.equal(rows[-1][1], run(mixture(schedule), sampler, x, times, generator=seeded()))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_noise_comes_from_the_generator_alone(sampler):
    schedule, x, state = linear(), drawn(5, 2), torch.get_rng_state()
    ends = [run(mixture(schedule), sampler, x, schedule.times(8), generator=seeded(k)) for k in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(ends[0], ends[1])
    random = isinstance(sampler, DDPM) or getattr(sampler, "eta", 0) > 0
    assert torch.equal(ends[0], ends[2]) != random


@pytest.mark.parametrize("sampler", [DDIM(), Heun(), Heun("noise")], ids=repr)
def test_float32_is_near_enough(sampler):
    """The start of the linear schedule divides by a = .006; its rounding errors must not be seen at the end."""
    x, times = drawn(50, 2), linear().times(50)
    wide, narrow = (run(mixture(linear()), sampler, start, times) for start in (x, x.float()))
    assert narrow.dtype == torch.float32
    assert torch.allclose(narrow.double(), wide, atol=1e-4)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: DDPM("medium"), "variance"),
        (lambda: DDIM(1.5), "eta"),
        (lambda: DDIM(clip=-1.0), "clip"),
        (lambda: Heun("time"), "along"),
        (lambda: SmallSteps(0.0), "eta"),
        (lambda: Euler().step(mixture(linear()), drawn(1, 2), 3, 3), "s"),
        (lambda: Heun().step(mixture(linear()), drawn(1, 2), 3, 5), "s"),
        (lambda: DDIM().step(mixture(linear()), drawn(1, 2), 3, 5), "s"),
        (lambda: DDPM().step(mixture(linear()), drawn(1, 2), 3, 5), "s"),
        (lambda: run(mixture(linear()), DDIM(), drawn(1, 2), [3]), "times"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"^{named}: want"):
        call()


def test_the_line_of_noise_needs_a_signal():
    with pytest.raises(ValueError, match="along: "):
        Heun("noise").step(mixture(Straight()), drawn(1, 2), 1.0, 0.5)
