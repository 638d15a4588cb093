"""Signal to noise, checkerboards, validity."""

import pytest
import torch
from sklearn.metrics import mean_squared_error

from coursekit.data import faces
from coursekit.metrics.manifold import Manifold
from coursekit.metrics.quality import checkerboard_energy, psnr, validity


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def board(n, period=2):
    at = torch.arange(n) % period
    return ((at[:, None] + at) % period).float()[None, None]


def test_psnr_is_ten_decibels_for_each_tenth_of_the_squared_error():
    x = torch.full((2, 1, 4, 4), 0.5)
    assert psnr(x + 0.1, x) == pytest.approx(20, abs=1e-4)
    assert psnr(x + 0.1 / 10**0.5, x) == pytest.approx(30, abs=1e-4)


def test_psnr_agrees_with_its_definition():
    x, y = torch.rand(2, 3, 1, 5, 5, generator=seeded())
    wanted = -10 * torch.tensor(mean_squared_error(x.flatten().numpy(), y.flatten().numpy())).log10()
    assert psnr(x, y) == pytest.approx(wanted.item(), rel=1e-5)


@pytest.mark.parametrize("period", [2, 3])
def test_a_board_is_all_board_and_a_constant_none(period):
    assert checkerboard_energy(board(14, period), period).item() == pytest.approx(1)
    assert checkerboard_energy(torch.ones(1, 1, 14, 14), period).item() == 0


def test_noise_is_a_board_by_chance_only():
    noise = torch.rand(50, 1, 34, 34, generator=seeded())
    assert checkerboard_energy(noise).mean().item() == pytest.approx(3 / 32**2, rel=0.4)  # 3 free of 4 cell means


def test_a_faint_board_counts_as_its_share_of_the_variance():
    noise = torch.randn(20, 2, 66, 66, generator=seeded())
    share = checkerboard_energy(noise + 2 * board(66)).mean().item()  # the board's variance is 1, as the noise's
    assert share == pytest.approx(0.5, abs=0.03)


def test_a_ramp_is_no_board():
    assert checkerboard_energy(torch.linspace(0, 1, 34).expand(1, 1, 34, 34)).item() < 0.01


def test_images_must_hold_two_periods():
    with pytest.raises(ValueError, match="two periods"):
        checkerboard_energy(torch.zeros(1, 1, 5, 5))


def test_validity_counts_what_is_near_the_manifold():
    circle = Manifold(
        lambda h: torch.cat([h.cos(), h.sin()], 1), gallery=torch.linspace(-3, 3, 100)[:, None], free=[0],
        ranges=[(-3.2, 3.2)],
    )  # fmt: skip
    points = torch.tensor([[1.0, 0.0], [0.0, 1.1], [0.0, 0.0], [2.0, 0.0]])  # root mean squares 0, .07, .71, .71
    assert validity(points, 0.1, manifold=circle) == 0.5
    assert validity(points, 0.05, manifold=circle) == 0.25


def test_validity_of_faces_without_a_manifold_given():
    images = torch.cat([faces.faces(2, size=16, seed=3).images, torch.rand(2, 3, 16, 16, generator=seeded())])
    assert validity(images, 0.02) == 0.5
