"""Classical generators: the likeliest Gaussian, agreement with scikit-learn, samples that follow the fitted law."""

import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch.distributions import MultivariateNormal

from coursekit.data import toy
from coursekit.metrics import mode_count
from coursekit.models.classical import GaussianGenerator, MixtureGenerator


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def points(n=300, size=4):
    return torch.randn(n, size, generator=seeded()).double() @ torch.randn(size, size, generator=seeded(1)).double() + 3


def ring(n=2000):
    return toy.ring_of_gaussians(n, std=0.05, generator=seeded()).points


GENERATORS = pytest.mark.parametrize(
    "make",
    [GaussianGenerator, lambda: MixtureGenerator(3), lambda: MixtureGenerator(3, covariance="diag")],
    ids=["Gaussian", "mixture", "diagonal mixture"],
)


def test_the_gaussian_has_the_datas_mean_and_covariance():
    x = points()
    fitted = GaussianGenerator(ridge=0).fit(x)
    root = fitted.roots_[0]
    assert torch.allclose(fitted.means_[0], x.mean(0))
    assert torch.allclose(root @ root.T, (x - x.mean(0)).T @ (x - x.mean(0)) / len(x))
    wanted = MultivariateNormal(x.mean(0), root @ root.T).log_prob(x)
    assert torch.allclose(fitted.log_prob(x), wanted)


def test_no_neighbour_of_the_gaussian_makes_the_points_likelier():
    x = points()
    fitted = GaussianGenerator(ridge=0).fit(x)
    best = fitted.log_prob(x).mean()
    mean, root = fitted.means_, fitted.roots_
    for seed in range(10):
        fitted.means_ = mean + 0.05 * torch.randn(1, 4, generator=seeded(seed)).double()
        fitted.roots_ = root * (1 + 0.05 * torch.randn(1, 4, 4, generator=seeded(seed)).double())
        assert fitted.log_prob(x).mean() < best
    fitted.means_, fitted.roots_ = mean, root * (len(x) / (len(x) - 1)) ** 0.5  # the unbiased covariance
    assert fitted.log_prob(x).mean() < best


@pytest.mark.parametrize("covariance", ["full", "diag"])
def test_the_mixture_is_scikit_learns(covariance):
    x = ring(500).double()
    ours = MixtureGenerator(4, covariance=covariance, starts=1, seed=3).fit(x)
    theirs = GaussianMixture(4, covariance_type=covariance, random_state=3, max_iter=200).fit(x.numpy())
    assert torch.allclose(ours.log_prob(x), torch.from_numpy(theirs.score_samples(x.numpy())), atol=1e-8)


def test_a_mixture_of_one_is_the_gaussian():
    x = points()
    assert torch.allclose(MixtureGenerator(1).fit(x).log_prob(x), GaussianGenerator().fit(x).log_prob(x), atol=1e-6)


def test_the_likelier_of_several_starts_is_kept():
    x = torch.rand(300, 2, generator=seeded()).double()
    one, five = (MixtureGenerator(6, starts=starts).fit(x).log_prob(x).mean() for starts in (1, 5))
    assert five > one + 0.005


@GENERATORS
def test_samples_follow_the_fitted_law(make):
    fitted = make().fit(ring())
    x = fitted.sample(40_000, generator=seeded(2)).double()
    mean = fitted.weights_ @ fitted.means_
    spreads = fitted.roots_ @ fitted.roots_.mT if fitted.roots_.ndim == 3 else fitted.roots_.square().diag_embed()
    away = fitted.means_ - mean
    covariance = torch.einsum("k,kij->ij", fitted.weights_, spreads + away[:, :, None] * away[:, None])
    assert torch.allclose(x.mean(0), mean, atol=0.015)
    assert torch.allclose(x.T.cov(), covariance, atol=0.015)


def test_samples_of_a_correlated_gaussian_are_correlated():
    """Σ = L Lᵀ: with Lᵀ in L's place the covariance would be Lᵀ L."""
    x = points(5000)
    sampled = GaussianGenerator().fit(x).sample(50_000, generator=seeded(1))
    root = torch.linalg.cholesky(x.T.cov())
    scale = x.T.cov().abs().max().item()
    assert torch.allclose(sampled.T.cov(), x.T.cov(), atol=0.03 * scale)
    assert not torch.allclose(root.T @ root, x.T.cov(), atol=0.2 * scale)


def test_a_mixture_of_eight_finds_the_rings_modes_and_one_gaussian_cannot():
    x, centres = ring(), toy.ring_centres(8)
    mixture = mode_count(MixtureGenerator(8).fit(x).sample(2000, generator=seeded()), centres, 0.05)
    gaussian = mode_count(GaussianGenerator().fit(x).sample(2000, generator=seeded()), centres, 0.05)
    assert mixture.modes == 8
    assert mixture.share > 0.97
    assert gaussian.share < 0.2


@GENERATORS
def test_the_same_generator_gives_the_same_sample(make):
    fitted = make().fit(ring(200))
    first, again, other = (fitted.sample(6, generator=seeded(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@GENERATORS
def test_images_keep_their_shape_also_where_pixels_never_change(make):
    x = torch.rand(60, 1, 4, 4, generator=seeded())
    x[:, :, 0] = 0
    fitted = make().fit(x)
    sampled = fitted.sample(5, generator=seeded())
    assert sampled.shape == (5, 1, 4, 4)
    assert sampled.dtype == torch.float32
    assert sampled[:, :, 0].abs().max() < 0.01
    assert fitted.log_prob(x).isfinite().all()
    with pytest.raises(ValueError, match=r"x: want items of shape \[1, 4, 4\], got \[4, 4\]"):
        fitted.log_prob(x[:, 0])


@pytest.mark.parametrize("x", [torch.zeros(1, 2), torch.zeros(5), torch.zeros(5, 2, dtype=torch.long)])
def test_what_cannot_be_fitted_is_refused(x):
    with pytest.raises(ValueError, match="x: want floats"):
        GaussianGenerator().fit(x)


def test_a_mixture_of_more_components_than_items_is_refused():
    with pytest.raises(ValueError, match="want at least as many items as 8 components, got 5"):
        MixtureGenerator(8).fit(torch.rand(5, 2))


@pytest.mark.parametrize(
    "make", [lambda: GaussianGenerator(ridge=-1), lambda: MixtureGenerator(0), lambda: MixtureGenerator(ridge=-1)]
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(ValueError, match="components, ridge: want"):
        make()


def test_an_unknown_covariance_is_refused():
    with pytest.raises(ValueError, match="covariance: want"):
        MixtureGenerator(covariance="round")
