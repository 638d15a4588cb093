"""Pictures of sampling: a chain of noise, curves side by side."""

import pytest
import torch

from coursekit import figures

PICTURES = [torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(k)) for k in range(3)]


def grown(picture):
    """The picture's figure and its axes."""
    return picture.figure, picture.figure.axes


def test_chain_has_a_picture_for_each_time_and_two_arrows_between_neighbours():
    figure, drawn = grown(figures.chain(PICTURES, (0, 5, 10), alt="Three pictures."))
    assert [ax.get_title() for ax in drawn] == ["$x_{0}$", "$x_{5}$", "$x_{10}$"]
    arrows = [artist for artist in figure.artists if artist.get_visible()]
    assert len(arrows) == 4
    edges = [ax.get_position() for ax in drawn]
    assert edges[0].x1 < edges[1].x0 < edges[1].x1 < edges[2].x0  # there is room for the arrows


@pytest.mark.parametrize("times", [(0, 1), (0, 1, 2, 3)])
def test_chain_wants_a_time_for_each_picture(times):
    with pytest.raises(ValueError, match="times"):
        figures.chain(PICTURES, times, alt="Three pictures.")


def test_beside_gives_a_name_one_colour_in_all_panels():
    lines = {"a": ([1, 2], [1, 3]), "b": ([1, 2], [2, 1])}
    panels = {"one": lines, "other": {"b": ([1, 2], [5, 5])}}
    picture = figures.beside(panels, alt="Lines.", xlabel="x", ylabel="y", dotted={"floor": 0.5}, xscale="log")
    _, (one, other) = grown(picture)
    colours = [{line.get_label(): line.get_color() for line in ax.lines} for ax in (one, other)]
    assert colours[0]["b"] == colours[1]["b"] != colours[0]["a"]
    assert one.get_xscale() == other.get_xscale() == "log"
    assert one.get_ylim() == other.get_ylim()
    assert {"a", "b", "floor"} == {text.get_text() for text in other.get_legend().get_texts()}


def test_beside_wants_a_panel():
    with pytest.raises(ValueError, match="panels"):
        figures.beside({}, alt="Nothing.", xlabel="x", ylabel="y")
