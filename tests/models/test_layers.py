"""Layer tables, and convolutions as matrices."""

import pytest
import torch
from torch import nn

from coursekit.models.layers import Layer, convolution_matrix, layer_table


def test_a_table_lists_leaves_in_the_order_of_the_data():
    net = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), nn.ReLU(), nn.Linear(3, 2))
    assert layer_table(net, torch.zeros(5, 1, 2, 2)) == [
        Layer("Flatten", (4,), 0, 0), Layer("Linear", (3,), 15, 15), Layer("BatchNorm1d", (3,), 12, 6),
        Layer("ReLU", (3,), 0, 0), Layer("Linear", (2,), 8, 8),
    ]  # fmt: skip


def test_a_table_changes_nothing_and_counts_frozen_and_shared_weights():
    shared = nn.Linear(4, 4)
    net = nn.Sequential(shared, nn.BatchNorm1d(4), shared).train()
    shared.requires_grad_(False)
    before = net[1].running_mean.clone()
    table = layer_table(net, torch.randn(5, 4))
    assert [(line.parameters, line.trainable) for line in table] == [(20, 0), (16, 8), (0, 0)]
    assert net.training
    assert torch.equal(net[1].running_mean, before)
    assert not shared._forward_hooks


def by_hand(weight, height, width, stride, padding):
    """W entry by entry: output (o, r, s) takes weight[o, i, u, v] times input (i, r·stride + u − padding, …)."""
    outs, ins, tall, wide = weight.shape
    rows, columns = (height + 2 * padding - tall) // stride + 1, (width + 2 * padding - wide) // stride + 1
    matrix = torch.zeros(outs, rows, columns, ins, height, width, dtype=weight.dtype)
    for r in range(rows):
        for s in range(columns):
            for u in range(tall):
                for v in range(wide):
                    y, x = r * stride + u - padding, s * stride + v - padding
                    if 0 <= y < height and 0 <= x < width:
                        matrix[:, r, s, :, y, x] = weight[:, :, u, v]
    return matrix.reshape(outs * rows * columns, ins * height * width)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), (3, 2)])
def test_the_matrix_of_a_convolution_entry_by_entry(stride, padding):
    weight = torch.randn(2, 3, 3, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(
        convolution_matrix(weight, (5, 6), stride=stride, padding=padding), by_hand(weight, 5, 6, stride, padding)
    )
