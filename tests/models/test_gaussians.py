"""Gaussians: divergences against torch and Monte Carlo, the linear model against scikit-learn and its own law."""

import math

import pytest
import torch
from sklearn.decomposition import PCA
from torch.distributions import Gamma, Independent, MultivariateNormal, Normal, kl_divergence

from coursekit.models.gaussians import (
    LinearGaussian,
    gaussian_kl,
    gaussian_kl_full,
    kl_to_standard_normal,
    moved,
    standard_normal,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def triangular(n, size, dtype=torch.float64):
    """Lower triangular [n, size, size] with a positive diagonal."""
    below = normal(n, size, size, seed=3, dtype=dtype).tril(-1)
    return below + torch.diag_embed(normal(n, size, seed=4, dtype=dtype).mul(0.5).exp())


def diagonal(n, size, dtype=torch.float64):
    scale = (0.5 * normal(n, size, seed=2, dtype=dtype)).exp()
    return Independent(Normal(normal(n, size, dtype=dtype), scale), 1)


def correlated(n, size, dtype=torch.float64):
    return MultivariateNormal(normal(n, size, seed=1, dtype=dtype), scale_tril=triangular(n, size, dtype))


GAUSSIANS = pytest.mark.parametrize("gaussian", [diagonal, correlated])


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_divergence_of_a_diagonal_gaussian_is_that_of_torch(size):
    q = diagonal(50, size, torch.float32)
    ours = gaussian_kl(q.base_dist.loc, 2 * q.base_dist.scale.log())
    theirs = kl_divergence(q, standard_normal(size))
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_divergence_of_a_full_gaussian_is_that_of_torch(size):
    q = correlated(50, size, torch.float32)
    theirs = kl_divergence(q, MultivariateNormal(torch.zeros(size), torch.eye(size)))
    assert torch.allclose(gaussian_kl_full(q.loc, q.scale_tril), theirs, rtol=1e-4, atol=1e-6)


@GAUSSIANS
def test_the_divergence_is_a_mean_log_ratio(gaussian):
    """KL = E_q[log q(h) − log p(h)], within three standard errors of 100,000 samples."""
    q, p = gaussian(4, 3), standard_normal(3, like=torch.zeros(1, dtype=torch.float64))
    h = moved(q, normal(100_000, 4, 3, seed=9))
    ratio = q.log_prob(h) - p.log_prob(h)
    error = (ratio.mean(0) - kl_to_standard_normal(q)).abs()
    assert (error < 3 * ratio.std(0) / len(ratio) ** 0.5).all()


def test_full_and_diagonal_agree_where_there_is_no_correlation():
    mu, log_var = normal(9, 4), normal(9, 4, seed=1)
    full = gaussian_kl_full(mu, torch.diag_embed((0.5 * log_var).exp()))
    assert torch.allclose(full, gaussian_kl(mu, log_var))


def test_the_divergence_is_zero_only_at_the_standard_normal():
    zeros = torch.zeros(1, 3)
    assert gaussian_kl(zeros, zeros).item() == 0
    assert gaussian_kl_full(zeros, torch.eye(3)).item() == pytest.approx(0, abs=1e-7)
    assert (gaussian_kl(normal(200, 3), normal(200, 3, seed=1)) > 0).all()
    assert (gaussian_kl_full(normal(200, 3), triangular(200, 3)) > 0).all()


def test_a_rotation_leaves_the_divergence_of_a_full_gaussian_alone():
    """N(0, I) looks the same from all sides: KL(N(Rμ, RΣRᵀ) ‖ N(0, I)) is that without R."""
    q = correlated(5, 3)
    turn = torch.linalg.qr(normal(3, 3, seed=8)).Q
    turned = MultivariateNormal(q.loc @ turn.T, turn @ q.covariance_matrix @ turn.T)
    assert torch.allclose(kl_to_standard_normal(turned), kl_to_standard_normal(q))


@pytest.mark.parametrize("leading", [(), (5,), (2, 5)])
def test_divergences_keep_the_leading_dimensions(leading):
    assert gaussian_kl(torch.zeros(*leading, 3), torch.zeros(*leading, 3)).shape == leading
    assert gaussian_kl_full(torch.zeros(*leading, 3), torch.eye(3).expand(*leading, 3, 3)).shape == leading


@GAUSSIANS
def test_moved_samples_have_the_gaussians_mean_and_covariance(gaussian):
    q = gaussian(1, 3)
    h = moved(q, normal(200_000, 1, 3, seed=5))[:, 0]
    covariance = torch.diag(q.variance[0]) if gaussian is diagonal else q.covariance_matrix[0]
    assert torch.allclose(h.mean(0), q.mean[0], atol=0.03)
    assert torch.allclose(h.T.cov(), covariance, atol=0.03 * covariance.abs().max().item())


@GAUSSIANS
def test_noise_zero_gives_the_mean(gaussian):
    q = gaussian(4, 3)
    assert torch.equal(moved(q, torch.zeros(4, 3, dtype=torch.float64)), q.mean)


def test_gradients_reach_mean_and_scale():
    mu, scale = normal(4, 3).requires_grad_(), triangular(4, 3).requires_grad_()
    moved(MultivariateNormal(mu, scale_tril=scale), normal(4, 3, seed=2)).square().sum().backward()
    assert mu.grad.abs().min() > 0
    assert scale.grad.tril().abs().sum() > 0


@GAUSSIANS
def test_single_precision_noise_may_move_a_double_precision_gaussian(gaussian):
    assert moved(gaussian(4, 3), torch.ones(4, 3)).dtype == torch.float64


@pytest.mark.parametrize("call", [kl_to_standard_normal, lambda q: moved(q, torch.ones(1, 2))])
def test_other_distributions_are_refused(call):
    with pytest.raises(TypeError, match=r"q: want .*, got Independent"):
        call(Independent(Gamma(torch.ones(1, 2), torch.ones(1, 2)), 1))


# --- the linear Gaussian model


def points(n=400, size=6):
    """Points [n, size] whose covariance is far from a multiple of I."""
    return normal(n, size, seed=1) @ normal(size, size, seed=2) + normal(size, seed=3)


def model(size=5, latent=2, sigma=0.6):
    return LinearGaussian(normal(size, latent), normal(size, seed=1), sigma)


@pytest.mark.parametrize("latent", [1, 3, 5])
def test_the_fit_scores_points_as_probabilistic_pca_of_scikit_learn_does(latent):
    x = points()
    ours = LinearGaussian.fitted(x, latent).log_prob(x)
    unbiased = PCA(latent, svd_solver="full").fit(x.numpy())  # its covariance divides by n − 1, the fit's by n
    theirs = MultivariateNormal(x.mean(0), torch.from_numpy(unbiased.get_covariance()) * (len(x) - 1) / len(x))
    assert torch.allclose(ours, theirs.log_prob(x), rtol=1e-6)


def test_the_fit_scores_points_as_score_samples_with_as_large_a_covariance():
    """Points drawn in so that their covariance with 1/(n − 1) is that of the others with 1/n."""
    x = points()
    shrunk = (x - x.mean(0)) * math.sqrt((len(x) - 1) / len(x)) + x.mean(0)
    theirs = PCA(2, svd_solver="full").fit(shrunk.numpy()).score_samples(x.numpy())
    assert torch.allclose(LinearGaussian.fitted(x, 2).log_prob(x), torch.from_numpy(theirs), rtol=1e-6)


def test_no_neighbour_of_the_fit_makes_the_points_likelier():
    x = points()
    best = LinearGaussian.fitted(x, 2)
    at_best = best.log_prob(x).mean()
    for seed in range(10):
        near = best.weight + 0.02 * normal(6, 2, seed=10 + seed)
        assert LinearGaussian(near, best.bias, best.sigma).log_prob(x).mean() < at_best
    for factor in (0.97, 1.03):
        assert LinearGaussian(best.weight, best.bias, best.sigma * factor).log_prob(x).mean() < at_best


def test_a_dimension_is_used_only_if_its_eigenvalue_exceeds_the_noise():
    """Tipping & Bishop: W's columns have squared lengths λ_i − σ²."""
    x = points()
    fit = LinearGaussian.fitted(x, 3)
    values = torch.linalg.eigvalsh((x - x.mean(0)).T @ (x - x.mean(0)) / len(x)).flip(0)
    assert torch.allclose(fit.weight.square().sum(0), values[:3] - fit.sigma**2)
    assert fit.sigma**2 == pytest.approx(values[3:].mean().item())


def test_the_posterior_obeys_bayes():
    """log P(h|x) = log P(x|h) + log P(h) − log P(x), at any h."""
    oracle, x, h = model(), normal(7, 5, seed=5), normal(7, 2, seed=6)
    bayes = oracle.likelihood(h).log_prob(x) + standard_normal(2, like=x).log_prob(h) - oracle.log_prob(x)
    assert torch.allclose(oracle.posterior(x).log_prob(h), bayes, rtol=0, atol=1e-9)


def test_the_marginal_is_the_integral_over_codes():
    """With one latent number, by the trapezoidal rule."""
    oracle, x = model(latent=1), normal(7, 5, seed=5)
    h = torch.linspace(-9, 9, 4001, dtype=torch.float64)[:, None]
    joint = oracle.likelihood(h).log_prob(x[:, None]) + Normal(0, 1).log_prob(h[:, 0])  # [7, 4001]
    assert torch.allclose(torch.trapezoid(joint.exp(), h[:, 0]).log(), oracle.log_prob(x), atol=1e-6)


def test_the_bound_is_tight_at_the_true_posterior():
    oracle, x = model(), normal(50, 5, seed=5)
    assert torch.allclose(oracle.elbo(x, oracle.posterior(x)), oracle.log_prob(x), rtol=0, atol=1e-6)


@GAUSSIANS
def test_the_gap_is_the_divergence_from_the_true_posterior(gaussian):
    oracle, x, q = model(), normal(50, 5, seed=5), gaussian(50, 2)
    gap = oracle.log_prob(x) - oracle.elbo(x, q)
    as_full = MultivariateNormal(q.mean, torch.diag_embed(q.variance)) if gaussian is diagonal else q
    assert torch.allclose(gap, kl_divergence(as_full, oracle.posterior(x)), rtol=1e-6)
    assert (gap > 0).all()


def test_importance_weights_are_constant_at_the_true_posterior():
    oracle, x = model(), normal(20, 5, seed=5)
    q = oracle.posterior(x)
    h = moved(q, normal(100, 20, 2, seed=7))
    weights = standard_normal(2, like=x).log_prob(h) + oracle.likelihood(h).log_prob(x) - q.log_prob(h)
    assert torch.allclose(weights, oracle.log_prob(x).expand(100, 20), rtol=0, atol=1e-6)


def test_samples_follow_the_marginal():
    oracle = model(size=3)
    x, h = oracle.sample(100_000, generator=seeded(4))
    assert x.shape == (100_000, 3)
    assert h.shape == (100_000, 2)
    assert torch.allclose(x.mean(0), oracle.bias, atol=0.05)
    spread = oracle.marginal.covariance_matrix
    assert torch.allclose(x.T.cov(), spread, atol=0.03 * spread.abs().max().item())
    assert (x - oracle.likelihood(h).mean).std().item() == pytest.approx(oracle.sigma, rel=0.01)


def test_the_same_generator_gives_the_same_points():
    first, again, other = (model().sample(5, generator=seeded(s))[0] for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_shapes_with_more_leading_dimensions():
    oracle, x = model(), normal(3, 4, 5)
    assert oracle.log_prob(x).shape == (3, 4)
    assert oracle.posterior(x).covariance_matrix.shape == (3, 4, 2, 2)
    assert oracle.elbo(x, oracle.posterior(x)).shape == (3, 4)


@pytest.mark.parametrize(
    ("weight", "bias", "sigma"), [((5, 2), 4, 1.0), ((5,), 5, 1.0), ((5, 2), 5, 0.0), ((5, 2), 5, -1.0)]
)
def test_sizes_that_do_not_fit_are_refused(weight, bias, sigma):
    with pytest.raises(ValueError, match="weight, bias, sigma"):
        LinearGaussian(torch.zeros(weight), torch.zeros(bias), sigma)


@pytest.mark.parametrize("latent", [0, 6, 9])
def test_a_fit_needs_some_directions_left_out(latent):
    with pytest.raises(ValueError, match="latent_size < M"):
        LinearGaussian.fitted(points(), latent)
