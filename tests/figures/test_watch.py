"""A translation as it is learnt: one picture of rows and scores, redrawn."""

from types import SimpleNamespace

import pytest
import torch

from coursekit import figures


def watch(**how):
    """Two rows of three pictures; the scores count how often they were asked for."""
    asked = []

    def measure():
        asked.append(1)
        return {"striped": 0.1 * len(asked), "facing": 1.0}

    def rows():
        return torch.zeros(3, 1, 4, 4), torch.full((3, 1, 4, 4), 0.1 * len(asked))

    return figures.Watch(rows, measure, every=2, rows=("horse", "zebra"), alt="words about it", **how)


def test_it_looks_at_the_start_and_every_so_many_steps():
    seen = watch()
    seen.start(SimpleNamespace(history=SimpleNamespace(steps=0)))
    for step in range(1, 6):
        seen.after(step, {})
    assert [step for step, _ in seen.scores] == [0, 2, 4]
    assert [scores["striped"] for _, scores in seen.scores] == pytest.approx([0.1, 0.2, 0.3])


def test_the_picture_shows_the_rows_and_a_line_for_each_score():
    seen = watch()
    seen.start(SimpleNamespace(history=SimpleNamespace(steps=0)))
    seen.after(2, {})
    *pictures, chart = seen.latest.figure.axes
    assert len(pictures) == 6
    assert [ax.get_ylabel() for ax in pictures if ax.get_ylabel()] == ["horse", "zebra"]
    lines = {line.get_label(): list(line.get_ydata()) for line in chart.lines}
    assert lines == {"striped": pytest.approx([0.1, 0.2]), "facing": [1.0, 1.0]}
    assert seen.latest.alt == "words about it"


def test_it_wants_a_number_of_steps():
    with pytest.raises(ValueError, match="every: want"):
        figures.Watch(lambda: [], dict, every=0, rows=(), alt="words about it")
