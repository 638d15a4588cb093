"""The game, move by move: the same moves give the same nets, the colour is the critic, and the arrows are its slope."""

from __future__ import annotations

import copy
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.data import toy
from coursekit.explore.game import LOSSES, SHAPES, UNIT, Game, scattered
from coursekit.explore.parts.replay import Match, Replay, share_of, template
from coursekit.explore.parts.world import World, distances, push_of
from coursekit.explore.widget.moves import Moves, runs
from coursekit.models import gan
from coursekit.training import adam, steps

HIDDEN, BATCH = (16, 16), 32


@pytest.fixture(scope="module")
def game():
    return Game(hidden=HIDDEN, batch=BATCH, stages=(("start", ""),))


def new():
    return Game(hidden=HIDDEN, batch=BATCH, stages=(("start", ""),))


def weights(match):
    return torch.cat([parameter.detach().flatten() for parameter in match.game.parameters()])


def directly(game, state, rounds):
    """The same game by GAN, its own turns and torch's own randomness."""
    loss, penalties = LOSSES[state["loss"]]
    with torch.random.fork_rng():
        torch.manual_seed(state["seed"])
        start = gan.dense((2,), 2, *HIDDEN, activation=nn.LeakyReLU)
        model = gan.GAN(start.generator, start.critic, latent=2, loss=loss, penalties=penalties,
                        n_critic=state["steps_of_d"])
        rates = {"critic": state["rate_d"], "generator": state["rate_g"]}
        optimizers = {name: adam(list(player.parameters()), rates[name], betas=(0.5, 0.99))
                      for name, player in model.players().items()}
        points, draws = game.points(state["data"]), torch.Generator().manual_seed(state["seed"])
        each = BATCH * state["steps_of_d"]
        batches = (points[torch.randint(len(points), (each,), generator=draws)] for _ in range(rounds))
        list(islice(steps(model, batches, optimizers), rounds))
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("loss", list(LOSSES))
@pytest.mark.parametrize("steps_of_d", [1, 2])
def test_rounds_are_the_training_of_a_gan_by_the_one_loop(game, loss, steps_of_d):
    state = game.state(loss=loss, steps_of_d=steps_of_d, seed=3, moves="7R", data="two arcs")
    torch.testing.assert_close(weights(game.match(state)), directly(game, state, 7), rtol=0, atol=1e-6)
    assert not torch.allclose(weights(game.match(state)), directly(game, state, 6), rtol=0, atol=1e-3)


def test_the_picture_is_of_the_state_whatever_was_shown_before(game):
    """In any order, played on, played back and played from a place that was kept."""
    values = ["60R", "3R", "", "5D2G130R", "5D2G", "60R3D", "5D2G131R", "60R"]
    shown = {}
    for moves in values:
        pictures = game.frame(game.state(moves=moves)).pictures
        shown.setdefault(moves, pictures)
        assert all(np.array_equal(a, b) for a, b in zip(pictures, shown[moves], strict=True)), moves
    for moves in ("60R3D", "5D2G131R"):
        alone = new().frame(game.state(moves=moves)).pictures
        assert all(np.array_equal(a, b) for a, b in zip(alone, shown[moves], strict=True)), moves
    assert not np.array_equal(shown["60R"][0], shown["60R3D"][0])


def test_moves_in_another_order_are_another_game(game):
    one, other = (weights(game.match(game.state(moves=moves))).clone() for moves in ("4D4G", "1D1G1D1G1D1G1D1G"))
    assert not torch.allclose(one, other, atol=1e-4)


def test_no_other_randomness_is_touched_or_asked(game):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = weights(new().match(game.state(moves="9R", loss="Wasserstein, penalty"))).clone()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(weights(new().match(game.state(moves="9R", loss="Wasserstein, penalty"))), first)


def test_a_step_of_one_player_leaves_the_other(game):
    starts = [game.match(game.state()).game.state_dict() for _ in range(1)]
    before = {name: value.clone() for name, value in starts[0].items()}
    for moves, still, moved in (("5D", "generator", "critic"), ("5G", "critic", "generator")):
        after = new().match(game.state(moves=moves)).game.state_dict()
        assert all(torch.equal(after[name], before[name]) for name in before if name.startswith(still))
        assert any(not torch.equal(after[name], before[name]) for name in before if name.startswith(moved))


def test_d_alone_learns_to_tell_and_g_alone_to_please(game):
    real, fake = game.match(game.state(moves="60D")).judged[-1]
    assert real > 0.9
    assert fake < 0.1
    assert game.match(game.state(moves="60D20G")).judged[-1][1] > fake + 0.3


def test_a_ring_is_learnt():
    game = Game(stages=(("start", ""),))
    far = []
    for moves in ("", "60D300R"):
        match = game.match(game.state(moves=moves))
        far.append(distances(game.fake(match), match.points[:320]))
    assert min(far[0]) > 0.5
    assert max(far[1]) < 0.2


def test_a_generator_far_too_fast_collapses(game):
    """The wrong form of the same game: the readout's second distance tells it."""
    match = game.match(game.state(moves="200R", rate_g=0.05, rate_d=1e-4))
    assert distances(game.fake(match), match.points[:320])[1] > 0.4


@pytest.mark.parametrize("loss", list(LOSSES))
def test_arrows_are_the_way_down_the_generators_loss(game, loss):
    """Against finite differences of each point's own loss, in float64."""
    match = game.match(game.state(loss=loss, moves="15R"))
    x, match.game, small = game.fake(match)[:6].double(), copy.deepcopy(match.game).double(), 1e-6

    def lost(place):
        score = match.game.critic(place).flatten()
        return torch.stack([match.game.objective.generator(one, one) for one in score])

    sides = small * torch.eye(2, dtype=torch.float64)
    slope = torch.stack([(lost(x + side) - lost(x - side)) / (2 * small) for side in sides], 1)
    match.game.score = lambda place: match.game.critic(place).flatten()  # in float64
    torch.testing.assert_close(game.push(match, x), -slope, rtol=1e-4, atol=1e-7)
    assert slope.abs().max() > 1e-3


def test_a_critic_that_is_sure_gives_no_arrow_to_minimax_and_one_to_non_saturating():
    score = torch.tensor([[-9.0, 0.0]])
    pushes = [push_of(lambda x, loss=loss: loss.generator(x[:, 0], x[:, 0]), score)[0, 0].item()
              for loss in (gan.MINIMAX, gan.NON_SATURATING)]
    assert 0 < pushes[0] < 2e-4
    assert pushes[1] > 0.999


def test_the_field_is_the_critic(game):
    match = game.match(game.state(moves="30D"))
    x = World(1.6).grid(9)
    torch.testing.assert_close(game.share(match, x), match.game.score(x).sigmoid())
    assert game.share(match, match.points[:100]).mean() > 0.7 > 0.4 > game.share(match, game.fake(match)).mean()


def test_shares_of_losses_without_d():
    scores = torch.tensor([-1.0, 0.0, 1.0])
    assert share_of(gan.HINGE, scores, (0, 0)).tolist() == [0, 0.5, 1]
    assert share_of(gan.LEAST_SQUARES, scores, (0, 0)).tolist() == [-1, 0, 1]
    moved = [share_of(gan.WASSERSTEIN, scores + c, (1 + c, -1 + c)) for c in (0.0, 100.0)]
    torch.testing.assert_close(moved[0], moved[1])
    assert moved[0].tolist() == [0.25, 0.5, 0.75]


def test_colours_on_the_picture():
    """Blue where the share is 1, orange where it is 0, rows from the top."""
    world = World(1.0)
    none = torch.zeros(0, 2)
    picture = world.draw(lambda x: (x[:, 1] > 0).float(), none, none, side=100).astype(int)
    above, below = picture[20, 50], picture[80, 50]
    assert above[2] > above[0]
    assert below[0] > below[2]


@pytest.mark.parametrize("shape", SHAPES)
def test_data_lie_in_the_picture_and_are_the_same_again(game, shape):
    x = game.points(shape)
    assert x.shape == (2000, 2)
    assert x.abs().max() < 1.6
    assert torch.equal(x, game.points(shape))


def test_painted_data_lie_where_they_were_painted(game):
    mask = torch.zeros(24, 24, dtype=torch.bool)
    mask[0:2, 20:24] = True  # up on the right
    paint = next(control for control in game.controls if control.name == "paint")
    x = game.match(game.state(paint=paint.of(mask))).points
    assert (x[:, 0] >= 1.6 * (2 * 20 / 24 - 1)).all()
    assert (x[:, 1] >= 1.6 * (1 - 2 * 2 / 24)).all()
    assert x.std(0).min() > 0.03
    same = [game.settings(game.state(paint=paint.of(mask), data=shape)) for shape in SHAPES]
    assert len(set(same)) == 1, "what is painted takes the place of the shape"
    assert scattered(mask, 1.0, 5, torch.Generator().manual_seed(0)).shape == (5, 2)


def test_words_say_what_is_shown(game):
    state = game.state(moves="3D2G4R", steps_of_d=2)
    assert game.readout(state).startswith("11 steps of D (rate 0.005, 2 a round), 6 of G (rate 0.002)")
    assert "score" in game.readout(game.state(loss="hinge"))
    assert "less" in game.captions(game.state(loss="hinge"))[1]
    assert "less" not in game.captions(state)[1]


def test_the_still_picture_bears_its_words_out():
    """The four moments are what labels and alt text say of them."""
    game = Game()
    matches = {moves: game.match(game.state(moves=moves)) for _, moves in game.stages[:2]}
    start, alone = (game.match(game.state(moves=moves)).judged[-1] for moves in matches)
    assert abs(start[0] - start[1]) < 0.1
    assert alone[0] - alone[1] > 0.9
    match = game.match(game.state(moves=game.stages[1][1]))
    fake = game.fake(match)[:40]
    arrows = game.push(match, fake)
    assert len({tuple(quadrant) for quadrant in (arrows > 0).tolist()}) == 4
    assert (fake + UNIT * arrows).norm(dim=1).mean() > 1.5 * fake.norm(dim=1).mean(), "outwards"
    match = game.match(game.state(moves=game.stages[3][1]))
    real, fake = np.array(match.judged[-50:]).mean(0)
    assert abs(real - 0.5) < 0.15
    assert abs(fake - 0.5) < 0.15
    near = torch.cdist(game.fake(match), toy.ring_centres()).amin(1) < 0.15
    assert near.float().mean() > 0.5


def begin(seed):
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(seed))
    return Match(template(2, 4), points, rates=(1e-2, 1e-2), batch=8, seed=seed)


def test_few_places_are_kept_and_all_games_are_right():
    replay, wanted = Replay(begin, every=5, most=3), {}
    for settings, moves in [(0, "12R"), (1, "7D8R"), (0, "12R"), (0, "11R"), (1, "7D2R"), (0, "4R"), (1, "7D8R")]:
        found = weights(replay.after(settings, runs(moves)))
        if (settings, moves) not in wanted:
            match = begin(settings)
            for count, kind in runs(moves):
                match.play(kind, count)
            wanted[settings, moves] = weights(match)
        assert torch.equal(found, wanted[settings, moves]), (settings, moves)
        assert len(replay._places) <= 3


def test_an_error_on_the_way_leaves_no_half_played_match(monkeypatch):
    replay, play = Replay(begin, every=50), Match.play
    replay.after(0, runs("3R"))

    def broken(match, kind, count):
        play(match, kind, count - 1)
        raise KeyboardInterrupt

    monkeypatch.setattr(Match, "play", broken)
    with pytest.raises(KeyboardInterrupt):
        replay.after(0, runs("9R"))
    monkeypatch.setattr(Match, "play", play)
    assert torch.equal(weights(replay.after(0, runs("9R"))), weights(Replay(begin).after(0, runs("9R"))))


def test_moves_are_counted_and_checked():
    moves = Moves("m", buttons=(("1D", "D"),), run="1D2G", most=20)
    assert moves.check("1D2D3G") == "3D3G"
    assert moves.check("") == ""
    for wrong in ("D", "1d", "0D", "-1D", "1D ", "21D", 3, None):
        with pytest.raises(ValueError, match="m = "):
            moves.check(wrong)
    drawn = {moves.draw(torch.Generator().manual_seed(i)) for i in range(20)}
    assert len(drawn) > 3
    assert all(moves.check(value) == value for value in drawn)
    with pytest.raises(ValueError, match="buttons"):
        Moves("m", buttons=())
    assert runs("3D1D2G") == [(4, "D"), (2, "G")]
