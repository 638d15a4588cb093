"""How a reconstruction is compared with the input."""

import math

import pytest
import torch
from torch.nn import functional as F

from coursekit.models.losses import binary_cross_entropy, squared_error


def test_squared_error_is_summed_over_an_items_numbers():
    x, x_hat = torch.zeros(2, 1, 2, 2), torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1).expand(2, 1, 2, 2)
    assert squared_error(x_hat, x).tolist() == [4.0, 16.0]


def test_binary_cross_entropy_has_both_terms():
    value = binary_cross_entropy(torch.tensor([[0.8, 0.8]]), torch.tensor([[1.0, 0.25]]))
    assert value.item() == pytest.approx(-math.log(0.8) - 0.25 * math.log(0.8) - 0.75 * math.log(0.2), rel=1e-6)


def test_binary_cross_entropy_is_least_at_the_target_and_then_its_entropy():
    x = torch.tensor([[0.3]])
    at = {q: binary_cross_entropy(torch.tensor([[q]]), x).item() for q in (0.2, 0.29, 0.3, 0.31, 0.4)}
    assert min(at, key=at.__getitem__) == 0.3
    assert at[0.3] == pytest.approx(-0.3 * math.log(0.3) - 0.7 * math.log(0.7), rel=1e-6)


def test_binary_cross_entropy_keeps_its_precision_under_autocast():
    x, x_hat = torch.rand(4, 9), torch.rand(4, 9)
    wanted = F.binary_cross_entropy(x_hat, x, reduction="sum")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert binary_cross_entropy(x_hat, x).sum().item() == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize("bad", [-0.1, 1.1])
def test_binary_cross_entropy_wants_probabilities(bad):
    with pytest.raises(RuntimeError):
        binary_cross_entropy(torch.tensor([[bad]]), torch.tensor([[0.5]]))
