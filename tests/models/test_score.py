"""The score of smoothed points, against autograd of the log-density that torch.distributions knows."""

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from coursekit.models.score import smoothed_denoiser, smoothed_score


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


POINTS = torch.randn(7, 3, generator=seeded(), dtype=torch.float64)
X = torch.randn(20, 3, generator=seeded(1), dtype=torch.float64)
WEIGHTS = torch.rand(7, generator=seeded(2), dtype=torch.float64)


@pytest.mark.parametrize(("sigma", "spread", "weights"), [(0.5, 0.0, None), (0.3, 0.4, None), (1.0, 0.2, WEIGHTS)])
def test_the_score_is_the_gradient_of_the_mixtures_log_density(sigma, spread, weights):
    std = torch.full_like(POINTS, (sigma**2 + spread**2) ** 0.5)
    chances = torch.ones(7, dtype=torch.float64) if weights is None else weights
    mixture = MixtureSameFamily(Categorical(chances), Independent(Normal(POINTS, std), 1))
    x = X.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(mixture.log_prob(x).sum(), x)
    assert torch.allclose(smoothed_score(X, POINTS, sigma, spread=spread, weights=weights), wanted, atol=1e-9)


def test_the_denoiser_of_points_is_their_mean_weighted_by_likelihood():
    logits = -(X[:, None] - POINTS).square().sum(2) / (2 * 0.5**2)
    assert torch.allclose(smoothed_denoiser(X, POINTS, 0.5), logits.softmax(1) @ POINTS, atol=1e-9)


def test_the_denoiser_of_one_gaussian_shrinks_towards_its_mean():
    mean = POINTS[:1]
    wanted = mean + 0.4**2 / (0.4**2 + 0.3**2) * (X - mean)
    assert torch.allclose(smoothed_denoiser(X, mean, 0.3, spread=0.4), wanted, atol=1e-9)


def test_small_noise_goes_to_the_nearest_point_and_large_noise_to_the_mean():
    nearest = POINTS[torch.cdist(X, POINTS).argmin(1)]
    assert torch.allclose(smoothed_denoiser(X, POINTS, 0.01), nearest, atol=1e-3)
    assert torch.allclose(smoothed_denoiser(X, POINTS, 300.0), POINTS.mean(0).expand_as(X), atol=1e-3)


def test_images_keep_their_shape():
    x, points = torch.rand(4, 1, 3, 3, generator=seeded()), torch.rand(6, 1, 3, 3, generator=seeded(1))
    flat = smoothed_score(x.flatten(1), points.flatten(1), 0.5)
    assert torch.allclose(smoothed_score(x, points, 0.5), flat.reshape(x.shape))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="positive variance"):
        smoothed_score(X, POINTS, 0.0)
    with pytest.raises(ValueError, match="one shape"):
        smoothed_score(X, POINTS[:, :2], 1.0)
