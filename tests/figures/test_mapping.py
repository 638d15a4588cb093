"""Pictures of maps: heaps and where they go, what is kept, who plays with whom."""

import pytest
import torch

from coursekit import figures
from coursekit.data import toy


def square(n=200):
    return toy.square_of_gaussians(n, generator=torch.Generator().manual_seed(0))


def drawn(count):
    """So many of the eight symmetric maps, of one square."""
    x, maps = square(), toy.square_symmetries()[:count]
    panels = {f"map {k}": x.points @ q.T for k, q in enumerate(maps)}
    return figures.correspondence(x.points, x.labels, panels, toy.square_corners())


def test_words_count_which_heaps_are_at_home():
    assert "own ring: four in 1." in drawn(1).alt
    assert "four in 1, none in 3. Different maps among them: 4." in drawn(4).alt
    assert "four in 1, two in 2, none in 5. Different maps among them: 8." in drawn(8).alt


def test_each_map_has_a_panel_and_each_goal_a_ring():
    seen = [ax for ax in drawn(6).figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in seen] == ["domain A", *(f"map {k}" for k in range(6))]
    assert [len(ax.lines) for ax in seen] == [0] + [4] * 6
    assert all(len(ax.collections) == 4 for ax in seen)
    assert all(ax.get_xlim() == seen[0].get_xlim() for ax in seen)


def test_a_stray_point_does_not_shrink_the_picture():
    x = square(1000)
    panels = {"far": torch.cat([x.points[:-1], torch.tensor([[50.0, 0.0]])])}
    picture = figures.correspondence(x.points, x.labels, panels, toy.square_corners())
    assert picture.figure.axes[0].get_xlim()[1] < 4


def test_more_heaps_than_colours_are_refused():
    x = square(10)
    with pytest.raises(ValueError, match="goals: want at most 4 heaps, got 5"):
        figures.correspondence(x.points, x.labels, {"m": x.points}, torch.zeros(5, 2))


CASES = {
    "with": [{"place": 0.95, "facing": 1.0, "sky": 0.9}, {"place": 0.9, "facing": 0.95, "sky": -0.9}],
    "without": [{"place": 0.5, "facing": 0.55, "sky": 0.1}, {"place": 0.6, "facing": 0.4, "sky": 0.0}],
}


def test_kept_draws_a_dot_for_each_run_and_says_what_all_runs_share():
    picture = figures.kept(CASES, alt="Two cases.", chance={"facing": 0.5})
    place, facing, _ = picture.figure.axes
    dots = [line for line in place.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in dots] == [[0.95, 0.9], [0.5, 0.6]]
    assert facing.lines[-1].get_xdata()[0] == 0.5
    assert picture.alt == (
        "Two cases. with: kept: place, facing; runs disagree about: sky. without: lost: facing, sky."
    )


def test_kept_goes_by_chance_by_titles_and_only_as_far_down_as_needed():
    alone = {"without": CASES["without"]}
    picture = figures.kept(alone, names={"facing": "looks"}, alt="One.")
    assert "lost" not in picture.alt
    assert picture.figure.axes[0].get_title() == "looks"
    assert picture.figure.axes[0].get_xlim()[0] > -0.5
    assert figures.kept(CASES, alt="Two.").figure.axes[2].get_xlim()[0] < -1


@pytest.mark.parametrize("cases", [{}, {"none": []}])
def test_kept_wants_runs(cases):
    with pytest.raises(ValueError, match="cases: want at least one"):
        figures.kept(cases)


ITEMS = {"cyclegan": ("a", "fake_b", "again_a", "b", "fake_a", "again_b"), "pix2pix": ("x", "drawn", "y")}


@pytest.mark.parametrize(("name", "items"), ITEMS.items())
def test_diagrams_show_pictures_where_they_are_given(name, items):
    draw = getattr(figures, name)
    plain, full = draw(), draw({item: torch.rand(3, 8, 8) for item in items}, alt="Mine.")
    assert (len(plain.figure.axes[0].images), len(full.figure.axes[0].images)) == (0, len(items))
    boxes = [len(picture.figure.axes[0].patches) for picture in (plain, full)]
    assert boxes[0] - boxes[1] == len(items)
    words = [{text.get_text() for text in picture.figure.axes[0].texts} for picture in (plain, full)]
    assert words[0] == words[1], "the words are the same"
    assert full.alt == "Mine."
    assert len(plain.alt) > 100
