"""Words in charts: none is cut off at an edge, and none stands on another."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch
from browser import tiny
from PIL import ImageDraw
from torch import nn
from torch.distributions import Independent, Normal

from coursekit import explore
from coursekit.explore.parts.chart import Chart
from coursekit.explore.parts.equation import Term, equation
from coursekit.explore.widget.controls import Choice, Point, Slider, Stops, Toggle
from coursekit.explore.widget.moves import Moves
from coursekit.models.gaussians import LinearGaussian
from coursekit.models.linear import PCA


@pytest.fixture
def written(monkeypatch):
    """Every line that is drawn: its words, its box (left, top, right, bottom), and its picture."""
    lines, text = [], ImageDraw.ImageDraw.text

    def note(self, xy, words, *args, **options):
        at = {name: options[name] for name in ("anchor",) if name in options}
        font = options.get("font", args[1] if len(args) > 1 else None)
        anchor = at.get("anchor", args[2] if len(args) > 2 else "la")
        lines.append(SimpleNamespace(words=words, box=self.textbbox(xy, words, font, anchor), draw=self))
        return text(self, xy, words, *args, **options)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", note)
    return lines


def cut(lines):
    """The lines that do not stand wholly on their picture."""
    def outside(line):
        left, top, right, bottom = line.box
        width, height = line.draw.im.size
        return left < 0 or top < 0 or right > width or bottom > height

    return [line.words for line in lines if outside(line)]


def overlapping(lines):
    """The pairs of lines on one picture that cover each other."""
    pairs = [(a, b) for a, b in itertools.combinations(lines, 2) if a.draw.im is b.draw.im]
    return [(a.words, b.words) for a, b in pairs if a.box[0] < b.box[2] and b.box[0] < a.box[2]
            and a.box[1] < b.box[3] and b.box[1] < a.box[3]]


def ends(control):
    """Values of a control between which everything else lies."""
    if isinstance(control, Slider):
        return [control.low, control.high]
    if isinstance(control, Stops):
        return [control.stops[0], control.stops[-1]]
    if isinstance(control, Choice):
        return list(control.options)
    if isinstance(control, Point):
        return [tuple(low for low, _ in control.sides), tuple(high for _, high in control.sides)]
    if isinstance(control, Moves):
        return [control.check(3 * control.run)]
    return [False, True] if isinstance(control, Toggle) else []


@pytest.mark.parametrize("name", sorted(tiny.EVERY))
def test_words_stand_on_their_picture_and_apart(name, written):
    explorer = tiny.EVERY[name]()
    moved = [explorer.state(**{control.name: end}) for control in explorer.controls for end in ends(control)]
    for state in [explorer.state(), *moved]:
        written.clear()
        explorer.frame(state)
        assert not cut(written), state
        maps = ((600, 600), (480, 480))  # names of classes lie where their codes lie
        assert not overlapping([line for line in written if line.draw.im.size not in maps]), state


def test_long_numbers_and_marks_of_a_chart(written):
    chart = Chart((520, 360), (1, 10_000), 0.00031, log=True)
    chart.axes({1: "the first", 10_000: "10,000 numbers"}, "code size", "error")
    assert "0.0003" in [line.words for line in written]
    assert not cut(written)


def test_a_bound_of_thousands_of_nats(written):
    desk = explore.BoundDesk(LinearGaussian(torch.ones(4000, 1), torch.zeros(4000), 40.0))
    desk.frame({})
    assert any(line.words.startswith("−18") for line in written)
    assert not cut(written)


def test_many_dimensions_and_a_long_name(written):
    class Wide(nn.Module):
        def encode(self, x):
            mean = x.flatten(1).mean(1, keepdim=True).repeat(1, 128)
            return Independent(Normal(mean * torch.linspace(2, 1, 128), 0.5 * torch.ones(128)), 1)

        def decode(self, h):
            return h[:, :16].unflatten(1, (1, 4, 4))

    name = "how far the light comes from the left of the picture"
    desk = explore.Dimensions(Wide(), tiny.images, factors=tiny.images.flatten(1).mean(1, True), factor_names=[name])
    desk.frame(desk.state(dimension_128=1.0))
    assert "128" in [line.words for line in written]
    assert not cut(written)


def test_a_sum_with_many_attributes(written):
    terms = [Term("+" if i else "", letter, tiny.images[0], "25 %", 0.25) for i, letter in enumerate("ABCD")]
    equation(terms, [f"+ 0.50 wears lipstick of colour number {i}" for i in range(9)])
    assert written[-1].words == "="
    assert not cut(written)
    assert not overlapping([line for line in written if line.words.startswith(("+ 0.50", "="))])


def test_the_best_number_of_components_at_both_ends(written):
    x = torch.randn(70, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    desk = explore.NoiseDesk(PCA(64).fit(x), x)
    for sigma in (0.0, 0.6):
        for scale in (0.01, 1.0, 100.0):
            written.clear()
            desk.eigenvalues = desk.eigenvalues / desk.eigenvalues.max() * scale
            desk.frame(desk.state(sigma=sigma))
            assert any(line.words.startswith("best") for line in written)
            assert not cut(written)
            assert not overlapping(written)
