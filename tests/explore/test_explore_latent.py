"""Explorers of latent codes without a browser: sums in pixels and codes, verdicts at rest, dimensions in order."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.distributions import Independent, Normal

from coursekit.data import faces
from coursekit.explore import Arithmetic, Dimensions, FaceDesk, Panel
from coursekit.explore.arithmetic import readings
from coursekit.explore.parts.coder import Coder, coders
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.equation import Term, equation
from coursekit.explore.parts.inks import LIGHT
from coursekit.explore.parts.letters import wrapped
from coursekit.explore.parts.sheet import in_rows
from coursekit.explore.parts.shelf import framed
from coursekit.explore.parts.verdicts import MOST, Memory, Verdicts
from coursekit.explore.widget.canvas import Canvas
from coursekit.models import vae
from coursekit.models.gaussians import kl_to_standard_normal

NAMES = ("man with glasses", "man", "woman", "child", "old man")


class Rotation(nn.Module):
    """Codes that are the pictures in other axes: nothing is lost, and a sum of codes is the code of the sum."""

    def __init__(self, size=48):
        super().__init__()
        turn = torch.linalg.qr(torch.randn(size, size, generator=torch.Generator().manual_seed(0))).Q
        self.turn = nn.Parameter(turn)

    def encode(self, x):
        return x.flatten(1) @ self.turn

    def decode(self, h):
        return (h @ self.turn.T).unflatten(1, (3, 4, 4))


class Planted(nn.Module):
    """Q(h|x) with the first numbers of x as means in a known order, each with its own σ; the last two are the prior."""

    sigma = torch.tensor([0.5, 0.1, 0.9, 1.0, 1.0])

    def encode(self, x):
        used = torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0])
        return Independent(Normal(4 * (x.flatten(1)[:, :5] - 0.5) * used, self.sigma.expand(len(x), 5)), 1)

    def decode(self, h):
        shown = torch.cat([h[:, :3], h.new_zeros(len(h), 13)], 1) / 8 + 0.5
        return shown.unflatten(1, (1, 4, 4))


class Asked:
    """A judge that counts: the distance of a picture is its mean."""

    def __init__(self):
        self.count = 0

    def __call__(self, x):
        self.count += 1
        return x.flatten(1).mean(1)


def rotation():
    model = Rotation()
    return {"rotated": (model.encode, model.decode)}


@pytest.fixture(scope="module")
def images():
    return 0.3 + 0.4 * torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def grey():
    return torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(4))


@pytest.fixture(scope="module")
def directions(images):
    step = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(5)) / 10
    return {"long hair": {"pixels": step, "rotated": Rotation().encode(step[None])[0].detach()}}


@pytest.fixture(scope="module")
def everything(images, grey, directions):
    x = faces.faces(40, size=32, seed=2)
    model = vae.dense((3, 32, 32), 6, 16)
    pair = {"VAE": (model.encode, model.decode)}
    return {
        "desk": FaceDesk(rotation(), images, directions=directions, judge=Asked(), threshold=0.5),
        "faces": FaceDesk(pair, x.images, picks=4),
        "arithmetic": Arithmetic(rotation(), images, NAMES, judge=Asked(), threshold=0.5,
                                 reads=lambda y: {"long_hair": y[:, 0, 0, 0]}),
        "dimensions": Dimensions(Planted(), grey, factors=grey.flatten(1)[:, :2], factor_names=("turn", "long_hair")),
        "learnt": Dimensions(model, x.images, factors=x.factors, factor_names=faces.FACTORS,
                             nothing=0.0),
    }


@pytest.mark.parametrize("kind", ["desk", "faces", "arithmetic", "dimensions", "learnt"])
class TestEvery:
    def test_the_same_states_give_the_same_pictures(self, everything, kind):
        explorer, generator = everything[kind], torch.Generator().manual_seed(5)
        states = [explorer.state(), *(explorer.surprise(generator) for _ in range(4)), explorer.state()]
        first, again = ([explorer.frame(state) for state in states] for _ in range(2))
        for one, two in zip(first[1:], again[1:], strict=True):  # the first strip may be of what was moved before
            assert (one.readout, one.captions) == (two.readout, two.captions)
            assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))

    def test_every_control_changes_the_pictures(self, everything, kind):
        explorer = everything[kind]
        mixed = {control.name: 0.4 for control in explorer.controls if control.name.startswith("weight")}
        before = explorer.frame(mixed).pictures
        for control in explorer.controls:
            drawn = [control.draw(torch.Generator().manual_seed(seed)) for seed in range(6)]
            after = [explorer.frame({**mixed, control.name: value}).pictures for value in drawn]
            pairs = [pair for pictures in after for pair in zip(before, pictures, strict=True)]
            assert any(not np.array_equal(a, b) for a, b in pairs), control.name

    def test_wrong_states_are_named(self, everything, kind):
        explorer = everything[kind]
        for control in explorer.controls:
            for wrong in (1e9, "nonsense", float("nan"), None):
                with pytest.raises(ValueError, match=control.name):
                    explorer.frame({control.name: wrong})

    def test_a_page_without_a_kernel_gets_a_picture_and_words(self, everything, kind):
        explorer = everything[kind]
        data, metadata = explorer._repr_mimebundle_()
        assert len(explorer.contact_states()) >= 3
        assert len(data["image/png"]) < 150_000
        assert np.asarray(Image.open(io.BytesIO(data["image/png"])).convert("L")).std() > 5, "an empty sheet"
        assert metadata["image/png"]["alt"] == explorer.alt
        assert len(explorer.alt) > 80
        assert data["text/plain"].startswith(explorer.title)

    def test_python_and_the_page_set_the_same_state(self, everything, kind):
        explorer = everything[kind]
        view, wanted = explorer.view, explorer.surprise(torch.Generator().manual_seed(8))
        assert isinstance(view, Canvas)
        for name, value in wanted.items():
            setattr(view, name, value)
        assert view.value == wanted == explorer.surprise(torch.Generator().manual_seed(8))


class TestFaceDesk:
    def test_a_sum_of_codes_is_the_sum_of_pixels_where_nothing_is_lost(self, everything, images, directions):
        desk = everything["desk"]
        state = desk.state(face_a=2, face_b=5, face_c=1, weight_a=0.2, weight_b=0.6, weight_c=0.4, long_hair=-0.5)
        blend, decoded = desk.results(state).values()
        wanted = (images[1] + 3 * images[4] + 2 * images[0]) / 6 - 0.5 * directions["long hair"]["pixels"]
        assert torch.allclose(blend, wanted, atol=1e-6)
        assert torch.allclose(decoded, wanted, atol=1e-5)

    def test_shares_add_up_to_one(self, everything):
        desk = everything["desk"]
        assert desk.shares(desk.state(weight_a=1.0, weight_b=0.5, weight_c=0.5)) == pytest.approx([0.5, 0.25, 0.25])
        none = desk.state(weight_a=0.0, weight_b=0.0, weight_c=0.0)
        assert desk.shares(none) == pytest.approx([1 / 3] * 3)
        assert desk.readout(desk.state(weight_a=1.0, weight_b=1.0, long_hair=-0.5)).startswith(
            "0.50 A + 0.50 B − 0.50 long hair")

    def test_a_code_may_be_the_mean_of_a_distribution(self):
        x = faces.faces(3, size=32, seed=2).images
        model = vae.dense((3, 32, 32), 6, 16)
        desk = FaceDesk({"VAE": (model.encode, model.decode)}, x)
        shown = desk.results(desk.state(weight_a=1.0, weight_b=0.0))["VAE"]
        assert torch.allclose(shown, model(x[:1])[0], atol=1e-5)

    def test_training_on_does_not_move_the_pictures(self, images):
        model = Rotation()
        desk = FaceDesk({"rotated": (model.encode, model.decode)}, images)
        before = desk.frame({}).pictures
        with torch.no_grad():
            model.turn.zero_()
        assert all(np.array_equal(a, b) for a, b in zip(before, desk.frame({}).pictures, strict=True))

    def test_bad_arguments(self, images, directions):
        model = Rotation()
        for wrong in ({"picks": 1}, {"picks": 5}):
            with pytest.raises(ValueError, match="picks"):
                FaceDesk(rotation(), images, **wrong)
        with pytest.raises(ValueError, match="images"):
            FaceDesk(rotation(), images[:1])
        with pytest.raises(ValueError, match=r"directions\['smile'\]\['rotated'\]: want \[48\], got none"):
            FaceDesk(rotation(), images, directions={"smile": {"pixels": images[0]}})
        with pytest.raises(ValueError, match="at least one"):
            FaceDesk({}, images)
        with pytest.raises(ValueError, match="pixels"):
            FaceDesk({"pixels": (model.encode, model.decode)}, images)
        with pytest.raises(TypeError, match=r"pair \(encode, decode\) for 'model'"):
            FaceDesk({"model": model}, images)
        with pytest.raises(ValueError, match="threshold"):
            FaceDesk(rotation(), images, threshold=0.0)


class TestArithmetic:
    def test_the_sum(self, everything, images):
        explorer = everything["arithmetic"]
        for result in explorer.results(explorer.state(a="woman", b="child", c="man")):
            assert torch.allclose(result, images[2] - images[3] + images[1], atol=1e-5)

    def test_what_is_taken_away_and_given_back_changes_nothing(self, everything, images):
        explorer = everything["arithmetic"]
        for state in (explorer.state(a="old man", b="man", c="man"), explorer.state(a="man", b="man", c="old man")):
            assert all(torch.allclose(result, images[4], atol=1e-5) for result in explorer.results(state))
        assert "nothing is added" in explorer.readout(explorer.state(a="man", b="man"))

    def test_untouched_it_is_the_first_three(self, everything, images):
        assert everything["arithmetic"].state() == {"a": "man with glasses", "b": "man", "c": "woman"}
        assert Arithmetic(rotation(), images[:2], NAMES[:2]).state() == {
            "a": "man with glasses", "b": "man", "c": "man"}

    def test_a_surprise_is_of_three_different_faces(self, everything):
        for seed in range(10):
            drawn = everything["arithmetic"].surprise(torch.Generator().manual_seed(seed))
            assert len(set(drawn.values())) == 3

    def test_what_is_read_stands_below_each_result_at_rest(self, images):
        asked = []

        def reads(x):
            asked.append(x.shape)
            return {"glasses": torch.tensor([0.994, 0.2]), "long_hair": torch.tensor([0.03, 1.0])}

        explorer = Arithmetic(rotation(), images, NAMES, reads=reads)
        assert explorer.frame({}, final=False).captions == ("", "pixel sum\n…", "rotated\n…")
        assert asked == []
        wanted = ("", "pixel sum\nglasses 99 %, long hair no", "rotated\nglasses 20 %, long hair 100 %")
        assert explorer.frame({}).captions == explorer.frame({}).captions == wanted
        assert asked == [(2, 3, 4, 4)]

    def test_a_reader_must_read_each_picture(self, images):
        with pytest.raises(ValueError, match="reads: want a probability of 'glasses' for each of 2"):
            readings(lambda x: {"glasses": 0.5}, [images[0], images[1]])

    @pytest.mark.parametrize("names", [NAMES[:4], ("man",) * 5, ()])
    def test_bad_names(self, images, names):
        with pytest.raises(ValueError, match="names"):
            Arithmetic(rotation(), images, names)


class TestVerdicts:
    @pytest.mark.parametrize("make", [FaceDesk, lambda *given, **named: Arithmetic(*given, NAMES, **named)])
    def test_the_judge_is_asked_when_the_hand_rests(self, images, make):
        judge = Asked()
        explorer = make(rotation(), images, judge=judge)
        state = explorer.surprise(torch.Generator().manual_seed(77))
        dragged = explorer.frame(state, final=False)
        assert judge.count == 0
        assert all("…" in caption for caption in dragged.captions[-2:])
        assert all((shown[0, 0] == LIGHT.open).all() for shown in dragged.pictures[-2:])
        rested, again = explorer.frame(state), explorer.frame(state)
        assert judge.count == 1
        assert rested.captions == again.captions == explorer.frame(state, final=False).captions
        assert all("face, 0." in caption for caption in rested.captions[-2:])

    def test_words_and_frames_follow_the_threshold(self, images):
        for threshold, word, colour in ((0.9, ": a face, 0.", LIGHT.green), (0.1, ": no face, 0.", LIGHT.orange)):
            frame = FaceDesk(rotation(), images, judge=Asked(), threshold=threshold).frame({})
            assert all(word in caption for caption in frame.captions[-2:])
            assert all((shown[0, 0] == colour).all() for shown in frame.pictures[-2:])
            assert f"up to {threshold:g} is a face" in frame.readout

    def test_without_a_judge_nothing_is_said(self, images):
        desk = FaceDesk(rotation(), images)
        frame = desk.frame({})
        assert frame.captions[-2:] == ("pixel blend", "rotated")
        assert "face" not in frame.readout
        assert np.array_equal(frame.pictures[-2], picture(desk.results(desk.state())["pixels"]))

    def test_a_judge_sees_pictures_as_they_are_shown(self):
        seen = []
        verdicts = Verdicts(lambda x: seen.append(x) or x.amax((1, 2, 3)), 0.5)
        verdicts.measure({"a": 1}, [torch.full((3, 2, 2), 1.7), torch.full((3, 2, 2), -1.0)])
        assert verdicts.known({"a": 1}, 2) == [1.0, 0.0]
        assert verdicts.known({"a": 2}, 2) == [None, None]
        assert seen[0].shape == (2, 3, 2, 2)

    @pytest.mark.parametrize("wrong", [lambda x: x, lambda x: 0.1, lambda x: torch.zeros(3)])
    def test_a_judge_must_judge_each_picture(self, wrong, images):
        with pytest.raises(ValueError, match="judge: want a distance for each of 2"):
            FaceDesk(rotation(), images, judge=wrong).frame({})

    def test_the_oldest_measurements_are_forgotten(self):
        memory = Memory()
        for i in range(MOST + 1):
            memory.ask({"a": i}, lambda i=i: i)
            memory.ask({"a": 0}, lambda: pytest.fail("asked before"))
        assert memory.known({"a": 0}) == 0
        assert memory.known({"a": 1}) is None
        assert memory.known({"a": 2}) == 2

    def test_a_frame_goes_around_the_picture(self, images):
        for x in (images[0], images[0, :1]):
            shown = framed(x, True)
            inner = picture(x)
            assert np.array_equal(shown[2:-2, 2:-2], inner if inner.ndim == 3 else inner[..., None].repeat(3, 2))


class TestDimensions:
    def test_the_divergences_add_up_to_the_models(self, grey):
        x = faces.faces(30, size=32, seed=1).images
        for model, pictures in ((Planted(), grey), (vae.dense((3, 32, 32), 4, 8), x)):
            whole = kl_to_standard_normal(model.encode(pictures)).mean().item()
            found = [d.kl for d in Dimensions(model, pictures).ranked]
            assert sum(found) == pytest.approx(whole, rel=1e-5)
            assert found == sorted(found, reverse=True)

    def test_planted_dimensions_are_found(self, everything, grey):
        explorer = everything["dimensions"]
        assert [d.place for d in explorer.ranked[:3]] == [1, 0, 2]
        assert explorer.used == 3
        assert [d.follows for d in explorer.ranked[:2]] == ["long hair +1.00", "turn +1.00"]
        r = np.corrcoef(grey.flatten(1)[:, :3].T.numpy())[2, :2]
        assert abs(explorer.ranked[2].correlation) == pytest.approx(np.abs(r).max(), abs=1e-5)

    def test_words_that_are_stored_hold_no_measured_number(self, everything):
        assert repr(everything["dimensions"]).endswith("explorer with start image, 5 dimensions")

    def test_labels_and_headings(self, everything):
        controls = everything["dimensions"].controls
        kl = [d.kl for d in everything["dimensions"].ranked]
        assert [c.label for c in controls[:2]] == ["start image", f"1 · {kl[0]:.1f} nats · long hair +1.00"]
        assert controls[4].label == "4 · 0.0 nats"
        assert [c.group for c in controls[1:]] == [f"1 to 3: {sum(kl):.1f} of {sum(kl):.1f} nats"] * 3 + [
            "4 to 5: carry nothing"] * 2
        assert "dimension 0 of the code" in controls[2].help

    def test_sliders_move_the_code_from_its_start(self, everything, grey):
        explorer = everything["dimensions"]
        state = explorer.state(dimension_1=1.5, dimension_3=-2.0)
        assert torch.allclose(explorer.code(state), torch.tensor([0.0, 1.5, -2.0, 0.0, 0.0]))
        mu = Planted().encode(grey[6:7]).mean[0]
        moved = explorer.code(explorer.state(start=7, dimension_1=1.5))
        assert torch.allclose(moved - mu, torch.tensor([0.0, 1.5, 0.0, 0.0, 0.0]), atol=1e-6)

    def test_the_strip_holds_what_the_slider_would_show(self, everything):
        explorer = everything["dimensions"]
        state = explorer.state(start=3, dimension_2=0.4, dimension_3=1.0)
        for i, h in enumerate(explorer.traversal(state, 2)):
            assert torch.allclose(h, explorer.code({**state, "dimension_2": i - 3.0}), atol=1e-6)

    def test_the_strip_follows_the_slider_moved_last(self, grey):
        explorer = Dimensions(Planted(), grey)
        moves = ({}, {"dimension_3": 0.5}, {"dimension_3": 0.5, "dimension_2": -0.1}, {"dimension_3": 0.5}, {})
        found = [explorer.frame(state).captions[2].split()[1] for state in moves]
        assert found == ["1", "3", "2", "2", "2"], "a slider put back is not a slider to look at"
        explorer.sheet()
        assert explorer.frame({}).captions[2].startswith("dimension 2"), "the sheet is no hand"

    def test_nothing_carried_nothing_seen(self, everything):
        explorer = everything["dimensions"]
        still, moved = (explorer.frame(explorer.state(dimension_5=x)) for x in (0.0, 3.0))
        assert np.array_equal(still.pictures[0], moved.pictures[0])
        assert "carries nothing" in moved.readout
        assert "3 of 5 dimensions carry more than 0.05 nats" in moved.readout

    def test_other_models(self, grey):
        full = vae.dense((1, 4, 4), 3, 8, posterior=vae.full)
        assert len(Dimensions(full, grey).ranked) == 3
        lost = Dimensions(Planted(), grey, nothing=1e6)
        assert (lost.used, len(lost.contact_states())) == (0, 2)
        with pytest.raises(TypeError, match="distribution"):
            Dimensions(Rotation(), torch.rand(4, 3, 4, 4))

    def test_bad_factors(self, grey):
        for wrong in (grey.flatten(1)[:9], grey):
            with pytest.raises(ValueError, match="factors: want"):
                Dimensions(Planted(), grey, factors=wrong)
        with pytest.raises(ValueError, match="factor_names: want 2, one for each factor, got 1"):
            Dimensions(Planted(), grey, factors=grey.flatten(1)[:, :2], factor_names=("turn",))
        with pytest.raises(ValueError, match="factor_names: want factors"):
            Dimensions(Planted(), grey, factor_names=("turn",))


class TestCoder:
    def test_codes_of_many_are_codes_of_each(self):
        model, x = Rotation(), torch.rand(300, 3, 4, 4)
        coder = Coder("m", model.encode, model.decode)
        assert torch.allclose(coder.codes(x), model.encode(x), atol=1e-5)
        assert torch.allclose(coder.picture(coder.codes(x)[7]), x[7], atol=1e-5)
        assert coder.posterior(x)[1] is None

    def test_codes_are_rows(self, images):
        with pytest.raises(ValueError, match=r"m: encode wants codes \[5, K\]"):
            Coder("m", nn.Identity(), nn.Identity()).codes(images)

    def test_models_have_names(self):
        assert list(coders({"a": (torch.sin, torch.cos)})) == ["a"]


class TestDrawing:
    def test_terms_stand_in_order_each_with_its_colour(self, images):
        terms = [Term("", "A", images[0], "one"), Term("−", "B", images[1], "two", share=0.0)]
        drawn = equation(terms)
        colours = [tuple(drawn[100, x]) for x in (8, 8 + 192 + 52)]
        assert colours == [LIGHT.orange, LIGHT.open]
        assert not np.array_equal(equation(terms), equation(terms, ["+ 1 smile"]))
        assert equation(terms).shape == equation(terms[:1]).shape

    def test_rows_of_panels(self):
        shown = [(Panel(str(i), row=i in (0, 2, 3)), np.zeros((2, 2), np.uint8), "") for i in range(6)]
        found = [[panel.caption for panel, _, _ in row] for row in in_rows(shown)]
        assert found == [["0", "1"], ["2"], ["3", "4", "5"]]

    @pytest.mark.parametrize("width", [60, 200, 2000])
    def test_wrapped_lines_lose_no_word(self, width):
        text = "a face, 0.031 off\nglasses 99 %, beard no, long hair 100 %"
        lines = wrapped(text, width)
        assert " ".join(lines).split() == text.split()
        assert len(lines) >= 2
        assert (len(lines) == 2) == (width == 2000)
