"""The toy worlds: the points are where the formulas put them, with the hidden h that the set reports."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import make_swiss_roll

from coursekit.data import toy

WORLDS = [toy.arc, toy.swiss_roll, toy.ring_of_gaussians, toy.square_of_gaussians, toy.two_lines]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("world", WORLDS)
def test_generator_alone_decides_the_points(world):
    first, again, other = (world(50, generator=seeded(seed)) for seed in (0, 0, 1))
    assert torch.equal(first.points, again.points)
    assert torch.equal(first.factors, again.factors)
    assert not torch.equal(first.points, other.points)


@pytest.mark.parametrize("world", WORLDS)
def test_size_dtype_and_names(world):
    for n in (0, 1, 7):
        made = world(n, generator=seeded())
        assert len(made) == n
        assert made.points.dtype == torch.float32
        assert made.factors.shape == (n, len(made.factor_names))


@pytest.mark.parametrize("world", WORLDS)
def test_negative_size_is_refused(world):
    with pytest.raises(ValueError, match=r"n: got -1"):
        world(-1)


@pytest.mark.parametrize("world", [toy.arc, toy.swiss_roll, toy.two_lines])
def test_noise_moves_points_and_keeps_h(world):
    clean, noisy = world(4000, generator=seeded()), world(4000, noise=0.3, generator=seeded())
    assert torch.equal(clean.factors, noisy.factors)
    assert (noisy.points - clean.points).std().item() == pytest.approx(0.3, rel=0.03)
    with pytest.raises(ValueError, match=r"noise: got -0\.1"):
        world(3, noise=-0.1)
    with pytest.raises(ValueError, match="noise: got nan"):
        world(3, noise=math.nan)


def test_arc_lies_on_the_circle_with_uniform_angle():
    made = toy.arc(5000, generator=seeded())
    assert torch.allclose(made.points.norm(dim=1), torch.ones(5000), atol=1e-6)
    assert torch.equal(made.points, toy.arc_points(made.factors))
    assert made.points[:, 1].min() >= 0
    deciles = torch.quantile(made.factors.flatten() / math.pi, torch.linspace(0, 1, 11))
    assert torch.allclose(deciles, torch.linspace(0, 1, 11), atol=0.02)


def test_arc_distance_agrees_with_the_nearest_of_many_arc_points():
    points = 3 * torch.rand(500, 2, generator=seeded()) - 1.5
    fine = toy.arc_points(torch.linspace(*toy.ARC_ANGLES, 20001))
    nearest = torch.cdist(points, fine, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1)
    assert torch.allclose(toy.arc_distance(points), nearest, atol=2e-4)
    assert toy.arc_distance(toy.arc(100, generator=seeded()).points).max() < 1e-6


def test_swiss_roll_is_scikit_learns():
    theirs, angle = make_swiss_roll(200, random_state=0)
    h = torch.from_numpy(np.stack([angle, theirs[:, 1]], axis=1))
    assert torch.allclose(toy.swiss_roll_points(h), torch.from_numpy(theirs), atol=1e-12)
    ours = toy.swiss_roll(5000, generator=seeded()).factors
    for column, (low, high) in zip(ours.T, (toy.ROLL_ANGLES, toy.ROLL_HEIGHTS), strict=True):
        assert low <= column.min() < low + 0.05 * (high - low)
        assert high >= column.max() > high - 0.05 * (high - low)


def test_swiss_roll_angle_is_the_distance_from_the_axis():
    made = toy.swiss_roll(100, generator=seeded())
    assert torch.allclose(made.points[:, [0, 2]].norm(dim=1), made.factors[:, 0], rtol=1e-5)


@pytest.mark.parametrize("modes", [1, 5, 8])
def test_ring_has_its_modes_means_and_spread(modes):
    made = toy.ring_of_gaussians(4000 * modes, modes, radius=2.0, std=0.1, generator=seeded())
    assert torch.bincount(made.labels, minlength=modes).min() > 3700
    for mode, centre in enumerate(toy.ring_centres(modes, radius=2.0)):
        cloud = made.points[made.labels == mode]
        assert torch.allclose(cloud.mean(dim=0), centre, atol=0.01)
        assert torch.allclose(cloud.T.cov(), 0.01 * torch.eye(2), atol=0.001)


def test_ring_points_are_centre_plus_offset():
    made = toy.ring_of_gaussians(100, std=0.2, generator=seeded())
    assert torch.allclose(made.points, toy.ring_centres()[made.labels] + 0.2 * made.factors, atol=1e-6)
    assert torch.allclose(toy.ring_centres(8, radius=3.0).norm(dim=1), torch.full((8,), 3.0))


def test_ring_refuses_no_modes_and_negative_spread():
    with pytest.raises(ValueError, match="modes: got 0"):
        toy.ring_of_gaussians(5, 0)
    with pytest.raises(ValueError, match=r"std: got -1"):
        toy.ring_of_gaussians(5, std=-1.0)


def test_square_points_are_corner_plus_offset():
    how = {"centre": (3.0, -1.0), "scale": 0.5}
    made = toy.square_of_gaussians(4000, **how, std=0.2, generator=seeded())
    corners = toy.square_corners(**how)
    assert torch.allclose(made.points, corners[made.labels] + 0.1 * made.factors, atol=1e-6)
    assert corners.tolist() == [[2.5, -1.5], [3.5, -1.5], [3.5, -0.5], [2.5, -0.5]]
    assert torch.allclose(made.labels.bincount() / 4000, torch.tensor(0.25), atol=0.03)


def test_hidden_counterparts_have_one_nature():
    """Drawn with one seed, two squares are each other's hidden truth: a shift and a scale."""
    a, b = (toy.square_of_gaussians(50, centre=c, scale=s, generator=seeded()) for c, s in (((1, 2), 2), ((0, 5), 3)))
    assert torch.equal(a.labels, b.labels)
    assert torch.allclose(b.points, torch.tensor([0.0, 5]) + 1.5 * (a.points - torch.tensor([1.0, 2])), atol=1e-5)


def test_eight_maps_keep_the_square():
    maps, corners = toy.square_symmetries(), toy.square_corners()
    images = {tuple(torch.cdist(corners @ q.T, corners).argmin(1).tolist()) for q in maps}
    assert len(maps) == len(images) == 8
    assert torch.equal(maps @ maps.mT, torch.eye(2).expand(8, 2, 2))  # none stretches
    assert torch.equal(maps[0], torch.eye(2))
    assert torch.linalg.det(maps).tolist() == [1.0] * 4 + [-1.0] * 4
    assert all((torch.cdist(corners @ q.T, corners).amin(1) == 0).all() for q in maps)


def test_square_refuses_negative_spread():
    with pytest.raises(ValueError, match="std: got -1"):
        toy.square_of_gaussians(5, std=-1.0)


def test_two_lines_are_those_of_the_lecture():
    made = toy.two_lines(1001, generator=seeded())
    data, generated = made.points[made.labels == 0], made.points[made.labels == 1]
    assert (len(data), len(generated)) == (501, 500)
    assert torch.allclose(data, made.factors[made.labels == 0] * torch.tensor([0.98, 0.2]))
    assert torch.allclose(generated, made.factors[made.labels == 1] * torch.tensor([0.2, 0.98]))
    assert made.factors.abs().max() <= 1
    assert made.factors.std().item() == pytest.approx(3**-0.5, rel=0.05)
    assert made.classes == ("data", "generator")


@pytest.mark.parametrize(("function", "shape"), [(toy.arc_distance, "2"), (toy.swiss_roll_points, "2")])
def test_wrong_shape_is_named(function, shape):
    with pytest.raises(ValueError, match=rf"got shape \[4, 3\], want \[n, {shape}\]"):
        function(torch.zeros(4, 3))
