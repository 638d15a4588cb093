"""Exact denoisers against integrals and autograd, their Jacobians, and guidance against the conditional law."""

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal

from coursekit.models import PCA
from coursekit.models.diffusion import ClassifierGuided, Guided, Spread, Straight, denoisers, linear
from coursekit.models.diffusion.denoisers import (
    Denoiser,
    FiniteDenoiser,
    GaussianDenoiser,
    LinearDenoiser,
    MixtureDenoiser,
)
from coursekit.models.diffusion.jacobian import leading_gains, local_jacobian, local_rank, spectrum
from coursekit.models.score import smoothed_denoiser


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64)


POINTS, X = drawn(7, 3), drawn(20, 3, seed=1)
WEIGHTS = torch.rand(7, generator=seeded(2), dtype=torch.float64)
ROOTS = drawn(7, 3, 3, seed=3) / 2
COVARIANCES = ROOTS @ ROOTS.mT + 0.01 * torch.eye(3)
MOMENTS = [(linear(), 300), (Straight(), 0.4), (Spread(5.0), 0.6)]
moment = pytest.mark.parametrize(("schedule", "t"), MOMENTS, ids=["linear", "straight", "spread"])


def finite(schedule):
    return FiniteDenoiser(POINTS, schedule, WEIGHTS)


def round_mixture(schedule):
    return MixtureDenoiser(POINTS, schedule, std=torch.linspace(0.1, 0.7, 7, dtype=torch.float64), weights=WEIGHTS)


def long_mixture(schedule):
    return MixtureDenoiser(POINTS, schedule, covariances=COVARIANCES, weights=WEIGHTS)


def gaussian(schedule):
    return GaussianDenoiser(POINTS[0], COVARIANCES[0], schedule)


EXACT = [finite, round_mixture, long_mixture, gaussian]
exact = pytest.mark.parametrize("make", EXACT, ids=lambda make: make.__name__)


def noisy_law(make, schedule, t):
    """The distribution of x_t, as torch.distributions knows it."""
    a, s = schedule.signal(t), schedule.noise(t)
    eye = torch.eye(3, dtype=torch.float64)
    if make is gaussian:
        return MultivariateNormal(a * POINTS[0], a**2 * COVARIANCES[0] + s**2 * eye)
    if make is long_mixture:
        parts = MultivariateNormal(a * POINTS, a**2 * COVARIANCES + s**2 * eye)
    else:
        own = torch.linspace(0.1, 0.7, 7, dtype=torch.float64) if make is round_mixture else torch.zeros(7)
        std = (a**2 * own.square() + s**2).sqrt()[:, None].expand(7, 3)
        parts = Independent(Normal(a * POINTS, std), 1)
    return MixtureSameFamily(Categorical(WEIGHTS), parts)


@exact
@moment
def test_the_score_is_the_gradient_of_the_log_density(make, schedule, t):
    x = X.clone().requires_grad_()
    law = noisy_law(make, schedule, t)
    (wanted,) = torch.autograd.grad(law.log_prob(x).sum(), x)
    denoiser = make(schedule)
    assert torch.allclose(denoiser.score(X, t), wanted, atol=1e-8)
    s = schedule.noise(t)
    assert torch.allclose(denoiser.eps(X, t), -s * wanted, atol=1e-8)
    assert not torch.allclose(denoiser.eps(X, t), -(s**2) * wanted, atol=1e-2)  # a mistake: ᾱ's noise without its root


@pytest.mark.parametrize("make", [round_mixture, long_mixture, gaussian], ids=lambda make: make.__name__)
@moment
def test_the_log_density_is_torchs(make, schedule, t):
    assert torch.allclose(make(schedule).log_prob(X, t), noisy_law(make, schedule, t).log_prob(X), atol=1e-9)


@moment
def test_the_estimate_is_the_posterior_mean_by_integration(schedule, t):
    """E[x₀ | x_t] = ∫ x₀ p(x₀) N(x_t; a x₀, s²) dx₀ / ∫ p(x₀) N(x_t; a x₀, s²) dx₀."""
    means, std = torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64), torch.tensor([0.3, 0.1, 0.5]).double()
    denoiser = MixtureDenoiser(means, schedule, std=std, weights=torch.tensor([1.0, 2.0, 1.0]).double())
    grid = torch.linspace(-6, 6, 60_001, dtype=torch.float64)
    prior = MixtureSameFamily(Categorical(torch.tensor([1.0, 2.0, 1.0]).double()), Normal(means[:, 0], std))
    x_t = torch.tensor([[-1.5], [0.0], [0.9], [3.0]], dtype=torch.float64)
    log_p = prior.log_prob(grid) + Normal(schedule.signal(t) * grid, schedule.noise(t)).log_prob(x_t)
    assert torch.allclose(denoiser(x_t, t), (log_p.softmax(1) @ grid)[:, None], atol=1e-6)


@moment
def test_the_denoiser_of_points_is_their_weighted_mean(schedule, t):
    a, s = schedule.signal(t), schedule.noise(t)
    logits = -(X[:, None] - a * POINTS).square().sum(2) / (2 * s**2)
    denoiser = FiniteDenoiser(POINTS, schedule)
    assert torch.allclose(denoiser.posterior(X, t), logits.softmax(1), atol=1e-9)
    assert torch.allclose(denoiser(X, t), logits.softmax(1) @ POINTS, atol=1e-9)
    assert torch.allclose(finite(schedule)(X, t), (logits + WEIGHTS.log()).softmax(1) @ POINTS, atol=1e-9)


def test_at_time_sigma_it_is_the_smoothed_denoiser():
    assert torch.allclose(FiniteDenoiser(POINTS, Spread(5.0))(X, 0.5), smoothed_denoiser(X, POINTS, 0.5), atol=1e-9)
    wide = MixtureDenoiser(POINTS, Spread(5.0), std=0.4)
    assert torch.allclose(wide(X, 0.3), smoothed_denoiser(X, POINTS, 0.3, spread=0.4), atol=1e-9)


def test_little_noise_goes_to_the_nearest_point_and_much_to_the_mean():
    nearest = POINTS[torch.cdist(X, POINTS).argmin(1)]
    denoiser = FiniteDenoiser(POINTS, Spread(1000.0))
    assert torch.allclose(denoiser(X, 0.01), nearest, atol=1e-3)
    assert torch.allclose(denoiser(X, 1000.0), POINTS.mean(0).expand_as(X), atol=1e-3)


@exact
def test_the_ends_of_the_straight_path(make):
    denoiser = make(Straight())
    share = WEIGHTS / WEIGHTS.sum()
    mean = POINTS[0] if make is gaussian else share @ POINTS
    assert torch.allclose(denoiser(X, 1.0), mean.expand_as(X), atol=1e-9)
    assert torch.allclose(denoiser(X, 0.0), X, atol=1e-9)


def test_a_flat_gaussian_at_time_0_stays_on_its_plane():
    flat = GaussianDenoiser(torch.zeros(2, dtype=torch.float64), torch.diag(drawn(2).square() * torch.tensor([1, 0])),
                            Spread(1.0))  # fmt: skip
    assert torch.allclose(flat(X[:, :2], 0), X[:, :2] * torch.tensor([1, 0]), atol=1e-9)


@exact
@moment
def test_one_time_for_each_item(make, schedule, t):
    denoiser = make(schedule)
    several = torch.full((20,), t, dtype=torch.float64)
    several[0] = schedule.times(9)[-2]
    assert torch.allclose(denoiser(X, several)[1:], denoiser(X, t)[1:], atol=1e-12)
    assert torch.allclose(denoiser(X, several)[:1], denoiser(X[:1], several[:1]), atol=1e-12)
    assert not torch.allclose(denoiser(X, several)[:1], denoiser(X[:1], t), atol=1e-3)


def test_blocks_change_nothing(monkeypatch):
    whole = finite(linear())(X, 200)
    monkeypatch.setattr(denoisers, "BLOCK", 15)  # two rows at a time
    assert len(finite(linear()).blocks(X, 200)) == 10
    assert torch.allclose(finite(linear())(X, 200), whole, atol=1e-12)


def test_images_that_are_alike_and_far_from_zero_are_told_apart_in_float32():
    images = 10 + torch.rand(1, 3, 16, 16, generator=seeded()) + 0.01 * torch.randn(50, 3, 16, 16, generator=seeded(1))
    x_t = Spread(1.0).noised(images[:5], 0.1, torch.randn(5, 3, 16, 16, generator=seeded(2)))
    in_float32, in_float64 = (FiniteDenoiser(points, Spread(1.0)) for points in (images, images.double()))
    assert in_float32(x_t, 0.1).dtype == torch.float32
    assert torch.allclose(in_float32(x_t, 0.1).double(), in_float64(x_t.double(), 0.1), atol=1e-4)


@moment
def test_eps_velocity_and_score_tell_the_same(schedule, t):
    denoiser, (a, s) = finite(schedule), (schedule.signal(t), schedule.noise(t))
    assert torch.allclose(a * denoiser(X, t) + s * denoiser.eps(X, t), X, atol=1e-12)
    assert torch.allclose(denoiser.velocity(X, t), denoiser.eps(X, t) - denoiser(X, t), atol=1e-12)
    assert torch.allclose(denoiser.score(X, t), -denoiser.eps(X, t) / s, atol=1e-12)


@moment
def test_the_gaussian_is_the_best_affine_denoiser_of_its_data(schedule, t):
    """Its coefficients are those of least squares of x₀ on x_t, for any data: here for points and no Gaussian."""
    x_0 = POINTS[torch.randint(7, (200_000,), generator=seeded())]
    x_t = schedule.noised(x_0, t, drawn(200_000, 3, seed=1))
    design = torch.cat([x_t, torch.ones(len(x_t), 1)], 1)
    regression = torch.linalg.lstsq(design, x_0).solution
    ours = GaussianDenoiser.fitted(POINTS, schedule)
    assert torch.allclose(ours(X, t), torch.cat([X, torch.ones(20, 1)], 1) @ regression, atol=0.03)
    errors = [(denoiser(x_t, t) - x_0).square().mean() for denoiser in (FiniteDenoiser(POINTS, schedule), ours)]
    assert errors[0] < 0.9 * errors[1]


def test_the_linear_denoiser_projects():
    pca = PCA(2).fit(POINTS.float())
    denoiser = LinearDenoiser(pca.components_, pca.mean_, Spread(1.0))
    x = X.float()
    assert torch.allclose(denoiser(x, 0.5), pca.inverse_transform(pca.transform(x)), atol=1e-5)
    assert torch.allclose(denoiser(denoiser(x, 0.5), 0.1), denoiser(x, 0.5), atol=1e-5)
    straight = LinearDenoiser(pca.components_, pca.mean_, Straight())
    assert torch.allclose(straight(0.5 * x, 0.5), denoiser(x, 0.5), atol=1e-5)
    assert torch.allclose(straight(x, 1.0), pca.mean_.expand_as(x))


@exact
def test_images_keep_their_shape(make):
    denoiser = make(Straight())
    for name in ("points", "means"):
        if hasattr(denoiser, name):
            setattr(denoiser, name, getattr(denoiser, name).reshape(-1, 1, 3, 1))
    assert torch.equal(denoiser(X.reshape(20, 1, 3, 1), 0.3).flatten(1), make(Straight())(X, 0.3))


# its Jacobian


@pytest.mark.parametrize("make", [finite, long_mixture], ids=lambda make: make.__name__)
@moment
def test_the_jacobian_is_the_posteriors_covariance(make, schedule, t):
    """a ∂E[x₀|x_t]/∂x_t = (a²/s²) Cov(x₀|x_t); for points the covariance is a sum."""
    denoiser, a, s = make(schedule), schedule.signal(t), schedule.noise(t)
    found = local_jacobian(denoiser, X, t)
    assert torch.allclose(found, found.mT, atol=1e-9)
    by_hand = [torch.autograd.functional.jacobian(lambda x: denoiser(x[None], t)[0], x) for x in X]
    assert torch.allclose(found, a * torch.stack(by_hand), atol=1e-9)
    if make is finite:
        p, mean = denoiser.posterior(X, t), denoiser(X, t)
        covariance = torch.einsum("nm,mi,mj->nij", p, POINTS, POINTS) - mean[:, :, None] * mean[:, None]
        assert torch.allclose(found, (a / s) ** 2 * covariance, atol=1e-9)


@moment
def test_a_gaussians_gains_are_known(schedule, t):
    values, a, s = torch.linalg.eigvalsh(COVARIANCES[0]).flip(0), schedule.signal(t), schedule.noise(t)
    found = spectrum(gaussian(schedule), X[:2], t)
    assert torch.allclose(found, (a**2 * values / (a**2 * values + s**2)).expand(2, 3), atol=1e-9)


def test_the_local_rank_is_the_manifolds_dimension():
    angle = torch.linspace(0, 6.28, 2000, dtype=torch.float64)
    circle = torch.stack([angle.cos(), angle.sin(), torch.zeros(2000)], 1)
    denoiser = FiniteDenoiser(circle, Spread(5.0))
    x = circle[::500] + 0.05 * drawn(4, 3)
    assert local_rank(denoiser, x, 0.05).tolist() == [1, 1, 1, 1]  # along the circle
    assert local_rank(denoiser, x, 5.0).tolist() == [0, 0, 0, 0]  # where all is mean
    plane = LinearDenoiser(torch.eye(3)[:2].double(), torch.zeros(3).double(), Spread(5.0))
    assert local_rank(plane, x, 5.0).tolist() == [2, 2, 2, 2]


def test_leading_gains_are_the_largest_of_the_spectrum():
    points = drawn(300, 40) @ torch.diag(0.7 ** torch.arange(40).double()) @ drawn(40, 40, seed=5) / 6
    denoiser, x = FiniteDenoiser(points, Spread(5.0)), points[:3] + 0.3 * drawn(3, 40, seed=6)
    whole = spectrum(denoiser, x, 0.3)
    assert torch.allclose(leading_gains(denoiser, x, 0.3, 5, generator=seeded()), whole[:, :5], rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="k: want 1 to 40"):
        leading_gains(denoiser, x, 0.3, 41)


# guidance


class Asked(Denoiser):
    """Two Gaussians; the condition (1, 0) asks for the first, (0, 1) for the second, (0, 0) for nothing."""

    def __init__(self, schedule):
        super().__init__()
        self.schedule, self.calls = schedule, 0
        self.both = MixtureDenoiser(POINTS[:2], schedule, std=0.5)
        self.each = [MixtureDenoiser(POINTS[k : k + 1], schedule, std=0.5) for k in range(2)]

    def forward(self, x_t, t, condition=None):
        self.calls += 1
        free = self.both(x_t, t)
        if condition is None:
            return free
        told = [condition[:, k : k + 1] * denoiser(x_t, t) for k, denoiser in enumerate(self.each)]
        return told[0] + told[1] + (1 - condition.sum(1, keepdim=True)) * free


@moment
def test_guidance_extrapolates_from_nothing_through_the_condition(schedule, t):
    asked, condition = Asked(schedule), torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(20, 2)
    free, told = asked.eps(X, t), asked.eps(X, t, condition)
    assert torch.allclose(Guided(asked, 0.0)(X, t, condition), asked(X, t), atol=1e-12)
    assert torch.allclose(Guided(asked, 1.0)(X, t, condition), asked(X, t, condition), atol=1e-12)
    assert torch.allclose(Guided(asked, 2.5).eps(X, t, condition), free + 2.5 * (told - free), atol=1e-9)
    other = told + 2.5 * (told - free)  # the other convention
    assert not torch.allclose(Guided(asked, 2.5).eps(X, t, condition), other, atol=1e-2)
    assert torch.allclose(Guided(asked, 3.5).eps(X, t, condition), other, atol=1e-9)
    assert torch.equal(Guided(asked, 2.5)(X, t), asked(X, t))


def test_guidance_asks_once_and_takes_a_weight_for_each_item():
    asked, condition = Asked(Straight()), torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(20, 2)
    weight = torch.linspace(0, 3, 20, dtype=torch.float64)
    several = Guided(asked, weight)(X, 0.3, condition)
    assert asked.calls == 1
    assert torch.allclose(several[7:8], Guided(asked, weight[7].item())(X[7:8], 0.3, condition[7:8]), atol=1e-12)
    with pytest.raises(ValueError, match="condition: want one row for each of 20 items"):
        Guided(asked, 1.0)(X, 0.3, condition[:3])


@moment
def test_an_exact_classifier_makes_the_conditional_denoiser(schedule, t):
    """∇ log p(x_t) + ∇ log P(y | x_t) = ∇ log p(x_t | y)."""
    asked = Asked(schedule)

    def first(x_t, t):
        return asked.each[0].log_prob(x_t, t) - 0.6931471805599453 - asked.both.log_prob(x_t, t)

    with torch.no_grad():
        guided = ClassifierGuided(asked, first)(X, t)
        assert torch.allclose(guided, asked.each[0](X, t), atol=1e-9)
        assert not torch.allclose(asked(X, t), asked.each[0](X, t), atol=1e-2)
        assert not torch.allclose(ClassifierGuided(asked, first, -1.0)(X, t), asked.each[0](X, t), atol=1e-2)


def test_a_classifier_says_nothing_of_pure_noise():
    asked = Asked(Straight())
    assert torch.allclose(ClassifierGuided(asked, asked.each[0].log_prob)(X, 1.0), asked(X, 1.0))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: FiniteDenoiser(POINTS, linear(), WEIGHTS[:3]), "weights"),
        (lambda: FiniteDenoiser(POINTS, linear(), -WEIGHTS), "weights"),
        (lambda: FiniteDenoiser(POINTS[:0], linear()), "points, means"),
        (lambda: FiniteDenoiser(POINTS, linear())(X[:, :2], 3), "x_t"),
        (lambda: FiniteDenoiser(POINTS, linear())(X, torch.tensor([1, 2])), "t"),
        (lambda: MixtureDenoiser(POINTS, linear()), "std, covariances"),
        (lambda: MixtureDenoiser(POINTS, linear(), std=-0.1), "std"),
        (lambda: MixtureDenoiser(POINTS, linear(), std=WEIGHTS[:2]), "std"),
        (lambda: MixtureDenoiser(POINTS, linear(), covariances=COVARIANCES[:2]), "covariances"),
        (lambda: MixtureDenoiser(POINTS, linear(), covariances=ROOTS), "covariances"),
        (lambda: MixtureDenoiser(POINTS, linear(), covariances=-COVARIANCES), "covariances"),
        (lambda: MixtureDenoiser(POINTS, linear(), std=0.1)(X[:, :2], 3), "x_t"),
        (lambda: LinearDenoiser(2 * torch.eye(3), torch.zeros(3), linear()), "components"),
        (lambda: LinearDenoiser(torch.eye(2), torch.zeros(3), linear()), "components"),
    ],
)
def test_errors_name_the_argument(call, named):
    with pytest.raises(ValueError, match=rf"^{named}: want"):
        call()
