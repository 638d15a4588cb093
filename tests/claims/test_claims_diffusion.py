"""Claims D1, D3–D6, D8, D12 and D13: denoisers, the chain and its way back, on problems with exact answers."""

from functools import cache
from itertools import pairwise, product

import pytest
import torch
from torch import nn

from coursekit import data
from coursekit.data import toy
from coursekit.metrics.adversarial import mmd, mode_count
from coursekit.models import PCA
from coursekit.models.autoencoders import dense
from coursekit.models.corruption import Gaussian
from coursekit.models.diffusion import (
    DDIM,
    DDPM,
    Diffusion,
    Euler,
    Heun,
    PointNet,
    SmallSteps,
    Spread,
    Straight,
    cosine,
    linear,
    run,
)
from coursekit.models.diffusion.denoisers import FiniteDenoiser, GaussianDenoiser, LinearDenoiser, MixtureDenoiser
from coursekit.training import cosine as falling
from coursekit.training import fit

RING = toy.ring_centres().double()
LINEAR, COSINE, STRAIGHT = linear(), cosine(), Straight()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


def ring(schedule, std=0.05):
    return MixtureDenoiser(RING, schedule, std=std)


@cache
def flow_ends(schedule):
    """Where the probability flow of the ring leads from 400 noises, nearly exactly."""
    return run(ring(schedule), Heun(), drawn(400, 2), schedule.times(200, power=2))


def misses(a, b):
    """The mean squared distance of two sets of items."""
    return (a - b).square().flatten(1).sum(1).mean().item()


# D1


def test_D1_the_posterior_mean_is_the_best_denoiser_of_a_finite_set_and_a_trained_one_approaches_it():
    sigma, points = 0.5, toy.ring_centres(5)
    x = points[torch.randint(5, (4000,), generator=seeded())]
    noisy = x + sigma * torch.randn(4000, 2, generator=seeded(1))
    exact, affine = FiniteDenoiser(points, Spread(3.0)), GaussianDenoiser.fitted(points, Spread(3.0))
    torch.manual_seed(0)
    trained = dense((2,), 64, 64, activation=nn.SiLU, code=nn.SiLU(), corruption=Gaussian(sigma))
    fit(trained, x, steps=500, batch_size=256, lr=5e-3, progress=False, along=[falling()])
    best = exact(noisy, sigma)
    with torch.no_grad():
        others = {
            "trained": trained.eval()(noisy),
            "nearest": points[torch.cdist(noisy, points).argmin(1)],
            "affine": affine(noisy, sigma),
            "σ for σ²": exact(noisy, sigma**0.5),
            "untouched": noisy,
        }
    errors = {name: misses(guess, x) for name, guess in others.items()}
    assert misses(best, x) <= min(errors.values()) + 1e-3
    off = {name: misses(guess, best) for name, guess in others.items()}  # from the formula
    assert off.pop("trained") < 0.005
    assert min(off.values()) > 0.02


# D3


def test_D3_small_steps_lead_to_the_manifold():
    """Half a circle, noisy points beside it: each step of (1 − η) x + η D(x) brings them nearer, for any η."""
    denoiser = FiniteDenoiser(toy.arc_points(torch.linspace(0, torch.pi, 400)), Spread(3.0))
    start = toy.arc(300, noise=0.15, generator=seeded()).points
    for eta in (0.05, 0.2, 0.5):
        distances, x = [toy.arc_distance(start).mean().item()], start
        for _ in range(10):
            x = SmallSteps(eta).step(denoiser, x, 0.15, 0.15)
            distances.append(toy.arc_distance(x).mean().item())
        assert all(after < before for before, after in pairwise(distances[:6]))
        assert distances[-1] < 0.7 * distances[0]
    away = 2 * start - denoiser(start, 0.15)  # the step with the wrong sign
    assert toy.arc_distance(away).mean() > 1.5 * distances[0]
    far = run(denoiser, SmallSteps(0.2), start, torch.full((11,), 3.0))  # a denoiser for too much noise
    assert toy.arc_distance(far).mean() > 2 * distances[0]


def test_D3_x_less_its_denoised_self_predicts_the_noise():
    """As a best prediction must: what is left over is uncorrelated with it. Across the manifold nearly all is seen."""
    n, sigma = 4000, 0.15
    clean = toy.arc_points(torch.pi * (0.2 + 0.6 * torch.rand(n, generator=seeded())))
    noise = sigma * torch.randn(n, 2, generator=seeded(1))
    denoiser = FiniteDenoiser(clean, Spread(3.0))
    seen = clean + noise - denoiser(clean + noise, sigma)
    left = ((noise - seen) * seen).sum(1)
    assert left.mean().abs() < 3 * left.std() / n**0.5 + 2e-4
    twice = ((noise - 2 * seen) * 2 * seen).sum(1)  # a prediction twice as large is no longer the best
    assert twice.mean().abs() > 10 * twice.std() / n**0.5
    along = torch.stack([-clean[:, 1], clean[:, 0]], 1)
    across, tangent = (
        torch.corrcoef(torch.stack([(v * way).sum(1) for v in (noise, seen)]))[0, 1] for way in (clean, along)
    )
    assert across > 0.95
    assert tangent < 0.5


# D4


def test_D4_a_linear_denoiser_stores_a_subspace_and_no_image():
    """Ten digits: pushed along the plane by half the distance to another, one stays where it was pushed to. The
    posterior mean of the same ten takes it back."""
    images = data.digits().images[:10]
    pca = PCA(9).fit(images.flatten(1))  # ten images span nine dimensions: the projection changes none of them
    projection = LinearDenoiser(pca.components_, pca.mean_.view(1, 8, 8), Spread(10.0))
    memory = FiniteDenoiser(images, Spread(10.0))
    pushed = 0.7 * images + 0.3 * images.roll(1, 0)
    for denoiser in (projection, memory):
        assert misses(denoiser(images, 0.3), images) < 1e-3
    walk = torch.full((60,), 0.3)
    ends = {denoiser: run(denoiser, SmallSteps(0.2), pushed, walk) for denoiser in (projection, memory)}
    assert misses(ends[projection], pushed) < 1e-6
    assert misses(ends[memory], images) < 1e-3 < misses(pushed, images)
    noisy = images + 0.3 * torch.randn(images.shape, generator=seeded())
    cleaned = projection(noisy, 0.3)
    off = noisy - cleaned
    assert (off.flatten(1) @ pca.components_.T).abs().max() < 1e-4  # only what is across the plane is removed
    assert torch.allclose(projection(cleaned, 0.3), cleaned, atol=1e-5)


# D5


def test_D5_the_scaled_chain_keeps_its_variance_and_the_loose_one_does_not():
    schedule, n = linear(), 4000
    x_0 = 0.5 * torch.sign(drawn(n)) + 0.3 * drawn(n, seed=1)
    right, unscaled, loose = x_0, x_0, x_0
    variances = []
    for t in range(1, 1001):
        beta, eps = schedule.beta(t), drawn(n, seed=t + 1)
        right = (1 - beta).sqrt() * right + beta.sqrt() * eps
        unscaled = unscaled + beta.sqrt() * eps  # the variance is β_t, but x_{t−1} is not scaled
        loose = loose + beta * eps  # β_t as the standard deviation
        variances.append([v.var().item() for v in (right, unscaled, loose)])
    variances = torch.tensor(variances)
    assert (variances[:, 0].amax() - 1).abs() < 0.12
    assert variances[-1, 1] == pytest.approx(0.34 + schedule.betas.sum().item(), rel=0.1)  # 10, and no end to it
    assert variances[-1, 2] < 0.6  # hardly any noise in a thousand steps: x_0 is still there
    still = [torch.corrcoef(torch.stack([x_0, x]))[0, 1].abs() for x in (right, loose)]
    assert still[0] < 0.06 < 0.8 < still[1]


def test_D5_one_step_by_the_closed_form_is_the_chain_in_distribution():
    schedule, n, t = linear(200), 20_000, 60
    x_0 = torch.sign(drawn(n))
    chain = x_0
    for step in range(1, t + 1):
        chain = schedule.link(step, step - 1)[0] * chain + schedule.beta(step).sqrt() * drawn(n, seed=step)
    once = schedule.noised(x_0, t, drawn(n, seed=999))
    without_root = schedule.signal(t) * x_0 + (1 - schedule.alpha_bar(t)) * drawn(n, seed=999)
    band = 1.95 * (2 / n) ** 0.5  # Kolmogorov and Smirnov's, 0.1 %
    assert largest_gap(chain, once) < band < largest_gap(chain, without_root)


def largest_gap(a, b):
    """Between two empirical distribution functions."""
    places = torch.cat([a, b]).sort().values
    shares = [torch.searchsorted(v.sort().values, places, right=True) / len(v) for v in (a, b)]
    return (shares[0] - shares[1]).abs().max().item()


# D6


@pytest.mark.parametrize("t", [2, 20, 200, 1000])
def test_D6_the_way_back_from_a_known_start_is_bayes_rule(t):
    """q(x_{t−1} | x_t, x_0) ∝ q(x_t | x_{t−1}) q(x_{t−1} | x_0), on a grid."""
    schedule, x_0 = linear(), torch.tensor([[0.8]], dtype=torch.float64)
    x_t = schedule.noised(x_0, t, torch.tensor([[1.3]], dtype=torch.float64))
    mean, variance = schedule.posterior(x_0, x_t, t)
    grid = (mean + variance.sqrt() * torch.linspace(-12, 12, 100_001, dtype=torch.float64))[0]
    back, forth = schedule.beta(t), schedule.alpha_bar(t - 1)
    log_p = -(x_t[0] - (1 - back).sqrt() * grid).square() / (2 * back)
    log_p = log_p - (grid - forth.sqrt() * x_0[0]).square() / (2 * (1 - forth))
    p = log_p.softmax(0)
    found = (p * grid).sum(), (p * grid.square()).sum() - (p * grid).sum() ** 2
    assert mean.item() == pytest.approx(found[0].item(), abs=1e-4)
    assert variance.item() == pytest.approx(found[1].item(), rel=1e-4)
    wrong = x_t / (1 - back).sqrt()  # undoing the scaling alone, as if the noise had said nothing
    assert abs(wrong.item() - found[0].item()) > 1e-3
    assert t > 50 or back.item() > 1.03 * found[1].item()  # β is not the posterior's variance, least of all near data


# D8


def test_D8_fewer_deterministic_steps_are_farther_from_where_the_flow_ends():
    x, counts = drawn(400, 2), (5, 10, 20, 50, 200)
    ends = {steps: run(ring(LINEAR), DDIM(), x, LINEAR.times(steps)) for steps in counts}
    off = [(end - flow_ends(LINEAR)).norm(dim=1).mean().item() for end in ends.values()]
    assert all(more < 0.75 * fewer for fewer, more in pairwise(off))
    on_a_mode = {steps: mode_count(end, RING, 0.05).share for steps, end in ends.items()}
    assert on_a_mode[5] < 0.1 < 0.7 < on_a_mode[20] < 0.95 < on_a_mode[50]


def test_D8_with_eta_1_and_all_steps_the_marginals_are_those_of_ddpm():
    """The data's, that is. A few steps at η = 1 keep neither the one nor the other."""
    schedule, n = linear(200), 800
    x, times = drawn(n, 2), schedule.times(200)
    wanted = RING[torch.arange(n) % 8] + 0.3 * drawn(n, 2, seed=1)
    ddim, ddpm, few = (
        run(ring(schedule, 0.3), sampler, x, row, generator=seeded(seed))
        for sampler, row, seed in ((DDIM(1.0), times, 2), (DDPM(), times, 3), (DDIM(1.0), schedule.times(5), 4))
    )
    assert mmd(ddim, ddpm) < 0.003  # two samples of one law
    assert mmd(ddim, wanted) < 0.003
    assert mmd(few, wanted) > 0.01


# D12


def test_D12_the_noise_in_x_t_is_the_score():
    """ε̂ = −√(1 − ᾱ_t) ∇ log p_t(x_t): the best prediction, and a trained one. With 1 − ᾱ_t for its root, it is not."""
    schedule = linear()
    x_0 = toy.ring_of_gaussians(4000, std=0.1, generator=seeded()).points
    torch.manual_seed(0)
    model = Diffusion(PointNet(2, 64, 2), schedule)
    fit(model, x_0, steps=400, batch_size=256, lr=4e-3, progress=False, along=[falling()])
    for t in (200, 300, 400):
        eps = torch.randn(4000, 2, generator=seeded(t))
        x_t = schedule.noised(x_0, t, eps).double().requires_grad_()
        (score,) = torch.autograd.grad(ring(schedule, 0.1).log_prob(x_t, t).sum(), x_t)
        x_t, s = x_t.detach(), schedule.noise(t)
        with torch.no_grad():
            exact, learnt = ring(schedule, 0.1).eps(x_t, t), model.eval().eps(x_t.float(), t)
        assert torch.allclose(exact, -s * score, atol=1e-4)
        assert misses(learnt, -s * score) < 0.02
        assert misses(learnt, -(s**2) * score) > 2 * misses(learnt, -s * score)
        assert misses(learnt, s * score) > 1  # the sign
        assert misses(exact, eps) < misses(eps, torch.zeros_like(eps))  # and no more can be known of the noise itself


# D13


def test_D13_the_best_velocity_is_an_affine_function_of_the_denoiser():
    """u(x, t) = E[ε − x₀ | x_t = x] = (x − D(x, t))/t, here against the mean over all pairs, weighted by likelihood."""
    points, x, t = drawn(6, 2), drawn(50, 2, seed=1), 0.4
    denoiser = FiniteDenoiser(points, Straight())
    eps = (x[:, None] - (1 - t) * points) / t  # the noise that leads from each point to x, [50, 6, 2]
    weights = (-eps.square().sum(2) / 2).softmax(1)
    wanted = (weights[..., None] * (eps - points)).sum(1)
    assert torch.allclose(denoiser.velocity(x, t), wanted, atol=1e-9)
    assert torch.allclose((x - denoiser(x, t)) / t, wanted, atol=1e-9)
    assert not torch.allclose(denoiser.eps(x, t), wanted, atol=0.1)


def off_target(schedule, sampler, evaluations):
    """How far from its own flow's end a sampler is, on average, with so many evaluations."""
    steps = (evaluations + 1) // 2 if isinstance(sampler, Heun) else evaluations
    assert sampler.evaluations(steps) in (evaluations, evaluations - 1)
    ends = run(ring(schedule), sampler, drawn(400, 2), schedule.times(steps))
    return (ends - flow_ends(schedule)).norm(dim=1).mean().item()


@pytest.mark.parametrize("evaluations", [10, 20])
def test_D13_straight_paths_need_fewer_steps(evaluations):
    """At evenly spaced times, beside DDIM and Heun at the same number of evaluations."""
    straight = off_target(STRAIGHT, Euler(), evaluations)
    others = [off_target(*pair, evaluations) for pair in product((LINEAR, COSINE), (DDIM(), Heun()))]
    assert straight < 0.7 * min(others)


def test_D13_what_they_gain_lies_in_the_times_at_which_they_look():
    """With times of the same signal-to-noise ratios, Euler's steps on two schedules end in the same points."""
    x, times = drawn(50, 2), Straight().times(12)[1:]
    sigma = times / (1 - times)
    start = Straight().noised(RING[:1], times[0], x)
    one = run(ring(Straight()), Euler(), start, times)
    other = run(ring(Spread(100.0)), DDIM(), start / (1 - times[0]), sigma)
    assert torch.allclose(one, other, atol=1e-9)
    apart = torch.linspace(sigma[0], 0, len(sigma), dtype=torch.float64)  # the same ends, other times between
    assert not torch.allclose(one, run(ring(Spread(100.0)), DDIM(), start / (1 - times[0]), apart), atol=1e-2)
