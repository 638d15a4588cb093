"""The shared bricks."""

import pytest
import torch
from torch import nn

from coursekit.models.nets import mlp


def test_mlp_is_affine_layers_with_the_activation_between():
    net = mlp(3, 5, 2, activation=nn.Tanh, out=nn.Sigmoid())
    x = torch.randn(4, 3)
    assert [type(layer) for layer in net] == [nn.Linear, nn.Tanh, nn.Linear, nn.Sigmoid]
    by_hand = torch.sigmoid(torch.tanh(x @ net[0].weight.T + net[0].bias) @ net[2].weight.T + net[2].bias)
    assert torch.allclose(net(x), by_hand, atol=1e-6)


def test_two_sizes_are_one_affine_layer():
    assert [type(layer) for layer in mlp(3, 2)] == [nn.Linear]


def test_every_parameter_of_an_mlp_trains():
    net = mlp(3, 4, 4, 2)
    net(torch.randn(8, 3)).square().sum().backward()
    assert len(list(net.parameters())) == 6
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())


@pytest.mark.parametrize("sizes", [(), (3,), (3, 0, 2), (3, -1)])
def test_sizes_that_make_no_net_are_refused(sizes):
    with pytest.raises(ValueError, match="sizes"):
        mlp(*sizes)
