"""What makes it *these* games: what each loss is, who moves when, what is remembered and what is not."""

import math
from itertools import chain

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coursekit import training
from coursekit.models import gan
from coursekit.models.nets import mlp
from coursekit.models.translation import AugmentedCycleGAN, CycleGAN, ImagePool, Pix2Pix, small_critic, small_generator


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def points(n=12, d=2, seed=0):
    return torch.randn(n, d, generator=seeded(seed))


def images(n=8, channels=3, side=8, seed=0):
    return torch.rand(n, channels, side, side, generator=seeded(seed))


def flat(**how):
    """A CycleGAN of points in the plane."""
    torch.manual_seed(0)
    return CycleGAN(mlp(2, 8, 2), mlp(2, 8, 2), mlp(2, 8, 1), mlp(2, 8, 1), **how)


def small(**how):
    """One of small images."""
    torch.manual_seed(0)
    generators = (small_generator(width=8, blocks=1, start="free") for _ in range(2))
    return CycleGAN(*generators, *(small_critic(width=8) for _ in range(2)), **how)


def of_maps(there, back, **how):
    """One whose generators are given and whose critics are plain."""
    return CycleGAN(there, back, nn.Linear(2, 1), nn.Linear(2, 1), **how)


def sgd(model, lr=0.1):
    return {name: torch.optim.SGD(each, lr) for name, each in training.trainable_parameters(model).items()}


def run(model, *batches):
    return list(training.steps(model, batches, sgd(model)))


def generators_terms(game, a, b):
    return dict(game.generators_loss(a, b, game.b_to_a(b), game.a_to_b(a)))


class Counting(nn.Module):
    """A net that keeps what it was shown."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, []

    def forward(self, *x):
        self.seen.append([part.detach().clone() for part in x])
        return self.net(*x)


def counted(model, *names):
    for name in names:
        setattr(model, name, Counting(getattr(model, name)))
    return model


# --- the pool


def shown(pool, rounds, each=10, generator=None):
    """(what came in, what was handed on) as numbers, for items that are their own number."""
    came = torch.arange(float(rounds * each)).view(rounds, each, 1)
    return came.flatten(), torch.cat([pool(x, generator=generator) for x in came]).flatten()


def test_half_of_what_a_full_pool_hands_on_is_old():
    came, out = shown(ImagePool(50), 400, generator=seeded())
    assert torch.equal(out[:50], came[:50])
    old = (out != came)[50:].double()
    assert old.mean().item() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(len(old)))
    assert (out <= came).all()
    assert len(set(out[out != came].tolist())) == (out != came).sum()  # nobody is handed on twice as an old one


def test_an_item_stays_for_twice_the_size_of_further_ones_on_average():
    """It goes with a chance of ½/size at each."""
    stayed = []
    for seed in range(30):
        pool = ImagePool(20)
        shown(pool, 6, generator=seeded(seed))  # 20, and 40 further ones
        stayed.append(sum(item.item() < 20 for item in pool.items) / 20)
    assert sum(stayed) / 30 == pytest.approx((1 - 0.5 / 20) ** 40, abs=0.06)


def test_a_pool_of_nothing_hands_everything_on():
    came, out = shown(ImagePool(0), 5)
    assert torch.equal(came, out)
    came, out = shown(ImagePool(1), 5)
    assert not torch.equal(came, out)


def test_what_a_pool_keeps_has_no_gradient_and_is_its_own():
    x = torch.ones(3, 2, requires_grad=True)
    for size in (0, 2):
        assert not ImagePool(size)(2 * x).requires_grad
    pool, y = ImagePool(2), torch.ones(2, 2)
    pool(y)
    y.zero_()
    assert all(torch.equal(item, torch.ones(2)) for item in pool.items)


def test_a_pool_draws_from_its_generator_or_from_torchs_own():
    outs = [shown(ImagePool(5), 9, generator=seeded(seed))[1] for seed in (0, 0, 1)]
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])
    for _ in range(2):
        torch.manual_seed(0)
        outs.append(shown(ImagePool(5), 9)[1])
    assert torch.equal(outs[3], outs[4])


def test_pools_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="size: want a number of items, 0 or more, got -1"):
        ImagePool(-1)
    pool = ImagePool(5)
    pool(images(2))
    with pytest.raises(ValueError, match=r"want items \[n, ...\] of the pool's shape \[3, 8, 8\], got \[2, 3, 4, 4\]"):
        pool(images(2, side=4))


# --- CycleGAN


class Turn(nn.Module):
    """Points turned by an angle, with a parameter of no effect, so that there is something to train."""

    def __init__(self, degrees):
        super().__init__()
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        self.matrix, self.idle = torch.tensor([[c, -s], [s, c]]), nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x @ self.matrix.T + 0 * self.idle


@pytest.mark.parametrize("degrees", [0, 37, 180])
def test_the_cycle_closes_for_any_map_and_its_inverse(degrees):
    """A turn by any angle, too: the cycle does not say which map it is."""
    a, b = points(seed=1), points(seed=2)
    assert generators_terms(of_maps(Turn(degrees), Turn(-degrees)), a, b)["cycle"] < 1e-6
    assert generators_terms(of_maps(Turn(degrees), Turn(10 - degrees)), a, b)["cycle"] > 0.1


def test_the_generators_loss_is_the_sum_of_its_terms_with_their_weights():
    game, a, b = flat(cycle=3.0, identity=2.0), points(seed=1), points(seed=2)
    there, back = game.a_to_b(a), game.b_to_a(b)
    scores = game.critic_b(there), game.critic_a(back)
    cycles = (game.b_to_a(there) - a).abs().mean(), (game.a_to_b(back) - b).abs().mean()
    wanted = {
        "adversarial": sum(0.5 * (score - 1).square().mean() for score in scores),
        "cycle_a": cycles[0], "cycle_b": cycles[1], "cycle": sum(cycles),
        "identity": (game.b_to_a(a) - a).abs().mean() + (game.a_to_b(b) - b).abs().mean(),
    }  # fmt: skip
    wanted["loss"] = wanted["adversarial"] + 3 * wanted["cycle"] + 2 * wanted["identity"]
    terms = generators_terms(game, a, b)
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({k: v.item() for k, v in wanted.items()}, rel=1e-5)


@pytest.mark.parametrize(
    ("how", "generator", "critic"),
    [({}, 2, 3), ({"cycle": 0.0}, 1, 3), ({"identity": 1.0}, 3, 3), ({"loss": gan.RELATIVISTIC}, 2, 4)],
    ids=["plain", "no cycle", "identity", "paired loss"],
)
def test_no_net_is_run_more_often_than_it_has_to_be(how, generator, critic):
    game = counted(flat(**how), "a_to_b", "b_to_a", "critic_a", "critic_b")
    run(game, (points(), points(seed=1)))
    assert [len(net.seen) for net in (game.a_to_b, game.b_to_a)] == [generator] * 2
    assert [len(net.seen) for net in (game.critic_a, game.critic_b)] == [critic] * 2


def test_the_generators_move_first_and_both_at_once():
    assert list(run(flat(), (points(), points()))[0]) == ["generators", "critic_a", "critic_b"]


def test_critics_judge_their_own_domain_and_translations_from_the_pool():
    game = counted(flat(pool=12), "critic_a", "critic_b")
    batches = [(points(seed=k), points(seed=10 + k)) for k in range(3)]
    run(game, *batches)
    for k, (a, b) in enumerate(batches):
        for real, critic in ((a, game.critic_a), (b, game.critic_b)):
            fresh, of_data, fake = (seen for (seen,) in critic.seen[3 * k : 3 * k + 3])
            assert torch.equal(of_data, real)
            assert torch.equal(fake, fresh) == (k == 0)  # the first batch fills the pool


def test_without_a_pool_critics_judge_the_newest_translations():
    game = counted(flat(pool=0), "critic_a")
    run(game, *[(points(seed=k), points(seed=10 + k)) for k in range(3)])
    assert all(torch.equal(game.critic_a.seen[3 * k][0], game.critic_a.seen[3 * k + 2][0]) for k in range(3))


def plain_pool(size):
    """The pool again, as a function of one batch."""
    kept = []

    def ask(x):
        coins, places, out = torch.rand(len(x)), torch.randint(size, (len(x),)), []
        for item, coin, place in zip(x.detach(), coins, places, strict=True):
            if len(kept) < size:
                kept.append(item)
                out.append(item)
            elif coin < 0.5:
                out.append(kept[place])
                kept[place] = item
            else:
                out.append(item)
        return torch.stack(out)

    return ask


def by_hand(game, batches, lr, cycle, identity, size):
    """CycleGAN as it is mostly written: one optimizer for both generators, one for both critics."""
    f, g, l_a, l_b = game.a_to_b, game.b_to_a, game.critic_a, game.critic_b
    generators = torch.optim.SGD(chain(f.parameters(), g.parameters()), lr)
    critics = torch.optim.SGD(chain(l_a.parameters(), l_b.parameters()), lr)
    pool_a, pool_b = plain_pool(size), plain_pool(size)
    for a, b in batches:
        generators.zero_grad()
        fake_b, fake_a = f(a), g(b)
        scores = l_b(fake_b), l_a(fake_a)
        loss = sum(0.5 * F.mse_loss(score, torch.ones_like(score)) for score in scores)
        loss = loss + cycle * (F.l1_loss(g(fake_b), a) + F.l1_loss(f(fake_a), b))
        loss = loss + identity * (F.l1_loss(g(a), a) + F.l1_loss(f(b), b))
        loss.backward()
        generators.step()
        critics.zero_grad()
        for critic, real, fake in ((l_a, a, pool_a(fake_a)), (l_b, b, pool_b(fake_b))):
            yes, no = critic(real), critic(fake)
            loss = 0.5 * (F.mse_loss(yes, torch.ones_like(yes)) + F.mse_loss(no, torch.zeros_like(no)))
            loss.backward()
        critics.step()


@pytest.mark.parametrize("make", [flat, small])
def test_it_is_cyclegan_as_it_is_mostly_written(make):
    """The same weights after five steps; with another weight of the cycle, not."""
    draw = points if make is flat else images
    batches = [(draw(8, seed=k), draw(8, seed=10 + k)) for k in range(5)]
    ours, theirs, others = (make(cycle=cycle, identity=2.0, pool=12) for cycle in (5.0, 5.0, 6.0))
    for game in (ours, others):
        torch.manual_seed(3)
        run(game, *batches)
    torch.manual_seed(3)
    by_hand(theirs, batches, 0.1, 5.0, 2.0, 12)

    def apart(one):
        return max((p - q).abs().max().item() for p, q in zip(one.parameters(), theirs.parameters(), strict=True))

    assert apart(ours) < 1e-5
    assert apart(others) > 1e-3


def test_noise_before_the_way_back_costs_its_mean_size_and_only_in_training():
    """The identity both ways: E|σ ε| = σ √(2/π) for each."""
    game, a = of_maps(Turn(0), Turn(0), noise=0.5), points(40_000)
    assert generators_terms(game, a, a)["cycle"].item() == pytest.approx(2 * 0.5 * math.sqrt(2 / math.pi), rel=0.01)
    assert generators_terms(game.eval(), a, a)["cycle"] == 0


def test_the_round_trip_may_be_shaken_too():
    game, x = of_maps(Turn(20), Turn(-20)), points(40_000)
    assert torch.allclose(game.round_trip(x), x, atol=1e-5)
    shaken = [game.round_trip(x, noise=0.5, generator=seeded(s)) for s in (0, 0, 1)]
    assert (shaken[0] - x).std().item() == pytest.approx(0.5, rel=0.02)
    assert torch.equal(shaken[0], shaken[1])
    assert not torch.equal(shaken[0], shaken[2])


def test_translating_goes_where_it_is_told():
    game, x = of_maps(Turn(90), Turn(-30)), torch.tensor([[1.0, 0.0]])
    assert torch.allclose(game.translate(x), torch.tensor([[0.0, 1.0]]), atol=1e-6)
    assert torch.allclose(game.translate(x, to="a"), Turn(-30)(x), atol=1e-6)
    assert torch.allclose(game.round_trip(x, to="a"), Turn(60)(x), atol=1e-6)


class Forgetful(CycleGAN):
    """One whose pools no checkpoint keeps."""

    def memories(self):
        return {}


def fitted(kind, steps, *along):
    torch.manual_seed(0)
    game = kind(mlp(2, 8, 2), mlp(2, 8, 2), mlp(2, 8, 1), mlp(2, 8, 1), pool=6, noise=0.1)
    data = points(40), points(40, seed=1)
    average = training.EMA(game, 0.9)
    training.fit(game, data, steps=steps, batch_size=8, progress=False, along=[average, *along])
    return [*game.parameters(), *average.average.parameters(), *game.pool_a.items, *game.pool_b.items]


@pytest.mark.parametrize(("kind", "same"), [(CycleGAN, True), (Forgetful, False)])
def test_resumed_training_has_its_pool_again_bit_for_bit(kind, same, tmp_path):
    path = tmp_path / "run.safetensors"
    whole = fitted(kind, 12)
    fitted(kind, 5, training.Checkpoint(path))
    torch.manual_seed(77)
    resumed = fitted(kind, 12, training.Checkpoint(path))
    assert all(map(torch.equal, whole, resumed)) == same


def test_a_pool_is_no_part_of_the_weights():
    game = flat(pool=4)
    before = set(game.state_dict())
    run(game, (points(), points()))
    assert len(game.pool_a) == 4
    assert set(game.state_dict()) == before
    assert {name.split(".")[0] for name in before} == {"a_to_b", "b_to_a", "critic_a", "critic_b"}


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        (points(), r"batch: want a pair \(a, b\) of tensors \[n, ...\], got \[\[12, 2\]\]"),
        ((points(), points(), points()), "batch: want a pair"),
        ((points(), "zebra"), r"got \[\[12, 2\], 'str'\]"),
        ((points(), points(9)), r"batch: want a pair of one shape, got \[12, 2\] and \[9, 2\]"),
    ],
)
def test_batches_that_are_no_pairs_are_refused(batch, words):
    with pytest.raises(ValueError, match=words):
        run(flat(), batch)


@pytest.mark.parametrize("wrong", [{"cycle": -1.0}, {"identity": -1.0}, {"noise": -1.0}, {"noise": math.nan}])
def test_negative_weights_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: want a number, 0 or more, got"):
        flat(**wrong)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (images()[0], r"x: want images of floats \[n, 3, H, W\] .*got torch.float32 \[3, 8, 8\]"),
        (images(channels=1), r"\[n, 3, H, W\].*got torch.float32 \[8, 1, 8, 8\]"),
        (images(channels=4), r"\[n, 3, H, W\].*got torch.float32 \[8, 4, 8, 8\]"),
        (images(side=9), r"H and W multiples of 2, at least 4, got torch.float32 \[8, 3, 9, 9\]"),
        (images(side=2), r"H and W multiples of 2, at least 4"),
        ((255 * images()).byte(), r"x: want a tensor of floats \[n, ...\], pixels in \[0, 1\], got torch.uint8"),
        ([images()], "got list"),
    ],
)
def test_what_cannot_be_translated_is_named(x, words):
    with pytest.raises(ValueError, match=words):
        small().translate(x)


def test_there_are_two_domains():
    for ask in (flat().translate, flat().round_trip):
        with pytest.raises(ValueError, match="to: want 'a' or 'b', got 'zebra'"):
            ask(points(), to="zebra")


# --- Pix2Pix


def paired(**how):
    torch.manual_seed(0)
    return Pix2Pix(mlp(2, 8, 3), how.pop("critic", mlp(5, 8, 1)), **how)


X, Y = points(seed=1), points(d=3, seed=2)


def test_the_critic_moves_first_and_sees_pairs():
    game = counted(paired(), "generator", "critic")
    assert list(run(game, (X, Y))[0]) == ["critic", "generator"]
    assert len(game.generator.seen) == 1
    real, fake, again = (seen for (seen,) in game.critic.seen)
    assert torch.equal(real, torch.cat([X, Y], 1))
    assert torch.equal(fake[:, :2], X)
    assert torch.equal(fake, again)


@pytest.mark.parametrize("l1", [0.0, 7.0])
def test_pix2pix_is_the_conditional_game_and_l1(l1):
    game = paired(l1=l1)
    fake = game.generator(X)
    real, drawn = (game.critic(torch.cat([X, y], 1)).flatten() for y in (Y, fake))
    turns = dict(game.turns((X, Y)))
    assert torch.allclose(turns["critic"]["loss"], F.softplus(-real).mean() + F.softplus(drawn).mean())
    wanted = F.softplus(-drawn).mean() + l1 * (fake - Y).abs().mean()
    assert torch.allclose(turns["generator"]["loss"], wanted)
    assert torch.allclose(turns["generator"]["l1"], (fake - Y).abs().mean())


def test_without_a_critic_it_is_a_regression():
    """In one number whose targets are 0, 1 and 8, least absolute errors end at the median, least squares at 3."""
    game = Pix2Pix(nn.Linear(1, 1), None, l1=1.0)
    x, y = torch.zeros(3, 1), torch.tensor([[0.0], [1.0], [8.0]])
    training.fit(game, (x, y), steps=400, lr=0.02, progress=False)
    assert list(game.players()) == ["generator"]
    assert game.translate(x)[0].item() == pytest.approx(1, abs=0.1)


def test_dropout_is_off_in_a_translation():
    game = Pix2Pix(nn.Sequential(nn.Linear(2, 40), nn.Dropout(), nn.Linear(40, 2)), None)
    assert torch.equal(game.translate(X), game.translate(X))
    assert game.training
    assert not torch.equal(game.generator(X), game.generator(X))


def test_settling_measures_the_statistics_of_both_nets_anew():
    torch.manual_seed(0)
    game = Pix2Pix(nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 3)), nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 1)))
    game.generator[0].running_mean.fill_(50)
    batches = [(3 + points(400, seed=s), points(400, 3, seed=9 + s)) for s in range(5)]
    game.eval().settle(batches)
    seen = torch.cat([x for x, _ in batches])
    assert torch.allclose(game.generator[0].running_mean, seen.mean(0), atol=1e-4)
    assert torch.allclose(game.critic[0].running_mean[:2], seen.mean(0), atol=1e-4)
    assert not game.training
    assert game.critic[0].momentum == 0.1


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ((X, Y[:3]), r"batch: want a pair of one number of items, height and width, got \[12, 2\] and \[3, 3\]"),
        ((images(), images(side=4)), r"got \[8, 3, 8, 8\] and \[8, 3, 4, 4\]"),
        (X, "batch: want a pair"),
    ],
)
def test_what_is_no_pair_is_refused(batch, words):
    with pytest.raises(ValueError, match=words):
        run(paired(), batch)


def test_something_has_to_be_minimised():
    with pytest.raises(ValueError, match="l1: want a weight above 0 where there is no critic"):
        paired(critic=None, l1=0.0)
    with pytest.raises(ValueError, match="l1: want a number, 0 or more, got -1"):
        paired(l1=-1.0)


# --- AugmentedCycleGAN


class Told(nn.Module):
    """A function of several tensors, with a parameter of no effect."""

    def __init__(self, function):
        super().__init__()
        self.function, self.idle = function, nn.Parameter(torch.zeros(()))

    def forward(self, *x):
        return self.function(*x) + 0 * self.idle


def swap(x, z):
    """What is common stays, what is the domain's own comes from the code."""
    return torch.cat([x[:, :1], z], 1)


def solved(read_b=lambda a, b: b[:, 1:]):
    """Items (s, u) and (s, v): what both domains have, and what each has alone."""
    nets = Told(swap), Told(swap), Told(lambda a, b: a[:, 1:]), Told(read_b)
    critics = mlp(2, 4, 1), mlp(3, 4, 1), mlp(1, 4, 1), mlp(2, 4, 1)
    return AugmentedCycleGAN(*nets, *critics, latent=(1, 2))


def augmented_terms(game, a, b):
    return dict(game.turns((a, b)))["generators"]


def test_many_to_many_closes_where_codes_carry_what_the_other_domain_lacks():
    a, b = points(30), points(30, 3, seed=1)
    terms = augmented_terms(solved(), a, b)
    assert terms["cycle"] == 0
    assert terms["code_cycle"] == 0
    blind = augmented_terms(solved(read_b=lambda a, b: 0 * b[:, 1:]), a, b)
    assert blind["code_cycle"].item() > 0.3
    assert blind["cycle"].item() > 0.3


def test_a_code_changes_what_it_should_and_can_be_read_again():
    game, a = solved(), points(5)
    codes = points(5, seed=3), points(5, seed=4)
    one, two = (game.translate(a, h=h) for h in codes)
    assert torch.equal(one[:, 0], two[:, 0])
    assert not torch.equal(one, two)
    assert torch.equal(game.read(a, one), codes[0])
    assert torch.equal(game.read(a, one, of="a"), a[:, 1:])
    assert torch.equal(game.round_trip(a), a)
    assert torch.equal(game.translate(a, generator=seeded()), game.translate(a, generator=seeded()))
    assert not torch.equal(game.translate(a), game.translate(a))


def many(latent=(1, 2), **how):
    """Many to many with nets that have something to learn."""
    torch.manual_seed(0)
    k_a, k_b = latent
    nets = [gan.Joined(mlp(2 + k, 8, 2)) for k in (k_b, k_a)]
    nets += [gan.Joined(mlp(4, 8, k)) if k else None for k in latent]
    critics = [mlp(2, 8, 1), mlp(2, 8, 1)] + [mlp(k, 8, 1) if k else None for k in latent]
    return AugmentedCycleGAN(*nets, *critics, latent=latent, **how)


def nearer_one(scores):
    return 0.5 * (scores - 1).square().mean()


def test_the_loss_of_many_to_many_is_that_of_both_ways():
    game, a, b = many(cycle=3.0, code_cycle=2.0), points(seed=1), points(seed=2)
    torch.manual_seed(5)
    terms = augmented_terms(game, a, b)
    torch.manual_seed(5)
    z_a, z_b = torch.randn(12, 1), torch.randn(12, 2)
    fake_a, fake_b = game.b_to_a(b, z_a), game.a_to_b(a, z_b)
    read_a, read_b = game.read_a(a, fake_b), game.read_b(fake_a, b)
    wanted = {
        "adversarial": nearer_one(game.critic_a(fake_a)) + nearer_one(game.critic_b(fake_b)),
        "codes": nearer_one(game.critic_z_a(read_a)) + nearer_one(game.critic_z_b(read_b)),
        "cycle": (game.b_to_a(fake_b, read_a) - a).abs().mean() + (game.a_to_b(fake_a, read_b) - b).abs().mean(),
        "code_cycle": (game.read_b(a, fake_b) - z_b).abs().mean() + (game.read_a(fake_a, b) - z_a).abs().mean(),
    }
    wanted["loss"] = wanted["adversarial"] + wanted["codes"] + 3 * wanted["cycle"] + 2 * wanted["code_cycle"]
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({k: v.item() for k, v in wanted.items()}, rel=1e-5)


@pytest.mark.parametrize(
    ("how", "generator", "reader"), [({}, 2, 2), ({"cycle": 0.0}, 1, 2), ({"code_cycle": 0.0}, 2, 1)]
)
def test_no_net_of_many_to_many_is_run_too_often(how, generator, reader):
    game = counted(many(**how), "a_to_b", "b_to_a", "read_a", "read_b", "critic_z_a")
    run(game, (points(), points(seed=1)))
    assert [len(net.seen) for net in (game.a_to_b, game.b_to_a)] == [generator] * 2
    assert [len(net.seen) for net in (game.read_a, game.read_b)] == [reader] * 2
    assert len(game.critic_z_a.seen) == 3


@pytest.mark.parametrize(
    ("latent", "critics"),
    [((0, 2), ["a", "b", "z_b"]), ((1, 0), ["a", "b", "z_a"]), ((1, 2), ["a", "b", "z_a", "z_b"])],
)
def test_a_domain_that_adds_nothing_has_no_code(latent, critics):
    game = many(latent)
    (report,) = run(game, (points(), points(seed=1)))
    assert list(report) == ["generators", *(f"critic_{name}" for name in critics)]
    assert game.round_trip(points()).shape == game.round_trip(points(), "a").shape == (12, 2)


def test_without_codes_many_to_many_is_cyclegan():
    """Bit for bit, if the nets are the same."""
    games = many((0, 0), pool=6), flat(pool=6)
    games[0].load_state_dict({k.replace("net.", ""): v for k, v in games[1].state_dict().items()}, strict=False)
    for name in ("a_to_b", "b_to_a"):
        setattr(games[0], name, getattr(flat(), name))
    batches = [(points(seed=k), points(seed=10 + k)) for k in range(4)]
    for game in games:
        torch.manual_seed(3)
        run(game, *batches)
    for name in ("a_to_b", "b_to_a", "critic_a", "critic_b"):
        for p, q in zip(*(getattr(game, name).parameters() for game in games), strict=True):
            assert torch.allclose(p, q, atol=1e-6)


def test_noise_hides_from_readers_and_from_the_way_back_alike():
    game, a = solved(), points(20_000)
    game.noise = 0.5
    terms = augmented_terms(game, a, points(20_000, 3, seed=1))
    size = 0.5 * math.sqrt(2 / math.pi)
    assert terms["cycle"].item() == pytest.approx(size * (1 / 2 + 1 / 3), rel=0.02)  # the common number alone is shaken
    assert terms["code_cycle"].item() == pytest.approx(2 * size, rel=0.02)


def test_nets_that_codes_do_not_go_with_are_refused():
    with pytest.raises(ValueError, match="read_a: want None for latent k_a = 0"):
        AugmentedCycleGAN(*(nn.Linear(2, 2) for _ in range(8)), latent=(0, 2))
    with pytest.raises(ValueError, match="critic_z_b: want a net for latent k_b = 2"):
        AugmentedCycleGAN(*(nn.Linear(2, 2) for _ in range(7)), None, latent=(1, 2))


def test_codes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"h: want codes \[12, 2\], got \[12, 3\]"):
        many().translate(points(), h=points(d=3))
    with pytest.raises(ValueError, match="of: domain 'a' adds nothing"):
        many((0, 2)).read(points(), points(), of="a")
