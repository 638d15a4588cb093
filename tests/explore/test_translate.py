"""A horse that is moved, without a browser: which panel shows what, what words and the chart say of its translation."""

import io

import numpy as np
import pytest
import torch
from browser import tiny
from PIL import Image
from players import cyclegan, shows

from coursekit.data import horses
from coursekit.explore import TranslateLive
from coursekit.explore.parts import readings
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.inks import DARK, LIGHT, drawn_with
from coursekit.explore.parts.row import LETTERS, halved, row
from coursekit.explore.parts.ways import ways
from coursekit.models.horse_reader import POSE, Reading

POSED = {"place": 0.4, "size": -0.3, "gait": 0.8, "neck": 0.5, "coat": -0.7, "sky": 0.6, "light": -0.2, "phase": 0.9}


def inverted(x):
    return 1 - x


@pytest.fixture(scope="module")
def models():
    return {"one": cyclegan(1), "other": cyclegan(2)}


@pytest.fixture(scope="module")
def live(models):
    return TranslateLive(models)


class TestTranslateLive:
    @pytest.mark.parametrize("back", [False, True], ids=["from a horse", "from a zebra"])
    def test_the_start_and_the_truth_are_the_renderers(self, live, back):
        shown = live.render(live.state(**POSED, from_zebra=back, left=True))
        named = {name: value for name, value in POSED.items() if name != "phase"}
        h = horses.factors(facing=-1, **named)
        horse, zebra = horses.render(h, 32), horses.render(h, 32, stripes=torch.tensor([[0.9, 0.0, 0.0]]))
        start, truth = (zebra, horse) if back else (horse, zebra)
        assert shows(shown[0], start)
        assert shows(shown[3], truth)
        assert not shows(shown[0], truth)

    @pytest.mark.parametrize("back", [False, True], ids=["from a horse", "from a zebra"])
    @pytest.mark.parametrize("by", ["one", "other"])
    def test_the_translation_and_the_round_trip_are_the_models(self, live, models, by, back):
        state = live.state(**POSED, from_zebra=back, by=by)
        shown, start = live.render(state), live.seen(state).start[None]
        to, rest = ("a", "b") if back else ("b", "a")
        assert shows(shown[1], models[by].translate(start, to))
        assert shows(shown[2], models[by].round_trip(start, to))
        assert not shows(shown[1], models[by].translate(start, rest))

    def test_every_translation_stands_in_the_row_the_chosen_ones_in_a_frame(self, live, models):
        state = live.state(**POSED, by="other")
        drawn, start = live.render(state)[4], live.seen(state).start[None]
        for left, name in ((440, "one"), (648, "other")):
            small = drawn[12:204:6, left : left + 192 : 6]
            assert shows(small, models[name].translate(start))
            frame = (drawn[6 : 6 + 204, left - 6] == LIGHT.orange).all(-1)
            assert frame.all() == (name == "other")

    def test_a_single_translator_has_neither_choice_nor_row(self, models):
        desk = TranslateLive(models["one"])
        assert "by" not in desk.state()
        assert len(desk.panels) == len(desk.render(desk.state())) == 4
        assert "by" in TranslateLive(models).state()

    def test_looking_left_mirrors_the_animal(self, live):
        def spot(left):
            state = live.state(gait=0.7, neck=0.6, left=left)
            ground = horses.landscape(horses.factors(gait=0.7, neck=0.6, facing=-1 if left else 1), 32)
            return (live.render(state)[0] != picture(ground[0])).any(-1)

        right, left = spot(False), spot(True)
        assert np.array_equal(left, right[:, ::-1])
        assert (left != right).mean() > 0.05

    def test_the_truth_can_be_hidden_and_nothing_else_changes(self, live):
        seen, hidden = (live.render(live.state(**POSED, truth=truth)) for truth in (True, False))
        assert not np.array_equal(seen[3], hidden[3])
        pairs = zip(seen[:3] + seen[4:], hidden[:3] + hidden[4:], strict=True)
        assert all(np.array_equal(a, b) for a, b in pairs)
        other = live.render(live.state(**{**POSED, "neck": -1.0}, truth=False))
        assert np.array_equal(hidden[3], other[3]), "what is hidden gives nothing away"

    def test_every_factor_moves_a_picture(self, live):
        for name in (*horses.CONTINUOUS, *horses.STRIPES):
            before, after = (live.render(live.state(**{name: value})) for value in (-0.5, 0.5))
            moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
            assert moved[3] or moved[0], name
            if name in horses.STRIPES:
                assert moved == [False, False, False, True, False], "a horse has no stripes"

    def test_pictures_are_a_pure_function_of_the_state(self, live):
        states = [live.surprise(torch.Generator().manual_seed(seed)) for seed in range(4)]
        first = [live.frame(state, final=False) for state in states]
        again = [live.frame(state) for state in states[::-1]][::-1]
        for one, two in zip(first, again, strict=True):
            assert (one.readout, one.captions) == (two.readout, two.captions)
            assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))

    def test_training_moves_no_picture(self):
        model = cyclegan(3)
        desk = TranslateLive(model)
        before = desk.render(desk.state())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1)
        desk._last = None
        assert all(np.array_equal(a, b) for a, b in zip(before, desk.render(desk.state()), strict=True))

    def test_words_measure_the_landscape_and_the_way_back(self):
        truth = TranslateLive((lambda x: zebra, lambda x: 0.5 * x))
        h = horses.factors(facing=1)
        zebra = horses.render(h, 32, stripes=torch.zeros(1, 3))
        off = (0.5 * zebra - horses.render(h, 32)).square().mean().sqrt()
        assert truth.readout(truth.state()) == (
            f"the landscape is 0.00 off the truth’s, the way back {off:.2f} off the start"
        )
        wrong = TranslateLive((inverted, inverted))
        assert "landscape is 0.00" not in wrong.readout(wrong.state())
        assert wrong.readout(wrong.state()).endswith("the way back 0.00 off the start")

    def test_the_reader_sees_translation_truth_way_back_and_start(self, models):
        seen = []
        desk = TranslateLive(models, reader=lambda x: seen.append(x) or tiny.reader.read(x))
        state = desk.state(**POSED)
        shown = desk.render(state)
        assert len(seen) == 1
        assert all(shows(shown[panel], seen[0][[place]]) for place, panel in enumerate((1, 3, 2, 0)))
        assert np.array_equal(shown[5], readings.drawn(readings.columns(tiny.reader.read(seen[0]), "b")))

    @pytest.mark.parametrize("wrong", [3, (inverted,), (inverted,) * 3, torch.nn.Identity()])
    def test_what_is_no_translator_is_named(self, wrong):
        with pytest.raises(TypeError, match=r"Translator or a pair .* 'cats'"):
            ways({"cats": wrong})

    def test_no_translator_is_refused(self):
        with pytest.raises(ValueError, match="at least one"):
            TranslateLive({})

    def test_the_sheet_shows_both_directions_and_both_translators(self, live, models):
        states = [state for _, state in live.contact_states()]
        assert [state["from_zebra"] for state in states] == [False, False, False, True]
        assert {state["by"] for state in states} == set(models)
        assert Image.open(io.BytesIO(live.sheet())).size[0] > 700
        alone = TranslateLive(models["one"])
        assert "dusk" in alone.alt
        assert "another model" in live.alt
        assert alone.contact_states()[2][1]["sky"] < -0.5


def reading(**changed):
    """What is read on four pictures [translation, truth, way back, start], all alike but for what is changed."""
    whole = {
        "pose": torch.zeros(4, len(POSE)), "coat": torch.zeros(4), "right": torch.ones(4),
        "zebra": torch.tensor([0.9, 1.0, 0.0, 0.0]), "stripes": torch.zeros(4, 3),
    }  # fmt: skip
    return Reading(**{**whole, **changed})


class TestReadings:
    def test_what_is_near_is_kept_and_what_is_far_is_lost(self):
        pose = torch.zeros(4, len(POSE))
        pose[1] = 0.5
        pose[0] = torch.tensor([0.5, 0.21, 0.79, 0.19, 0.81, -0.5, 0.5, 0.5, 0.5])
        near, far = readings.kept(readings.columns(reading(pose=pose), "b"))
        assert far == ["neck", "head", "tail"]
        assert near == ["place", "size", "gait", "sky", "ground", "light"]

    def test_words_say_which_animal_and_which_way_it_looks(self):
        good = reading()
        words = readings.told(good, readings.columns(good, "b"), "b")
        assert words == f"read as a zebra: 90 % · looks right · kept: {', '.join(POSE)}"
        bad = reading(right=torch.tensor([0.1, 0.9, 0.9, 0.9]), pose=torch.eye(4, len(POSE)))
        words = readings.told(bad, readings.columns(bad, "a"), "a")
        assert words.startswith("read as a horse: 10 % · looks left, the wrong way · kept: gait,")
        assert words.endswith("lost: place, size")

    @pytest.mark.parametrize(("to", "names"), [("b", ["coat"]), ("a", ["width", "tint"])])
    def test_what_the_other_domain_hides_is_read_on_the_way_back(self, to, names):
        numbers = torch.tensor([9.0, 9, 0.3, 0.4])
        read = reading(coat=numbers, stripes=numbers[:, None].expand(4, 3))
        found = readings.columns(read, to)[len(POSE) :]
        assert [name for name, *_ in found] == names
        assert [(was, is_) for _, was, is_ in found] == [pytest.approx((0.4, 0.3))] * len(names)

    @pytest.mark.parametrize("chosen", [LIGHT, DARK], ids=["light", "dark"])
    def test_a_dot_stands_where_it_is_read_blue_if_near(self, chosen):
        with drawn_with(chosen):
            drawn = readings.drawn([("a", 0.9, 1.0), ("b", 1.0, -1.0)])
        wide = (readings.SIZE[0] - readings.LEFT - readings.RIGHT) / 11
        near, far = (round(readings.LEFT + wide * (i + 0.5)) for i in (0, 1))
        top, low = readings.TOP, readings.SIZE[1] - readings.FOOT
        assert tuple(drawn[top, near]) == chosen.blue
        assert tuple(drawn[low, far]) == chosen.orange
        assert tuple(drawn[top, far]) == chosen.paper, "the inside of a ring"
        assert tuple(drawn[top + 10, far]) == chosen.ink


class TestRow:
    def test_a_long_name_is_halved(self):
        assert halved("narrow code, without the cycle", 192) == ["narrow code,", "without the cycle"]
        assert halved("CycleGAN", 10) == ["CycleGAN"]
        assert halved("two words", 1000) == ["two words"]

    def test_ten_pictures_find_room(self):
        drawn = row(list(torch.rand(10, 3, 32, 32)), [f"number {i}" for i in range(10)], 3)
        assert drawn.shape[1] == 1280
        assert LETTERS < drawn.shape[0] < 250
