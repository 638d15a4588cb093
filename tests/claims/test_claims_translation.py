"""Claims T1 to T6: translation with pairs and without, what keeps the input's identity, that the cycle does not
determine the map, what it hides, and one horse's many zebras."""

from itertools import permutations

import pytest
import torch
from once import model
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from coursekit import metrics, pretrained
from coursekit.data import horses, toy
from coursekit.models import translation
from coursekit.pretrained import animals
from coursekit.training import adam, fit, linear, seed_everything


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# -- T1: with pairs


def objective(name, figure):
    return pretrained.card("horses_pix2pix")["figures"][f"{name}_{figure}"]


def test_T1_with_the_critic_the_stripes_are_sharp_and_with_l1_alone_they_are_not():
    assert objective("both", "sharpness") > 1.5 * objective("l1", "sharpness")
    assert abs(objective("both", "sharpness") - 1) < abs(objective("l1", "sharpness") - 1)
    assert objective("l1", "sharpness") < 0.7


def test_T1_with_l1_it_is_nearer_to_the_truth_than_the_critic_alone():
    assert objective("both", "ground") < 0.5 * objective("cgan", "ground")
    assert objective("both", "structure") < objective("cgan", "structure")
    assert objective("both", "r_neck") > objective("cgan", "r_neck")
    assert objective("both", "outline") > objective("cgan", "outline")


def test_T1_the_sharpness_is_that_of_the_drawing_and_not_of_chance():
    """The negative control: a blurred truth is not sharp, and the truth itself has 1."""
    true = animals.truth(64)
    blurred = torch.nn.functional.avg_pool2d(true.zebras, 3, 1, 1)
    assert animals.of_pictures(true.zebras, 64)["sharpness"] == 1
    assert animals.of_pictures(blurred, 64)["sharpness"] < 0.8


def test_T1_l1_asks_for_the_median_and_squares_for_the_mean():
    """In one pixel: with y = 1 in 60 % of cases L1's best answer is 1, the square's 0.6; with an even draw L1 does not
    care."""
    y = torch.tensor([1.0] * 6 + [0.0] * 4).double()
    c = torch.linspace(0, 1, 101).double()
    assert c[(y[:, None] - c).abs().mean(0).argmin()] == 1
    assert c[(y[:, None] - c).square().mean(0).argmin()] == pytest.approx(0.6)
    even = (torch.tensor([1.0, 0.0]).double()[:, None] - c).abs().mean(0)
    assert even.max() == pytest.approx(even.min())


# -- T2: without pairs


def test_T2_there_and_back_is_nearly_the_identity_and_the_zebra_is_the_horse_s_own():
    found, true = pretrained.card("horses_cyclegan")["figures"], animals.truth(64)
    other = (true.horses - true.horses.roll(1, 0)).square().mean().sqrt().item()
    assert found["cycle"] < 0.3 * other
    assert found["striped"] > 0.98
    assert found["plain"] > 0.95
    assert found["facing"] > 0.98
    assert found["r_place"] > 0.95


def test_T2_against_the_hidden_truth_it_is_nearly_as_good_as_with_pairs():
    """Twice pix2pix's error is allowed, in edges and outline; the landscape is off by more, and little."""
    found, paired = pretrained.card("horses_cyclegan")["figures"], pretrained.card("horses_pix2pix")["figures"]
    assert found["structure"] < 2 * paired["both_structure"]
    assert 1 - found["outline"] < 2 * (1 - paired["both_outline"])
    assert paired["both_ground"] < found["ground"] < 0.001


def test_T2_the_zebra_of_another_horse_scores_far_worse():
    """The negative control, from the weights."""
    true = animals.truth(64)
    made = model("horses_cyclegan").translate(true.horses)
    own, others = (animals.of_pictures(one, 64) for one in (made, made.roll(1, 0)))
    assert own["ground"] == pytest.approx(pretrained.card("horses_cyclegan")["figures"]["ground"], rel=0.03)
    assert others["ground"] > 10 * own["ground"]
    assert abs(others["r_place"]) < 0.15
    assert abs(others["facing"] - 0.5) < 0.1


# -- T4: one cycle, many maps

MOVED = {"centre": (0.6, 0.3), "scale": 0.8}
STD, EXACT = 0.15, 1e-4  # the corners are float32


def domain(moved):
    """The law of the points of A, or of B."""
    how = MOVED if moved else {}
    means = toy.square_corners(**how).double()
    return MixtureSameFamily(
        Categorical(torch.ones(4).double()), Independent(Normal(means, STD * how.get("scale", 1.0)), 1)
    )


def affine(matrix):
    """x ↦ centre + scale · Q x, and its inverse."""
    q, centre, scale = matrix.double(), torch.tensor(MOVED["centre"]).double(), MOVED["scale"]
    return lambda x: centre + scale * x @ q.T, lambda y: (y - centre) / scale @ torch.linalg.inv(q).T


def carried(order):
    """Each heap carried whole to some corner of B, and back."""
    corners, goals = (toy.square_corners(**how).double() for how in ({}, MOVED))
    goals, scale = goals[list(order)], MOVED["scale"]

    def there(x):
        k = torch.cdist(x, corners).argmin(1)
        return goals[k] + scale * (x - corners[k])

    def back(y):
        k = torch.cdist(y, goals).argmin(1)
        return corners[k] + (y - goals[k]) / scale

    return there, back


def mislaid(there):
    """How far what a map F makes of A's law is from B's, at points of A: the largest |log p_B(F(x)) + log |det F'| −
    log p_A(x)|."""
    x = toy.square_of_gaussians(500, std=STD, generator=seeded()).points.double().requires_grad_()
    y = there(x)
    rows = [torch.autograd.grad(y[:, i].sum(), x, retain_graph=True)[0] for i in range(2)]
    stretch = torch.linalg.det(torch.stack(rows, 1)).abs().log()
    return (domain(True).log_prob(y) + stretch - domain(False).log_prob(x)).abs().max().item()


def cycle_error(there, back):
    x = toy.square_of_gaussians(500, std=STD, generator=seeded()).points.double()
    return (back(there(x)) - x).abs().max().item()


def at_home(there):
    """The share of points that come to the corner where they belong."""
    x = toy.square_of_gaussians(500, std=STD, generator=seeded())
    ends = torch.cdist(there(x.points.double()), toy.square_corners(**MOVED).double()).argmin(1)
    return (ends == x.labels).double().mean().item()


def test_T4_eight_symmetries_fulfil_both_laws_and_close_the_cycle_and_one_of_them_is_the_truth():
    maps = [affine(q) for q in toy.square_symmetries()]
    assert all(mislaid(there) < EXACT and cycle_error(there, back) < EXACT for there, back in maps)
    shares = [at_home(there) for there, _ in maps]
    assert shares[0] == 1
    assert sum(share == 0 for share in shares) == 5
    assert all(share < 0.6 for share in shares[1:])


def test_T4_so_does_every_order_of_the_corners():
    for order in permutations(range(4)):
        there, back = carried(order)
        assert mislaid(there) < EXACT
        assert cycle_error(there, back) < EXACT
        assert (at_home(there) == 1) == (order == (0, 1, 2, 3))


def test_T4_other_maps_are_found_out_by_the_law_or_by_the_cycle():
    """The negative control: an eighth of a turn and a stretch close the cycle and miss the law; two heaps on one corner
    break the cycle."""
    half = 0.5**0.5
    for matrix in ([[half, -half], [half, half]], [[1.0, 0.0], [0.0, 1.5]]):
        there, back = affine(torch.tensor(matrix))
        assert cycle_error(there, back) < EXACT
        assert mislaid(there) > 1
    assert cycle_error(*carried((0, 1, 1, 3))) > 1
    wrong_way = affine(toy.square_symmetries()[1])[0], affine(toy.square_symmetries()[2])[1]
    assert cycle_error(*wrong_way) > 1


GAMES = 8


def played(start="free", *, games=GAMES, steps=800, cycle=3.0):
    """That many games at once, of points from the two squares."""
    seed_everything(0)
    nets = [translation.point_generator(games, start=start) for _ in range(2)]
    critics = [translation.point_critic(games) for _ in range(2)]
    game = translation.CycleGAN(*nets, *critics, cycle=cycle, pool=0)
    a = toy.square_of_gaussians(4000, std=STD, generator=seeded(1))
    b = toy.square_of_gaussians(4000, std=STD, **MOVED, generator=seeded(2))
    optimizers = dict.fromkeys(game.players(), lambda parameters: adam(parameters, 2e-3, betas=(0.5, 0.999)))
    batch = tuple(one.points[:, None].repeat(1, games, 1) for one in (a, b))
    fit(game, batch, steps=steps, batch_size=64, optimizers=optimizers, along=[linear()], progress=False)
    return judged(game, games)


@torch.no_grad()
def judged(game, games):
    """For each game: the error of the cycle, the share of points at home, how far the critics' mean scores of fakes are
    from ½, the spread of its images around the corners, and the corner to which each heap goes."""
    x = toy.square_of_gaussians(1000, std=STD, generator=seeded(3))
    items = x.points[:, None].repeat(1, games, 1)
    fake = game.translate(items)
    away, ends = torch.cdist(fake.transpose(0, 1), toy.square_corners(**MOVED).expand(games, 4, 2)).min(2)
    real = toy.square_of_gaussians(1000, std=STD, **MOVED, generator=seeded(4)).points[:, None].repeat(1, games, 1)
    scores = [
        critic(one).mean((0, 2))
        for critic, one in ((game.critic_b, fake), (game.critic_b, real), (game.critic_a, game.translate(real, "a")))
    ]
    return {
        "cycle": (game.translate(fake, "a") - items).abs().mean((0, 2)),
        "home": (ends == x.labels).float().mean(1),
        "critics": (torch.stack(scores) - 0.5).abs().amax(0),
        "on": (away < 4 * STD * MOVED["scale"]).float().mean(1),
        "ways": [tuple(int(e[x.labels == k].mode().values) for k in range(4)) for e in ends],
    }


@pytest.fixture(scope="module")
def free():
    return played()


def test_T4_every_game_closes_the_cycle_and_fools_the_critics(free):
    assert (free["cycle"] < 0.02).all()
    settled = (free["critics"] < 0.06) & (free["on"] > 0.95)
    assert settled.sum() >= GAMES - 2


def test_T4_but_which_map_it_is_depends_on_the_seed(free):
    assert (free["home"] > 0.99).sum() <= 3
    assert (free["home"] < 0.6).sum() >= 4
    assert len(set(free["ways"])) >= 3


def test_T4_a_start_at_the_identity_chooses_the_nearest():
    """The negative control: the same game, and all find the truth, since here it is the nearest map."""
    near = played("identity", games=4, steps=500)
    assert (near["home"] > 0.99).all()
    assert (near["critics"] < 0.1).all()


def test_T4_without_the_cycle_there_is_no_way_back():
    """The negative control of the cycle's error."""
    alone = played(games=4, steps=500, cycle=0.0)
    assert (alone["cycle"] > 0.2).all()


# -- T3: what keeps the input's identity?

LANDSCAPE, WHERE, POSE = ("sky", "ground", "light"), ("place", "size"), ("gait", "neck")
RUNS = range(3)


def runs(name, figure):
    """A figure of a card, for each of the runs. That cards tell the truth about their weights is tested with them."""
    return [pretrained.card(name)["figures"][f"{k}_{figure}"] for k in RUNS]


def test_T3_a_convolutional_generator_keeps_place_size_and_facing_without_the_cycle():
    for factor in WHERE:
        assert min(runs("horses_free_alone", f"r_{factor}")) > 0.7
    assert min(runs("horses_free_alone", "facing")) > 0.75  # by chance 0.5
    assert min(runs("horses_free_alone", "cycle")) > 0.1  # nobody could come back


def test_T3_the_cycle_adds_the_pose():
    for factor in (*WHERE, *POSE, "tail"):
        assert min(runs("horses_free", f"r_{factor}")) > max(runs("horses_free_alone", f"r_{factor}"))
    assert min(runs("horses_free", "r_neck")) > max(runs("horses_free_alone", "r_neck")) + 0.2
    assert min(runs("horses_free", "facing")) > 0.97
    assert max(runs("horses_free", "cycle")) < 0.4 * min(runs("horses_free_alone", "cycle"))


def test_T3_a_closed_cycle_does_not_keep_the_colours_of_the_landscape():
    """One of three runs turns them round, and its cycle closes as well as the others'."""
    kept = runs("horses_free", "r_ground")
    assert max(kept) > 0.9
    assert min(kept) < -0.9
    errors = runs("horses_free", "cycle")
    assert max(errors) < 1.1 * min(errors)


def test_T3_through_a_narrow_code_the_zebra_is_another_animal():
    """Zebras they are, but place, size, pose and facing are not the horse's, with the cycle loss as well."""
    assert min(runs("horses_narrow", "striped")) > 0.95
    for factor in (*WHERE, *POSE, "head", "tail"):
        assert max(map(abs, runs("horses_narrow", f"r_{factor}"))) < 0.15
    assert all(abs(share - 0.5) < 0.07 for share in runs("horses_narrow", "facing"))


def test_T3_through_a_narrow_code_the_cycle_loss_closes_the_cycle_further_and_adds_nothing_to_the_pose():
    assert max(runs("horses_narrow", "cycle")) < 0.65 * min(runs("horses_narrow_alone", "cycle"))
    assert min(runs("horses_narrow_alone", "striped")) > 0.98
    for factor in (*WHERE, *POSE):
        assert max(map(abs, runs("horses_narrow_alone", f"r_{factor}"))) < 0.25
    assert all(abs(share - 0.5) < 0.07 for share in runs("horses_narrow_alone", "facing"))


@pytest.mark.parametrize("run", RUNS)
def test_T3_through_a_narrow_code_the_cycle_closes_for_the_landscape_by_another_map(run):
    """The zebra does not stand on the horse's ground, and yet the horse's ground comes back. The animal does not: most
    of what is closed here is landscape."""
    true, net = animals.truth(32), model("horses_narrow")[run]
    there, again = net.translate(true.horses), net.round_trip(true.horses)
    shown, back = (animals.correlated(animals.reader().read(one), true.factors) for one in (there, again))
    assert shown["r_ground"] < 0.3
    assert min(back[f"r_{name}"] for name in LANDSCAPE) > 0.85
    assert max(abs(back[f"r_{name}"]) for name in (*WHERE, *POSE)) < 0.2
    blank = (true.horses - true.landscapes).square().mean().sqrt()  # of a picture without any animal
    assert 0.75 * blank < (again - true.horses).square().mean().sqrt() < blank


def test_T3_the_measures_see_it_if_nothing_is_kept():
    """The negative control: the zebras of other horses."""
    true = animals.truth(32)
    made = model("horses_free")[0].translate(true.horses)
    found, others = (animals.of_pictures(one, 32) for one in (made, made.roll(1, 0)))
    assert found["r_place"] > 0.9
    assert all(abs(others[f"r_{factor}"]) < 0.15 for factor in (*WHERE, *POSE, *LANDSCAPE))
    assert abs(others["facing"] - 0.5) < 0.1
    assert others["ground"] > 3 * found["ground"]


def test_T3_a_start_at_the_identity_keeps_nearly_all_with_the_cycle_and_without():
    for name in ("horses_identity", "horses_identity_alone"):
        for factor in (*LANDSCAPE, *WHERE, "gait"):
            assert min(runs(name, f"r_{factor}")) > 0.9
        assert min(runs(name, "r_neck")) > 0.8
        assert min(runs(name, "facing")) > 0.96
    assert max(runs("horses_identity", "ground")) < 0.0033  # live goal: a small error of the landscape
    assert min(runs("horses_identity", "striped")) > 0.95


def test_T3_there_too_the_cycle_adds_what_is_fine():
    for factor in ("neck", "head", "tail"):
        assert min(runs("horses_identity", f"r_{factor}")) > max(runs("horses_identity_alone", f"r_{factor}"))
    assert max(runs("horses_identity", "cycle")) < 0.5 * min(runs("horses_identity_alone", "cycle"))


# -- T5: a hidden message

NOISE = 0.1


def backed(net, zebras, true):
    """The error of the way back, and r of the landscape that comes back."""
    back = net.translate(zebras, "a")
    kept = animals.correlated(animals.reader().read(back), true.factors)
    return (back - true.horses).square().mean().sqrt().item(), [kept[f"r_{name}"] for name in LANDSCAPE]


def noisy(images):
    return images + NOISE * torch.randn(images.shape, generator=seeded())


@pytest.fixture(scope="module")
def studio():
    """Horses from anywhere as zebras in a studio, where nothing of their landscape is to be seen."""
    true = animals.truth(32)
    return true, model("horses_studio").translate(true.horses)


def test_T5_the_zebras_do_not_show_the_ground_and_yet_it_comes_back(studio):
    true, zebras = studio
    shown = animals.correlated(animals.reader().read(zebras), true.factors)
    _, back = backed(model("horses_studio"), zebras, true)
    assert abs(shown["r_ground"]) < 0.3
    assert min(back) > 0.95


def test_T5_noise_on_the_zebra_finds_the_message(studio):
    true, zebras = studio
    net = model("horses_studio")
    clean, _ = backed(net, zebras, true)
    after, back = backed(net, noisy(zebras), true)
    assert after > 1.4 * clean
    assert min(back) < 0.9


def test_T5_where_nothing_has_to_be_hidden_the_same_noise_does_less():
    """The negative control: zebras that stand in their horse's landscape."""
    true, net = animals.truth(32), model("horses_free")[0]
    zebras = net.translate(true.horses)
    clean, _ = backed(net, zebras, true)
    after, back = backed(net, noisy(zebras), true)
    assert after < 1.3 * clean
    assert min(back) > 0.9


def test_T5_it_lies_in_the_landscape(studio):
    """With the studio's own landscape behind the same zebras the horse's own is gone."""
    true, zebras = studio
    outside = true.outlines == 0
    plain = torch.where(outside, horses.render(animals.studio(true.factors), 32), zebras)
    clean, _ = backed(model("horses_studio"), zebras, true)
    without, back = backed(model("horses_studio"), plain, true)
    assert without > 1.8 * clean
    assert max(back) < 0.7


def exchanged(name, true):
    """r of the landscapes that come back from zebras before another one's background: with their own horses', and with
    those of the horses whose background it was."""
    net, outside = model(name), true.outlines == 0
    zebras = net.translate(true.horses)
    both = outside & outside.roll(1, 0)
    plain = horses.landscape(animals.studio(true.factors), 32)
    foreign = torch.where(both, zebras.roll(1, 0), torch.where(outside, plain, zebras))
    seen = animals.reader().read(net.translate(foreign, "a"))
    rows = (animals.correlated(seen, facts) for facts in (true.factors, true.factors.roll(1, 0)))
    return [[row[f"r_{factor}"] for factor in LANDSCAPE] for row in rows]


@pytest.mark.parametrize("name", ["horses_studio", "horses_studio_noise"])
def test_T5_whose_background_it_is_given_that_landscape_the_way_back_draws(name):
    own, others = exchanged(name, animals.truth(32))
    assert min(others) > 0.7
    assert max(map(abs, own)) < 0.55
    assert all(theirs > abs(mine) + 0.2 for mine, theirs in zip(own, others, strict=True))


def test_T5_zebras_that_were_rendered_in_the_studio_tell_nothing():
    """The negative control: there is a message only where the other net has written one."""
    true, net = animals.truth(32), model("horses_studio")
    zebras = horses.render(animals.studio(true.factors), 32, stripes=horses.sample_stripes(500, generator=seeded()))
    _, back = backed(net, zebras, true)
    assert max(map(abs, back)) < 0.3


def test_T5_trained_with_noise_it_survives_noise_better_and_hides_as_much(studio):
    true, zebras = studio
    hardened = model("horses_studio_noise")
    factors = []
    for net, there in ((model("horses_studio"), zebras), (hardened, hardened.translate(true.horses))):
        clean, _ = backed(net, there, true)
        factors.append(backed(net, noisy(there), true)[0] / clean)
    assert factors[1] < 0.85 * factors[0]
    off = [pretrained.card(name)["figures"]["landscape"] for name in ("horses_studio", "horses_studio_noise")]
    assert off[1] > 0.6 * off[0]


# -- T6: many to many


def test_T6_the_code_changes_the_stripes_and_hardly_anything_else():
    found = pretrained.card("horses_many")["figures"]
    for name in ("phase", "width", "tint"):
        assert found[f"{name}_spread"] > 0.3 * found[f"true_{name}_spread"]
    assert found["pose_spread"] < found["true_pose_spread"] + 0.05
    assert found["differ_on"] > 4 * found["differ_outside"]
    assert found["facing"] > 0.95
    assert found["r_place"] > 0.9
    assert found["striped"] > 0.95


def test_T6_with_one_code_there_is_one_zebra():
    """The negative control."""
    true, net = animals.truth(32), model("horses_many")
    a, inside = true.horses[:50], (true.outlines[:50] > 0.5).float()
    code = torch.randn(1, 3, generator=seeded()).expand(50, 3)
    alike = torch.stack([net.translate(a, h=code) for _ in range(2)], 1)
    drawn = torch.stack([net.translate(a, generator=seeded(k)) for k in range(2)], 1)
    assert metrics.diversity(alike) == 0
    assert metrics.diversity(drawn, inside) > 0.05


def test_T6_one_number_is_the_coat():
    """From one zebra horses of all colours, in the order of the code."""
    true, net = animals.truth(32), model("horses_many")
    codes = torch.linspace(-2, 2, 5)
    seen = torch.stack(
        [animals.reader().read(net.translate(true.zebras[:50], "a", h=c.expand(50, 1))).coat.mean() for c in codes]
    )
    steps = seen.diff() * (seen[-1] - seen[0]).sign()
    assert steps.min() > 0
    assert (seen[-1] - seen[0]).abs() > 0.8
