"""What games are made of: penalties, laws of the codes, nets that read them back, bricks."""

import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn.functional import cross_entropy

from coursekit.models import gan


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


# --- penalties


def linear(weight):
    return lambda x: x.flatten(1) @ weight


def quadratic(matrix):
    """½ xᵀ A x, whose slope is A x."""
    return lambda x: 0.5 * (x @ matrix * x).sum(1)


@pytest.mark.parametrize("shape", [(5,), (3, 4, 4)])
@pytest.mark.parametrize("size", [0.2, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic(shape, size):
    weight = normal(math.prod(shape), dtype=torch.float64)
    weight = size * weight / weight.norm()
    found = gan.GradientPenalty(10)(linear(weight.float()), torch.rand(6, *shape), torch.rand(6, *shape))
    assert found.item() == pytest.approx(10 * (size - 1) ** 2, abs=1e-5)


def test_a_norm_over_channels_alone_is_another_number():
    """The trap: `norm(dim=1)` of an image's slope [n, C, H, W] has one length for each pixel."""
    weight = normal(48)
    weight = weight / weight.norm()
    x = torch.rand(6, 3, 4, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(linear(weight)(x).sum(), x)
    assert gan.GradientPenalty(10)(linear(weight), x, x).item() == pytest.approx(0, abs=1e-9)
    assert 10 * (slope.norm(dim=1) - 1).square().mean() > 3


class Noting:
    """A linear critic that keeps what it was shown."""

    def __call__(self, x, *given):
        self.x, self.given = x.detach(), given
        return x.flatten(1).sum(1)


def test_points_lie_between_each_pair_with_one_mixing_weight_for_each_item():
    real, fake, critic = torch.rand(50, 3, 4, 4), 2 + torch.rand(50, 3, 4, 4), Noting()
    gan.GradientPenalty()(critic, real, fake, generator=seeded())
    u = ((fake - critic.x) / (fake - real)).flatten(1)
    assert torch.allclose(u, u[:, :1], atol=1e-4)
    assert stats.kstest(u[:, 0].numpy(), "uniform").pvalue > 0.01
    assert u[:, 0].std() > 0.1


def test_the_same_generator_gives_the_same_points():
    real, fake, critic = torch.rand(5, 2), torch.rand(5, 2), Noting()
    seen = []
    for seed in (0, 0, 1):
        gan.GradientPenalty()(critic, real, fake, generator=seeded(seed))
        seen.append(critic.x)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


@pytest.mark.parametrize(("penalty", "at"), [(gan.r1, 0), (gan.r2, 1)], ids=["R1", "R2"])
def test_r1_and_r2_are_half_gamma_times_the_squared_slope_where_they_are_measured(penalty, at):
    matrix = normal(4, 4)
    matrix = matrix + matrix.T
    items = normal(9, 4, seed=1), normal(9, 4, seed=2)
    wanted = 0.7 / 2 * (items[at] @ matrix).square().sum(1).mean()
    assert torch.allclose(penalty(0.7)(quadratic(matrix), *items), wanted, rtol=1e-5)


@pytest.mark.parametrize("penalty", [gan.GradientPenalty(), gan.r1(), gan.r2()], ids=["gradient", "R1", "R2"])
def test_a_flat_critic_has_a_penalty_with_a_finite_derivative(penalty):
    critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    nn.init.zeros_(critic[2].weight)
    penalty(lambda x: critic(x)[:, 0], torch.rand(6, 3), torch.rand(6, 3)).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in critic.parameters())
    assert critic[2].weight.grad is not None


def test_a_step_down_the_penalty_brings_the_slope_nearer_its_target():
    critic = nn.Linear(4, 1)
    for _ in range(300):
        critic.zero_grad()
        gan.GradientPenalty(1, target=0.5)(lambda x: critic(x)[:, 0], torch.rand(6, 4), torch.rand(6, 4)).backward()
        with torch.no_grad():
            critic.weight -= 0.1 * critic.weight.grad
    assert critic.weight.norm().item() == pytest.approx(0.5, abs=1e-3)


def test_a_share_of_the_batch_and_its_conditions():
    critic = Noting()
    gan.GradientPenalty(share=0.25)(critic, torch.rand(8, 2), torch.rand(8, 2), torch.rand(8, 3))
    assert critic.x.shape == (2, 2)
    assert critic.given[0].shape == (2, 3)


def test_a_penalty_sends_nothing_to_the_generator():
    fake = torch.rand(6, 2, requires_grad=True)
    critic = nn.Linear(2, 1)
    gan.r2()(lambda x: critic(x).square()[:, 0], torch.rand(6, 2), 1 * fake).backward()
    assert fake.grad is None


@pytest.mark.parametrize("wrong", [{"weight": -1}, {"target": -1}, {"share": 0}, {"share": 1.5}])
def test_penalties_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="want weight >= 0"):
        gan.GradientPenalty(**wrong)


# --- what the generator starts from

HERE = nn.Linear(1, 1)


@pytest.mark.parametrize("t", [0.3, 1.0, 1.5])
def test_a_truncated_code_has_the_normal_law_within_the_bound(t):
    h = gan.Normal(4).draw(5000, like=HERE, generator=seeded(), truncation=t)
    assert h.abs().max() <= t
    for column in h.T:
        assert stats.kstest(column.numpy(), stats.truncnorm(-t, t).cdf).pvalue > 0.001
    clipped = normal(20_000).clamp(-t, t)  # has heaps at both ends
    assert stats.kstest(clipped.numpy(), stats.truncnorm(-t, t).cdf).pvalue < 1e-6


def test_codes_without_truncation_are_normal():
    h = gan.Normal(3).draw(5000, like=HERE, generator=seeded())
    assert h.shape == (5000, 3)
    assert stats.kstest(h.flatten().numpy(), "norm").pvalue > 0.001


def test_uniform_codes():
    h = gan.Uniform(3).draw(5000, like=HERE, generator=seeded())
    assert stats.kstest(h.flatten().numpy(), stats.uniform(-1, 2).cdf).pvalue > 0.001


def test_the_parts_of_a_code():
    codes = gan.Codes(5, classes=4, continuous=2)
    h = codes.draw(4000, like=HERE, generator=seeded())
    z, c, u = codes.parts(h)
    assert h.shape == (4000, codes.size) == (4000, 11)
    assert torch.equal(torch.cat([z, c, u], 1), h)
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 0.001
    assert torch.equal(c.sum(1), torch.ones(4000))
    assert set(c.unique().tolist()) == {0, 1}
    assert stats.chisquare(c.sum(0).numpy()).pvalue > 0.001
    assert stats.kstest(u.flatten().numpy(), stats.uniform(-1, 2).cdf).pvalue > 0.001
    short = codes.parts(codes.draw(500, like=HERE, truncation=0.5))
    assert short[0].abs().max() <= 0.5 < short[2].abs().max()


def test_codes_may_lack_classes_or_numbers():
    assert gan.Codes(3, 0, 2).draw(4, like=HERE).shape == (4, 5)
    assert gan.Codes(3, 2, 0).draw(4, like=HERE).shape == (4, 5)


def test_truncations_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="truncation: want a positive number, got 0"):
        gan.Normal(2).draw(3, like=HERE, truncation=0)
    with pytest.raises(ValueError, match="bounded already"):
        gan.Uniform(2).draw(3, like=HERE, truncation=1.0)


# --- recovery


def given(values):
    """A net that answers with these numbers, whatever it sees."""

    class Answer(nn.Module):
        def forward(self, x):
            return values

    return Answer()


def test_the_code_of_infogan_is_cross_entropy_and_half_the_square():
    codes = gan.Codes(2, classes=3, continuous=2)
    h, answer = codes.draw(7, like=HERE, generator=seeded()), normal(7, 5)
    _, c, u = codes.parts(h)
    wanted = cross_entropy(answer[:, :3], c.argmax(1)) + 0.1 * 0.5 * (answer[:, 3:] - u).square().sum(1).mean()
    head = gan.InfoCode(given(answer), codes, weight=2.0, continuous_weight=0.1)
    assert torch.allclose(head.loss(torch.zeros(7, 1), h), 2 * wanted)


def test_a_head_that_reads_the_code_perfectly_pays_nothing_and_one_that_guesses_log_k():
    codes = gan.Codes(2, classes=4, continuous=1)
    h = codes.draw(9, like=HERE)
    _, c, u = codes.parts(h)
    perfect, guess = torch.cat([50 * c, u], 1), torch.cat([0 * c, u], 1)
    assert gan.InfoCode(given(perfect), codes).loss(h, h).item() == pytest.approx(0, abs=1e-6)
    assert gan.InfoCode(given(guess), codes).loss(h, h).item() == pytest.approx(math.log(4))


def test_a_head_for_numbers_alone():
    codes = gan.Codes(2, classes=0, continuous=2)
    h = codes.draw(9, like=HERE)
    found = gan.InfoCode(given(torch.zeros(9, 2)), codes).loss(h, h)
    assert found.item() == pytest.approx(0.5 * h[:, 2:].square().sum(1).mean().item())


def test_the_reconstructors_loss_is_the_mean_square():
    h, answer = normal(6, 3), normal(6, 3, seed=1)
    found = gan.Reconstructor(given(answer), weight=0.5).loss(torch.zeros(6, 2), h)
    assert torch.allclose(found, 0.5 * (answer - h).square().mean())


def test_the_recovery_net_moves_the_generator():
    """Its gradient goes through the items."""
    game = gan.dense((2,), 3, 8, recovery=gan.Reconstructor(nn.Linear(2, 3), joint=False))
    game.recovery.loss(game.deal(torch.rand(6, 2)).fake, torch.rand(6, 3)).backward()
    assert all(p.grad.abs().sum() > 0 for p in game.generator.parameters())


# --- bricks


def test_unit_is_the_sigmoid_of_twice_the_number():
    x = normal(50)
    assert torch.allclose(gan.Unit()(x), (2 * x).sigmoid(), atol=1e-6)


def test_centred_undoes_the_pixels_range():
    assert gan.Centred()(torch.tensor([0.0, 0.5, 1])).tolist() == [-1, 0, 1]


def test_joined_puts_its_parts_side_by_side():
    joined = gan.Joined(nn.Identity())
    assert torch.equal(joined(normal(4, 2), normal(4, 3, seed=1)), torch.cat([normal(4, 2), normal(4, 3, seed=1)], 1))
    image = torch.rand(4, 1, 3, 3)
    assert torch.equal(joined(image, image), torch.cat([image, image], 1))
    assert torch.equal(joined(image, torch.ones(4, 2)), torch.cat([image.flatten(1), torch.ones(4, 2)], 1))


def test_a_pack_is_neighbours_with_their_channels_one_after_the_other():
    x = torch.arange(24.0).reshape(4, 2, 3, 1)
    packed = gan.Packed(nn.Identity(), 2)(x)
    assert torch.equal(packed[0], torch.cat([x[0], x[1]]))
    assert torch.equal(packed[1], torch.cat([x[2], x[3]]))
    rows = torch.arange(8.0).reshape(4, 2)
    assert gan.Packed(nn.Identity(), 2)(rows).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_packs_need_enough_items():
    with pytest.raises(ValueError, match="x: want a multiple of 2 items, got 5"):
        gan.Packed(nn.Identity(), 2)(torch.zeros(5, 2))


def test_the_spread_of_a_batch_is_one_more_channel():
    x = normal(6, 2, 3, 3)
    found = gan.MinibatchSpread()(x)
    assert found.shape == (6, 3, 3, 3)
    assert torch.equal(found[:, :2], x)
    wanted = x.std(0, correction=0).mean()
    assert torch.allclose(found[:, 2], wanted.expand(6, 3, 3), atol=1e-4)
    assert gan.MinibatchSpread()(normal(6, 4)).shape == (6, 5)


def test_a_batch_of_one_item_many_times_has_no_spread_and_a_finite_slope():
    x = torch.ones(6, 4, requires_grad=True)
    spread = gan.MinibatchSpread()(x)[:, -1]
    assert spread.max() < 1e-3
    assert torch.autograd.grad(spread.sum(), x)[0].isfinite().all()


def test_spectral_normalisation_leaves_each_layer_a_largest_singular_value_of_1():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4))
    with torch.no_grad():
        net[0].weight.mul_(5)
    plain = [torch.linalg.svdvals(net[k].weight.flatten(1))[0] for k in (0, 3)]
    assert gan.normalised(net) is net
    for _ in range(100):
        net(torch.rand(2, 3, 4, 4))
    after = [torch.linalg.svdvals(net[k].weight.flatten(1))[0].item() for k in (0, 3)]
    assert after == pytest.approx([1, 1], abs=1e-3)
    assert all(abs(value.item() - 1) > 0.05 for value in plain)
