"""Claims D2, D4 (on faces), D9 and D14: attractors, what a linear denoiser cannot store, the space inside, memory."""

from itertools import pairwise

import pytest
import torch
from once import model as trained

from coursekit import data, pretrained
from coursekit.data import toy
from coursekit.models import PCA
from coursekit.models.diffusion import (
    FiniteDenoiser,
    GaussianDenoiser,
    LinearDenoiser,
    SmallSteps,
    Spread,
    leading_gains,
    local_rank,
    run,
    spectrum,
)
from coursekit.pretrained import files

SPREAD = Spread(30.0)
TEN = data.faces.faces(10, size=32, seed=0).images
OTHERS = data.faces.faces(10, size=32, seed=21).images
SIZES = (10, 100, 1000, 10_000)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(like, seed=0):
    return torch.randn(like.shape, generator=seeded(seed))


def off(a, b):
    """Root mean squares of a number, for each item: [n]."""
    return (a - b).flatten(1).square().mean(1).sqrt()


def settled(denoiser, x, sigma, steps=150):
    return run(denoiser, SmallSteps(0.5), x, torch.full((steps + 1,), sigma))


def largest_variance(x):
    """With 1/n, as the data are all there is."""
    return PCA(1).fit(x.flatten(1)).explained_variance_[0].item() * (len(x) - 1) / len(x)


def different(x, apart=0.01):
    """How many of the items are left if those that agree count once."""
    away = torch.cdist(x.flatten(1), x.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    return len({int(row.argmax()) for row in (away < apart * x[0].numel() ** 0.5).int()})


# D2


def test_D2_for_little_noise_a_training_image_is_an_attractor_and_wins_its_neighbourhood():
    memory, sigma = FiniteDenoiser(TEN, SPREAD), 0.5
    around = {
        "noisy": TEN + sigma * noise(TEN),
        "blended": 0.6 * TEN + 0.4 * TEN.roll(1, 0),
    }
    for start in around.values():
        assert off(start, TEN).min() > 0.01  # it is moved at all
        assert off(settled(memory, start, sigma), TEN).max() < 1e-3
    assert (leading_gains(memory, TEN[:2], sigma, 1, generator=seeded()) < 1).all()  # what is pushed comes back
    plane = PCA(9).fit(TEN.flatten(1))
    linear = LinearDenoiser(plane.components_, plane.mean_.reshape(TEN[0].shape), SPREAD)
    assert off(settled(linear, around["blended"], sigma), TEN).min() > 0.01  # no attractor of a linear one
    assert off(settled(memory, around["noisy"], 10.0), TEN).min() > 0.05  # nor for much noise
    own = memory.posterior(around["noisy"], sigma)
    assert own.diagonal().min() > 0.999


def test_D2_for_much_noise_each_update_moves_towards_the_mean_image():
    memory, mean, eta = FiniteDenoiser(TEN, SPREAD), TEN.mean(0), 0.2
    x = TEN + 0.1 * noise(TEN)

    def nearer(sigma):
        return off(SmallSteps(eta).step(memory, x, sigma, sigma), mean) / off(x, mean)

    assert (nearer(30.0) - (1 - eta)).abs().max() < 0.01  # straight to it
    assert off(memory(x, 30.0), mean).max() < 0.02
    assert off(memory(x, 0.5), mean).min() > 0.1  # not for little noise: to an image
    assert nearer(0.5).min() > 0.9


def test_D2_attractors_merge_until_the_mean_alone_is_left():
    """At the latest where σ² is the largest variance, as ∂D/∂x = Cov(x₀|x)/σ² at the mean then says."""
    memory, bound = FiniteDenoiser(TEN, SPREAD), largest_variance(TEN) ** 0.5
    pairs = torch.combinations(torch.arange(10))
    starts = torch.cat([TEN, 0.6 * TEN[pairs[:, 0]] + 0.4 * TEN[pairs[:, 1]], TEN.mean(0) + noise(TEN)])
    counts = [different(settled(memory, starts, sigma)) for sigma in (0.1 * bound, 0.5 * bound, 0.7 * bound, bound)]
    assert counts[0] == 10
    assert counts[-1] == 1
    assert all(more >= fewer for more, fewer in pairwise(counts))
    assert 1 < counts[1] < 10
    points = toy.ring_centres(5)  # here the weights at the mean are equal, and the bound is exact: ½ along each axis
    ring, around = FiniteDenoiser(points, SPREAD), 0.01 * points
    stays = [settled(ring, around, sigma, 400).norm(dim=1).max() for sigma in (0.75, 0.65)]
    assert stays[0] < 0.01 < 0.1 < stays[1]


# D4


def test_D4_a_linear_denoiser_of_faces_keeps_what_it_never_saw_and_an_exact_one_replaces_it():
    many = data.faces.faces(400, size=32, seed=0).images
    plane = PCA(100).fit(many.flatten(1))
    linear = LinearDenoiser(plane.components_, plane.mean_.reshape(TEN[0].shape), SPREAD)
    memory = FiniteDenoiser(many, SPREAD)
    on_plane = plane.reconstruct(OTHERS.flatten(1)).reshape(OTHERS.shape)
    ends = {each: settled(each, on_plane, 0.3) for each in (linear, memory)}
    assert off(ends[linear], on_plane).max() < 1e-4  # an unseen face stays
    stored = torch.cdist(ends[memory].flatten(1), many.flatten(1)).amin(1) / 3072**0.5
    assert stored.max() < 1e-3  # and becomes a stored one
    assert off(ends[memory], on_plane).min() > 0.03
    assert (torch.cdist(ends[linear].flatten(1), many.flatten(1)).amin(1) / 3072**0.5).min() > 0.03


@pytest.mark.parametrize("sigma", [0.3, 2.0])
def test_D4_the_best_linear_denoiser_shrinks_each_direction(sigma):
    """Gains λ/(λ + σ²): nothing else linear has a smaller error on noisy faces of small size; all gains are below 1."""
    small = torch.nn.functional.avg_pool2d(data.faces.faces(600, size=32, seed=0).images, 4).flatten(1)  # [600, 192]
    x = small + sigma * noise(small)
    best = GaussianDenoiser.fitted(small, SPREAD)
    values, axes = torch.linalg.eigh(torch.cov(small.T, correction=0))
    values, mean = values.clamp(min=0), small.mean(0)

    def answer(gain):
        return mean + ((x - mean) @ axes * gain) @ axes.T

    gains = {
        "shrunk": values / (values + sigma**2), "projection": (values > sigma**2).float(),
        "σ": values / (values + sigma), "root": (values / (values + sigma**2)).sqrt(), "kept": torch.ones_like(values),
    }  # fmt: skip
    errors = {name: (answer(gain) - small).square().mean().item() for name, gain in gains.items()}
    assert torch.allclose(best(x, sigma), answer(gains["shrunk"]), atol=1e-4)
    right = errors.pop("shrunk")
    assert right < 0.97 * min(errors.values())
    resting = best(mean[None].expand(3, -1), sigma)
    assert torch.allclose(resting, mean.expand(3, -1), atol=1e-5)
    assert off(settled(best, x[:3], sigma, 4000), mean).max() < off(x[:3], mean).min()  # towards the mean, and only it


# D9

LIFT = torch.linalg.qr(torch.randn(20, 3, generator=seeded(7))).Q.T.double()
ARC = torch.nn.functional.pad(toy.arc(4000, generator=seeded()).points, (0, 1)).double() @ LIFT
ROLL = toy.swiss_roll(20_000, generator=seeded()).points.double() @ LIFT


@pytest.mark.parametrize(("points", "sigma", "dimension"), [(ARC, 0.05, 1), (ROLL, 0.5, 2)], ids=["arc", "roll"])
def test_D9_the_rank_of_the_jacobian_is_the_manifold_s_dimension(points, sigma, dimension):
    exact = FiniteDenoiser(points, SPREAD)
    x_0 = points[:200]
    x = x_0 + sigma * torch.randn(x_0.shape, generator=seeded(1), dtype=torch.float64)
    ranks = local_rank(exact, x[:50], sigma)
    assert (ranks == dimension).double().mean() > 0.85
    gains = spectrum(exact, x[:50], sigma)
    left = (exact(x, sigma) - x_0).square().sum(1).mean() / sigma**2  # an error counts the dimensions, too
    assert left == pytest.approx(dimension, rel=0.2)
    assert gains.sum(1).mean() == pytest.approx(left.item(), rel=0.2)
    full = points.std() * torch.randn(3000, 20, generator=seeded(2), dtype=torch.float64)  # no manifold in it
    gaussian = GaussianDenoiser.fitted(full, SPREAD)
    assert (local_rank(gaussian, full[:5], sigma) == 20).all()
    assert (local_rank(exact, x[:20], 30.0) == 0).all()  # at much noise nothing passes


def test_D9_a_patch_of_faces_with_two_factors_has_rank_two():
    """Skin and light; 2,500 faces of 16×16. The noise is larger than their spacing and smaller than the patch."""
    skin, light = torch.cartesian_prod(*[torch.linspace(-1, 1, 50)] * 2).T
    h = data.faces.factors().repeat(2500, 1)
    h[:, data.faces.FACTORS.index("skin")], h[:, data.faces.FACTORS.index("light")] = skin, light
    points = data.faces.render(h, size=16)
    exact, inner = FiniteDenoiser(points, SPREAD), (skin.abs() < 0.5) & (light.abs() < 0.5)
    chosen = points[inner][::60][:6]
    gains = leading_gains(exact, chosen + 0.25 * noise(chosen), 0.25, 5, generator=seeded())
    assert (gains[:, 1] > 0.5).all()
    assert (gains[:, 2] < 0.5).all()


# D14


def card(n):
    """The figures of the twins that were trained on n faces each."""
    if not all(files.card_path(files.HERE, f"twins_{size}").exists() for size in SIZES):
        pytest.skip("the weights of twins_10 … twins_10000 are not there yet")
    return pretrained.card(f"twins_{n}")["figures"]


def test_D14_few_images_are_remembered_and_of_many_none_is():
    shares = [card(n)["nearest_own"] / card(n)["nearest_unseen"] for n in SIZES]
    assert all(fewer < more for fewer, more in pairwise(shares))
    assert shares[0] < 0.3  # far nearer to a training face than unseen faces are
    assert shares[-1] > 0.8
    few, many = card(SIZES[0]), card(SIZES[-1])
    assert few["nearest_own"] < 0.3 * few["nearest_other"]  # its own faces, not its twin's
    assert many["nearest_own"] > 0.9 * many["nearest_other"]  # both alike


def test_D14_nets_trained_on_disjoint_halves_draw_nearly_the_same_from_the_same_noise():
    alike = [card(n)["alike"] for n in SIZES]
    assert alike[-1] > 0.9
    assert alike[0] < 0.6  # of ten faces, each remembers its own
    assert all(abs(card(n)["alike_by_chance"]) < 0.3 for n in SIZES)  # not because all faces look alike


def test_D14_the_net_of_ten_draws_its_ten():
    card(10)
    twins = trained("twins_10")
    faces = data.faces.faces(20, size=32, seed=_twins_seed()).images
    made = [net.sample(20, steps=10, generator=seeded(3)).clamp(0, 1) for net in (twins.first, twins.second)]
    for x, own, other in ((made[0], faces[:10], faces[10:]), (made[1], faces[10:], faces[:10])):
        near, far = (torch.cdist(x.flatten(1), known.flatten(1)).amin(1).median() for known in (own, other))
        assert near < 0.3 * far


def _twins_seed():
    from coursekit.pretrained import diffusions

    return diffusions.SEED_OF_TWINS
