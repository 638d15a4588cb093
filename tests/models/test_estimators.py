"""The two gradient estimators: both are right on average, one of them far steadier."""

import pytest
import torch

from coursekit.models.estimators import reparameterised_gradients, score_function_gradients

MU, LOG_SIGMA = torch.tensor([0.7, -0.4, 1.2]), torch.tensor([-0.3, 0.2, -1.0])
CURVES = torch.tensor([1.0, 0.5, 2.0])
N = 60_000


def bowl(h):
    """f(h) = Σ a_j h_j²: E f = Σ a_j (μ_j² + σ_j²)."""
    return (CURVES * h.square()).sum(-1)


def exact():
    """∂/∂μ = 2 a μ and ∂/∂log σ = 2 a σ²."""
    return 2 * CURVES * MU, 2 * CURVES * (2 * LOG_SIGMA).exp()


def wave(h):
    """f(h) = Σ sin h_j: E f = Σ sin(μ_j) exp(−σ_j²/2)."""
    return h.sin().sum(-1)


def exact_wave():
    variance = (2 * LOG_SIGMA).exp()
    return MU.cos() * (-variance / 2).exp(), -variance * MU.sin() * (-variance / 2).exp()


def noise(n=N, seed=0):
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))


ESTIMATORS = pytest.mark.parametrize("estimate", [reparameterised_gradients, score_function_gradients])


@ESTIMATORS
@pytest.mark.parametrize(("f", "wanted"), [(bowl, exact), (wave, exact_wave)], ids=["bowl", "wave"])
def test_estimates_are_unbiased(estimate, f, wanted):
    for samples, value in zip(estimate(f, MU, LOG_SIGMA, noise()), wanted(), strict=True):
        error = samples.std(0) / N**0.5
        assert ((samples.mean(0) - value).abs() < 3 * error + 1e-6).all()


def test_the_score_function_varies_far_more():
    pairs = zip(*(e(bowl, MU, LOG_SIGMA, noise()) for e in (reparameterised_gradients, score_function_gradients)),
                strict=True)  # fmt: skip
    for steady, wild in pairs:
        assert (wild.var(0) > 2 * steady.var(0)).all()
        assert wild.var(0).sum() > 5 * steady.var(0).sum()


def test_the_slope_of_a_linear_function_is_known_without_any_variance():
    by_mu, _ = reparameterised_gradients(lambda h: h @ CURVES, MU, LOG_SIGMA, noise(50))
    assert torch.equal(by_mu, CURVES.expand(50, 3))


def test_a_baseline_keeps_the_mean_and_lowers_the_variance():
    plain = score_function_gradients(bowl, MU, LOG_SIGMA, noise())
    mean = (CURVES * (MU.square() + (2 * LOG_SIGMA).exp())).sum().item()
    better = score_function_gradients(bowl, MU, LOG_SIGMA, noise(), baseline=mean)
    for a, b, value in zip(plain, better, exact(), strict=True):
        assert ((b.mean(0) - value).abs() < 3 * b.std(0) / N**0.5).all()
        assert b.var(0).sum() < 0.7 * a.var(0).sum()


def test_the_score_function_needs_no_derivative():
    """E 1[h > 0] = Φ(μ/σ), whose slope by μ is the density φ(μ/σ)/σ; the pathwise slope of a step is 0 everywhere."""
    mu, log_sigma = torch.tensor([0.5]), torch.tensor([0.0])
    by_mu, _ = score_function_gradients(lambda h: (h[:, 0] > 0).float(), mu, log_sigma, noise()[:, :1])
    wanted = torch.distributions.Normal(0, 1).log_prob(torch.tensor(0.5)).exp().item()
    assert by_mu.mean().item() == pytest.approx(wanted, abs=3 * by_mu.std().item() / N**0.5)


@ESTIMATORS
def test_each_item_may_have_its_own_gaussian(estimate):
    mu, log_sigma = MU.repeat(5, 1), LOG_SIGMA.repeat(5, 1)
    one, each = (estimate(bowl, *parameters, noise(5)) for parameters in ((MU, LOG_SIGMA), (mu, log_sigma)))
    assert all(a.shape == (5, 3) and torch.equal(a, b) for a, b in zip(one, each, strict=True))


@ESTIMATORS
def test_estimates_are_numbers_not_graphs(estimate):
    mu, log_sigma = MU.clone().requires_grad_(), LOG_SIGMA.clone().requires_grad_()
    assert not any(g.requires_grad for g in estimate(bowl, mu, log_sigma, noise(5)))
