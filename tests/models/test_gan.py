"""What makes it *this* game: the slopes of its losses, what they are at their best, whose turn it is."""

import math

import pytest
import torch
from torch import nn

from coursekit import metrics, training
from coursekit.models import gan
from coursekit.models.gan.losses import Loss

LOSSES = [gan.MINIMAX, gan.NON_SATURATING, gan.HINGE, gan.LEAST_SQUARES, gan.WASSERSTEIN, gan.RELATIVISTIC]
NAMES = ["minimax", "non-saturating", "hinge", "least squares", "Wasserstein", "relativistic"]
losses = pytest.mark.parametrize("loss", LOSSES, ids=NAMES)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def scores(seed=0):
    """Twelve logits from far below to far above 0."""
    return (6 * normal(12, seed=seed, dtype=torch.float64)).requires_grad_()


# --- losses


def slope(loss: Loss, fake, real=None):
    """The derivative of the generator's loss by each score, for a mean over the items."""
    value = loss.generator(fake.detach() if real is None else real, fake)
    return len(fake) * torch.autograd.grad(value, fake)[0]


def test_the_minimax_generators_slope_is_minus_d():
    """None where D is sure that an item is generated."""
    fake = scores()
    assert torch.allclose(slope(gan.MINIMAX, fake), -fake.sigmoid(), rtol=0, atol=1e-6)
    assert slope(gan.MINIMAX, torch.tensor([-20.0], requires_grad=True)).abs() < 1e-8


def test_the_non_saturating_generators_slope_is_minus_one_minus_d():
    """Full where D is sure."""
    fake = scores()
    assert torch.allclose(slope(gan.NON_SATURATING, fake), -(1 - fake.sigmoid()), rtol=0, atol=1e-6)
    assert slope(gan.NON_SATURATING, torch.tensor([-20.0], requires_grad=True)).item() == pytest.approx(-1)


@pytest.mark.parametrize(
    ("loss", "law"),
    [
        (gan.HINGE, lambda score: -torch.ones_like(score)),
        (gan.WASSERSTEIN, lambda score: -torch.ones_like(score)),
        (gan.LEAST_SQUARES, lambda score: score - 1),
    ],
    ids=["hinge", "Wasserstein", "least squares"],
)
def test_the_other_generators_slopes(loss, law):
    fake = scores()
    assert torch.allclose(slope(loss, fake), law(fake.detach()), atol=1e-12)


def test_the_relativistic_slope_is_that_of_logistic_regression_on_differences():
    real, fake = scores(1).detach(), scores()
    assert torch.allclose(slope(gan.RELATIVISTIC, fake, real), -(real - fake).sigmoid(), atol=1e-12)


@pytest.mark.parametrize("loss", [gan.MINIMAX, gan.NON_SATURATING], ids=NAMES[:2])
def test_a_critic_that_cannot_tell_pays_two_bits(loss):
    zeros = torch.zeros(5)
    assert loss.critic(zeros, zeros).item() == pytest.approx(2 * math.log(2))


def test_the_critics_loss_neither_overflows_nor_loses_its_slope():
    far = torch.tensor([-200.0, 200.0], requires_grad=True)
    value = gan.MINIMAX.critic(far, far)
    assert value.item() == pytest.approx(200)
    assert torch.autograd.grad(value, far)[0].tolist() == pytest.approx([-0.5, 0.5])


P, Q = torch.tensor([6, 1, 3, 0]), torch.tensor([1, 1, 4, 4])  # outcomes in ten draws from each law


def on_draws(loss: Loss, score):
    """The critic's loss with these scores of the four outcomes."""
    return loss.critic(score.repeat_interleave(P), score.repeat_interleave(Q))


def test_the_value_at_the_best_discriminator_is_minus_log_4_and_twice_jensen_shannon():
    p, q = P / 10, Q / 10
    best = (p.log() - q.log()).clamp(-40, 40)
    wanted = -math.log(4) + 2 * metrics.jensen_shannon(p, q)
    assert -on_draws(gan.MINIMAX, best).item() == pytest.approx(wanted, abs=2e-6)
    for seed in range(5):
        worse = best + 0.1 * normal(4, seed=seed)
        assert -on_draws(gan.MINIMAX, worse).item() < wanted


def test_the_best_critic_of_least_squares_is_the_share_of_the_data():
    best = (P / (P + Q)).requires_grad_()
    assert torch.autograd.grad(on_draws(gan.LEAST_SQUARES, best), best)[0].abs().max() < 1e-6


def test_the_best_critic_of_the_hinge_loss_is_a_sign():
    """+1 where the data are denser, −1 where they are not, and the loss is then 2 Σ min(p, q)."""
    best = torch.where(P > Q, 1.0, -1.0)
    assert on_draws(gan.HINGE, best).item() == pytest.approx(2 * torch.minimum(P, Q).sum().item() / 10)
    for seed in range(5):
        assert on_draws(gan.HINGE, best + normal(4, seed=seed)) > on_draws(gan.HINGE, best)


def test_the_wasserstein_critic_pays_the_gap_of_the_means():
    real, fake = normal(9), normal(7, seed=1)
    assert gan.WASSERSTEIN.critic(real, fake).item() == pytest.approx((fake.mean() - real.mean()).item())


@pytest.mark.parametrize("loss", [gan.WASSERSTEIN, gan.RELATIVISTIC], ids=["Wasserstein", "relativistic"])
def test_a_number_added_to_all_scores_changes_nothing_where_only_differences_count(loss):
    real, fake = normal(9), normal(9, seed=1)
    assert torch.allclose(loss.critic(real + 5, fake + 5), loss.critic(real, fake), atol=1e-5)
    assert not torch.allclose(gan.MINIMAX.critic(real + 5, fake + 5), gan.MINIMAX.critic(real, fake), atol=0.1)


@losses
def test_a_critic_wants_the_data_above_and_a_generator_the_opposite(loss):
    """A step along each slope moves the scores as it should."""
    real, fake = torch.zeros(4, requires_grad=True), torch.zeros(4, requires_grad=True)
    by_real, by_fake = torch.autograd.grad(loss.critic(real, fake), (real, fake))
    (lifted,) = torch.autograd.grad(loss.generator(real, fake), fake)
    assert (by_real < 0).all()
    assert (by_fake >= 0).all()
    assert (lifted < 0).all()


@losses
def test_paired_says_whether_the_generators_loss_looks_at_real_items(loss):
    fake = normal(6)
    told = loss.generator(normal(6, seed=1), fake), loss.generator(normal(6, seed=2), fake)
    assert torch.equal(*told) != loss.paired


# --- the game


def veegan():
    return gan.dense((2,), 3, 8, recovery=gan.Reconstructor(nn.Linear(2, 3)))


def points(n=12, seed=0):
    return normal(n, 2, seed=seed)


class Counting(nn.Module):
    """A net that counts how often it is run, and keeps what it was shown."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, []

    def forward(self, x, *given):
        self.seen.append(x.detach().clone())
        return self.net(x, *given)


def counted(**how):
    game = gan.dense((2,), 3, 8, **how)
    game.generator, game.critic = Counting(game.generator), Counting(game.critic)
    return game


def run(game, x, lr=0.1):
    parameters = training.trainable_parameters(game)
    optimizers = {name: torch.optim.SGD(each, lr) for name, each in parameters.items()}
    return next(training.steps(game, [x], optimizers))


@pytest.mark.parametrize("n_critic", [1, 3])
def test_the_generator_is_run_once_for_each_turn_of_the_critic_and_not_again_for_its_own(n_critic):
    game = counted(n_critic=n_critic)
    run(game, points())
    assert len(game.generator.seen) == n_critic
    assert len(game.critic.seen) == 2 * n_critic + 1


def test_the_last_turns_items_are_the_generators():
    game = counted(n_critic=2)
    run(game, points())
    assert torch.equal(game.critic.seen[-1], game.critic.seen[-2])
    assert not torch.equal(game.critic.seen[-1], game.critic.seen[1])


def test_each_turn_of_the_critic_sees_new_data():
    game, x = counted(n_critic=3), points(13)
    run(game, x)
    shown = torch.cat(game.critic.seen[0:6:2])
    assert torch.equal(shown, x[:12])  # one is left over


def test_conditions_are_dealt_out_with_their_items():
    game = gan.dense((2,), 3, 8, n_critic=2, condition_size=2)
    seen = []
    game.critic.register_forward_hook(lambda module, pair, out: seen.append(pair))
    x, m = points(), normal(12, 2, seed=5)
    run(game, (x, m))
    assert torch.equal(torch.cat([seen[0][0], seen[2][0]]), x)
    assert torch.equal(torch.cat([seen[0][1], seen[2][1]]), m)
    assert torch.equal(seen[1][1], m[:6])  # the fakes are judged beside the same conditions


def test_a_batch_has_to_suffice_for_all_turns():
    game = gan.dense((2,), 3, 8, n_critic=5)
    with pytest.raises(ValueError, match="x: want a batch of at least 5 items"):
        run(game, points(4))


@pytest.mark.parametrize(
    "how",
    [{}, {"penalties": [gan.GradientPenalty(), gan.r1(), gan.r2()]}, {"pack": 2}],
    ids=["plain", "penalties", "pack"],
)
def test_the_critics_loss_sends_no_gradient_to_the_generator(how):
    game = gan.dense((2,), 3, 8, **how)
    game.critic_loss(game.deal(points()))["loss"].backward()
    assert all(p.grad is None for p in game.generator.parameters())
    assert all(p.grad is not None for p in game.critic.parameters())


def test_the_critics_loss_sends_no_gradient_to_the_reconstructor():
    game = veegan()
    game.critic_loss(game.deal(points()))["loss"].backward()
    assert all(p.grad is None for p in game.recovery.parameters())


def test_a_joint_critic_judges_data_with_their_codes_and_codes_with_their_items():
    game = veegan()
    seen = []
    game.critic.register_forward_hook(lambda module, pair, out: seen.append(pair))
    deal = game.deal(torch.rand(6, 2))
    game.critic_loss(deal)
    assert torch.equal(seen[0][0], deal.real)
    assert torch.equal(seen[0][1], game.recovery(deal.real))
    assert torch.equal(seen[1][0], deal.fake)
    assert torch.equal(seen[1][1], deal.h)


@losses
def test_terms_are_the_losses_of_the_scores(loss):
    game = gan.dense((2,), 3, 8, loss=loss)
    deal = game.deal(points())
    real, fake = game.score(deal.real), game.score(deal.fake)
    terms = game.critic_loss(deal)
    assert torch.allclose(terms["loss"], loss.critic(real, fake))
    assert terms["real"].item() == pytest.approx(real.mean().item())
    assert terms["fake"].item() == pytest.approx(fake.mean().item())
    assert torch.allclose(game.generator_loss(deal)["loss"], loss.generator(real, fake))


def test_penalties_add_up():
    game = gan.dense((2,), 3, 8, penalties=[gan.r1(3.0), gan.r2(5.0)])
    deal = game.deal(points())
    terms, plain = game.critic_loss(deal), gan.NON_SATURATING.critic(game.score(deal.real), game.score(deal.fake))
    wanted = sum(penalty(game.score, deal.real, deal.fake) for penalty in game.penalties)
    assert torch.allclose(terms["penalty"], wanted)
    assert torch.allclose(terms["loss"], plain + wanted)


def test_recovery_is_added_to_the_generators_loss():
    game = gan.dense((2,), 3, 8, recovery=gan.Reconstructor(nn.Linear(2, 3), weight=2.0, joint=False))
    deal = game.deal(points())
    terms = game.generator_loss(deal)
    wanted = 2 * (game.recovery(deal.fake) - deal.h).square().mean()
    assert torch.allclose(terms["recovery"], wanted)
    assert torch.allclose(terms["loss"], gan.NON_SATURATING.generator(None, game.score(deal.fake)) + wanted)


def test_a_packs_score_is_one_for_each_pack():
    game = gan.dense((2,), 3, 8, pack=3)
    assert game.score(points()).shape == (4,)


@pytest.mark.parametrize(
    "how",
    [{"condition_size": 2}, {"condition_size": 2, "pack": 2}, {"recovery": True}, {"recovery": True, "pack": 2}],
    ids=["condition", "condition, packed", "pairs", "pairs, packed"],
)
def test_dense_games_of_images_take_what_stands_beside_them(how):
    if how.get("recovery"):
        how = how | {"recovery": gan.Reconstructor(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)))}
    game, x = gan.dense((1, 4, 4), 3, 8, **how), torch.rand(8, 1, 4, 4)
    report = run(game, (x, torch.rand(8, 2)) if "condition_size" in how else x)
    assert set(report) == {"critic", "generator"}
    told = torch.rand(3, 2) if "condition_size" in how else None
    assert game.sample(3, condition=told).shape == (3, 1, 4, 4)


@pytest.mark.parametrize(
    ("size", "batch", "words"),
    [
        (0, (points(), points()), r"condition: want none, got \[12, 2\]"),
        (3, points(), r"condition: want \[12, 3\], got none"),
        (3, (points(), points()), r"condition: want \[12, 3\], got \[12, 2\]"),
    ],
)
def test_conditions_that_do_not_fit_are_refused(size, batch, words):
    game = gan.dense((2,), 3, 8, condition_size=size)
    with pytest.raises(ValueError, match=words):
        game.deal(batch)


def test_a_conditional_game_has_to_be_told_in_a_sample():
    with pytest.raises(ValueError, match=r"condition: want \[4, 2\], got none"):
        gan.dense((2,), 3, 8, condition_size=2).sample(4)


@pytest.mark.parametrize("wrong", [{"n_critic": 0}, {"condition_size": -1}])
def test_games_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="n_critic, condition_size: want"):
        gan.GAN(nn.Linear(2, 2), nn.Linear(2, 1), latent=2, **wrong)


@pytest.mark.parametrize("how", [{"penalties": [gan.r1()]}, {"condition_size": 2}])
def test_a_critic_of_pairs_takes_no_penalty_and_no_condition(how):
    with pytest.raises(ValueError, match="a critic of pairs takes no"):
        gan.GAN(nn.Linear(2, 2), nn.Linear(4, 1), latent=2, recovery=gan.Reconstructor(nn.Linear(2, 2)), **how)


def test_a_truncated_sample_is_drawn_from_truncated_codes():
    game = gan.GAN(nn.Identity(), nn.Linear(3, 1), latent=3)
    assert game.sample(500, truncation=0.4).abs().max() <= 0.4 < game.sample(500).abs().max()


def with_batch_norm(**how):
    generator = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    critic = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.LeakyReLU(), nn.Linear(4, 1))
    return gan.GAN(generator, critic, latent=3, **how)


@pytest.mark.parametrize("how", [{}, {"penalties": [gan.r1()]}], ids=["plain", "penalty"])
def test_settling_measures_the_statistics_anew(how):
    """They become the mean over the batches given, whatever they were, and nothing else changes."""
    torch.manual_seed(0)
    game = with_batch_norm(**how)
    layers = game.generator[1], game.critic[1]
    for layer in layers:
        layer.running_mean.fill_(50)
    before = [p.clone() for p in game.parameters()]
    batches = [points(400, seed) for seed in range(10)]
    game.eval().settle(batches)
    h = normal(20_000, 3)
    seen = game.generator[0](h)
    assert torch.allclose(layers[0].running_mean, seen.mean(0), atol=0.05)
    assert torch.allclose(layers[0].running_var, seen.var(0), rtol=0.1)
    fed = [game.critic[0](x).mean(0) for x in (torch.cat(batches), game.sample(4000))]
    assert torch.allclose(layers[1].running_mean, (fed[0] + fed[1]) / 2, atol=0.05)
    assert not game.training
    assert all(layer.momentum == 0.1 for layer in layers)
    assert all(torch.equal(p, old) for p, old in zip(game.parameters(), before, strict=True))


def test_a_game_on_a_line_finds_the_datas_mean():
    """g(h) = h + v and l(x) = w x + b, with R1: from far away, v comes to the mean of the data, 2."""
    torch.manual_seed(0)

    class Shift(nn.Module):
        def __init__(self):
            super().__init__()
            self.v = nn.Parameter(torch.tensor(-1.0))

        def forward(self, h):
            return h + self.v

    game = gan.GAN(Shift(), nn.Linear(1, 1), latent=1, penalties=[gan.r1()])
    x = 2 + normal(4000, 1)
    rates = {name: lambda p: torch.optim.SGD(p, 0.1) for name in game.players()}
    training.fit(game, x, steps=600, batch_size=256, optimizers=rates, progress=False)
    assert game.generator.v.item() == pytest.approx(2, abs=0.2)
