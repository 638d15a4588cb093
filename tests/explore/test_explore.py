"""Explorers without a browser: pure pictures, states, the widget's traits and messages, the contact sheet."""

import io
import threading

import numpy as np
import pytest
import torch
from PIL import Image
from traitlets import TraitError

from coursekit.data import faces
from coursekit.explore import (
    Choice,
    Components,
    Explorer,
    Film,
    NaturesDesk,
    OjaFilm,
    PathExplorer,
    Play,
    Slider,
    Toggle,
)
from coursekit.explore import freeze as frozen
from coursekit.explore.parts.draw import diverging, tiled
from coursekit.explore.parts.held import one_thread
from coursekit.explore.widget.canvas import Canvas, encode, follow_the_page
from coursekit.models.linear import PCA

WIDGET = "application/vnd.jupyter.widget-view+json"


class Grey(Explorer):
    title, alt = "Grey", "a square"
    controls = (Slider("level", low=0, high=255, step=1, value=7), Toggle("dark"), Choice("way", options=("a", "b")))

    def __init__(self):
        super().__init__()
        self.calls = []

    def render(self, state, final=True):
        self.calls.append((state, final, threading.current_thread()))
        if state["level"] == 13:
            raise RuntimeError("thirteen")
        return np.full((8, 8), state["level"], np.uint8)

    def readout(self, state):
        return f"level {state['level']}"


@pytest.fixture(scope="module")
def images():
    return faces.render(faces.sample_factors(60, generator=torch.Generator().manual_seed(0)), 16)


@pytest.fixture(scope="module")
def everything(images):
    """One explorer of each kind."""
    generator = torch.Generator().manual_seed(1)
    pca, ends = PCA(20).fit(images), faces.sample_factors(2, generator=generator)
    points = torch.randn(80, 2, generator=generator) * torch.tensor([2.0, 0.5])
    return {
        "nature": NaturesDesk(32, among=40),
        "components": Components(pca, images),
        "grid": Components(pca, images, grid=True),
        "oja": OjaFilm(points, frames=31),
        "paths": PathExplorer(ends[:1], ends[1], {"pixels": [0, 0.2, 0], "factors": [0, 0, 0]}, size=32),
        "film": Film(images[:5]),
        "grey": Grey(),
    }


KINDS = ("nature", "components", "grid", "oja", "paths", "film", "grey")


@pytest.mark.parametrize("kind", KINDS)
class TestEvery:
    def test_pictures_are_a_pure_function_of_the_state(self, everything, kind):
        explorer, generator = everything[kind], torch.Generator().manual_seed(5)
        states = [explorer.state(), *(explorer.surprise(generator) for _ in range(4))]
        for final in (True, False):
            first = [explorer.frame(state, final) for state in states]
            again = [explorer.frame(state, final) for state in reversed(states)][::-1]
            for one, two in zip(first, again, strict=True):
                assert one.readout == two.readout
                assert one.captions == two.captions
                assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))

    def test_the_first_control_changes_the_picture(self, everything, kind):
        explorer = everything[kind]
        control, start = explorer.controls[0], explorer.state()
        other = control.check(control.high if isinstance(control, Slider) else control.frames - 1)
        moved = explorer.frame({**start, control.name: other})
        pairs = zip(explorer.frame(start).pictures, moved.pictures, strict=True)
        assert any(not np.array_equal(a, b) for a, b in pairs)
        assert moved.readout != explorer.frame(start).readout

    def test_the_same_generator_gives_the_same_surprise(self, everything, kind):
        draw = [everything[kind].surprise(torch.Generator().manual_seed(3)) for _ in range(2)]
        assert draw[0] == draw[1] == everything[kind].state(**draw[0])

    def test_a_page_without_a_kernel_gets_a_picture_and_words(self, everything, kind):
        explorer = everything[kind]
        data, metadata = explorer._repr_mimebundle_()
        sheet = Image.open(io.BytesIO(data["image/png"]))
        assert data[WIDGET]["model_id"] == explorer.view.model_id
        assert metadata["image/png"]["alt"] == explorer.alt != ""
        assert metadata["image/png"]["width"] <= sheet.width
        assert data["text/plain"].startswith(explorer.title)
        assert len(data["image/png"]) < 150_000
        assert np.asarray(sheet.convert("L")).std() > 5, "an empty sheet"

    def test_wrong_states_are_named(self, everything, kind):
        explorer = everything[kind]
        with pytest.raises(ValueError, match="no control is called nonsense"):
            explorer.frame({"nonsense": 1})
        name = explorer.controls[0].name
        with pytest.raises(ValueError, match=name):
            explorer.frame({name: 1e9})
        with pytest.raises(ValueError, match=name):
            explorer.frame({name: float("nan")})


class TestCanvas:
    def sent(self, view, monkeypatch):
        messages = []
        monkeypatch.setattr(view, "send", lambda content, buffers=None: messages.append((content, buffers)))
        return messages

    def test_a_request_sets_the_traits_and_brings_the_frame(self, monkeypatch):
        view = Grey().view
        messages = self.sent(view, monkeypatch)
        view._asked(view, {"kind": "frame", "id": 4, "client": "c", "state": {"level": 99}, "final": True}, [])
        [(content, buffers)] = messages
        assert (content["id"], content["client"], content["kind"]) == (4, "c", "frame")
        assert (view.level, view.value["level"], content["readout"]) == (99, 99, "level 99")
        assert np.asarray(Image.open(io.BytesIO(buffers[0])))[0, 0] == 99

    def test_the_pages_own_values_are_not_sent_back(self, monkeypatch):
        view, echoed = Grey().view, []
        monkeypatch.setattr(view, "send_state", lambda key=None: echoed.append(key))
        self.sent(view, monkeypatch)
        view._asked(view, {"kind": "frame", "state": {"level": 50, "dark": True}}, [])
        assert echoed == []
        view.level = 51
        assert echoed == ["level"]

    def test_an_error_is_an_answer(self, monkeypatch):
        view = Grey().view
        messages = self.sent(view, monkeypatch)
        view._asked(view, {"kind": "frame", "id": 1, "state": {"level": 13}}, [])
        view._asked(view, {"kind": "frame", "id": 2, "state": {"level": 1e9}}, [])
        assert messages[0][0]["error"] == "RuntimeError: thirteen"
        assert messages[1][0]["error"].startswith("ValueError: level")

    def test_an_answer_over_the_line_tells_other_pages_where_the_controls_rest(self, monkeypatch):
        view = Grey().view
        messages = self.sent(view, monkeypatch)
        asked = {"kind": "frame", "id": 1, "client": "c", "state": {"level": 99}}
        reply, pictures = view.answer({**asked, "final": False})
        assert (reply["kind"], reply["readout"], len(pictures), messages) == ("frame", "level 99", 1, [])
        view.answer({**asked, "final": True, "following": True})
        assert messages == [], "who follows another page does not lead it"
        view.answer({**asked, "final": True})
        [(content, buffers)] = messages
        assert (content["client"], content["state"]["level"], content["final"], buffers) == ("c", 99, True, None)
        assert view.answer({**asked, "state": {"level": 13}, "final": True})[0]["error"] == "RuntimeError: thirteen"

    def test_traits_and_value_follow_each_other(self):
        view = Grey().view
        view.level = 30
        assert view.value == {"level": 30, "dark": False, "way": "a"}
        view.value = {"level": 31, "dark": True, "way": "b"}
        assert (view.level, view.dark, view.way) == (31, True, "b")
        for name, wrong in (("level", 256), ("way", "c"), ("value", {"level": -1})):
            with pytest.raises((ValueError, TraitError), match=name if name != "value" else "level"):
                setattr(view, name, wrong)
        assert view.level == 31

    def test_two_widgets_have_their_own_traits(self):
        assert not hasattr(Grey().view, "t")
        assert not hasattr(Canvas, "level")

    def test_a_control_cannot_take_a_widgets_own_name(self):
        class Bad(Grey):
            controls = (Slider("layout"),)

        with pytest.raises(ValueError, match="layout"):
            _ = Bad().view

    def test_previews_of_large_pictures_are_short(self):
        noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        frame = Film([noise, noise]).frame({})
        (kind, short), (exact, long) = ((c["types"][0], b[0]) for c, b in (encode(frame, False), encode(frame, True)))
        assert (kind, exact) == ("image/jpeg", "image/png")
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(long))), noise)
        assert np.asarray(Image.open(io.BytesIO(short))).shape == noise.shape

    def test_requests_run_where_the_page_sends_them(self):
        class Comm:
            def _reply_subshell_for(self, data, default):
                return None

        comm = Comm()
        follow_the_page(comm)
        assert comm._reply_subshell_for({}, "the page's subshell") == "the page's subshell"
        follow_the_page(object())  # an older ipykernel has nothing to change


class TestControls:
    @pytest.mark.parametrize("make", [
        lambda: Slider("a", low=1, high=0), lambda: Slider("a", value=3),
        lambda: Slider("a", low=0, value=0.5, log=True),
        lambda: Choice("a"), lambda: Choice("a", options=("x",), value="y"), lambda: Play("a", frames=1),
        lambda: Play("a", frames=5, value=5),
    ])
    def test_impossible_controls(self, make):
        with pytest.raises(ValueError, match="a"):
            make()

    def test_whole_sliders_give_whole_numbers(self):
        value = Slider("k", low=1, high=9, step=1, value=2).check(3.0)
        assert (value, type(value)) == (3, int)


class TestNature:
    def test_the_picture_is_the_renderers(self, everything):
        desk = everything["nature"]
        h = faces.factors(smile=0.5, glasses=1)
        picture = desk.frame(desk.state(smile=0.5, glasses=True)).pictures[0]
        wanted = (faces.render(h, 32)[0].permute(1, 2, 0) * 255).round().byte().numpy()
        assert np.array_equal(picture, wanted)

    def test_the_readout_counts(self, everything):
        desk = everything["nature"]
        assert desk.readout(desk.state()).startswith("0 of 14 factors moved → 0 of the 3,072 numbers changed")
        assert desk.readout(desk.state(turn=1)).startswith("1 of 14")

    def test_a_surprise_never_wears_two_pairs_of_glasses(self, everything):
        generator = torch.Generator().manual_seed(0)
        drawn = [everything["nature"].surprise(generator) for _ in range(60)]
        assert not any(state["glasses"] and state["sunglasses"] for state in drawn)
        assert any(state["glasses"] for state in drawn)


class TestComponents:
    def test_the_rebuilt_picture_is_the_pcas(self, everything, images):
        explorer = everything["components"]
        x, y = explorer.rebuilt(explorer.state(k=7, picture=4))
        assert torch.equal(x, images[3:4])
        assert torch.allclose(y, PCA(7).fit(images).reconstruct(images[3:4]), atol=1e-4)

    def test_more_components_leave_less(self, everything):
        explorer = everything["grid"]
        errors = [(x - y).square().mean() for x, y in (explorer.rebuilt({"k": k}) for k in (1, 5, 20))]
        assert errors[0] > errors[1] > errors[2]

    def test_bad_arguments(self, images):
        pca = PCA(5).fit(images)
        with pytest.raises(ValueError, match="k_max"):
            Components(pca, images, 6)
        with pytest.raises(ValueError, match="images"):
            Components(pca, images[0])


class TestOja:
    def test_the_film_ends_on_the_principal_axis(self):
        points = torch.randn(200, 2, generator=torch.Generator().manual_seed(2)) * torch.tensor([2.0, 0.4])
        film = OjaFilm(points)
        w = film.so_far(film.state(step=film.frames - 1))[-1]
        assert abs(np.hypot(*w) - 1) < 0.1
        assert abs(w @ film.axis.numpy()) > np.cos(np.radians(8))
        assert abs(film.so_far(film.state())[0] @ film.axis.numpy()) < np.cos(np.radians(75))

    def test_a_rate_too_large_is_said(self):
        film = OjaFilm(torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * 30)
        assert "diverged" in film.frame(film.state(rate=0.3, step=100)).readout


class TestPaths:
    def test_ends_agree_and_the_middle_does_not(self, everything):
        explorer = everything["paths"]
        for t in (0.0, 1.0):
            blend, line, _ = explorer.frame({"t": t}).pictures
            assert np.abs(blend.astype(int) - line).max() <= 1
        blend, line, _ = explorer.frame({"t": 0.5}).pictures
        assert np.abs(blend.astype(int) - line).max() > 30
        assert explorer.captions({"t": 0.25})[0].endswith("0.100 off")

    def test_the_middle_can_be_left_to_be_predicted(self, everything):
        ends = everything["paths"].ends
        plain, asking = PathExplorer(*ends, size=16), PathExplorer(*ends, size=16, ends_first=True)
        shown = [{state["t"] for _, state in explorer.contact_states()} for explorer in (plain, asking)]
        assert 0.5 in shown[0]
        assert shown[1] | {asking.state()["t"]} == {0.0, 1.0}
        assert "half-way" in plain.alt
        assert "half" not in asking.alt


def test_a_frozen_model_does_not_learn():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
    still = frozen(model)
    with torch.no_grad():
        model[0].weight.add_(1)
    assert not torch.equal(still[0].weight, model[0].weight)
    assert not still.training
    assert not any(parameter.requires_grad for parameter in still.parameters())


def test_one_thread_restores_and_leaves_other_threads_alone():
    before, seen = torch.get_num_threads(), []
    with one_thread():
        worker = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        assert torch.get_num_threads() == 1
        worker.start()
        worker.join()
    assert torch.get_num_threads() == before


def test_colours_of_signed_numbers():
    blue, white, orange = diverging(torch.tensor([[-1.0, 0.0, 1.0]]))[0].astype(int)
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]
    assert white.min() > 240


def test_tiles_keep_their_places():
    tiles = tiled(torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 2, 2) / 4, 2)
    assert tiles.shape == (1, 5, 5)
    assert tiles[0, 0, 0] == 0
    assert tiles[0, 4, 4] == 0.75
    assert (tiles[0, 2] == 1).all()
