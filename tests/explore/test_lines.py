"""Two lines and the bilinear game: the lecture's numbers after the lecture's moves, and what comes after them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from coursekit.explore import BilinearGame, TwoLines
from coursekit.explore.lines import WAYS, number, turned
from coursekit.models import games


@pytest.fixture(scope="module")
def lines():
    return TwoLines()


@pytest.fixture(scope="module")
def bilinear():
    return BilinearGame()


def numbers(lines, moves, **settings):
    return lines.readout(lines.state(moves=moves, **settings)).split(" · ")[0]


def test_the_lectures_moves_give_the_lectures_numbers(lines):
    assert numbers(lines, "").endswith("v = (0.20, 0.98), w = (0.71, −0.71)")
    assert numbers(lines, "1G").endswith("v = (0.39, 0.92), w = (0.71, −0.71)")
    assert numbers(lines, "1G1D").endswith("v = (0.39, 0.92), w = (0.67, −0.74)")


def test_other_moves_do_not(lines):
    """The other order, both at once from the old v, and another size."""
    assert not numbers(lines, "1D1G").endswith("w = (0.67, −0.74)")
    assert "w = (0.71, −0.71)" in numbers(lines, "1D"), "against the old v the slope of w points along w"
    assert "(0.39, 0.92)" not in numbers(lines, "1G", size=0.5)


def test_labels_of_the_still_picture_are_computed(lines):
    labels = [label for label, _ in lines.contact_states()]
    assert labels[1:3] == ["G turns v: (0.2, 0.98) → (0.39, 0.92)", "D turns w: (0.71, −0.71) → (0.67, −0.74)"]
    assert TwoLines(size=0.4).contact_states()[1][0] != labels[1]


def test_v_goes_past_the_data_and_comes_back(lines):
    way = lines.so_far(lines.state(moves=20 * "1G1D"))
    data = turned(torch.tensor(lines.game.data))
    sides = [turned(v) > data for v, _ in way]
    assert sides[0]
    assert sum(a != b for a, b in pairwise(sides)) >= 4
    assert way[-1][0][1] < 0, "as the picture shows it: beyond the data's line"


def test_with_small_steps_v_ends_about_the_axis_and_not_on_the_data(lines):
    way = lines.so_far(lines.state(moves=100 * "1G1D", size=0.1))
    assert max(turned(v) for v, _ in way[-40:]) < 4 < 10 < turned(torch.tensor(lines.game.data))
    assert len({v[1].item() > 0 for v, _ in way[-40:]}) == 2, "on both sides of it"
    assert min(turned(v) for v, _ in way[:40]) > 20, "on the way it has been above the data"


def test_the_field_is_d(lines):
    """Colours on the picture: blue to the right, where D is above ½, orange above, where it is below."""
    picture = lines.frame(lines.state()).pictures[0].astype(int)
    right, up = picture[400, 560], picture[80, 320]
    assert right[2] > right[0] + 10
    assert up[0] > up[2] + 10
    _, w = lines.so_far(lines.state())[-1]
    assert lines.game.discriminator(torch.tensor([1.3, -0.4]), w) > 0.5
    assert lines.game.discriminator(torch.tensor([0.0, 1.3]), w) < 0.5


@pytest.mark.parametrize("make", [TwoLines, BilinearGame])
def test_the_picture_is_of_the_state_whatever_was_shown_before(make):
    used = make()
    states = [state for _, state in used.contact_states()]
    for state in (*states, *reversed(states)):
        again = zip(used.frame(state).pictures, make().frame(state).pictures, strict=True)
        assert all(np.array_equal(a, b) for a, b in again)


def test_the_value_in_the_readout_is_the_games(lines):
    state = lines.state(moves="3G1D")
    v, w = lines.so_far(state)[-1]
    assert f"value of the game {float(lines.game.value(v, w)):.2f}".replace("-", "−") in lines.readout(state)


# ---- x · y


def test_paths_are_those_of_the_game(bilinear):
    state = bilinear.state(steps=25, rate=0.3, start=(0.5, -1.0))
    for way, path in bilinear.paths(state).items():
        assert np.array_equal(path, games.bilinear((0.5, -1.0), 25, 0.3, way).numpy())
        assert path.shape == (26, 2)


def test_the_readout_says_who_leaves_and_who_stays(bilinear):
    state = bilinear.state(steps=40, rate=0.2, start=(1.0, 0.0))
    grown = math.sqrt(1 + 0.2**2) ** 40
    words = bilinear.readout(state)
    assert f"simultaneous {grown:.2f}" in words
    assert "continuous 1.00" in words
    assert "simultaneous 1.00" not in words
    assert number(123456.0) == "1.2e+05"


def test_words_of_the_still_picture_are_true(bilinear):
    """No way has come nearer than the ellipse of steps in turn goes; larger steps lead outwards sooner."""
    far = {}
    for label, state in bilinear.contact_states():
        start = math.hypot(*state["start"])
        r = {way: np.hypot(*path.T) for way, path in bilinear.paths(state).items()}
        assert r["simultaneous"][-1] > start, label
        assert r["continuous"] == pytest.approx(np.full(state["steps"] + 1, start))
        eta = state["rate"]
        kept = start**2 - eta * math.prod(state["start"])
        assert r["alternating"].min() ** 2 >= kept / (1 + eta / 2) - 1e-9
        assert r["alternating"].max() ** 2 <= kept / (1 - eta / 2) + 1e-9
        far[eta, state["steps"]] = r["simultaneous"][-1] / start
    assert far[0.6, 8] > far[0.2, 15] > far[0.05, 120]


@pytest.mark.parametrize("rate", [0.01, 1.0])
def test_paths_that_leave_the_picture_can_be_drawn(bilinear, rate):
    bilinear.frame(bilinear.state(steps=120, rate=rate, start=(3.0, 3.0)))


def test_each_way_has_its_colour(bilinear):
    """At the end of each path, where the large dots are."""
    state = bilinear.state(steps=8, rate=0.6, start=(0.6, 0.3))
    picture = bilinear.frame(state).pictures[0]
    seen = set()
    for way, path in bilinear.paths(state).items():
        across, down = bilinear.plane.pixels(path[-1:])[0].round().astype(int)
        seen.add(tuple(picture[down, across].tolist()))
        assert way in WAYS
    assert len(seen) == 3
