"""The perfect discriminator, distances between samples, covered modes: closed forms, SciPy, and plain loops."""

import math

import pytest
import torch
from scipy import stats
from scipy.spatial.distance import jensenshannon

from coursekit.data import toy
from coursekit.metrics import adversarial
from coursekit.metrics.adversarial import jensen_shannon, mmd, mode_count, optimal_discriminator, wasserstein_1d


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def chances(k, seed):
    return normal(k, seed=seed).mul(3).softmax(0)


# --- D*


def test_the_optimal_discriminator_is_the_share_of_the_data():
    p, q = chances(50, 0), chances(50, 1)
    assert torch.allclose(optimal_discriminator(p.log(), q.log()), p / (p + q), atol=1e-12)


def test_the_optimal_discriminator_where_densities_underflow():
    """exp(−1000) is 0, and p/(p + q) would be 0/0."""
    log_p = torch.tensor([-1000.0, -1001.0, -1e6])
    log_q = torch.tensor([-1001.0, -1000.0, -1e6])
    assert (log_p.exp() / (log_p.exp() + log_q.exp())).isnan().all()
    wanted = torch.tensor([1 / (1 + math.exp(-1)), 1 / (1 + math.e), 0.5])
    assert torch.allclose(optimal_discriminator(log_p, log_q), wanted)


def test_the_optimal_discriminator_is_sure_where_one_law_gives_nothing():
    log = torch.tensor([0.0, -torch.inf])
    assert optimal_discriminator(log, log.flip(0)).tolist() == [1, 0]


# --- Jensen-Shannon


@pytest.mark.parametrize("k", [2, 9])
def test_jensen_shannon_is_scipys_distance_squared(k):
    p, q = chances(k, 0), chances(k, 1)
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p.numpy(), q.numpy()) ** 2, rel=1e-9)
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p))


def test_jensen_shannon_lies_between_0_and_log_2():
    p = torch.tensor([0.5, 0.5, 0, 0])
    assert jensen_shannon(p, p) == 0
    assert jensen_shannon(p, p.flip(0)) == pytest.approx(math.log(2))


def test_jensen_shannon_of_densities_on_a_plane():
    """Of p and q independent of the second number it is that of the first alone."""
    p, q = chances(5, 0), chances(5, 1)
    other = chances(7, 2)
    assert jensen_shannon(p[:, None] * other, q[:, None] * other) == pytest.approx(jensen_shannon(p, q))


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [1.5, -0.5], [torch.nan, 1], [0.2, 0.3, 0.5]])
def test_jensen_shannon_refuses_what_is_no_distribution(wrong):
    with pytest.raises(ValueError, match=r"q: want"):
        jensen_shannon(torch.tensor([0.5, 0.5]), torch.tensor(wrong))


# --- W₁


@pytest.mark.parametrize(("n", "m"), [(1, 1), (50, 50), (50, 7), (3, 400)])
def test_wasserstein_agrees_with_scipy(n, m):
    a, b = normal(n), 2 * normal(m, seed=1) + 1
    assert wasserstein_1d(a, b) == pytest.approx(stats.wasserstein_distance(a.numpy(), b.numpy()), abs=1e-9)


def test_wasserstein_agrees_with_scipy_where_numbers_are_equal():
    a, b = normal(60).round(), normal(45, seed=1).round()
    assert wasserstein_1d(a, b) == pytest.approx(stats.wasserstein_distance(a.numpy(), b.numpy()), abs=1e-9)


def test_wasserstein_of_as_many_numbers_is_the_mean_gap_of_the_sorted_ones():
    a, b = normal(300), 2 * normal(300, seed=1)
    assert wasserstein_1d(a, b) == pytest.approx((a.sort().values - b.sort().values).abs().mean().item())
    unsorted = (a - b).abs().mean().item()  # the pairs as they come are no cheapest way
    assert wasserstein_1d(a, b) < 0.6 * unsorted


def test_wasserstein_of_shifted_samples_is_the_shift():
    a = normal(100)
    assert wasserstein_1d(a, a + 3) == pytest.approx(3)
    assert wasserstein_1d(a, a[torch.randperm(100)]) == pytest.approx(0, abs=1e-12)


def test_wasserstein_of_two_gaussians_is_the_closed_form():
    """Between N(0, 1) and N(0, 2²) the t-th quantiles are Φ⁻¹(t) and 2 Φ⁻¹(t): E|h| = √(2/π)."""
    t = (torch.arange(200_000).double() + 0.5) / 200_000
    a = torch.special.ndtri(t)
    assert wasserstein_1d(a, 2 * a) == pytest.approx(math.sqrt(2 / math.pi), abs=1e-5)


@pytest.mark.parametrize("wrong", [torch.zeros(0), torch.zeros(3, 1), torch.tensor([0, torch.nan])])
def test_wasserstein_refuses_what_is_no_sample(wrong):
    with pytest.raises(ValueError, match="b: want finite numbers"):
        wasserstein_1d(torch.zeros(3), wrong)


# --- modes


def test_modes_of_the_ring_itself():
    points = toy.ring_of_gaussians(20_000, std=0.05, generator=torch.Generator().manual_seed(0))
    found = mode_count(points.points, toy.ring_centres(8), 0.05)
    assert found.modes == 8
    assert found.share == pytest.approx(1 - math.exp(-9 / 2), abs=0.003)
    on = (points.points - toy.ring_centres(8)[points.labels]).norm(dim=1) <= 0.15
    assert found.counts.tolist() == torch.bincount(points.labels[on], minlength=8).tolist()


def test_modes_that_are_missing_and_points_that_lie_on_none():
    centres = torch.eye(3)
    points = torch.stack([centres[0], centres[0] + 0.1, centres[2] - 0.4, torch.zeros(3)])
    found = mode_count(points, centres, 0.1)
    assert found.modes == 1
    assert found.share == 0.5
    assert found.counts.tolist() == [2, 0, 0]


def test_a_single_stray_point_covers_a_mode_only_where_one_is_enough():
    centres = torch.tensor([[0.0, 0], [1, 0]])
    points = torch.cat([centres[:1].expand(99, 2), centres[1:]])
    assert mode_count(points, centres, 0.1).modes == 2
    assert mode_count(points, centres, 0.1, least=2).modes == 1


def test_a_sample_counts_for_the_nearest_mode_alone():
    centres = torch.tensor([[0.0], [1.0]])
    assert mode_count(torch.tensor([[0.45], [0.55]]), centres, 1.0).counts.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("points", "std", "words"),
    [((4, 3), 0.1, "points, centres"), ((0, 2), 0.1, "points, centres"), ((4, 2), 0.0, "std, within, least")],
)
def test_modes_are_not_counted_for_other_shapes(points, std, words):
    with pytest.raises(ValueError, match=words):
        mode_count(torch.zeros(points), torch.zeros(3, 2), std)


# --- MMD


def by_loops(a, b, widths):
    """The unbiased estimate, pair by pair."""

    def kernel(x, y):
        return sum(math.exp(-(x - y).square().sum().item() / (2 * w**2)) for w in widths) / len(widths)

    def mean(one, two, skip):
        pairs = [kernel(x, y) for i, x in enumerate(one) for j, y in enumerate(two) if not (skip and i == j)]
        return sum(pairs) / len(pairs)

    return mean(a, a, True) + mean(b, b, True) - 2 * mean(a, b, False)


@pytest.mark.parametrize("widths", [(1.0,), (0.3, 2.0)])
def test_mmd_agrees_with_plain_loops(widths):
    a, b = normal(12, 3), 0.5 * normal(9, 3, seed=1) + 1
    assert mmd(a, b, widths) == pytest.approx(by_loops(a, b, widths), rel=1e-9)
    assert mmd(a, b, widths) == pytest.approx(mmd(b, a, widths))


def test_mmd_is_0_on_average_for_one_law_and_so_is_no_biased_estimate():
    """Over 200 pairs of 20 points; with the items' own pairs counted too it would be 2 (1 − E k)/20 = .067."""
    found = torch.tensor([mmd(normal(20, 2, seed=2 * s), normal(20, 2, seed=2 * s + 1), [1.0]) for s in range(200)])
    error = found.std().item() / 200**0.5
    assert abs(found.mean().item()) < 3 * error
    assert error < 0.06 / 10


def test_mmd_of_two_gaussians_is_the_closed_form():
    """E k(x, y) for x − y ~ N(μ, s²): σ/√(σ² + s²) exp(−μ²/(2 (σ² + s²)))."""
    a, b = normal(4000, 1), normal(4000, 1, seed=1) + 1.5

    def mean(mu):
        return 1 / math.sqrt(3) * math.exp(-(mu**2) / 6)

    assert mmd(a, b, [1.0]) == pytest.approx(2 * mean(0) - 2 * mean(1.5), rel=0.05)


def test_mmd_does_not_depend_on_the_blocks_it_is_computed_in(monkeypatch):
    a, b = normal(25, 2), normal(31, 2, seed=1)
    whole = mmd(a, b, [1.0])
    monkeypatch.setattr(adversarial, "BLOCK", 7)
    assert mmd(a, b, [1.0]) == pytest.approx(whole)


def test_mmd_far_from_the_origin():
    a, b = normal(40, 2), normal(40, 2, seed=1)
    assert mmd(a + 1e5, b + 1e5) == pytest.approx(mmd(a, b), abs=1e-8)


def test_mmd_without_bandwidths_takes_the_datas_median_distance():
    a, b = normal(40, 2), 3 * normal(30, 2, seed=1)
    median = torch.pdist(a).median().item()
    assert mmd(a, b) == pytest.approx(mmd(a, b, [m * median for m in (0.25, 0.5, 1, 2, 4)]))
    assert mmd(10 * a, 10 * b) == pytest.approx(mmd(a, b))


def test_mmd_of_images_is_that_of_their_pixels():
    a, b = normal(9, 1, 4, 4), normal(8, 1, 4, 4, seed=1)
    assert mmd(a, b) == mmd(a.flatten(1), b.flatten(1))


@pytest.mark.parametrize(
    ("a", "b", "widths", "words"),
    [
        ((5, 2), (5, 3), None, "a, b: want"),
        ((5, 2), (1, 2), None, "a, b: want"),
        ((5,), (5,), None, "a, b: want"),
        ((5, 2), (5, 2), (1.0, 0.0), "bandwidths: want"),
        ((5, 2), (5, 2), (), "bandwidths: want"),
        ((5, 2), (5, 2), None, "a: want items that differ"),
    ],
)
def test_mmd_refuses_what_it_cannot_compare(a, b, widths, words):
    with pytest.raises(ValueError, match=words):
        mmd(torch.zeros(a), torch.zeros(b), widths)
