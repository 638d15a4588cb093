"""Claims G3–G5, G11 and G12: how the game is played, why it need not end, and the classics beside it."""

import math
from dataclasses import replace
from functools import cache

import once
import pytest
import torch
from torch import nn

from coursekit import training
from coursekit.data import toy
from coursekit.data.numerals import numerals as draw
from coursekit.metrics import mmd, mode_count
from coursekit.models import gan
from coursekit.models.base import Model
from coursekit.models.classical import GaussianGenerator, MixtureGenerator
from coursekit.models.games import CRITIC_DIRECTION, GENERATOR_DIRECTION, TwoLines, bilinear, invariant


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=seeded(seed))


# --- G3: saturation


@cache
def surer_and_surer():
    """(mean D of generated items, gradient norms under both losses) while only the critic learns."""
    torch.manual_seed(0)
    game = gan.dense((2,), 2, 32)
    x = 0.3 * normal(512, 2) + torch.tensor([3.0, 0.0])
    deal = game.deal(x, generator=seeded())
    optimizer = torch.optim.Adam(game.critic.parameters(), 5e-3)
    rows = []
    for step in range(400):
        if step % 10 == 0:
            rows.append([game.score(deal.fake).sigmoid().mean().item(), *(push(game, deal, loss) for loss in PAIR)])
        optimizer.zero_grad()
        game.critic_loss(deal)["loss"].backward()
        optimizer.step()
    return torch.tensor(rows)


PAIR = (gan.MINIMAX, gan.NON_SATURATING)


def push(game, deal, loss):
    """The norm of the gradient that reaches the generator's weights."""
    objective = loss.generator(None, game.score(deal.fake))
    slopes = torch.autograd.grad(objective, list(game.generator.parameters()), retain_graph=True)
    return torch.cat([slope.flatten() for slope in slopes]).norm().item()


def test_G3_a_sure_discriminator_starves_the_minimax_generator_and_not_the_other():
    d, minimax, other = surer_and_surer().T
    blind, sure = (d - 0.5).abs().argmin(), d.argmin()
    assert d[sure] < 5e-3
    assert minimax[sure] < 0.05 * minimax.max()
    assert other[sure] > 0.5 * other.max()
    assert other[sure] > 100 * minimax[sure]
    assert minimax[blind] == pytest.approx(other[blind].item(), rel=0.3)  # near D = ½ the two push alike


def test_G3_by_the_score_the_slopes_are_d_and_one_minus_d():
    """The same from the formulas, over all confidences."""
    score = torch.linspace(-12, 12, 49, dtype=torch.float64, requires_grad=True)
    starved, fed = (torch.autograd.grad(49 * loss.generator(None, score), score)[0].abs() for loss in PAIR)
    assert torch.allclose(starved, score.sigmoid())
    assert torch.allclose(fed, 1 - score.sigmoid())
    assert starved[0] < 1e-5 < 0.99 < fed[0]


# --- G4: two lines


def directions():
    return torch.tensor(GENERATOR_DIRECTION).double(), torch.tensor(CRITIC_DIRECTION).double()


def digits(v):
    return [round(number, 2) for number in v.tolist()]


def test_G4_the_lectures_two_updates():
    game, (v, w) = TwoLines(), directions()
    turned = game.generator_step(v, w)
    assert digits(turned) == [0.39, 0.92]
    assert digits(game.critic_step(turned, w)) == [0.67, -0.74]
    assert turned.norm().item() == pytest.approx(1)


def test_G4_the_order_of_the_moves_matters():
    """Before the generator has moved, the slope of w points along w: the discriminator stays, whatever the step."""
    game, (v, w) = TwoLines(), directions()
    for rate in (0.1, 0.89, 5.0):
        assert digits(game.critic_step(v, w, rate)) == [0.71, -0.71]


def test_G4_with_the_wrong_sign_or_another_rate_the_digits_are_others():
    game, (v, w) = TwoLines(), directions()
    assert game.generator_step(v, w, -0.89)[0] < 0.05 < v[0]  # away from the data's line
    for rate in (0.5, 0.8, 1.0, 2.0):
        turned = game.generator_step(v, w, rate)
        assert (digits(turned), digits(game.critic_step(turned, w, rate))) != ([0.39, 0.92], [0.67, -0.74])


def test_G4_each_move_is_good_for_who_makes_it():
    game, (v, w) = TwoLines(), directions()
    turned = game.generator_step(v, w)
    assert game.value(turned, w) < game.value(v, w)
    assert game.value(turned, game.critic_step(turned, w)) > game.value(turned, w)
    assert abs(turned @ torch.tensor(toy.DATA_DIRECTION).double()) > abs(v @ torch.tensor(toy.DATA_DIRECTION).double())


# --- G5: a game that does not converge


class Product(Model):
    """min_x max_y x·y + pull/2 (x² − y²), each player with one number."""

    def __init__(self, pull=0.0):
        super().__init__()
        self.x, self.y, self.pull = Number(0.7), Number(-0.4), pull

    def players(self):
        return {"x": self.x, "y": self.y}

    def turns(self, x):
        yield "x", {"loss": self.value()}
        yield "y", {"loss": -self.value()}

    def value(self):
        x, y = self.x.at, self.y.at
        return x * y + self.pull / 2 * (x.square() - y.square())


class Number(nn.Module):
    def __init__(self, at):
        super().__init__()
        self.at = nn.Parameter(torch.tensor(at, dtype=torch.float64))


def played(game, steps=200, rate=0.2):
    """The path that the course's own loop takes, [steps + 1, 2]."""
    optimizers = {name: torch.optim.SGD(player.parameters(), rate) for name, player in game.players().items()}
    path = [[game.x.at.item(), game.y.at.item()]]
    for _ in training.steps(game, [torch.zeros(1)] * steps, optimizers):
        path.append([game.x.at.item(), game.y.at.item()])
    return torch.tensor(path, dtype=torch.float64)


def test_G5_simultaneous_steps_spiral_outwards_and_the_flow_circles():
    start = (0.7, -0.4)
    outwards = bilinear(start, 200, 0.2).norm(dim=1)
    assert (outwards.diff() > 0).all()
    assert outwards[-1] == pytest.approx(outwards[0].item() * 1.04**100)
    circle = bilinear(start, 200, 0.2, "continuous").norm(dim=1)
    assert torch.allclose(circle, circle[0])


def test_G5_the_loops_alternating_steps_stay_on_an_ellipse_and_do_not_converge():
    path = played(Product())
    assert torch.allclose(path, bilinear((0.7, -0.4), 200, 0.2, "alternating"))
    assert torch.allclose(invariant(path, 0.2), invariant(path[0], 0.2))
    assert path.norm(dim=1).min() > 0.9 * path[0].norm()


def test_G5_a_little_convexity_makes_the_same_steps_converge():
    assert played(Product(pull=0.5))[-1].norm() < 1e-6


# --- G11: likelihood-based classics


@cache
def numerals():
    """Three times 500 images: to fit to, to compare with, and others of the data."""
    return draw(1500, seed=5).images.split(500)


@cache
def classics():
    fitted = numerals()[0]
    return GaussianGenerator().fit(fitted), MixtureGenerator(10, covariance="diag", starts=1).fit(fitted)


def drawings():
    return [generator.sample(500, generator=seeded()).clamp(0, 1) for generator in classics()]


def sure(images):
    """The share of images in which the reader is sure of one digit."""
    return (once.model("numerals_reader").read(images).amax(1) > 0.95).float().mean().item()


def in_units_of_chance(real, generated, law):
    """By how many standard deviations MMD² exceeds what it is between samples of the law itself, as large as these."""
    chance = torch.tensor([mmd(real, law(seed)) for seed in range(12)])
    return (mmd(real, generated) - chance.mean().item()) / chance.std().item()


def test_G11_the_classics_suit_data_of_few_dimensions():
    """The Gaussian a correlated cloud, the mixture the ring; the Gaussian not the ring."""

    def cloud(seed, n=500):
        return normal(n, 2, seed=seed) @ torch.tensor([[1.0, 0.8], [0, 0.5]])

    def ring(seed, n=500):
        return toy.ring_of_gaussians(n, generator=seeded(seed)).points

    for law, generator in [(cloud, GaussianGenerator()), (ring, MixtureGenerator(8))]:
        generated = generator.fit(law(90, 4000)).sample(500, generator=seeded(91))
        assert in_units_of_chance(law(92), generated, law) < 5
    wrong = GaussianGenerator().fit(ring(90, 4000)).sample(500, generator=seeded(91))
    assert in_units_of_chance(ring(92), wrong, ring) > 15
    found = mode_count(wrong, toy.ring_centres(8), 0.05)
    assert found.share < 0.2


def test_G11_their_images_are_not_taken_for_digits():
    _, real, others = numerals()
    assert min(sure(real), sure(others)) > 0.95
    for drawn in drawings():
        assert sure(drawn) < 0.5


def test_G11_moment_matching_tells_their_images_from_data():
    """In pixels and in the reader's features."""
    _, real, others = numerals()
    reader = once.model("numerals_reader")
    for measured in (lambda x: x, reader.features):
        floor = abs(mmd(measured(real), measured(others)))
        for drawn in drawings():
            assert mmd(measured(real), measured(drawn)) > 5 * max(floor, 5e-4)


# --- G12: the discriminator is held, and its gradient flows


def against_a_trained_critic(seed=0):
    """A generator far from the data, a critic that has learnt to tell them apart, and its optimum."""
    torch.manual_seed(seed)
    game = gan.dense((2,), 2, 32)
    x = 0.5 * normal(512, 2) + torch.tensor([1.5, 0.0])
    optimizer = torch.optim.Adam(game.critic.parameters(), 5e-3)
    for _ in range(100):
        optimizer.zero_grad()
        game.critic_loss(game.deal(x))["loss"].backward()
        optimizer.step()
    game.zero_grad()
    return game, x


def weights(net):
    return torch.cat([p.detach().flatten().clone() for p in net.parameters()])


def test_G12_in_the_generators_turn_the_critic_stays_and_its_gradient_reaches_the_image():
    game, x = against_a_trained_critic()
    optimizers = {name: torch.optim.SGD(net.parameters(), 0.1) for name, net in game.players().items()}
    for player, terms in game.turns(x):
        critic, generator = weights(game.critic), weights(game.generator)
        terms["loss"].backward(inputs=list(game.players()[player].parameters()))
        optimizers[player].step()
        assert torch.equal(weights(game.critic), critic) == (player == "generator")
        assert torch.equal(weights(game.generator), generator) == (player == "critic")
    deal = game.deal(x)
    (slope,) = torch.autograd.grad(game.generator_loss(deal)["loss"], deal.fake)
    assert (slope.norm(dim=1) > 0).all()


def test_G12_a_critic_whose_weights_are_frozen_gives_the_generator_the_same_gradient():
    game, x = against_a_trained_critic()
    deal = game.deal(x)
    own = list(game.generator.parameters())
    free = torch.autograd.grad(game.generator_loss(deal)["loss"], own, retain_graph=True)
    game.critic.requires_grad_(False)
    frozen = torch.autograd.grad(game.generator_loss(deal)["loss"], own)
    assert all(torch.equal(a, b) for a, b in zip(free, frozen, strict=True))


def test_G12_cut_off_at_the_image_nothing_reaches_the_generator():
    game, x = against_a_trained_critic()
    deal = game.deal(x)
    game.generator_loss(replace(deal, fake=deal.fake.detach()))["loss"].backward()
    assert all(p.grad is None for p in game.generator.parameters())
    with torch.no_grad():
        assert not game.generator_loss(deal)["loss"].requires_grad  # nor through a critic that is not recorded


def after_turns(player):
    """60 steps of one player down the generator's loss: (that loss, D and the critic's loss of the items as they were,
    how far the items' mean is from the data's)."""
    game, x = against_a_trained_critic()
    old = game.deal(x, generator=seeded())
    optimizer = torch.optim.Adam(game.players()[player].parameters(), 5e-3)
    for _ in range(60):
        optimizer.zero_grad()
        game.generator_loss(game.deal(x, generator=seeded()))["loss"].backward()
        optimizer.step()
    now = game.deal(x, generator=seeded())
    d = game.score(old.fake).sigmoid().mean().item()
    away = (now.fake.mean(0) - x.mean(0)).norm().item()
    return game.generator_loss(now)["loss"].item(), d, game.critic_loss(old)["loss"].item(), away


def test_G12_a_critic_that_moved_along_would_lower_the_loss_by_giving_in():
    """Held, it still knows the old items, and the loss falls because the items come nearer. Moved, it comes to take the
    old items for data, and the loss falls though not one item has changed."""
    game, x = against_a_trained_critic()
    deal = game.deal(x, generator=seeded())
    loss, d = game.generator_loss(deal)["loss"].item(), game.score(deal.fake).sigmoid().mean().item()
    critics, away = game.critic_loss(deal)["loss"].item(), (deal.fake.mean(0) - x.mean(0)).norm().item()
    held, moved = after_turns("generator"), after_turns("critic")
    assert max(held[0], moved[0]) < 0.15 * loss
    assert held[1:3] == pytest.approx((d, critics))
    assert held[3] < 0.7 * away
    assert d < 0.1 < 0.6 < moved[1]
    assert moved[2] > 2 * math.log(2) > 4 * critics  # worse than a blind one
    assert moved[3] == pytest.approx(away)
