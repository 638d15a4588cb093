"""What a page asks of a widget besides frames of new states, and what it is told to click on."""

import base64
import io

import pytest
import torch
from PIL import Image

from coursekit.explore import Components, Explorer, FaceDesk, Features
from coursekit.explore.parts.thumbs import MOST, SIDE, thumbs
from coursekit.explore.widget.canvas import Canvas, as_json
from coursekit.explore.widget.controls import Point, Slider
from coursekit.explore.widget.picking import Cells
from coursekit.models.linear import PCA


class Pointed(Explorer):
    controls = (Slider("grey", low=0, high=255, step=1, value=128), Point("h"))

    def render(self, state, final=True):
        return torch.full((4, 4), state["grey"], dtype=torch.uint8).numpy()

    def frame(self, state, final=True, dark=False):
        self.dark = dark
        return super().frame(state, final, dark)


def ask(view, **content):
    return view.answer({"kind": "frame", "id": 1, "client": "a page", "final": True, "following": False, **content})[0]


class TestAQuestion:
    def test_without_a_state_is_about_where_the_controls_stand(self, monkeypatch):
        view, sent = Canvas(Pointed()), []
        view.grey, view.h = 7, (0.5, -0.5)
        monkeypatch.setattr(view, "send", lambda content, buffers=None: sent.append(content))
        reply = ask(view, state=None, following=True)
        assert reply["state"] == {"grey": 7, "h": (0.5, -0.5)}
        assert ask(view, state={"grey": 7, "h": [0.5, -0.5]}, following=True)["tokens"] == reply["tokens"]
        assert (view.grey, view.h, sent) == (7, (0.5, -0.5), []), "nothing moves, and no other page is told"

    def test_says_whether_the_page_is_dark(self):
        view = Canvas(Pointed())
        for dark in (True, False):
            assert ask(view, state=None, dark=dark)["kind"] == "frame"
            assert view.explorer.dark is dark

    def test_about_the_first_picture_is_answered_before(self):
        """A page compares the state of the picture that comes with the widget with what the controls say."""
        view = Canvas(Pointed())
        assert view._first["state"] == as_json(view.value) == {"grey": 128, "h": [0.0, 0.0]}


class TestPicking:
    def test_small_pictures_stand_side_by_side(self):
        images = torch.linspace(0, 1, 5).view(5, 1, 1, 1).expand(5, 1, 8, 8)
        pick = thumbs(images)
        kind, _, data = pick.sprite.partition("base64,")
        row = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (kind, row.size, pick.count) == ("data:image/jpeg;", (5 * SIDE, SIDE), 5)
        middles = [row.getpixel((i * SIDE + SIDE // 2, SIDE // 2))[0] for i in range(5)]
        assert middles == pytest.approx([0, 64, 128, 191, 255], abs=4)

    def test_of_many_pictures_the_first_are_shown(self):
        assert thumbs(torch.rand(MOST + 6, 1, 4, 4)).count == MOST

    @pytest.mark.parametrize("count", [2, 12, 24])
    def test_a_shelfs_cells_are_where_its_pictures_are(self, count):
        images = torch.rand(count, 3, 8, 8)
        flat = lambda x: x.flatten(1)  # noqa: E731
        desk = FaceDesk({"same": (flat, lambda h: h.unflatten(1, (3, 8, 8)))}, images)
        cells = desk.controls[0].pick
        assert isinstance(cells, Cells)
        assert (cells.panel, cells.count) == (0, count)
        height, width = desk.render(desk.state())[0].shape[:2]
        left, top, right, bottom = cells.frame
        rows = -(-count // cells.columns)
        for i in range(count):
            across, down = i % cells.columns, i // cells.columns
            x = width * (left + (right - left) * (across + 0.5) / cells.columns)
            y = height * (top + (bottom - top) * (down + 0.5) / rows)
            x0, y0 = desk.shelf.corner(i)
            assert x == pytest.approx(x0 + desk.shelf.side / 2, abs=1)
            assert y0 < y < y0 + desk.shelf.side

    def test_a_page_is_told_which_slider_picks(self):
        images = torch.rand(9, 1, 4, 4)
        for explorer in (Components(PCA(4).fit(images), images), Features(Turned(), images)):
            picks = {control["name"]: control["pick"] for control in explorer.spec()["controls"] if "pick" in control}
            chosen = [name for name, pick in picks.items() if pick]
            assert chosen == ["picture"]
            assert picks["picture"]["count"] == 9

    def test_impossible_cells(self):
        with pytest.raises(ValueError, match="cells"):
            Cells(0, 0, 1)


class Turned(torch.nn.Module):
    def encode(self, x):
        return x.flatten(1)

    def decode(self, h):
        return h.unflatten(1, (1, 4, 4))
