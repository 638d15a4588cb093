"""Two games: what the steps on x·y keep or let grow, and the lecture's two lines."""

import math

import pytest
import torch
from torch.distributions import Normal

from coursekit.data import toy
from coursekit.models.games import CRITIC_DIRECTION, GENERATOR_DIRECTION, TwoLines, bilinear, invariant

RATES = pytest.mark.parametrize("rate", [0.05, 0.3, 1.0, 1.9])
START = (0.7, -0.4)


def squares(path):
    return path.square().sum(1)


# --- x·y


def test_each_way_is_the_gradient_of_the_product():
    """A step by autograd: x falls, y climbs; in turn, y sees the new x."""
    for way in ("simultaneous", "alternating"):
        x, y = (torch.tensor(c, dtype=torch.float64, requires_grad=True) for c in START)
        for x_then, y_then in bilinear(START, 5, 0.2, way)[1:]:
            slope_x, slope_y = torch.autograd.grad(x * y, (x, y))
            new_x = x - 0.2 * slope_x
            if way == "alternating":
                (slope_y,) = torch.autograd.grad(new_x.detach() * y, y)
            x, y = (c.detach().requires_grad_() for c in (new_x, y + 0.2 * slope_y))
            assert (x.item(), y.item()) == pytest.approx((x_then.item(), y_then.item()))


@RATES
def test_simultaneous_steps_grow_by_the_same_factor(rate):
    r2 = squares(bilinear(START, 50, rate))
    assert torch.allclose(r2[1:] / r2[:-1], torch.tensor(1 + rate**2, dtype=torch.float64), rtol=1e-12)


@RATES
def test_alternating_steps_keep_their_ellipse(rate):
    path = bilinear(START, 500, rate, "alternating")
    kept = invariant(path, rate)
    assert torch.allclose(kept, kept[0], rtol=1e-9)
    r2 = squares(path)
    assert (r2 >= (1 - 1e-9) * kept[0] / (1 + rate / 2)).all()
    assert (r2 <= (1 + 1e-9) * kept[0] / (1 - rate / 2)).all()
    turned = path[:, 0].square() + path[:, 1].square() + rate * path[:, 0] * path[:, 1]  # the other sign is not kept
    assert turned.max() > 1.05 * turned.min()


def test_alternating_steps_of_size_2_and_more_run_away():
    assert squares(bilinear(START, 50, 2.1, "alternating"))[-1] > 1e6


@RATES
def test_the_flow_circles(rate):
    path = bilinear(START, 500, rate, "continuous")
    assert torch.allclose(squares(path), squares(path)[0], rtol=1e-9)
    angles = torch.atan2(path[:, 1], path[:, 0])
    assert torch.allclose((angles.diff() - rate + math.pi) % math.tau, torch.tensor(math.pi, dtype=torch.float64))


def test_small_simultaneous_steps_follow_the_flow():
    """To the same time, with an error that falls with the rate."""
    gaps = []
    for steps in (100, 1000):
        flow = bilinear(START, steps, 1 / steps, "continuous")[-1]
        gaps.append((bilinear(START, steps, 1 / steps)[-1] - flow).norm().item())
    assert gaps[0] > 8 * gaps[1]
    assert gaps[1] < 1e-3


def test_paths_begin_at_the_start_and_the_equilibrium_stays():
    for way in ("simultaneous", "alternating", "continuous"):
        path = bilinear(START, 3, 0.1, way)
        assert path.shape == (4, 2)
        assert path[0].tolist() == list(START)
        assert not bilinear((0, 0), 3, 0.1, way).any()


def test_games_that_are_none_are_refused():
    with pytest.raises(ValueError, match="way: want one of simultaneous, alternating, continuous, got 'both'"):
        bilinear(START, 3, 0.1, "both")
    for start, steps in [((1, 2, 3), 3), (START, -1)]:
        with pytest.raises(ValueError, match="start, steps"):
            bilinear(start, steps, 0.1)


# --- two lines


def directions():
    return torch.tensor(GENERATOR_DIRECTION).double(), torch.tensor(CRITIC_DIRECTION).double()


def test_the_discriminator_is_the_lectures():
    x = torch.tensor([[1.0, 2.0], [-1.0, 2.0], [0, 0]])
    wanted = torch.sigmoid(torch.tensor([0.71 - 1.42, 0.71 - 1.42, 0]))
    assert torch.allclose(TwoLines().discriminator(x, torch.tensor(CRITIC_DIRECTION)), wanted)


def test_the_value_is_the_mean_over_samples():
    """By 400,000 draws of h, within four standard errors."""
    game, (v, w) = TwoLines(), directions()
    h = torch.randn(400_000, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    data = torch.tensor(toy.DATA_DIRECTION).double()
    terms = game.discriminator(h * data, w).log() + (1 - game.discriminator(h * v, w)).log()
    assert abs(terms.mean() - game.value(v, w)) < 4 * terms.std() / len(h) ** 0.5


def test_the_value_is_the_integral_over_h():
    game, (v, w) = TwoLines(), directions()
    h = torch.linspace(-10, 10, 20_001).double()
    density = Normal(0, 1).log_prob(h).exp()
    data = torch.tensor(toy.DATA_DIRECTION).double()
    terms = game.discriminator(h[:, None] * data, w).log() + (1 - game.discriminator(h[:, None] * v, w)).log()
    assert game.value(v, w).item() == pytest.approx(torch.trapezoid(density * terms, h).item(), abs=1e-6)


def test_the_value_where_the_discriminator_is_blind():
    v, w = directions()
    assert TwoLines().value(v, 0 * w).item() == pytest.approx(-2 * math.log(2))


@pytest.mark.parametrize("angle", [0.3, 2.0, 4.5])
def test_the_slopes_are_those_of_the_value(angle):
    game = TwoLines()
    v = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64, requires_grad=True)
    w = torch.tensor(CRITIC_DIRECTION, dtype=torch.float64, requires_grad=True)
    by_v, by_w = torch.autograd.grad(game.value(v, w), (v, w))
    assert torch.allclose(game.generator_slope(v, w), by_v)
    assert torch.allclose(game.critic_slope(v, w), by_w)


def test_steps_end_on_the_circle_and_change_the_value_as_they_should():
    game, (v, w) = TwoLines(), directions()
    v = v / v.norm()
    moved = game.generator_step(v, w, 0.1)
    assert moved.norm().item() == pytest.approx(1)
    assert game.value(moved, w) < game.value(v, w)
    turned = game.critic_step(moved, w, 0.1)
    assert turned.norm().item() == pytest.approx(1)
    assert game.value(moved, turned) > game.value(moved, w / w.norm())


def test_a_step_goes_as_far_as_the_slope_along_the_circle():
    """The tangent of the angle is the rate times that part of the slope."""
    game, (v, w) = TwoLines(), directions()
    v = v / v.norm()
    along = torch.stack([-v[1], v[0]]) @ game.generator_slope(v, w)
    cosine = game.generator_step(v, w, 0.5) @ v
    assert math.tan(math.acos(cosine.item())) == pytest.approx(0.5 * abs(along.item()))


def test_single_precision_is_kept():
    v, w = (d.float() for d in directions())
    game = TwoLines()
    assert {game.value(v, w).dtype, game.generator_step(v, w).dtype, game.critic_step(v, w).dtype} == {torch.float32}
