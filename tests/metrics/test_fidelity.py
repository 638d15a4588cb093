"""Distances between sets of features: Gaussians in closed form, lost modes, and codes against N(0, I)."""

import pytest
import torch
from scipy import linalg, stats

from coursekit import metrics
from coursekit.metrics import fidelity
from coursekit.models.gaussians import gaussian_kl_full


def normal(n, size, seed=0):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def with_moments(mu, root, n=200, seed=0):
    """Points whose sample mean and covariance are exactly μ and R Rᵀ."""
    x = normal(n, len(mu), seed)
    x = x - x.mean(0)
    white = x @ torch.linalg.inv(torch.linalg.cholesky(x.T.cov())).T
    return white @ root.T + mu


def test_frechet_distance_of_gaussians_is_the_closed_form():
    mu, root_a, root_b = normal(1, 4)[0], normal(4, 4, 1), normal(4, 4, 2)
    a, b = with_moments(mu, root_a), with_moments(0 * mu, root_b, seed=5)
    sigma_a, sigma_b = root_a @ root_a.T, root_b @ root_b.T
    cross = linalg.sqrtm((sigma_a @ sigma_b).numpy()).real.trace()
    wanted = mu.square().sum() + sigma_a.trace() + sigma_b.trace() - 2 * cross
    assert fidelity.frechet_distance(a, b) == pytest.approx(wanted.item(), rel=1e-6)


def test_frechet_distance_where_the_covariances_commute_is_that_of_means_and_deviations():
    mu, a, b = normal(1, 3)[0], torch.tensor([1.0, 2, 3]).double(), torch.tensor([2.0, 2, 0.5]).double()
    found = fidelity.frechet_distance(with_moments(mu, a.diag()), with_moments(0 * mu, b.diag(), seed=3))
    assert found == pytest.approx((mu.square().sum() + (a - b).square().sum()).item(), rel=1e-6)


def test_frechet_distance_is_symmetric_zero_for_itself_and_indifferent_to_rotation():
    a, b = normal(50, 4), 2 * normal(60, 4, 1) + 1
    turn = torch.linalg.qr(normal(4, 4, 2)).Q
    assert fidelity.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert fidelity.frechet_distance(a, b) == pytest.approx(fidelity.frechet_distance(b, a))
    assert fidelity.frechet_distance(a @ turn, b @ turn) == pytest.approx(fidelity.frechet_distance(a, b))


def test_the_floor_of_the_frechet_distance_falls_with_the_number_of_items():
    floors = [fidelity.frechet_distance(normal(n, 8), normal(n, 8, 1)) for n in (50, 500, 5000)]
    assert floors[0] > 3 * floors[1] > 9 * floors[2] > 0


@pytest.mark.parametrize(("n", "size", "words"), [(4, 4, "more items than the 4 features"), (9, 3, "want features")])
def test_frechet_distance_refuses_what_has_no_covariance(n, size, words):
    with pytest.raises(ValueError, match=words):
        fidelity.frechet_distance(normal(n, 4), normal(9, size))


def modes(kept, n=300, seed=0):
    """Points round some of three far centres."""
    centres = 100 * torch.eye(3).double()[list(kept)]
    return centres[torch.arange(n) % len(kept)] + normal(n, 3, seed)


def test_identical_sets_are_precise_and_complete():
    x = modes((0, 1, 2))
    assert fidelity.precision_recall(x, x) == (1, 1)
    density, coverage = fidelity.density_coverage(x, x)
    assert coverage == 1
    assert density >= 1


def test_two_samples_of_one_law():
    x, y = normal(1000, 3), normal(1000, 3, 1)
    precision, recall = fidelity.precision_recall(x, y)
    density, coverage = fidelity.density_coverage(x, y)
    assert min(precision, recall) > 0.9
    assert density == pytest.approx(1, abs=0.05)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.02)  # Naeem et al.: about 1 − 2^−k for equal numbers


def test_a_lost_mode_costs_recall_and_coverage_but_no_precision():
    real, generated = modes((0, 1, 2)), modes((0, 1), seed=1)
    precision, recall = fidelity.precision_recall(real, generated)
    _, coverage = fidelity.density_coverage(real, generated)
    assert precision > 0.9
    assert 0.6 < recall <= 2 / 3
    assert coverage == pytest.approx(2 / 3, abs=0.04)


def test_an_invented_mode_costs_precision_but_no_recall():
    real, generated = modes((0, 1)), modes((0, 1, 2), seed=1)
    precision, recall = fidelity.precision_recall(real, generated)
    density, coverage = fidelity.density_coverage(real, generated)
    assert 0.55 < precision <= 2 / 3
    assert recall > 0.85
    assert 0.5 < density < 0.8
    assert coverage > 0.85


def test_sets_far_apart_share_nothing():
    real, generated = modes((0,)), modes((1,))
    assert fidelity.precision_recall(real, generated) == (0, 0)
    assert fidelity.density_coverage(real, generated) == (0, 0)


@pytest.mark.parametrize("measure", [fidelity.precision_recall, fidelity.density_coverage])
@pytest.mark.parametrize("k", [0, 10])
def test_neighbours_must_exist(measure, k):
    with pytest.raises(ValueError, match="k: want 1 <= k"):
        measure(normal(10, 2), normal(20, 2), k)


def test_the_reach_does_not_depend_on_the_parts_it_is_computed_in():
    x = normal(1500, 2)
    wanted = torch.cdist(x, x).kthvalue(4, dim=1).values  # the item itself is the nearest
    assert torch.allclose(fidelity._reach(x, 3), wanted, atol=1e-6)


def test_codes_of_the_prior_are_near_it():
    found = fidelity.latent_normality(normal(20_000, 8))
    assert found["mean"] < 0.03
    assert found["covariance"] < 0.04
    assert found["kl"] < 0.01
    assert found["ks_mean"] <= found["ks"] < 0.015


def test_normality_is_the_closed_form_of_the_fitted_gaussian():
    mu, root = normal(1, 4)[0], normal(4, 4, 1)
    found = fidelity.latent_normality(with_moments(mu, root))
    sigma = root @ root.T
    assert found["kl"] == pytest.approx(gaussian_kl_full(mu, torch.linalg.cholesky(sigma)).item(), rel=1e-6)
    assert found["mean"] == pytest.approx(mu.abs().max().item())
    assert found["covariance"] == pytest.approx((sigma - torch.eye(4).double()).norm().item() / 2)


def test_the_distance_of_a_distribution_is_scipys():
    x = 1.3 * normal(100, 3) + 0.2
    wanted = [stats.kstest(column.numpy(), "norm").statistic for column in x.T]
    found = fidelity.latent_normality(x)
    assert found["ks"] == pytest.approx(max(wanted))
    assert found["ks_mean"] == pytest.approx(sum(wanted) / 3)


def test_normality_sees_two_clusters_that_a_fitted_gaussian_does_not():
    x = normal(4000, 1) * 0.1 + (torch.arange(4000) % 2 * 2 - 1)[:, None] * 0.99**0.5
    found = fidelity.latent_normality(x)
    assert found["kl"] < 0.001
    assert found["ks"] > 0.2


def test_normality_wants_a_set_of_codes():
    with pytest.raises(ValueError, match=r"want .n, M_h."):
        fidelity.latent_normality(normal(1, 3))


def test_metrics_gathers_them():
    for name in fidelity.__all__:
        assert getattr(metrics, name) is getattr(fidelity, name)
