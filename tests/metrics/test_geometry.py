"""The measures, against SciPy, scikit-learn and sets whose dimension or distance is known."""

import math

import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from coursekit import metrics
from coursekit.data import faces
from coursekit.metrics import geometry


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("k", "j"), [(2, 2), (4, 1), (1, 3), (3, 3)])
def test_principal_angles_agree_with_scipy(k, j):
    a, b = (torch.randn(n, 7, generator=seeded(n + 10 * k), dtype=torch.float64) for n in (k, j))
    wanted = torch.from_numpy(subspace_angles(a.numpy().T, b.numpy().T).copy())
    assert torch.allclose(metrics.principal_angles(a, b), wanted, atol=1e-10)


def test_principal_angles_of_a_span_do_not_see_its_basis():
    a = torch.randn(3, 9, generator=seeded(), dtype=torch.float64)
    mixing = torch.randn(3, 3, generator=seeded(1), dtype=torch.float64)
    assert metrics.principal_angles(a, mixing @ a).max() < 1e-12


@pytest.mark.parametrize("angle", [1e-7, 0.3, 1.5])
def test_principal_angles_measure_a_rotation(angle):
    a = torch.eye(2, 3, dtype=torch.float64)
    turned = torch.tensor([[math.cos(angle), 0, math.sin(angle)], [0, 1, 0]], dtype=torch.float64)
    assert metrics.principal_angles(a, turned).tolist() == pytest.approx([angle, 0], rel=1e-6, abs=1e-12)


def test_principal_angles_need_one_space():
    with pytest.raises(ValueError, match=r"\[2, 3\] and \[2, 4\]"):
        metrics.principal_angles(torch.zeros(2, 3), torch.zeros(2, 4))


@pytest.mark.parametrize("method", ["mle", "twonn"])
@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_intrinsic_dimension_of_a_gaussian_in_many_dimensions(method, dimension):
    h = torch.randn(3000, dimension, generator=seeded())
    lift = torch.linalg.qr(torch.randn(50, dimension, generator=seeded(1))).Q
    found = metrics.intrinsic_dimension(h @ lift.T + 3, method=method)
    assert found == pytest.approx(dimension, abs=0.12 * dimension)


def test_intrinsic_dimension_counts_duplicates_once_and_knows_its_limits():
    x = torch.randn(500, 2, generator=seeded())
    twice = torch.cat([x, x])
    assert metrics.intrinsic_dimension(twice) == pytest.approx(metrics.intrinsic_dimension(x))
    with pytest.raises(ValueError, match="more than k different points"):
        metrics.intrinsic_dimension(torch.ones(500, 2))
    with pytest.raises(ValueError, match="method"):
        metrics.intrinsic_dimension(x, method="guess")


def test_local_pca_sees_the_plane_that_a_curved_surface_has_at_a_point():
    plane = 2 * torch.rand(20_000, 2, generator=seeded()) - 1
    surface = torch.cat([plane, plane.square().sum(1, keepdim=True)], 1)  # [n, 3], a bowl
    spectrum = metrics.local_pca(torch.zeros(3), surface, k=200)
    assert spectrum.shape == (3,)
    assert spectrum[1] > 0.5 * spectrum[0]
    assert spectrum[2] < 0.01 * spectrum[1]
    assert metrics.local_pca(torch.zeros(3), surface)[2] > 0.1 * spectrum[0]  # far away it is not flat


def bowl(h: Tensor) -> Tensor:
    return torch.stack([h[:, 0], h[:, 1], h.square().sum(1), h[:, 0] * h[:, 1], h[:, 0] * 2], 1)


def test_jacobian_is_the_derivative_of_each_item():
    h = torch.randn(4, 2, generator=seeded(), dtype=torch.float64)
    found = metrics.jacobian(bowl, h)
    for item, slope in zip(h, found, strict=True):
        wanted = torch.autograd.functional.jacobian(lambda one: bowl(one[None])[0], item)
        assert torch.allclose(slope, wanted)
    assert torch.allclose(metrics.jacobian(bowl, h, columns=[1]), found[:, :, [1]])


def test_jacobian_rank_counts_free_directions():
    h = torch.tensor([[1.0, 2.0, 3.0], [1.0, 0.0, 3.0]], dtype=torch.float64)
    assert metrics.jacobian_rank(lambda h: h[:, :1] * h[:, 1:2].repeat(1, 5), h).tolist() == [1, 1]
    both = metrics.jacobian_rank(lambda h: torch.cat([h[:, :1] * h[:, 1:2], h[:, 2:]], 1), h)
    assert both.tolist() == [2, 2]
    with pytest.raises(ValueError, match="do not depend"):
        metrics.jacobian(torch.zeros_like, h)


def test_auroc_is_the_share_of_pairs_in_order():
    familiar, novel = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 3.0])
    assert metrics.auroc(familiar, novel) == pytest.approx((1 + 0.5 + 0 + 3) / 6)
    assert metrics.auroc(novel, familiar) == pytest.approx(1 - (1 + 0.5 + 0 + 3) / 6)
    with pytest.raises(ValueError, match="both"):
        metrics.auroc(familiar, familiar[:0])
    with pytest.raises(ValueError, match="NaN"):
        metrics.auroc(familiar, novel * torch.nan)


def test_auroc_is_scikit_learns_ties_too():
    generator = torch.Generator().manual_seed(0)
    familiar, novel = (torch.randn(n, generator=generator).round(decimals=1) for n in (200, 70))
    theirs = roc_auc_score([0] * 200 + [1] * 70, torch.cat([familiar, novel]).numpy())
    assert metrics.auroc(familiar, novel) == pytest.approx(theirs, abs=1e-12)


def test_distances_to_nearest_points_are_scikit_learns(monkeypatch):
    """Also for points far from the origin, and however the pairs are cut into blocks."""
    x = torch.randn(100, 20, generator=torch.Generator().manual_seed(0)) + 30
    theirs, _ = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(x.double().numpy()).kneighbors()
    for block in (7, 256):
        monkeypatch.setattr(geometry, "BLOCK", block)
        torch.testing.assert_close(geometry._nearest(x, 4), torch.from_numpy(theirs), rtol=1e-9, atol=0)


def circle(h: Tensor) -> Tensor:
    """[n, 2] -> [n, 2]: angle and, fixed, one of two radii."""
    return torch.stack([h[:, 1] * torch.cos(h[:, 0]), h[:, 1] * torch.sin(h[:, 0])], 1)


CIRCLES = {
    "gallery": torch.cartesian_prod(torch.linspace(-2.5, 2.5, 11), torch.tensor([1.0, 2.0])),
    "free": [0],
    "ranges": {"angle": (-2.5, 2.5), "radius": (1.0, 2.0)},
}


def test_distance_to_two_circles_is_known():
    angle = torch.linspace(-2.4, 2.4, 9)
    radius = torch.linspace(0.5, 2.5, 9)
    x = torch.stack([radius * angle.cos(), radius * angle.sin()], 1)
    distance, h = metrics.distance_to_manifold(x, circle, **CIRCLES)
    nearest = torch.where(radius < 1.5, 1.0, 2.0)
    clear = (radius - 1.5).abs() > 0.01  # between the circles both are as near
    assert torch.allclose(distance, (radius - nearest).abs() / math.sqrt(2), atol=1e-4)
    assert torch.allclose(h[clear, 1], nearest[clear])
    assert torch.allclose(h[clear, 0], angle[clear], atol=5e-3)


def test_bounds_hold_the_fit():
    half = CIRCLES | {"ranges": [(-1.0, 1.0), (1.0, 2.0)]}
    _, h = metrics.distance_to_manifold(torch.tensor([[0.0, 2.0]]), circle, **half)
    assert h[0].tolist() == pytest.approx([1.0, 2.0])


def test_a_guess_near_the_answer_replaces_the_search():
    manifold = metrics.Manifold(circle, **CIRCLES)
    x = torch.tensor([[0.6, 0.9], [-1.2, 0.1]])
    wanted, h = manifold.nearest(x)
    distance, found = manifold.nearest(x, guess=h + torch.tensor([0.1, 0.0]))
    assert torch.allclose(distance, wanted, atol=1e-4)
    assert torch.allclose(found, h, atol=1e-2)
    with pytest.raises(ValueError, match=r"guess: want \[2, 2\]"):
        manifold.nearest(x, guess=h[:1])


def test_rendered_faces_lie_on_their_manifold_and_their_factors_are_found():
    h = faces.sample_factors(8, generator=seeded(7))
    distance, found = metrics.distance_to_manifold(faces.render(h))
    assert distance.max() < 0.005
    assert (found - h).abs().max() < 0.02


def test_noise_on_a_face_is_its_distance():
    manifold = metrics.face_manifold(gallery=metrics.face_gallery(600))
    x = faces.render(faces.sample_factors(4, generator=seeded(8)))
    noise = 0.1 * torch.randn(x.shape, generator=seeded(9))
    distance, _ = manifold.nearest(x + noise)
    # ten fitted factors of 3,072 numbers take up a share of 10/3072 of the noise's energy
    assert distance.tolist() == pytest.approx([0.1 * math.sqrt(1 - 10 / 3072)] * 4, rel=0.04)


def test_the_gallery_has_every_combination_of_attributes_equally_often():
    kinds, counts = metrics.face_gallery(1200)[:, len(faces.CONTINUOUS) :].unique(dim=0, return_counts=True)
    assert len(kinds) == 12
    assert (counts == 100).all()
    assert (kinds[:, 0] * kinds[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"gallery": None}, "gallery, free, ranges"),
        ({"free": [2]}, "positions below F"),
        ({"ranges": [(0.0, 1.0)]}, "want 2 pairs"),
        ({"ranges": [(1.0, 0.0), (1.0, 2.0)]}, "want 2 pairs"),
    ],
)
def test_a_manifold_that_does_not_fit_together_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        metrics.distance_to_manifold(torch.zeros(1, 2), circle, **CIRCLES | change)


def test_distance_needs_pictures():
    with pytest.raises(ValueError, match="n at least 1"):
        metrics.Manifold(circle, **CIRCLES).nearest(torch.zeros(0, 2))
