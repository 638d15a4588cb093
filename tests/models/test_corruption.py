"""What damages an input: how much of it, in which way, and by whose randomness."""

import pytest
import torch

from coursekit.models.corruption import Gaussian, Masking, Patch


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


IMAGES = torch.rand(400, 3, 8, 8, generator=seeded(9)) + 0.1
KINDS = pytest.mark.parametrize("damage", [Gaussian(0.3), Masking(0.3), Patch(3)], ids=repr)


@KINDS
def test_the_same_generator_does_the_same_damage_and_the_input_stays_whole(damage):
    before = IMAGES.clone()
    one, two, other = (damage(IMAGES, generator=seeded(s)) for s in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(IMAGES, before)
    assert one.shape == IMAGES.shape
    assert one.dtype == IMAGES.dtype


@KINDS
def test_without_a_generator_torchs_own_decides(damage):
    torch.manual_seed(3)
    one = damage(IMAGES)
    torch.manual_seed(3)
    assert torch.equal(one, damage(IMAGES))


def test_gaussian_noise_has_its_standard_deviation_and_no_mean():
    noise = Gaussian(0.3)(IMAGES, generator=seeded()) - IMAGES
    assert noise.std().item() == pytest.approx(0.3, rel=0.02)
    assert noise.mean().item() == pytest.approx(0, abs=0.01)


def test_masking_loses_its_share_of_whole_pixels_and_leaves_the_rest():
    damaged = Masking(0.3)(IMAGES, generator=seeded())
    lost = damaged == 0
    assert lost.float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(lost.any(1), lost.all(1))  # all channels of a pixel together
    assert torch.equal(damaged[~lost], IMAGES[~lost])


def test_masking_of_points_loses_single_numbers_and_takes_a_value():
    damaged = Masking(0.5, value=9.0)(torch.ones(500, 2), generator=seeded())
    both = (damaged == 9).sum(1)
    assert (both == 1).float().mean().item() == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize(("p", "left"), [(0.0, 1.0), (1.0, 0.0)])
def test_masking_all_or_nothing(p, left):
    assert (Masking(p)(IMAGES) != 0).float().mean().item() == left


def test_a_patch_is_one_square_anywhere_inside():
    lost = Patch(3)(IMAGES, generator=seeded()) == 0  # [n, C, H, W]
    assert (lost.sum((2, 3)) == 9).all()
    assert (lost.any(3).sum(2) == 3).all()
    assert (lost.any(2).sum(2) == 3).all()
    assert lost.any(0)[0, [0, 0, 7, 7], [0, 7, 0, 7]].all()  # corners get their turn


def test_wrong_arguments_are_named():
    for make, name in ((lambda: Gaussian(-1), "sigma"), (lambda: Masking(1.2), "p:"), (lambda: Patch(0), "size")):
        with pytest.raises(ValueError, match=name):
            make()
    with pytest.raises(ValueError, match="at least 9"):
        Patch(9)(IMAGES)
