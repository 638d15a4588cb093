"""Claims V1–V8, V10, V11, V14, V15 and V18: the variational autoencoder, on models that are known and on digits."""

import functools
import math
from itertools import pairwise

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from coursekit import data
from coursekit.metrics.geometry import principal_angles
from coursekit.models import vae
from coursekit.models.estimators import reparameterised_gradients, score_function_gradients
from coursekit.models.gaussians import (
    LinearGaussian,
    gaussian_kl,
    gaussian_kl_full,
    kl_to_standard_normal,
    moved,
    standard_normal,
)
from coursekit.models.vae import GaussianLikelihood
from coursekit.training.loop import fit

DIGIT = (1, 8, 8)
SEEDS = pytest.mark.parametrize("seed", range(3))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


@functools.cache
def halves():
    train, test = data.digits().split(1297, 500, generator=seeded())
    return train, test


def digits_model(seed=0, **variant):
    """A VAE of digits with two latent numbers."""
    return _trained(seed, **variant)


@functools.cache
def _trained(seed, **variant):
    torch.manual_seed(seed)
    model = vae.dense(DIGIT, 2, 64, likelihood=GaussianLikelihood(0.2), out=nn.Sigmoid(), **variant)
    fit(model, halves()[0], steps=700, lr=5e-3, seed=seed, progress=False)
    return model.eval().requires_grad_(False)


def unseen_elbo(model):
    """The mean bound of the test images, in nats."""
    return model.elbo(halves()[1].images.repeat(10, 1, 1, 1), generator=seeded())["elbo"].mean().item()


# --- where log P(x) is known


def oracle():
    numbers = normal(5, 3)
    return LinearGaussian(numbers[:, :2], numbers[:, 2], 0.6)


def sampled(n=100):
    return oracle().sample(n, generator=seeded(1))[0]


def guesses(n=100, count=50):
    """Gaussians of all kinds over two codes, for each of n points."""
    for seed in range(count):
        yield Independent(Normal(normal(n, 2, seed=seed), normal(n, 2, seed=seed + 100).exp()), 1)
        below = torch.diag_embed(normal(n, 2, seed=seed).exp()) + normal(n, 2, 2, seed=seed + 1).tril(-1)
        yield MultivariateNormal(normal(n, 2, seed=seed + 2), scale_tril=below)


def test_V1_no_q_lifts_the_bound_above_the_exact_likelihood_and_the_true_posterior_reaches_it():
    exact, x = oracle(), sampled()
    for q in guesses():
        assert (exact.elbo(x, q) < exact.log_prob(x)).all()
    assert torch.allclose(exact.elbo(x, exact.posterior(x)), exact.log_prob(x), rtol=0, atol=1e-6)


def as_full(q):
    return q if isinstance(q, MultivariateNormal) else MultivariateNormal(q.mean, torch.diag_embed(q.variance))


def test_V2_the_gap_is_the_divergence_from_the_true_posterior():
    exact, x = oracle(), sampled()
    for q in guesses(count=10):
        gap = exact.log_prob(x) - exact.elbo(x, q)
        assert torch.allclose(gap, kl_divergence(as_full(q), exact.posterior(x)), rtol=1e-6)


def test_V2_both_forms_of_the_bound_are_equal():
    """E[log P(x|h)] − KL, and E[log P(h) + log P(x|h) − log q(h)] by 20,000 samples, within four standard errors."""
    exact, x = oracle(), sampled(10)
    for q in guesses(10, count=3):
        h = moved(q, normal(20_000, 10, 2, seed=3))
        second = standard_normal(2, like=x).log_prob(h) + exact.likelihood(h).log_prob(x) - q.log_prob(h)
        assert ((second.mean(0) - exact.elbo(x, q)).abs() < 4 * second.std(0) / 20_000**0.5).all()


def test_V3_the_divergence_from_the_standard_normal_against_monte_carlo_and_a_library():
    for q in guesses(5, count=3):
        full = as_full(q)
        kl, p = kl_to_standard_normal(q), standard_normal(2, like=q.mean)
        assert torch.allclose(kl, gaussian_kl_full(full.loc, full.scale_tril))
        trace = full.covariance_matrix.diagonal(dim1=1, dim2=2).sum(1)
        formula = 0.5 * (trace + full.loc.square().sum(1) - 2 - full.covariance_matrix.logdet())
        assert torch.allclose(kl, formula)
        unit = MultivariateNormal(torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64))
        assert torch.allclose(kl, kl_divergence(full, unit))
        h = moved(q, normal(50_000, 5, 2, seed=4))
        ratio = q.log_prob(h) - p.log_prob(h)
        assert ((ratio.mean(0) - kl).abs() < 4 * ratio.std(0) / 50_000**0.5).all()


def test_V4_the_slides_sum_is_smallest_at_a_wrong_sigma_and_negative_there():
    sigma = torch.linspace(0.2, 2, 18_001, dtype=torch.float64)
    slide = sigma**2 - sigma.log() - 1  # at μ = 0
    assert sigma[slide.argmin()].item() == pytest.approx(1 / math.sqrt(2), abs=1e-3)
    assert slide.min().item() == pytest.approx(0.5 + 0.5 * math.log(2) - 1)
    assert slide.min() < -0.15
    right = gaussian_kl(torch.zeros(18_001, 1), 2 * sigma.log()[:, None])
    assert sigma[right.argmin()].item() == pytest.approx(1, abs=1e-3)
    assert right.min().item() == pytest.approx(0, abs=1e-7)


def test_V4_training_on_the_slides_sum_shrinks_a_posterior_that_knows_nothing():
    """Nothing to be reconstructed: σ should stay 1, and goes to 0.71."""
    log_sigma = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([log_sigma], 0.1)
    for _ in range(200):
        optimizer.zero_grad()
        ((2 * log_sigma).exp() - log_sigma - 1).sum().backward()
        optimizer.step()
    assert log_sigma.exp().item() == pytest.approx(0.7071, abs=1e-3)


def test_V15_importance_weighted_estimates_rise_to_the_exact_likelihood():
    exact, x = oracle(), sampled(500)
    posterior = exact.posterior(x)
    q = MultivariateNormal(posterior.loc + 0.3, scale_tril=1.5 * posterior.scale_tril)
    h = moved(q, normal(1024, 500, 2, seed=3))
    weights = standard_normal(2, like=x).log_prob(h) + exact.likelihood(h).log_prob(x) - q.log_prob(h)
    gaps = {}
    for k in (1, 4, 16, 64):
        each = exact.log_prob(x) - (weights.view(-1, k, 500).logsumexp(1) - math.log(k)).mean(0)
        gaps[k] = each.mean().item(), each.std().item() / 500**0.5
    assert gaps[1][0] > 0.9
    assert gaps[64][0] < 0.03
    for (before, a), (after, b) in pairwise(gaps.values()):
        assert after > -2 * b  # under the exact value
        assert before - after > 2 * (a + b)  # and nearer with more samples


# --- the linear VAE

EIGENVALUES = torch.tensor([4.0, 2.0, 1.0, 0.5, 0.1, 0.05, 0.02, 0.01])


@functools.cache
def ellipsoid():
    """2,000 points in 8 dimensions whose covariance (with 1/n) has exactly these eigenvalues; its axes as columns."""
    axes = torch.linalg.qr(torch.randn(8, 8, generator=seeded(2))).Q
    x = torch.randn(2000, 8, generator=seeded(1))
    x = x - x.mean(0)
    white = x @ torch.linalg.inv(torch.linalg.cholesky(x.T @ x / 2000)).T
    return white * EIGENVALUES.sqrt() @ axes.T, axes


@functools.cache
def linear_model(sigma, reconstruction_weight=1.0):
    torch.manual_seed(0)
    model = vae.dense(
        (8,), 6, likelihood=GaussianLikelihood(sigma), reconstruction_weight=reconstruction_weight
    )
    fit(model, ellipsoid()[0], steps=1200, batch_size=200, lr=1e-2, progress=False)
    return model.eval().requires_grad_(False)


def informed(model):
    """The mean divergence of each latent dimension, largest first."""
    mu, log_var = model.encoder(ellipsoid()[0]).chunk(2, 1)
    return gaussian_kl(mu[..., None], log_var[..., None]).mean(0).sort(descending=True).values


@pytest.mark.parametrize(("sigma", "active"), [(0.5, 4), (0.85, 3), (1.2, 2)])
def test_V18_a_dimension_is_active_where_its_eigenvalue_exceeds_the_variance(sigma, active):
    """And carries ½ log(λ/σ²) nats."""
    kl = informed(linear_model(sigma))
    wanted = 0.5 * (EIGENVALUES[:6] / sigma**2).log().clamp(min=0)
    assert int((wanted > 0).sum()) == active
    assert torch.allclose(kl, wanted, atol=0.07)
    assert (kl[active:] < 0.02).all()


def test_a_linear_vae_finds_the_principal_subspace():
    model, (_, axes) = linear_model(0.5), ellipsoid()
    columns = model.decoder[0].weight
    used = columns.square().sum(0) > 0.1
    assert int(used.sum()) == 4
    assert principal_angles(columns[:, used].T, axes[:, :4].T).max() < 0.06


def test_V18_with_the_mean_over_pixels_no_dimension_is_active():
    """The weight 1/M on the squared errors is a variance M times as large: 8 · 0.85² = 5.8 exceeds all λ."""
    assert (informed(linear_model(0.85, 1 / 8)) < 0.02).all()


def test_V18_with_the_mean_over_pixels_the_posterior_of_digits_collapses():
    test = halves()[1].images
    right, wrong = digits_model(), digits_model(reconstruction_weight=1 / 64)
    kl = [kl_to_standard_normal(model.encode(test)).mean().item() for model in (right, wrong)]
    assert kl[0] > 3.5
    assert kl[1] < 0.01
    assert wrong(test).std(0).max() < 0.01 * right(test).std(0).max()


# --- gradients


@SEEDS
def test_V5_reparameterised_gradients_of_a_digits_bound_vary_a_hundred_times_less(seed):
    model, x = digits_model(), halves()[1].images[seed]
    mu, log_var = model.encoder(x[None]).chunk(2, 1)
    noise = torch.randn(8000, 2, generator=seeded(seed))

    def joint(h):
        return model.distribution(h).log_prob(x) + standard_normal(2).log_prob(h)

    path = reparameterised_gradients(joint, mu, log_var / 2, noise)
    score = score_function_gradients(joint, mu, log_var / 2, noise)
    for a, b in zip(path, score, strict=True):
        assert ((a.mean(0) - b.mean(0)).abs() < 4 * ((a.var(0) + b.var(0)) / 8000).sqrt()).all()  # same mean
    assert score[0].var(0).sum() > 100 * path[0].var(0).sum()
    level = joint(mu + (log_var / 2).exp() * noise).mean().item()
    better = score_function_gradients(joint, mu, log_var / 2, noise, baseline=level)
    assert score[0].var(0).sum() > 5 * better[0].var(0).sum()
    assert better[0].var(0).sum() > 1.5 * path[0].var(0).sum()


# --- inference


def bound(model, x, q, noise):
    """The mean over the noise [k, n, 2] of the bound at q: [n]."""
    codes = moved(q, noise).flatten(0, 1)
    log_prob = model.distribution(codes).log_prob(x.repeat(len(noise), 1, 1, 1)).view(len(noise), -1)
    return log_prob.mean(0) - kl_to_standard_normal(q)


def optimised(model, x, posterior, numbers):
    """Each image's own numbers, by 200 steps on its bound from where they are."""
    numbers = numbers.clone().requires_grad_()
    optimizer, generator = torch.optim.Adam([numbers], 0.05), seeded(4)
    for _ in range(200):
        optimizer.zero_grad()
        (-bound(model, x, posterior(numbers), torch.randn(8, len(x), 2, generator=generator)).sum()).backward()
        optimizer.step()
    return posterior(numbers.detach())


def unseen():
    """60 test images, and noise to measure bounds with."""
    return halves()[1].images[:60], torch.randn(64, 60, 2, generator=seeded(9))


def test_V6_one_pass_of_the_encoder_comes_near_what_optimisation_reaches():
    """Of what two numbers can say about an unseen digit, one pass finds at least 80 % on average, and half the
    digits miss less than 3 nats."""
    model, (x, noise) = digits_model(), unseen()
    numbers = model.encoder(x)
    amortised = bound(model, x, vae.diagonal(numbers), noise)
    best = bound(model, x, optimised(model, x, vae.diagonal, numbers), noise)
    ignorant = bound(model, x, vae.diagonal(torch.zeros(60, 4)), noise)
    assert (best - amortised).mean() > 0  # optimisation does gain something,
    assert (best - amortised).median() < 3
    share = (amortised - ignorant).mean() / (best - ignorant).mean()
    assert share > 0.8


def test_V14_where_codes_hang_together_no_diagonal_gaussian_reaches_the_exact_likelihood():
    """The best one has the variances 1/A_jj, A the posterior's precision, and misses ½ (Σ log A_jj − log det A)."""
    exact, x = oracle(), sampled()
    posterior = exact.posterior(x)
    precision = posterior.precision_matrix
    each = precision.diagonal(dim1=1, dim2=2)
    best = exact.elbo(x, Independent(Normal(posterior.loc, each.rsqrt()), 1))
    missed = 0.5 * (each.log().sum(1) - precision.logdet())
    assert torch.allclose(exact.log_prob(x) - best, missed)
    assert (missed > 0.05).all()
    for factor in (0.9, 1.1):
        assert (exact.elbo(x, Independent(Normal(posterior.loc, factor * each.rsqrt()), 1)) < best).all()
    assert torch.allclose(exact.elbo(x, posterior), exact.log_prob(x))


def test_V14_for_one_decoder_of_digits_the_best_full_gaussian_is_as_good_as_the_best_diagonal_one():
    """But hardly better: the decoder was trained to need no more."""
    model, (x, noise) = digits_model(), unseen()
    numbers = model.encoder(x)
    mu, log_var = numbers.chunk(2, 1)
    start = torch.cat([mu, log_var / 2, torch.zeros(60, 1)], 1)
    diagonal = bound(model, x, optimised(model, x, vae.diagonal, numbers), noise).mean()
    full = bound(model, x, optimised(model, x, vae.full, start), noise).mean()
    assert -0.03 < full - diagonal < 0.5


def test_V14_trained_a_full_covariance_does_as_well_within_the_noise_of_training():
    """Three trainings each; their bounds differ by about a nat from seed to seed."""
    variants = {}, {"posterior": vae.full}
    diagonal, full = (sum(unseen_elbo(digits_model(seed, **v)) for seed in range(3)) / 3 for v in variants)
    assert full > diagonal - 1


# --- the two terms


def classifier():
    train = halves()[0]
    return KNeighborsClassifier(5).fit(train.images.flatten(1), train.labels)


def classes(images):
    return torch.as_tensor(classifier().predict(images.flatten(1)))


def aggregate(model, n=2000):
    """n codes from Q(h|x) of training images, and their law's divergence from N(0, I) in nats."""
    q = model.encode(halves()[0].images)
    mu, scale = q.mean, q.base_dist.scale
    chosen = torch.randint(len(mu), (n,), generator=seeded(1))
    h = mu[chosen] + scale[chosen] * torch.randn(n, 2, generator=seeded(2))
    each = Normal(mu, scale).log_prob(h[:, None]).sum(-1)  # [n, images]
    log_mixture = each.logsumexp(1) - math.log(len(mu))
    return h, (log_mixture - standard_normal(2).log_prob(h)).mean().item()


def covered(model):
    """The share of codes, from a Gaussian as wide as all codes together, within 3 σ of some training image's code."""
    q, (h, _) = model.encode(halves()[0].images), aggregate(model)
    near = MultivariateNormal(h.mean(0), h.T.cov())
    codes = near.loc + torch.randn(2000, 2, generator=seeded(5)) @ near.scale_tril.T
    distance = ((codes[:, None] - q.mean) / q.base_dist.scale).norm(dim=-1)  # [2000, images]
    return (distance.min(1).values < 3).float().mean().item()


def test_V7_with_the_divergence_alone_all_codes_lie_at_the_origin_and_nothing_can_be_decoded():
    model, test = digits_model(reconstruction_weight=0.0), halves()[1]
    q = model.encode(test.images)
    assert q.mean.abs().max() < 0.05
    assert (q.base_dist.scale - 1).abs().max() < 0.05
    decoded = model(test.images)
    assert decoded.std(0).max() < 0.005  # one picture for all
    assert (classes(decoded) == test.labels).float().mean() < 0.2


def test_V7_with_the_reconstruction_alone_codes_are_points_far_apart_with_holes_between():
    both, alone = digits_model(), digits_model(beta=0.0)
    spread = [aggregate(model)[0].var(0).sum().item() for model in (both, alone)]
    narrow = [model.encode(halves()[0].images).base_dist.scale.mean().item() for model in (both, alone)]
    assert spread[1] > 2.5 * spread[0]
    assert narrow[1] < narrow[0] / 5
    assert covered(alone) < 0.2
    assert unseen_elbo(alone) < unseen_elbo(both) - 5


def test_V7_with_both_terms_codes_are_dense_and_the_images_decodable():
    model, test = digits_model(), halves()[1]
    assert covered(model) > 0.85
    assert (classes(model(test.images)) == test.labels).float().mean() > 0.5
    assert unseen_elbo(model) > 4


@SEEDS
def test_V11_codes_of_all_digits_together_are_nearly_standard_normal(seed):
    h, kl = aggregate(digits_model(seed))
    assert h.mean(0).abs().max() < 0.35
    assert (h.T.cov() - torch.eye(2)).abs().max() < 0.65
    assert kl < 0.7
    assert kl < 0.2 * kl_to_standard_normal(digits_model(seed).encode(halves()[0].images)).mean()


def test_V11_without_the_divergence_they_are_not():
    assert aggregate(digits_model(beta=0.0))[1] > 5


@SEEDS
def test_V8_the_grid_of_codes_shows_the_classes_in_regions_that_morph_into_each_other(seed):
    line = torch.linspace(-2, 2, 21)
    images = digits_model(seed).decode(torch.cartesian_prod(line, line)).view(21, 21, 64)
    steps = [(images[1:] - images[:-1]).norm(dim=-1), (images[:, 1:] - images[:, :-1]).norm(dim=-1)]
    assert max(step.max().item() for step in steps) < 0.35 * torch.pdist(images.view(-1, 64)).mean()
    found = classes(images.view(-1, *DIGIT)).view(21, 21)
    assert len(found.unique()) >= 9  # of ten
    same = [(found[1:] == found[:-1]).float().mean(), (found[:, 1:] == found[:, :-1]).float().mean()]
    assert min(same) > 0.75  # chance would be 0.1


# --- blur


def test_V10_of_pixels_black_or_white_by_chance_the_decoder_shows_the_mean():
    """Coins that no code can tell: the squared error is smallest at their mean, which is no pixel of any image."""
    coins = (torch.rand(1000, 1, 4, 4, generator=seeded()) < 0.3).float()
    grey = torch.linspace(0, 1, 1001)[:, None, None]
    error = (coins.flatten(1)[None, :, 0] - grey[:, :, 0]).square().mean(1)
    assert grey[error.argmin()].item() == pytest.approx(coins[:, 0, 0, 0].mean().item(), abs=1e-3)
    torch.manual_seed(0)
    model = vae.dense((1, 4, 4), 2, 16, likelihood=GaussianLikelihood(1.0), out=nn.Sigmoid())
    fit(model, coins, steps=400, lr=1e-2, progress=False)
    sample = model.sample(200, generator=seeded())
    assert sample.min() > 0.15
    assert sample.max() < 0.5
    assert sample.mean().item() == pytest.approx(coins.mean().item(), abs=0.05)


def power(images, low, high):
    """The mean power of 8×8 images at frequencies of low to high periods a pixel."""
    line = torch.fft.fftfreq(8)
    radius = (line[:, None].square() + line.square()).sqrt()
    return torch.fft.fft2(images[:, 0]).abs().square()[:, (radius >= low) & (radius < high)].mean().item()


def test_V10_decoded_digits_lack_high_frequencies():
    test = halves()[1].images
    for images in (digits_model().sample(500, generator=seeded(1)), digits_model()(test)):
        low, high = (power(images, *band) / power(test, *band) for band in ((0.1, 0.15), (0.45, 0.8)))
        assert low > 0.7
        assert high < 0.45
    train = halves()[0].images
    assert power(train, 0.45, 0.8) / power(test, 0.45, 0.8) == pytest.approx(1, abs=0.15)
