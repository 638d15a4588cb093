"""What a translation keeps, what varies, what it hides."""

import pytest
import torch

from coursekit.data import horses
from coursekit.metrics.translation import (
    _blurred,
    correlations,
    diversity,
    hidden_message,
    masked_error,
    structure_error,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=seeded(seed))


def left_half(n=1, size=8):
    mask = torch.zeros(n, 1, size, size)
    mask[..., : size // 2] = 1
    return mask


# Errors where a mask says


def test_only_what_the_mask_covers_counts():
    x, mask = torch.full((2, 3, 8, 8), 0.5), left_half(2)
    y = x + 0.1 * mask + 0.4 * (1 - mask)
    assert masked_error(x, y, mask) == pytest.approx(0.01, rel=1e-5)
    assert masked_error(x, y, 1 - mask) == pytest.approx(0.16, rel=1e-5)
    assert masked_error(x, y, torch.ones_like(mask)) == pytest.approx(0.085, rel=1e-5)  # what without a mask is said
    assert masked_error(x, y, mask[:1].bool()) == pytest.approx(0.01, rel=1e-5)  # one mask for all


def test_each_pixel_weighs_the_same_whatever_its_image():
    x, mask = torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4)
    mask[0, :, :3], mask[1, :, 0, 0] = 1, 1  # twelve pixels, and one
    y = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)])
    assert masked_error(x, y, mask) == pytest.approx(1 / 13)


# Structure


def test_structure_is_blind_to_colours_and_sees_where_things_are():
    x = horses.horses(50, size=32, seed=0).images
    assert structure_error(x, x) == pytest.approx(0, abs=1e-9)
    for recoloured in (1 - x, 0.2 + 0.5 * x, x[:, [2, 0, 1]]):
        assert structure_error(x, recoloured) == pytest.approx(0, abs=1e-6)
        assert (x - recoloured).square().mean() > 0.001  # which pixels see
    assert structure_error(x, x.roll(2, -1)) > 0.1
    assert structure_error(x, x.flip(-1)) > 0.3


def test_a_true_pair_has_the_same_structure_and_another_animal_not():
    x, y = (one.images for one in horses.pairs(200, size=32, seed=1))
    pair, other = structure_error(x, y), structure_error(x, y.roll(1, 0))
    assert pair < 0.25
    assert other > 2 * pair


def test_structures_of_noise_have_nothing_in_common():
    x, y = noise(100, 3, 32, 32), noise(100, 3, 32, 32, seed=1)
    assert structure_error(x, y) == pytest.approx(1, abs=0.05)
    assert structure_error(x, torch.full_like(x, 0.5)) == 1


def test_structure_may_be_asked_for_in_a_part_alone():
    x, mask = noise(20, 3, 32, 32), left_half(20, 32)
    far = torch.cat([x[..., :22], noise(20, 3, 32, 10, seed=1)], -1)  # the blur reaches five pixels
    assert structure_error(x, far, mask) == pytest.approx(0, abs=1e-9)
    assert structure_error(x, far, 1 - mask) > 0.3


@pytest.mark.parametrize(("period", "deviation"), [(4, 1.6), (8, 1.6), (8, 0.8)])
def test_the_blur_leaves_the_promised_share_of_stripes(period, deviation):
    x = torch.cos(2 * torch.pi * torch.arange(64, dtype=torch.float64) / period).expand(1, 1, 64, 64)
    share = (_blurred(x, deviation)[..., 16:48] / x[..., 16:48])[..., ::period]
    angle = 2 * torch.pi * deviation / torch.tensor(period, dtype=torch.float64)
    assert torch.allclose(share, (-(angle**2) / 2).exp().expand_as(share), atol=0.003)


# Diversity


def test_outputs_that_are_alike_have_no_diversity_and_far_ones_their_distance():
    x = noise(4, 1, 3, 8, 8)
    assert diversity(x.expand(-1, 5, -1, -1, -1)) == 0
    apart = torch.stack([torch.zeros(4, 3, 8, 8), torch.full((4, 3, 8, 8), 0.3)], 1)
    assert diversity(apart) == pytest.approx(0.3, rel=1e-5)
    three = torch.cat([apart, apart[:, 1:]], 1)  # two of three pairs are apart
    assert diversity(three) == pytest.approx(0.2, rel=1e-5)


def test_diversity_of_uniform_noise():
    assert diversity(noise(5, 4, 3, 32, 32)) == pytest.approx((1 / 6) ** 0.5, rel=0.01)


def test_what_differs_between_inputs_is_no_diversity():
    """The negative control: outputs that depend on the input alone, as far apart as can be."""
    x = noise(50, 1, 3, 8, 8).expand(-1, 4, -1, -1, -1)
    assert x.std() > 0.2
    assert diversity(x) == 0


def test_diversity_may_be_asked_for_in_a_part_alone():
    mask = left_half(2)
    x = torch.stack([torch.zeros(2, 3, 8, 8), 0.4 * mask.expand(-1, 3, -1, -1)], 1)
    assert diversity(x, mask) == pytest.approx(0.4, rel=1e-5)
    assert diversity(x, 1 - mask) == 0
    assert diversity(x) == pytest.approx(0.4 * 0.5**0.5, rel=1e-5)


# Messages


def steganographer(epsilon, cover):
    """Shows the cover alone, and hides the image in it, in differences of size ε."""
    return (lambda x: cover + epsilon * x), (lambda y: (y - cover) / epsilon)


@pytest.mark.parametrize("epsilon", [0.1, 0.01])
def test_a_message_in_faint_differences_is_lost_in_noise(epsilon):
    x = noise(20, 3, 16, 16).double()
    there, back = steganographer(epsilon, noise(1, 3, 16, 16, seed=1).double())
    found = hidden_message(there, back, x, sigma=0.02, generator=seeded(2))
    assert found.clean < 1e-12  # the cycle closes
    assert found.gain == pytest.approx(1 / epsilon, rel=0.02)
    assert found.noisy == pytest.approx(0.02 / epsilon, rel=0.02)
    assert found.factor > 1e6


def test_an_honest_way_back_loses_no_more_than_the_noise():
    x = noise(20, 3, 16, 16)
    found = hidden_message(lambda x: 1 - x, lambda y: 1 - y, x, sigma=0.02, generator=seeded(2))
    assert found.gain == pytest.approx(1, rel=0.02)
    assert found.noisy == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize(("amplify", "factor"), [(1.0, 1.0198), (10.0, 2.2361), (100.0, 20.025)])
def test_the_factor_follows_from_gain_and_clean_error(amplify, factor):
    """Errors of .1 that are there anyway, and independent noise of .02 times the gain: √(1 + (.02 gain / .1)²)."""
    x = noise(50, 3, 16, 16).double()
    there, back = steganographer(1 / amplify, 0.0)
    wrong = 0.1 * torch.randn(x.shape, generator=seeded(1), dtype=x.dtype)
    found = hidden_message(there, lambda y: back(y) + wrong, x, sigma=0.02, generator=seeded(2))
    assert found.clean == pytest.approx(0.1, rel=0.02)
    assert found.factor == pytest.approx(factor, rel=0.03)


def test_the_noise_comes_from_the_generator():
    x, ways = noise(2, 3, 8, 8), (lambda x: x, lambda y: y)
    first, again, other = (hidden_message(*ways, x, generator=seeded(seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert first.factor == float("inf")  # nothing was lost, so any error is infinitely more


# Correlations


def test_correlations_are_those_of_columns():
    a = torch.randn(500, 4, generator=seeded())
    b = torch.stack([2 * a[:, 0] + 1, -a[:, 1], torch.ones(500), torch.randn(500, generator=seeded(1))], 1)
    found = correlations(a, b)
    assert torch.allclose(found[:3], torch.tensor([1.0, -1.0, 0.0]), atol=1e-6)
    assert found[3].abs() < 0.15
    both = torch.corrcoef(torch.cat([a, b], 1)[:, [3, 7]].T)[0, 1]
    assert torch.allclose(found[3], both, atol=1e-6)


# Errors


@pytest.mark.parametrize(("measure", "said"), [
    (lambda: masked_error(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 8, 8), left_half()), "x, y: want two .* alike"),
    (lambda: masked_error(torch.zeros(2, 3, 8, 8), torch.zeros(2, 3, 8, 8), left_half(3)), r"mask: want \[2, 1, 8"),
    (lambda: masked_error(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), 0 * left_half()), "mask: no pixel counts"),
    (lambda: structure_error(torch.zeros(2, 3, 4, 8), torch.zeros(2, 3, 4, 8)), "images beyond a border of 2 pixels"),
    (lambda: structure_error(noise(2, 3, 8, 8), noise(2, 3, 8, 8), blur=0), "positive blur"),
    (lambda: diversity(torch.zeros(2, 1, 3, 8, 8)), "k at least 2"),
    (lambda: diversity(torch.zeros(2, 3, 8, 8)), r"want \[n, k, C, H, W\]"),
    (lambda: diversity(torch.zeros(1, 2, 3, 8, 8), 0 * left_half()), "no pixel counts"),
    (lambda: hidden_message(lambda x: x, lambda y: y, noise(2, 3, 8, 8), sigma=0), "sigma: want a positive"),
    (lambda: hidden_message(lambda x: x, lambda y: y[:, :1], noise(2, 3, 8, 8)), "back: want images"),
    (lambda: correlations(torch.zeros(5, 2), torch.zeros(5, 3)), r"a, b: want two \[n, F\] alike"),
])  # fmt: skip
def test_wrong_shapes_are_named(measure, said):
    with pytest.raises(ValueError, match=said):
        measure()
