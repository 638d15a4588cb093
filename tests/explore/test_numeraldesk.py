"""The desk for numerals without a browser: it draws what the renderer draws, and shows what the reader says of it."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from coursekit.data import numerals
from coursekit.explore import NumeralDesk
from coursekit.explore.numeraldesk import BARS, EDGE, FOOT, TOP, bars, path_of_pen
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.inks import DARK, LIGHT, drawn_with

SURE = {3: 0.75, 8: 0.25}  # what `certain` says of every picture
MOVED = {"digit": 4, "way": 1, "pen": 0.6, "slant": -0.4, "bend_2": 0.9, "drift_x3": -2.0, "right": 0.5}


def certain(images):
    assert images.shape[1:] == (1, 28, 28)
    return torch.tensor([[SURE.get(digit, 0.0) for digit in range(10)]] * len(images))


class Brightness(torch.nn.Module):
    """A reader that training can move."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.eye(10)[0])

    def read(self, images):
        return self.weight.expand(len(images), 10)


def is_ink(drawn, ink):
    """Where a drawing has this colour, [H, W]."""
    return (drawn == ink).all(-1)


def test_the_pixels_are_the_renderers():
    shown, _ = NumeralDesk().render(NumeralDesk().state(**MOVED))
    named = {name: value for name, value in MOVED.items() if name != "digit"}
    wanted = numerals.render(torch.tensor([4]), numerals.factors(**named))[0]
    assert np.array_equal(shown, picture(wanted))


@pytest.mark.parametrize("name", [name for name in numerals.FACTORS if name != "way"])
def test_each_factor_moves_both_pictures(name):
    desk = NumeralDesk(6)
    before, after = (desk.render(desk.state(**{name: value})) for value in (0.0, 0.8))
    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_digit_with_fewer_ways_takes_its_last():
    desk = NumeralDesk(0)
    last, beyond = (desk.render(desk.state(way=way)) for way in (1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(last, beyond, strict=True))
    assert desk.readout(desk.state(way=2)) == "a 0, way 1: begun inside (there is no way 2)"
    assert desk.readout(desk.state(way=1)) == "a 0, way 1: begun inside"


def test_bars_are_there_only_if_there_is_a_reader():
    assert [len(desk.frame({}).pictures) for desk in (NumeralDesk(), NumeralDesk(reader=certain))] == [2, 3]
    assert [len(desk.panels) for desk in (NumeralDesk(), NumeralDesk(reader=certain))] == [2, 3]


@pytest.mark.parametrize("chosen", [LIGHT, DARK], ids=["light", "dark"])
def test_bars_are_as_high_as_chances_and_the_written_digits_is_orange(chosen):
    with drawn_with(chosen):
        drawn = bars(certain(torch.zeros(1, 1, 28, 28))[0], 3)
    middles = (np.arange(10) + 0.5) * BARS[0] / 10
    columns = drawn[: BARS[1] - FOOT, middles.astype(int)]  # [rows, 10, 3]
    orange, faint = is_ink(columns, chosen.orange).sum(0), is_ink(columns, chosen.faint).sum(0)
    whole = BARS[1] - FOOT - TOP
    assert orange.tolist() == [0, 0, 0, round(0.75 * whole), *[0] * 6]
    assert faint[8] == pytest.approx(0.25 * whole, abs=1)
    assert faint[[0, 1, 2, 4, 5, 6, 7, 9]].tolist() == [2] * 8


def test_a_full_chance_stays_below_the_top():
    drawn = bars(torch.eye(10)[9], 9)
    assert is_ink(drawn, LIGHT.orange).any(1).argmax() == TOP


def test_the_path_begins_blue_and_ends_orange_where_the_pen_does():
    ends, radius = numerals.written(torch.tensor([1]), numerals.factors())
    drawn = path_of_pen(ends[0].numpy(), float(radius[0]))
    start, end = ((EDGE / 28 * ends[0, i, i]).int().tolist() for i in (0, -1))
    assert tuple(drawn[start[1], start[0]]) == LIGHT.blue
    assert tuple(drawn[end[1], end[0]]) == LIGHT.orange
    assert tuple(drawn[0, 0]) == LIGHT.paper


def test_the_trace_is_as_broad_as_the_pen():
    ends, radius = numerals.written(torch.tensor([1]), numerals.factors(pen=0.5))
    row = path_of_pen(ends[0].numpy(), float(radius[0]))[EDGE // 2]
    assert (row != LIGHT.paper).any(-1).sum() == pytest.approx(2 * float(radius[0]) * EDGE / 28, abs=3)


def test_words_say_what_is_written_and_what_is_read():
    desk = NumeralDesk(8, reader=certain)
    assert desk.readout(desk.state()) == "an 8, way 0: a tail to the right · the net reads a 3 (75 %)"
    sure = NumeralDesk(7, reader=lambda images: torch.eye(10)[8].expand(len(images), 10))
    assert sure.readout(sure.state(way=1)) == "a 7, way 1: with a bar · the net reads an 8 (100 %)"


def test_the_reader_is_a_copy_that_no_training_moves():
    model = Brightness()
    desk = NumeralDesk(reader=model.read)
    with torch.no_grad():
        model.weight.zero_()
    assert desk.chances(desk.state()).argmax() == 0
    assert desk.chances(desk.state()).max() == 1
    assert desk.device == str(desk.reader.device)


def test_a_surprise_is_a_numeral_that_nature_might_write():
    desk, chance = NumeralDesk(reader=certain), torch.Generator().manual_seed(0)
    states = [desk.surprise(chance) for _ in range(40)]
    assert {state["digit"] for state in states} == set(range(10))
    assert all(state["way"] < len(numerals.ways(state["digit"])) for state in states)
    assert all(desk.state(**state) == state for state in states)
    assert np.std([state["drift_y1"] for state in states]) == pytest.approx(1, abs=0.4)  # not even over −3 … 3


def test_the_sheet_shows_six_twos_that_differ():
    desk = NumeralDesk(5, reader=certain)
    states = [state for _, state in desk.contact_states()]
    assert [state["digit"] for state in states] == [2] * 6
    assert len({desk.render(state)[0].tobytes() for state in states}) == 6
    assert Image.open(io.BytesIO(desk.sheet())).size[0] > 1000


@pytest.mark.parametrize("digit", [-1, 10])
def test_what_is_no_digit_is_refused(digit):
    with pytest.raises(ValueError, match="'digit'"):
        NumeralDesk(digit)
