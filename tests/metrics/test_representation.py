"""Retrieval, probes and sparsity, on codes where the answer is known."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from coursekit.metrics.representation import activity, cross_correlations, linear_probe, precision_at_k


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def blobs(n, distance, seed=0):
    labels = torch.arange(n) % 3
    return torch.randn(n, 4, generator=seeded(seed)) + distance * torch.eye(4)[labels], labels


def test_precision_by_hand():
    h, labels = torch.tensor([[0.0], [1.0], [2.5], [10.0]]), torch.tensor([0, 0, 1, 1])
    # neighbours, two each: 1, 2 · 0, 2 · 1, 0 · 2, 1
    assert precision_at_k(h, labels, k=2) == pytest.approx((0.5 + 0.5 + 0 + 0.5) / 4)
    assert precision_at_k(h, labels, k=1) == pytest.approx((1 + 1 + 0 + 1) / 4)


def test_precision_of_separate_classes_is_one_and_of_noise_is_chance():
    assert precision_at_k(*blobs(90, 50.0), k=10) == 1
    assert precision_at_k(*blobs(900, 0.0), k=10) == pytest.approx(1 / 3, abs=0.03)


def test_precision_at_one_agrees_with_a_nearest_neighbour_classifier():
    h, labels = blobs(120, 1.5)
    wanted = 0
    for i in range(len(h)):
        rest = torch.arange(len(h)) != i
        found = KNeighborsClassifier(1).fit(h[rest].numpy(), labels[rest].numpy()).predict(h[i : i + 1].numpy())
        wanted += found[0] == labels[i].item()
    assert precision_at_k(h, labels, k=1) == pytest.approx(wanted / len(h))


def test_precision_for_some_queries_is_the_mean_of_theirs():
    h, labels = blobs(60, 1.0)
    each = [precision_at_k(h, labels, k=5, queries=torch.tensor([i])) for i in (3, 40)]
    assert precision_at_k(h, labels, k=5, queries=torch.tensor([3, 40])) == pytest.approx(sum(each) / 2)


def test_precision_refuses_what_makes_no_sense():
    h, labels = blobs(6, 1.0)
    for k in (0, 6):
        with pytest.raises(ValueError, match="k, labels"):
            precision_at_k(h, labels, k=k)
    with pytest.raises(ValueError, match="k, labels"):
        precision_at_k(h, labels[:5], k=1)


def test_a_probe_finds_what_is_linear_and_nothing_where_nothing_is():
    assert linear_probe(*blobs(300, 6.0), *blobs(150, 6.0, seed=1)) > 0.98
    assert linear_probe(*blobs(900, 0.0), *blobs(600, 0.0, seed=1)) == pytest.approx(1 / 3, abs=0.07)


def test_a_probe_does_not_see_the_units_of_the_code():
    (h, labels), (test, wanted) = blobs(200, 2.0), blobs(100, 2.0, seed=1)
    scale = torch.tensor([1e-3, 1.0, 50.0, 1e3])
    assert linear_probe(h * scale, labels, test * scale, wanted) == pytest.approx(
        linear_probe(h, labels, test, wanted), abs=0.011
    )


def test_activity_of_one_hot_and_of_equal_codes():
    one, equal = activity(torch.eye(4)), activity(torch.full((3, 4), -2.0))
    assert (one.sparseness, one.active, one.dead, one.mean) == pytest.approx((1, 0.25, 0, 0.25))
    assert (equal.sparseness, equal.active, equal.mean) == pytest.approx((0, 1, -2), abs=1e-6)


def test_dead_units_are_those_that_no_item_wakes():
    h = torch.zeros(5, 4)
    h[2, 1] = 1
    assert activity(h).dead == 0.75
    assert activity(h, threshold=2).dead == 1


def test_activity_wants_codes_of_two_units():
    with pytest.raises(ValueError, match=r"\[n, units\]"):
        activity(torch.zeros(5, 1))


def test_cross_correlations_are_numpys_and_none_with_constants():
    a, b = (torch.randn(50, k, generator=torch.Generator().manual_seed(k)) for k in (3, 2))
    a[:, 1] = 2.0
    r = cross_correlations(a, b).numpy()
    wanted = np.corrcoef(a[:, [0, 2]].T.numpy(), b.T.numpy())[:2, 2:]
    assert np.allclose(r[[0, 2]], wanted, atol=1e-6)
    assert (r[1] == 0).all()
    with pytest.raises(ValueError, match=r"a, b: want \[n, K\] and \[n, F\], got \[50, 3\] and \[49, 2\]"):
        cross_correlations(a, b[1:])
