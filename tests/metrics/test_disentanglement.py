"""Scores of disentanglement: 1 for factors that were only renamed, about 0 for noise, and what mixing does to them."""

import pytest
import torch
from sklearn.metrics import mutual_info_score

from coursekit import metrics
from coursekit.metrics import disentanglement

N = 4000


def uniform(n=N, columns=3, seed=0):
    return 2 * torch.rand(n, columns, generator=torch.Generator().manual_seed(seed)) - 1


def renamed(factors):
    """The same factors in another order, scaled, bent and turned round: still one number for each."""
    return torch.stack([-2 * factors[:, 2], factors[:, 0] ** 3, factors[:, 1] + 5], 1)


def turned(factors):
    """The first two factors as their sum and their difference: both numbers need both."""
    a, b, c = factors.unbind(1)
    return torch.stack([a + b, a - b, c], 1)


def test_mutual_information_is_scikit_learns_on_whole_numbers():
    codes, factors = (5 * uniform(500, 2)).round(), (2 * uniform(500, 3)).round()
    found = disentanglement.factor_matrix(codes, factors, bins=50)
    wanted = [[mutual_info_score(h.numpy(), v.numpy()) for v in factors.T] for h in codes.T]
    assert found.numpy() == pytest.approx(torch.tensor(wanted, dtype=torch.float64).numpy(), abs=1e-9)


def test_what_equals_a_factor_tells_all_of_it_and_noise_next_to_nothing():
    factors = uniform()
    found = disentanglement.factor_matrix(torch.cat([factors, uniform(seed=1)], 1), factors, bins=20)
    assert torch.allclose(found[:3].diagonal(), torch.tensor(20.0).log().double(), atol=1e-3)
    assert found[3:].max() < 2 * 19**2 / (2 * N)
    assert found.min() >= 0


def test_an_attribute_is_not_cut_into_more_parts_than_it_has_values():
    has = (uniform(columns=1) > 0.4).float()
    found = disentanglement.factor_matrix(has, has)
    share = has.mean().double()
    assert found.item() == pytest.approx(torch.special.entr(torch.stack([share, 1 - share])).sum().item(), abs=1e-6)


def test_renamed_factors_score_one():
    factors = uniform()
    assert disentanglement.mig(renamed(factors), factors) > 0.97
    found = disentanglement.dci(renamed(factors), factors)
    assert min(found.disentanglement, found.completeness, found.informativeness) > 0.97


def test_noise_scores_nothing():
    factors, codes = uniform(), uniform(columns=4, seed=1)
    assert disentanglement.mig(codes, factors) < 0.01
    found = disentanglement.dci(codes, factors)
    assert max(found.disentanglement, found.completeness, found.informativeness) < 0.05


def test_two_mixed_factors_lose_the_gap_and_the_third_keeps_it():
    factors = uniform()
    assert disentanglement.mig(turned(factors), factors) == pytest.approx(1 / 3, abs=0.05)
    found = disentanglement.dci(turned(factors), factors)
    assert found.disentanglement < 0.75
    assert found.completeness < 0.75
    assert found.informativeness > 0.9  # nothing is lost, it only takes two numbers to say it


def test_a_factor_said_twice_is_not_complete_but_disentangled():
    factors = uniform()
    twice = torch.cat([factors, factors], 1)
    assert disentanglement.mig(twice, factors) < 0.01
    found = disentanglement.dci(twice, factors)
    assert found.disentanglement > 0.95
    assert found.completeness < 0.75


def test_a_number_that_says_nothing_costs_little():
    factors = uniform()
    codes = torch.cat([renamed(factors), uniform(columns=1, seed=1)], 1)
    assert disentanglement.mig(codes, factors) > 0.95
    assert disentanglement.dci(codes, factors).disentanglement > 0.95


def test_importance_is_a_share_of_each_factor():
    found = disentanglement.dci(turned(uniform()), uniform())
    assert found.importance.shape == (3, 3)
    assert torch.allclose(found.importance.sum(0), torch.ones(3).double())


def test_the_same_seed_gives_the_same_score():
    factors = uniform(500)
    first, again = (disentanglement.dci(turned(factors), factors, seed=3) for _ in range(2))
    assert torch.equal(first.importance, again.importance)


@pytest.mark.parametrize(
    ("measure", "codes", "factors", "words"),
    [
        (disentanglement.mig, uniform(20, 1), uniform(20), "M_h at least 2"),
        (disentanglement.mig, uniform(20), torch.ones(20, 2), "at least one that varies"),
        (disentanglement.mig, uniform(20), uniform(19), "want .n, M_h. and .n, F."),
        (lambda h, v: disentanglement.mig(h, v, bins=1), uniform(20), uniform(20), "bins: want at least two"),
        (disentanglement.dci, uniform(20), uniform(20, 1), "two columns"),
        (disentanglement.dci, uniform(9), uniform(9), "n at least 10"),
        (disentanglement.dci, uniform(20), torch.ones(20, 2), "each of them to vary"),
    ],
)
def test_what_cannot_be_scored_is_said(measure, codes, factors, words):
    with pytest.raises(ValueError, match=words):
        measure(codes, factors)


def test_metrics_gathers_them():
    for name in disentanglement.__all__:
        assert getattr(metrics, name) is getattr(disentanglement, name)
