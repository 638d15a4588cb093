"""Pictures of denoising: who pulls, and which ways points take."""

import pytest
import torch

from coursekit import figures

IMAGES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def row(*shares):
    return IMAGES[0], IMAGES[1], torch.tensor(shares)


def test_words_say_who_pulls():
    picture = figures.pull({"little": row(0.0, 1.0, 0.0, 0.0), "much": row(0.3, 0.3, 0.4, 0.0)}, IMAGES)
    assert "little: all is picture 2's; much: 3 pictures share, the largest with 40 %." in picture.alt


def test_bars_are_as_high_as_the_shares():
    picture = figures.pull({"σ = 1": row(0.25, 0.75, 0.0, 0.0)}, IMAGES)
    heights = [ax.patches[0].get_height() for ax in picture.figure.axes if ax.patches]
    assert heights == pytest.approx([0.25, 0.75, 0.0, 0.0])
    assert [text.get_text() for ax in picture.figure.axes for text in ax.texts] == ["25 %", "75 %"]


def test_shares_have_to_fit():
    with pytest.raises(ValueError, match=r"shares \[4\], got \[3\] in 'σ'"):
        figures.pull({"σ": row(0.5, 0.5, 0.0)}, IMAGES)
    with pytest.raises(ValueError, match="at least one"):
        figures.pull({}, IMAGES)


def test_words_count_the_ends_on_data():
    points, start = torch.eye(2), torch.zeros(4, 2)
    ends = torch.stack([*points, torch.zeros(2), torch.full((2,), 0.5)])
    picture = figures.walks(points, {"one step": [start, ends], "two": [start, start, points.repeat(2, 1)]})
    assert "one step: 50 % of the paths end within 0.1 of a data point; two: 100 %" in picture.alt
    assert [len(ax.lines) for ax in picture.figure.axes] == [4, 4]


def test_a_way_has_two_places():
    with pytest.raises(ValueError, match="got 1 in 'still'"):
        figures.walks(torch.eye(2), {"still": [torch.zeros(2, 2)]})
