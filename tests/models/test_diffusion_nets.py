"""Nets that are told a time: shapes, what they are told and what not, and the laws of their parts."""

import pytest
import torch
from torch import nn

from coursekit.models.diffusion import PointNet, UNet
from coursekit.models.diffusion.nets import AdaptiveBlock, TimeEmbedding
from coursekit.models.layers import layer_table

CONDITION = 4
NETS = {
    "points": (lambda k: PointNet(2, 32, condition=k), (2,)),
    "points and waves": (lambda k: PointNet(2, 32, condition=k, waves=3), (2,)),
    "codes": (lambda k: PointNet(16, 32, 2, condition=k), (16,)),
    "28": (lambda k: UNet(1, (16, 24), condition=k), (1, 28, 28)),
    "32": (lambda k: UNet(3, (16, 24), condition=k), (3, 32, 32)),
    "64 in patches": (lambda k: UNet(3, (16, 24), condition=k, unshuffle=4), (3, 64, 64)),
    "64 in three widths": (lambda k: UNet(3, (8, 16, 24), condition=k), (3, 64, 64)),
    "one width": (lambda k: UNet(1, (8,), condition=k, unshuffle=4, depth=1, attention=False), (1, 8, 12)),
}
ALL = pytest.mark.parametrize("name", NETS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def shaken(net):
    """The net with every parameter moved off its start, where much is zero."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=seeded(p.numel())))
    return net


def made(name, condition=CONDITION, n=3):
    """(a net, x, t, condition) by name."""
    torch.manual_seed(0)
    make, shape = NETS[name]
    x, t = torch.randn(n, *shape, generator=seeded()), torch.rand(n, generator=seeded())
    return make(condition), x, t, torch.randn(n, condition, generator=seeded()) if condition else None


@ALL
def test_an_answer_is_as_large_as_what_was_asked_and_zero_at_the_start(name):
    net, x, t, condition = made(name)
    assert torch.equal(net(x, t, condition), torch.zeros_like(x))
    answer = shaken(net)(x, t, condition)
    assert answer.shape == x.shape
    assert answer.isfinite().all()
    assert (answer.flatten(1).std(1) > 0.01).all()


@ALL
def test_every_parameter_learns(name):
    net, x, t, condition = made(name)
    shaken(net)(x, t, condition).square().sum().backward()
    still = [key for key, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


@ALL
def test_no_condition_is_one_of_zeros_and_others_are_heard(name):
    net, x, t, condition = made(name)
    shaken(net)
    assert torch.equal(net(x, t), net(x, t, torch.zeros_like(condition)))
    assert (net(x, t, condition) - net(x, t)).flatten(1).abs().amax(1).gt(1e-4).all()


@ALL
def test_time_is_heard_and_each_item_has_its_own(name):
    net, x, t, condition = made(name)
    shaken(net)
    later = torch.tensor([1.0, 0, 0]) * 0.01  # a hundredth more for the first item
    change = (net(x, t + later, condition) - net(x, t, condition)).flatten(1).abs().amax(1)
    assert change[0] > 1e-4
    torch.testing.assert_close(change[1:], torch.zeros(2), atol=1e-5, rtol=0)


@ALL
def test_items_of_a_batch_do_not_see_each_other(name):
    net, x, t, condition = made(name)
    shaken(net)
    alone = torch.cat([net(x[i : i + 1], t[i : i + 1], condition[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(net(x, t, condition), alone, atol=1e-4, rtol=1e-4)


@ALL
def test_a_net_keeps_float64_and_works_in_half_precision(name):
    net, x, t, condition = made(name)
    shaken(net)
    exact = net.double()(x.double(), t.double(), condition.double())
    assert exact.dtype == torch.float64
    torch.testing.assert_close(net.float()(x, t, condition).double(), exact, atol=1e-3, rtol=1e-3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = net(x, t, condition)
    assert (half.double() - exact).square().mean() < 1e-3 * exact.square().mean()


@ALL
def test_wrong_times_and_conditions_are_named(name):
    net, x, t, condition = made(name)
    for wrong in (t[:2], t[:, None], t[0]):
        with pytest.raises(ValueError, match=r"t: want one time for each of the 3 items, \[3\], got"):
            net(x, wrong, condition)
    for other in (condition[:, :2], condition[:2], condition[0]):
        with pytest.raises(ValueError, match=r"condition: want \[3, 4\] or None, got"):
            net(x, t, other)
    free, *_ = made(name, condition=0)
    with pytest.raises(ValueError, match="condition: want None, as the net takes none, got"):
        free(x, t, condition)


@pytest.mark.parametrize("side", [30, 26, 2])
def test_images_that_cannot_be_halved_so_often_are_named(side):
    with pytest.raises(ValueError, match=r"x: want images of floats .* H and W multiples of 4"):
        UNet(1, (8, 16))(torch.zeros(2, 1, side, side), torch.zeros(2))


def test_other_channels_points_and_settings_are_named():
    with pytest.raises(ValueError, match=r"x: want images .*\[n, 1, H, W\]"):
        UNet(1, (8, 16))(torch.zeros(2, 3, 8, 8), torch.zeros(2))
    with pytest.raises(ValueError, match=r"x: want points \[n, 2\], got \[5, 3\]"):
        PointNet(2)(torch.zeros(5, 3), torch.zeros(5))
    for wrong in ({"widths": ()}, {"unshuffle": 0}, {"depth": 0}, {"widths": (8, 0)}):
        with pytest.raises(ValueError, match="widths, unshuffle, depth: want at least one width"):
            UNet(1, **wrong)


def test_a_unet_sees_the_whole_image_through_attention_alone():
    """A corner's change reaches the opposite one where places look at each other; 3×3 windows do not reach so far."""
    x = torch.randn(1, 1, 96, 96, generator=seeded())
    moved = x.clone()
    moved[..., :4, :4] += 5
    far = {}
    for attention in (True, False):
        torch.manual_seed(0)
        net = shaken(UNet(1, (8, 8), depth=2, attention=attention))
        for block in net.modules():  # whose statistics are those of the whole map
            if isinstance(block, nn.GroupNorm):
                block.forward = lambda x: x
        with torch.no_grad():
            change = net(moved, torch.zeros(1)) - net(x, torch.zeros(1))
        far[attention] = change[..., -4:, -4:].abs().max().item()
    assert far[False] == 0
    assert far[True] > 1e-5


def test_each_place_divides_its_attention_among_all_places():
    net, x, t, condition = made("32")
    seen = []
    shaken(net).attention.register_forward_hook(lambda layer, given, _: seen.append(layer.weights(given[0])))
    net(x, t, condition)
    assert seen[0].shape == (3, 64, 64)  # places of 8×8
    torch.testing.assert_close(seen[0].sum(2), torch.ones(3, 64))
    assert not torch.allclose(seen[0].sum(1), torch.ones(3, 64), atol=1e-2)  # of the other axis it is not true


def test_blocks_begin_as_the_identity_and_scale_and_shift_what_they_normalise():
    block, x, e = AdaptiveBlock(16, 8), torch.randn(2, 16, 6, 6, generator=seeded()), torch.randn(2, 8)
    assert torch.equal(block(x, e), x)
    shaken(block)
    gamma, beta = block.told(e)[:, :, None, None].chunk(2, 1)
    inner = block.first(block.norm(x) * (1 + gamma) + beta)
    torch.testing.assert_close(block(x, e), x + block.second(inner * inner.sigmoid()))
    torch.testing.assert_close(block(5 * x, e) - 5 * x, block(x, e) - x, atol=1e-3, rtol=1e-3)  # scale-free inside


def test_times_are_told_apart_by_a_thousandth():
    """Between two times of a schedule of a thousand, the waves turn by at most a radian, the fastest by one."""
    times = torch.linspace(0, 1, 1001)
    waves = TimeEmbedding(8).omega[:, None] * times
    steps = (waves[:, 1:] - waves[:, :-1]).amax(1)
    assert steps.max() == pytest.approx(1, rel=1e-3)
    assert waves[0, -1] == pytest.approx(1)  # the slowest never comes back
    features = torch.cat([waves.sin(), waves.cos()]).T
    assert torch.cdist(features, features).fill_diagonal_(9).min() > 0.5


def test_the_layout_is_the_one_that_the_docstring_draws():
    maps = [row.shape for row in layer_table(Bound(UNet(3)), torch.zeros(1, 3, 32, 32)) if len(row.shape) == 3]
    assert maps[0] == (3, 32, 32)
    assert [maps[0], maps[1], maps[2]] == [(3, 32, 32), (12, 16, 16), (48, 16, 16)]
    assert {(96, 8, 8), (48, 16, 16), (12, 16, 16)} < set(maps)
    assert max(h for _, h, _ in maps[1:-1]) == 16  # nothing is computed at full size
    assert sum(p.numel() for p in UNet(3, condition=4).parameters()) < 1e6


class Bound(nn.Module):
    """A net at time 0."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x, torch.zeros(len(x)))


def test_a_point_net_learns_a_function_of_place_time_and_condition():
    torch.manual_seed(0)
    net = PointNet(2, 64, condition=1)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    g, losses = seeded(), []
    for _ in range(200):
        x, t = torch.randn(256, 2, generator=g), torch.rand(256, generator=g)
        k = torch.randn(256, 1, generator=g).sign()
        wanted = k * x.flip(1) * (6 * t[:, None]).cos()
        loss = (net(x, t, k) - wanted).square().mean()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.03 * losses[0]


def test_waves_tell_points_apart_that_are_near():
    """A fast function of x is learnt with waves, and hardly without them, in the same number of steps."""
    left = {}
    for waves in (0, 5):
        torch.manual_seed(0)
        net, g = PointNet(1, 32, 2, waves=waves), seeded()
        optimizer = torch.optim.Adam(net.parameters(), 3e-3)
        for _ in range(200):
            x = 4 * torch.rand(256, 1, generator=g) - 2
            loss = (net(x, torch.zeros(256)) - (13 * x).sin()).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        left[waves] = loss.item()
    assert left[5] < 0.05
    assert left[0] > 0.2
