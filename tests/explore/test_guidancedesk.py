"""Questions to a diffusion model and their weight, without a browser: pictures, measures, words."""

import numpy as np
import pytest
import torch
from desks import known_ones_are_as_fresh_ones
from exact import ATTRIBUTES, model, pictures, read

from coursekit.explore.guidancedesk import BRIEF, LATER, GuidanceDesk
from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.eyes import Eyes, alike, variety
from coursekit.explore.parts.letters import listed
from coursekit.explore.parts.wishes import Wishes, obeyed, question
from coursekit.explore.widget.controls import complete
from coursekit.models import FactorReader, diffusion
from coursekit.models.diffusion import Guided

QUESTIONS = [
    {"glasses": glasses, "sunglasses": sunglasses}
    for glasses in ("not asked", "with", "without")
    for sunglasses in ("not asked", "with", "without")
]


def desk(**options):
    made = model(sure=options.pop("sure", 1.0), hears=options.pop("hears", True))
    return GuidanceDesk(made, **{"attributes": ATTRIBUTES, "reader": read, **options})


def test_weight_0_ignores_the_switches_and_others_do_not():
    made = desk()
    grids = [[made.render(made.state(weight=w, **asked))[0] for asked in QUESTIONS] for w in (0, 2)]
    assert all(np.array_equal(grid, grids[0][0]) for grid in grids[0])
    assert len({grid.tobytes() for grid in grids[1]}) > 6
    drawn = [made.shown(made.state(**asked), True).images for asked in QUESTIONS]
    assert len({images[2.0].numpy().tobytes() for images in drawn}) == len(QUESTIONS)
    assert len({images[0.0].numpy().tobytes() for images in drawn}) == 1


@pytest.mark.parametrize("weight", [1.0, 2.0, 6.0])
def test_a_weight_is_that_of_the_models_own_guidance(weight):
    made = desk()
    shown = made.render(made.state(weight=weight, glasses="with", sunglasses="without", seed=3))[0]
    chance, how = torch.Generator().manual_seed(3), {"steps": 4, "power": 2}
    told = torch.tensor([1.0, -1.0])
    wanted = model(sure=1.0).sample(9, condition=told, weight=weight, generator=chance, **how)
    assert np.array_equal(shown, picture(tiled(wanted, 3)))
    other = model(sure=1.0).sample(9, condition=told, weight=1 + weight, generator=chance.manual_seed(3), **how)
    assert not np.array_equal(shown, picture(tiled(other, 3)))  # those who count from w − 1


def test_the_same_noise_at_every_weight():
    made = desk()
    drawn = made.shown(made.state(glasses="not asked", sunglasses="not asked"), True)
    assert all(torch.equal(x, drawn.images[0.0]) for x in drawn.images.values())


def test_more_weight_more_of_what_was_asked_for():
    made = desk(samples=40)
    drawn = made.shown(made.state(sunglasses="not asked"), True)
    shares = list(drawn.asked.values())
    assert shares[0] < 0.6
    assert shares[0] < shares[1] < shares[2]
    assert shares[-1] > 0.85  # of 0.9: the most that this reader sees
    deaf = desk(hears=False)
    silent = deaf.shown(deaf.state(glasses="with"), True)
    assert len({round(share, 6) for share in silent.asked.values()}) == 1  # one that does not listen is found out


def test_what_is_measured_is_what_the_reader_reads():
    made = desk()
    state = made.state(glasses="with", sunglasses="without", weight=4)
    drawn = made.shown(state, True)
    seen = read(drawn.images[4.0].clamp(0, 1))
    assert drawn.asked[4.0] == pytest.approx(torch.stack([seen[:, 4], 1 - seen[:, 5]]).mean().item(), abs=1e-5)
    apart = [(a - b).square().mean().sqrt().item() for i, a in enumerate(seen[:, :4]) for b in seen[:i, :4]]
    assert drawn.variety[4.0] == pytest.approx(sum(apart) / len(apart), abs=1e-5)
    words = made.frame(state).readout
    assert words.startswith(f"with glasses, without sunglasses, weight 4: {100 * drawn.asked[4.0]:.0f} % as asked")
    assert f"variety {drawn.variety[4.0]:.2f} ({100 * drawn.variety[4.0] / drawn.variety[0.0]:.0f} %" in words


def test_a_hand_that_moves_draws_one_weight_and_a_known_question_none():
    made = desk()
    net = made.model.net
    frame = made.frame(made.state(weight=4), final=False)
    assert len(net.asked) == BRIEF
    assert frame.readout == "with glasses, without sunglasses, weight 4"  # nothing is said that was not measured
    made.frame(made.state(weight=4))
    before = len(net.asked)
    assert before == BRIEF + 5 * diffusion.Heun().evaluations(4)
    for weight in (0, 1, 2, 4, 6):
        for final in (False, True):
            made.frame(made.state(weight=weight), final)
    assert len(net.asked) == before


def test_known_questions_show_what_fresh_ones_show():
    known_ones_are_as_fresh_ones(desk)


def test_the_alt_text_tells_what_was_measured():
    made = desk()
    made.sheet()
    drawn = made.shown(made.state())
    assert "asked for: with glasses, without sunglasses" in made.alt
    assert f"at the weights 0, 1, 2, 4 and 6: as asked {listed(list(drawn.asked.values()))}, variety" in made.alt
    assert made.alt.endswith(f"{drawn.variety[6.0]:.2f}")
    assert listed([1, -0.001]) == "1.00 and 0.00"
    assert listed([-0.5]) == "−0.50"


def test_without_a_reader_nothing_is_measured():
    made = desk(reader=None)
    frame = made.frame({})
    assert len(frame.pictures) == len(made.panels) == 2
    assert frame.readout == "with glasses, without sunglasses, weight 2"
    made.sheet()
    assert made.alt.endswith("with glasses, without sunglasses")
    assert made.sheet_panels == (0,)


def test_the_chart_of_a_preview_says_that_it_waits(monkeypatch):
    names = []
    from coursekit.explore.guidancedesk import Chart

    axes = Chart.axes
    monkeypatch.setattr(Chart, "axes", lambda self, marks, name, unit="": names.append(name) or axes(self, marks, name))
    made = desk()
    made.frame(made.state(seed=4), final=False)
    made.frame(made.state(seed=4))
    assert names == [LATER, "guidance weight w"]


def test_what_does_not_fit_is_refused():
    told = diffusion.Diffusion(diffusion.PointNet(4, 8, 1, condition=4), diffusion.Straight())
    with pytest.raises(ValueError, match="want 4 names, as the net is told 4, got 2"):
        GuidanceDesk(told, attributes=ATTRIBUTES)
    with pytest.raises(ValueError, match="perhaps"):
        desk(asked={"glasses": "perhaps"})
    with pytest.raises(ValueError, match="two or more rising numbers"):
        desk(weights=(2.0,))


def test_the_model_is_a_copy_that_no_training_moves():
    given = model(sure=1.0)
    made, wanted = GuidanceDesk(given, attributes=ATTRIBUTES), desk(reader=None)
    with torch.no_grad():
        given.net.points.zero_()
    for a, b in zip(made.frame({}).pictures, wanted.frame({}).pictures, strict=True):
        assert np.array_equal(a, b)
    assert isinstance(made.model, diffusion.Denoiser)
    assert not isinstance(made.model, Guided)


class TestMeasures:
    def test_obeyed(self):
        chances = torch.tensor([[0.9, 0.3], [0.7, 0.1]])
        assert obeyed(chances, (1.0, 0.0)) == pytest.approx(0.8)
        assert obeyed(chances, (1.0, -1.0)) == pytest.approx(0.8)
        assert obeyed(chances, (0.0, 1.0)) == pytest.approx(0.2)
        assert obeyed(chances, ()) == 1.0

    def test_variety_and_likeness(self):
        one, other = torch.tensor([0.5, -0.5, 0.25, 0.0]), torch.tensor([-0.5, 0.5, -0.25, 0.0])
        assert variety(one.expand(5, -1)) == pytest.approx(0, abs=1e-4)
        assert variety(torch.tensor([[0.0, 0.0], [1.0, 1.0]])) == pytest.approx(1)
        both = alike(torch.stack([one, 0.5 * one + 0.1, other]), one)
        assert both.tolist() == pytest.approx([1, 1, -1], abs=1e-5)

    def test_a_reader_of_faces_is_shown_them_at_its_size(self):
        torch.manual_seed(0)
        judge = FactorReader(4, 4, hidden=(8,), features=4)
        x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        seen = Eyes(judge, 4)(x)
        large = torch.nn.functional.interpolate(x, size=(64, 64), mode="bilinear")
        assert torch.equal(torch.cat(seen, 1), judge.read(large))
        assert (seen.factors.shape, seen.chances.shape) == ((2, 10), (2, 4))
        x, traits = pictures()
        plain = Eyes(read, 2)(x)
        assert torch.equal(plain.chances > 0.5, traits > 0)

    def test_words_and_numbers_of_wishes(self):
        names = ("glasses", "sunglasses", "beard", "long_hair")
        assert list(question(names).values()) == ["with", "without", "without", "with"]
        assert question(names[:2]) == {"glasses": "with", "sunglasses": "without"}
        wishes = Wishes(names, asked=question(names))
        state = complete(wishes.controls)
        assert wishes.told(state) == "with glasses and long hair, without sunglasses and beard"
        assert wishes.of(state) == (1, -1, -1, 1)
        assert wishes.of({**state, "beard": "not asked"}) == (1, -1, 0, 1)
        assert wishes.of(dict.fromkeys(names, "not asked")) == ()
        assert wishes.told(dict.fromkeys(names, "not asked")) == ""
