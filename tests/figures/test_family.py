"""Pictures of image generators: rows of a training, boxes, boards, tables, attention, balls."""

import pytest
import torch

from coursekit import figures, metrics
from coursekit.figures import family

ALT = "words that say what is to be seen"


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_stages_keep_a_row_for_each_of_the_steps_and_for_no_other():
    drawn = []

    def make():
        drawn.append(len(drawn))
        return torch.full((3, 1, 4, 4), 0.1 * len(drawn))

    stages = figures.Stages(make, at=(1, 3), alt=ALT)
    for step in range(1, 6):
        stages.after(step, {})
    assert list(stages.rows) == ["step 1", "step 3"]
    assert len(drawn) == 2
    assert len(stages.latest.figure.axes) == 6
    assert stages.latest.alt == ALT


@pytest.mark.parametrize("at", [(), (0, 5)])
def test_stages_want_steps(at):
    with pytest.raises(ValueError, match="at: want steps"):
        figures.Stages(lambda: torch.zeros(1, 1, 2, 2), at=at, alt=ALT)


def test_feature_maps_are_as_high_as_their_side():
    picture = figures.feature_maps([(1024, 4), (512, 8), (3, 64)], ["a", "b", "c"], start="h", alt=ALT)
    heights = [patch.get_height() for patch in picture.figure.axes[0].patches]
    assert [round(height / heights[0], 6) for height in heights] == [1, 2, 16]
    words = {text.get_text() for text in picture.figure.axes[0].texts}
    assert {"1,024 of\n4×4", "a", "b", "c", "h"} <= words


ROWS = {"one": {"frechet": 9.0, "recall": 0.2}, "two": {"frechet": 3.0}}


def test_a_scoreboard_has_a_dot_for_each_known_figure_and_marks_the_best():
    columns = {"frechet": "distance", "recall": "recall"}
    picture = figures.scoreboard(ROWS, columns, best={"frechet": min}, goals={"frechet": 1.0}, alt=ALT)
    left, right = picture.figure.axes
    dots = {
        (line.get_xdata()[0], line.get_ydata()[0]): line.get_color() for line in left.lines if line.get_marker() == "o"
    }
    assert dots == {(9.0, 0): figures.BLUE, (3.0, 1): figures.ORANGE}
    assert sum(line.get_marker() == "o" for line in right.lines) == 1
    low, high = left.get_ylim()
    assert low > high, "the first row stands at the top"


def test_a_cross_table_shows_the_numbers_and_leaves_out_zeros():
    picture = figures.cross_table(torch.tensor([[3.0, 0.0], [1.0, 2.0]]), xlabel="read", ylabel="asked", alt=ALT)
    found = {text.get_position(): text.get_text() for text in picture.figure.axes[0].texts}
    assert found == {(0, 0): "3", (0, 1): "1", (1, 1): "2"}


def test_the_rows_of_a_cross_table_can_be_put_in_order():
    counts = torch.tensor([[0.0, 3.0], [2.0, 0.0]])
    ax = figures.cross_table(counts, xlabel="digit", ylabel="code", rows=[1, 0], alt=ALT).figure.axes[0]
    assert {text.get_position(): text.get_text() for text in ax.texts} == {(0, 0): "2", (1, 1): "3"}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "0"]


def test_attention_shows_the_row_of_the_place_that_is_marked():
    beta = torch.rand(2, 16, 16, generator=seeded())
    picture = figures.attention(torch.rand(2, 3, 8, 8, generator=seeded()), beta, [(1, 2)], alt=ALT)
    pale = picture.figure.axes[3]  # second row, second picture
    assert torch.equal(torch.as_tensor(pale.images[1].get_array().data), beta[1, 6].reshape(4, 4))
    (frame,) = pale.patches
    assert (frame.get_x(), frame.get_y(), frame.get_width()) == (3.5, 1.5, 2.0)


def test_balls_tell_hits_from_misses_as_precision_does():
    real, made = torch.randn(40, 2, generator=seeded()), 2 * torch.randn(40, 2, generator=seeded(1))
    picture = figures.balls({"one": (real, made)}, k=3, alt=ALT)
    data, hits, misses = picture.figure.axes[0].collections[-3:]
    assert len(data.get_offsets()) == 40
    share = len(hits.get_offsets()) / (len(hits.get_offsets()) + len(misses.get_offsets()))
    assert share == pytest.approx(metrics.precision_recall(real, made, k=3)[0])
    assert 0 < share < 1


def test_bands_go_from_the_worst_try_to_the_best():
    picture = figures.with_error(
        {"a": ((1, 2), torch.tensor([[1.0, 2.0], [3.0, 6.0]]))}, xlabel="x", ylabel="y", alt=ALT
    )
    (line,) = picture.figure.axes[0].lines
    assert line.get_ydata().tolist() == [2.0, 4.0]
    (band,) = picture.figure.axes[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1.0, 6.0)


def test_all_of_it_is_handed_on():
    assert figures.scoreboard is family.scoreboard
