"""Entropies in bits, against SciPy and by hand."""

import math

import pytest
import torch
from scipy.stats import entropy as scipy_entropy

from coursekit.metrics.information import cross_entropy, entropy, kl_divergence


def distribution(k, seed):
    return torch.rand(k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(0)


@pytest.mark.parametrize("k", [2, 7])
def test_they_agree_with_scipy(k):
    p, q = distribution(k, 0), distribution(k, 1)
    assert entropy(p) == pytest.approx(scipy_entropy(p.numpy(), base=2), rel=1e-9)
    assert kl_divergence(p, q) == pytest.approx(scipy_entropy(p.numpy(), q.numpy(), base=2), rel=1e-9)


def test_simple_cases():
    assert entropy([0.5, 0.5]) == 1
    assert entropy([1.0, 0.0]) == 0
    assert entropy([0.125] * 8) == 3
    assert cross_entropy([1.0, 0.0], [0.25, 0.75]) == 2
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == math.inf


def test_the_divergence_is_positive_and_zero_only_at_home():
    p = distribution(5, 0)
    assert kl_divergence(p, p) == 0
    assert all(kl_divergence(p, distribution(5, seed)) > 0 for seed in range(1, 9))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="p: want"):
        entropy([0.5, 0.4])
    with pytest.raises(ValueError, match="q: want"):
        cross_entropy([0.5, 0.5], [0.7, 0.7])
    with pytest.raises(ValueError, match="2 and 3"):
        cross_entropy([0.5, 0.5], [0.2, 0.3, 0.5])
