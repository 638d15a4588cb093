"""What a hand can do on an explorer in the real JupyterLab: type, step, undo, save, pick; and what is said aloud."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import tiny
from hands import drag, grey, slider, wait_grey
from lab import PATIENCE, Lab, run_cell, wait_drawn, wait_run, wait_still
from pages import open_cells
from PIL import Image

DESK = """
import numpy as np
from coursekit.explore import Explorer
from coursekit.explore.widget.controls import Paint, Play, Point, Slider, Stops, Toggle
from coursekit.explore.widget.panel import Panel

class Desk(Explorer):
    title, alt, dark = "A desk", "a grey square and a white one", False
    panels = (Panel("the grey", 96), Panel("the point", 96))
    controls = (
        Slider("grey", low=0, high=255, step=1, value=128), Slider("shift", low=-1, high=1, step=0.25),
        Slider("k", low=1, high=1000, step=1, value=1, log=True),
        Slider("rate", low=0.001, high=1, value=0.01, log=True),
        Stops("size", stops=(1, 4, 16)), Play("day", frames=11), Point("h", panel=1, low=-2, high=2),
        Paint("holes", shape=(8, 8)))
    def render(self, state, final=True):
        night = np.full((32, 32, 3), 0 if self.dark else 255, np.uint8)
        return np.full((32, 32, 3), state["grey"], np.uint8), night
    def readout(self, state):
        return ", ".join(f"{name} {value}" for name, value in state.items() if name != "holes")
    def frame(self, state, final=True, dark=False):
        self.dark = dark
        return super().frame(state, final, dark)

desk = Desk()
"""


@pytest.fixture
def desk(lab: Lab, page: Any, request: pytest.FixtureRequest) -> Any:
    more = [cell for mark in request.node.iter_markers("cells") for cell in mark.args]
    open_cells(page, lab, f"{request.node.name}.ipynb", DESK, *(more or ["desk"]))
    for cell in (0, 1):
        run_cell(page, cell)
        wait_run(page, cell)
    wait_drawn(page)
    page.locator(".ck").first.scroll_into_view_if_needed()
    yield page
    assert not page.errors


def wait_said(page: Any, *words: str) -> None:
    """Until the full picture of a state is there: its words below the pictures."""
    page.wait_for_function("""(words) => { const box = document.querySelector('.ck');
        const said = box.querySelector('.ck-readout').textContent.split(', ');
        return box.dataset.final === 'true' && words.every((word) => said.includes(word)); }""",
        arg=list(words), timeout=PATIENCE)


def button(page: Any, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True).first


def test_another_theme_asks_for_another_picture(desk: Any) -> None:
    drag(desk, slider(desk), 0.5, 0.8)
    wanted = int(slider(desk).input_value())
    wait_grey(desk, wanted)
    wait_still(desk)
    for theme, ground in (("false", 0), ("true", 255)):
        desk.evaluate("theme => document.body.dataset.jpThemeLight = theme", theme)
        wait_grey(desk, ground, view=2)  # after the first panel's picture and what is painted on it
        assert int(slider(desk).input_value()) == wanted == grey(desk)


def test_a_key_on_a_logarithmic_slider_is_a_step(desk: Any) -> None:
    k, rate = slider(desk, "k"), slider(desk, "rate")
    k.focus()
    for key, wanted in (("ArrowRight", 2), ("ArrowUp", 3), ("ArrowLeft", 2), ("PageUp", 4), ("End", 1000),
                        ("ArrowDown", 999), ("PageDown", 501), ("Home", 1), ("ArrowLeft", 1)):
        desk.keyboard.press(key)
        assert k.get_attribute("aria-valuetext") == str(wanted), key
    wait_said(desk, "k 1")
    rate.focus()
    seen = [rate.get_attribute("aria-valuetext")]
    for _ in range(8):
        desk.keyboard.press("ArrowRight")
        seen.append(rate.get_attribute("aria-valuetext"))
    assert seen == sorted(set(seen)), "each press is seen"
    assert float(seen[-1]) == pytest.approx(0.01 * 1.1**8, rel=0.05)
    desk.keyboard.press("End")
    wait_said(desk, "rate 1.0")


TYPED = (
    ("grey", "77", "grey 77"), ("grey", "−3", "grey 0"), ("grey", "1e3", "grey 255"), ("shift", "-0,6", "shift -0.5"),
    ("k", "137.4", "k 137"), ("rate", "0,123", "rate 0.123"), ("size", "9", "size 4"), ("day", "7", "day 7"),
    ("h", "(0.5, −1,25)", "h (0.5"), ("h", "-1 2", "h (-1.0"),
)


def test_values_can_be_typed(desk: Any) -> None:
    for name, text, wanted in TYPED:
        field = desk.get_by_label(f"{name}: type a value")
        field.click()
        desk.keyboard.type(text)
        desk.keyboard.press("Enter")
        wait_said(desk, wanted)
        assert desk.evaluate("() => document.activeElement.dataset.name") == name, "the focus is back on the control"
    field = desk.get_by_label("grey: type a value")
    slider(desk).focus()
    for text, key in (("12", "Escape"), ("much", "Enter"), ("1.2.3", "Tab")):
        desk.keyboard.press("Enter")
        desk.keyboard.type(text)
        assert field.get_attribute("aria-invalid") == str(text != "12").lower()
        desk.keyboard.press(key)
        if key == "Enter":
            assert field.evaluate("(box) => box === document.activeElement"), "no number: it is still to be typed"
            desk.keyboard.press("Escape")
        assert (field.input_value(), field.get_attribute("aria-invalid")) == ("255", "false")
    slider(desk).focus()
    desk.keyboard.type("42\n")  # a number's first letter opens the field
    wait_said(desk, "grey 42")
    assert int(slider(desk).input_value()) == 42


@pytest.mark.cells("from IPython.display import display\ndisplay(desk, desk)")
def test_what_was_done_can_be_undone(desk: Any) -> None:
    undo, redo = button(desk, "Undo"), button(desk, "Redo")
    assert [each.get_attribute("aria-disabled") for each in (undo, redo)] == ["true", "true"]
    place = desk.locator(".ck-brush").first.bounding_box()
    desk.mouse.click(place["x"] + 30, place["y"] + 30)
    holes = "() => [...document.querySelectorAll('.ck-brush canvas')].map((x) => x.toDataURL())"
    painted = desk.evaluate(holes)
    desk.wait_for_function("() => document.querySelector('[aria-label=Undo]').ariaDisabled === 'false'")
    drag(desk, slider(desk), 0.5, 0.3, pause=0.01)
    one = int(slider(desk).input_value())
    box = slider(desk).bounding_box()
    desk.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 9)
    desk.mouse.down()
    for share in (0.5, 0.9):  # a hand that rests on its way
        desk.mouse.move(box["x"] + share * box["width"], box["y"] + 9, steps=4)
        wait_said(desk, f"grey {slider(desk).input_value()}")
    desk.mouse.up()
    two = int(slider(desk).input_value())
    button(desk, "clear: holes").click()
    button(desk, "Surprise me").click()
    desk.wait_for_function("(two) => document.querySelector('.ck input').value !== two", arg=str(two))
    wait_still(desk)
    three = int(slider(desk).input_value())
    slider(desk).focus()
    desk.keyboard.press("Control+z")
    wait_said(desk, f"grey {two}", "size 4")
    assert desk.evaluate(holes) != painted
    desk.keyboard.press("Control+z")
    assert desk.evaluate(holes) == painted, "the painting is back, in both views"
    for wanted in (one, 128):
        undo.click()
        wait_said(desk, f"grey {wanted}")
    assert int(slider(desk, view=1).input_value()) == 128
    undo.click()
    assert desk.evaluate(holes) != painted
    assert undo.get_attribute("aria-disabled") == "true"
    for _ in range(5):
        desk.keyboard.press("Control+Shift+Z")
    wait_said(desk, f"grey {three}")
    assert redo.get_attribute("aria-disabled") == "true"
    wait_grey(desk, three)


def test_a_picture_can_be_saved(desk: Any) -> None:
    drag(desk, slider(desk), 0.5, 0.8)
    wanted = int(slider(desk).input_value())
    wait_said(desk, f"grey {wanted}")
    with desk.expect_download() as waiting:
        button(desk, "Save picture").click()
    assert waiting.value.suggested_filename == "a-desk.png"
    picture = Image.open(io.BytesIO(waiting.value.path().read_bytes())).convert("RGB")
    panels = [each.bounding_box() for each in desk.locator(".ck-panel").all()]
    assert picture.width >= 2 * (panels[1]["x"] + panels[1]["width"] - panels[0]["x"])
    counts = {colour: count for count, colour in picture.getcolors(1 << 24)}
    assert 1 <= counts[wanted, wanted, wanted] / (2 * 96) ** 2 < 1.01, "the first panel, twice as fine"
    assert counts.get((216, 27, 96), 0) > 500, "the point's handle"
    lower = picture.crop((0, round(picture.height - 2 * 14 - 2 * 20), picture.width, picture.height - 2 * 14))
    assert lower.convert("L").getextrema()[0] < 120, "the words below"


def test_only_a_resting_value_is_said_aloud(desk: Any) -> None:
    desk.evaluate("""() => { window.said = [];
        const live = [...document.querySelectorAll('.ck output, .ck [aria-live], .ck [role=status], .ck [role=alert]')];
        for (const node of live) new MutationObserver(() => window.said.push(node.textContent)).observe(
            node, { childList: true, characterData: true, subtree: true }); }""")
    frames = int(desk.locator(".ck").get_attribute("data-frames"))
    slider(desk).evaluate("""async (input) => { // by the page's own clock, on which 150 ms without an event are a rest
        for (let value = 130; value <= 210; value += 2) {
            Object.assign(input, { value }).dispatchEvent(new Event('input'));
            await new Promise((go) => setTimeout(go, 20));
        } }""")
    wait_said(desk, "grey 210")
    said = desk.evaluate("() => window.said")
    assert int(desk.locator(".ck").get_attribute("data-frames")) > frames + 3
    rest = desk.locator(".ck-readout").inner_text()
    assert set(said) == {rest}, "neither the frames on the way nor their milliseconds"


def test_pictures_are_picked_by_clicking_on_them(lab: Lab, page: Any) -> None:
    cells = Path(tiny.__file__).read_text(encoding="utf-8"), "display(*(EVERY[n]() for n in ('FaceDesk', 'Features')))"
    open_cells(page, lab, "picking.ipynb", *cells)
    for cell in (0, 1):
        run_cell(page, cell)
        wait_run(page, cell)
    wait_drawn(page, 1)
    shelf = page.locator(".ck-cells")
    shelf.scroll_into_view_if_needed()
    assert [shown(page, f"face_{letter}") for letter in "abc"] == [1, 2, 3]
    click_cell(page, 4)
    assert [shown(page, f"face_{letter}") for letter in "abc"] == [5, 2, 3]
    page.get_by_role("button", name="face C", exact=True).click()
    click_cell(page, 6)
    page.locator("input[data-name=face_b]").press("ArrowRight")
    click_cell(page, 0)  # for the one that was moved last
    assert [shown(page, f"face_{letter}") for letter in "abc"] == [5, 1, 7]
    page.wait_for_function("() => document.querySelector('.ck').dataset.final === 'true'")
    thumbs = page.locator(".ck-thumb")
    thumbs.nth(3).scroll_into_view_if_needed()
    frames = int(page.locator(".ck").nth(1).get_attribute("data-frames"))
    thumbs.nth(3).click()
    wait_drawn(page, 1, frames)
    assert shown(page, "picture") == 4
    page.locator("input[data-name=picture]").press("ArrowRight")
    marked = "() => [...document.querySelectorAll('.ck-thumb')].map((x) => Number(x.classList.contains('ck-chosen')))"
    assert page.evaluate(marked) == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert not page.errors


def shown(page: Any, name: str) -> int:
    return int(page.locator(f"input[data-name={name}]").input_value())


def click_cell(page: Any, index: int) -> None:
    """Click on a picture of the face desk's shelf, nine in a row: the hand is told before which one it is."""
    box = page.locator(".ck-cells").bounding_box()
    page.mouse.move(box["x"] + box["width"] * (index + 0.5) / 9, box["y"] + box["height"] / 2)
    assert f"pick picture {index + 1} for" in page.locator(".ck-cells").get_attribute("title")
    page.mouse.down()
    page.mouse.up()
