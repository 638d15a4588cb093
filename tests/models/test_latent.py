"""Arithmetic with codes: ends, lengths and angles of paths; directions against scikit-learn; neighbours."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from coursekit.models import latent


def codes(n=6, size=5, seed=0):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("path", [latent.lerp, latent.slerp])
def test_a_path_starts_at_a_and_ends_at_b_and_is_the_same_backwards(path):
    a, b = codes(), codes(seed=1)
    assert torch.allclose(path(a, b, 0.0), a)
    assert torch.allclose(path(a, b, 1.0), b)
    assert torch.allclose(path(a, b, 0.3), path(b, a, 0.7))


@pytest.mark.parametrize("path", [latent.lerp, latent.slerp])
def test_each_pair_has_its_own_t(path):
    a, b, t = codes(), codes(seed=1), torch.linspace(0, 1, 6, dtype=torch.float64)
    rows = [path(a[i], b[i], float(t[i])) for i in range(6)]
    assert torch.allclose(path(a, b, t), torch.stack(rows))


def test_lerp_beyond_the_ends_goes_on_straight():
    a, b = codes(), codes(seed=1)
    assert torch.allclose(latent.lerp(a, b, 2.0) - b, b - a)


def test_slerp_turns_evenly_and_changes_length_evenly():
    a, b = codes(1)[0], 3 * codes(1, seed=1)[0]
    h = latent.slerp(a, b, torch.linspace(0, 1, 11, dtype=torch.float64))
    units = h / h.norm(dim=1, keepdim=True)
    angles = (units[1:] * units[:-1]).sum(1).acos()
    assert torch.allclose(angles, angles.mean().expand(10), atol=1e-6)
    assert torch.allclose(h.norm(dim=1).diff(), (b.norm() - a.norm()).expand(10) / 10)
    basis = torch.linalg.qr(torch.stack([a, b], 1)).Q
    assert torch.allclose(basis @ basis.T @ h.T, h.T)  # the arc stays in the plane of a and b


def test_slerp_on_the_unit_circle():
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    third = torch.tensor(torch.pi / 6)
    assert torch.allclose(latent.slerp(a, b, 1 / 3), torch.stack([third.cos(), third.sin()]))


def test_the_arc_keeps_the_length_that_the_chord_loses():
    """Independent codes of N(0, I): E‖(a + b)/2‖² = M_h/2."""
    a, b = codes(2000, 64), codes(2000, 64, seed=1)
    assert latent.lerp(a, b, 0.5).square().sum(1).mean() == pytest.approx(32, rel=0.02)
    assert latent.slerp(a, b, 0.5).norm(dim=1).mean() == pytest.approx(a.norm(dim=1).mean().item(), rel=0.01)


@pytest.mark.parametrize("scale", [1.0, 2.5, 1 + 1e-9])
def test_slerp_of_parallel_codes_is_lerp(scale):
    a = codes()
    assert torch.allclose(latent.slerp(a, scale * a, 0.4), latent.lerp(a, scale * a, 0.4))


def test_slerp_of_almost_parallel_codes_is_almost_lerp():
    a = codes()
    for size in (1e-3, 1e-4, 1e-5, 1e-6):
        b = a + size * codes(seed=2)
        assert (latent.slerp(a, b, 0.4) - latent.lerp(a, b, 0.4)).abs().max() < size**2


def test_slerp_has_no_answer_for_opposite_codes_or_a_zero():
    a = codes()
    with pytest.raises(ValueError, match="opposite"):
        latent.slerp(a, -2 * a, 0.5)
    with pytest.raises(ValueError, match="b: want codes with a direction"):
        latent.slerp(a, torch.zeros_like(a), 0.5)


def two_classes(n=400):
    """Codes whose second number tells two classes apart, and whose first varies widely along with it."""
    h = codes(n, 4)
    mask = torch.arange(n) % 3 == 0
    h[mask] += torch.tensor([0.0, 1.5, 0.0, 0.0], dtype=h.dtype)
    return h, mask


def test_mean_difference_moves_one_mean_onto_the_other():
    h, mask = two_classes()
    direction = latent.mean_difference(h, mask)
    assert torch.allclose(latent.moved(h[~mask], direction).mean(0), h[mask].mean(0))
    assert torch.allclose(latent.mean_difference(h, ~mask), -direction)


def test_probe_normal_is_scikit_learns_weight_vector_and_moves_the_mean_score():
    h, mask = two_classes()
    normal = latent.probe_normal(h, mask)
    probe = LogisticRegression(max_iter=1000).fit(h.numpy(), mask.numpy())
    weights = torch.tensor(probe.coef_[0])
    assert torch.cosine_similarity(normal, weights, dim=0) == pytest.approx(1, abs=1e-9)
    scores = probe.decision_function(latent.moved(h[~mask], normal).numpy())
    assert scores.mean() == pytest.approx(probe.decision_function(h[mask].numpy()).mean())
    assert normal.norm() <= latent.mean_difference(h, mask).norm() + 1e-12


@pytest.mark.parametrize("direction", [latent.mean_difference, latent.probe_normal])
@pytest.mark.parametrize(
    ("mask", "words"),
    [(torch.ones(6), "got 6 of 6 with it"), (torch.zeros(6), "got 0 of 6 with it"), (torch.ones(5), "want .n, M_h.")],
)
def test_a_direction_needs_both_groups(direction, mask, words):
    with pytest.raises(ValueError, match=words):
        direction(codes(), mask)


def test_analogy_gives_c_what_a_has_more_than_b():
    h, direction = codes(), codes(1, seed=3)
    assert torch.allclose(latent.analogy(h + direction, h, h.flip(0)), h.flip(0) + direction)
    assert torch.equal(latent.analogy(h, h, h.flip(0)), h - h + h.flip(0))


def test_moving_there_and_back_and_by_an_amount_for_each():
    h, direction = codes(), codes(1, seed=3)[0]
    assert torch.allclose(latent.moved(latent.moved(h, direction, 2.5), direction, -2.5), h)
    amounts = torch.arange(6.0)
    assert torch.allclose(latent.moved(h, direction, amounts) - h, amounts[:, None].double() * direction)


def test_traversal_changes_one_number():
    h, values = codes(1)[0], torch.linspace(-2, 2, 7)
    rows = latent.traversal(h, 3, values)
    assert torch.allclose(rows[:, 3], values.double())
    others = [0, 1, 2, 4]
    assert torch.equal(rows[:, others], h[others].expand(7, 4))
    with pytest.raises(ValueError, match=r"want .M_h. and .k."):
        latent.traversal(codes(), 3, values)


def test_nearest_agrees_with_scikit_learn():
    h, bank = codes(7), codes(50, seed=1)
    positions, distances = latent.nearest(h, bank, 4)
    wanted, where = NearestNeighbors(n_neighbors=4).fit(bank.numpy()).kneighbors(h.numpy())
    assert torch.equal(positions, torch.from_numpy(where))
    assert torch.allclose(distances, torch.from_numpy(wanted))


@pytest.mark.parametrize("k", [0, 51])
def test_nearest_refuses_more_than_there_are(k):
    with pytest.raises(ValueError, match="1 <= k <= N"):
        latent.nearest(codes(), codes(50), k)
