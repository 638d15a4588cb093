"""Holes painted into a picture in the real JupyterLab: with the mouse, a finger, the keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from lab import PATIENCE, Lab, run_cell, said, wait_drawn, wait_run
from pages import open_cells

DESK = """
import torch
from coursekit.explore import CorruptRepair
desk = CorruptRepair(lambda x: 1 - x, torch.full((3, 1, 8, 8), 0.25), share=0.0)
"""
LAYER = ".ck-brush"


@pytest.fixture
def desk(lab: Lab, page: Any, request: pytest.FixtureRequest) -> Any:
    more = [cell for mark in request.node.iter_markers("cells") for cell in mark.args]
    open_cells(page, lab, f"{request.node.name}.ipynb", DESK, "desk", *more)
    run_cell(page, 0)
    wait_run(page, 0)
    run_cell(page, 1)
    wait_drawn(page)
    page.locator(LAYER).first.scroll_into_view_if_needed()
    yield page
    assert not page.errors


def place(page: Any, row: float, column: float) -> tuple[float, float]:
    """Where a pixel's middle is on the screen."""
    layer = page.locator(LAYER).first
    layer.scroll_into_view_if_needed()
    box = layer.bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / 8, box["y"] + (row + 0.5) * box["height"] / 8


def lost(page: Any) -> int:
    """How many pixels the first picture shows in orange."""
    return int(page.evaluate("""() => {
        const data = document.querySelector('.ck canvas').getContext('2d').getImageData(0, 0, 8, 8).data;
        return [...Array(64).keys()].filter((i) => data[4 * i] !== data[4 * i + 2]).length; }"""))


def wait_lost(page: Any, count: int) -> None:
    page.wait_for_function(
        "words => document.querySelector('.ck-readout').textContent.includes(words)",
        arg=f"· {count} of 64 pixels lost", timeout=PATIENCE)
    assert lost(page) == count


PAINTED = "print(desk.paint.mask(desk.view.holes).nonzero().tolist())"
INK = """() => [...document.querySelectorAll('.ck-brush canvas')].map(
    (canvas) => canvas.getContext('2d').getImageData(0, 0, 1, 1).data[3])"""


@pytest.mark.cells(PAINTED, "desk.view.holes = '80' + 14 * '0'", "desk")
def test_the_mouse_paints_erases_and_reset_clears(desk: Any) -> None:
    desk.mouse.move(*place(desk, 1.5, 1.5))
    desk.mouse.down()
    desk.mouse.move(*place(desk, 1.5, 5.5))
    desk.mouse.up()
    wait_lost(desk, 12)  # two rows of the columns 1 to 6
    wanted = [[row, column] for row in (1, 2) for column in range(1, 7)]
    assert said(desk, 2) == str(wanted)
    desk.keyboard.down("Shift")
    desk.mouse.move(*place(desk, 1.5, 5.5))
    desk.mouse.down()
    desk.mouse.up()
    desk.keyboard.up("Shift")
    wait_lost(desk, 8)
    run_cell(desk, 4)
    wait_drawn(desk, 1)
    run_cell(desk, 3)  # Python paints: both views show it
    wait_lost(desk, 1)
    assert desk.evaluate(INK) == [255, 255]
    desk.get_by_role("button", name="Reset", exact=True).first.click()
    wait_lost(desk, 0)


def test_a_fast_hand_leaves_no_gaps(desk: Any) -> None:
    start, end = place(desk, 0.5, 0.5), place(desk, 6.5, 6.5)
    desk.mouse.move(*start)
    desk.mouse.down()
    desk.mouse.move(*end)  # one event for the whole way
    desk.mouse.up()
    desk.wait_for_function("() => /· (1[4-9]|2[0-9]) of 64/.test(document.querySelector('.ck-readout').textContent)",
                           timeout=PATIENCE)
    diagonal = desk.evaluate("""() => {
        const pen = document.querySelector('.ck-brush canvas').getContext('2d');
        return [...Array(8).keys()].map((i) => pen.getImageData(i, i, 1, 1).data[3]); }""")
    assert diagonal == [255] * 8


@pytest.mark.cells(PAINTED)
def test_the_keyboard_paints(desk: Any) -> None:
    layer = desk.locator(LAYER)
    layer.focus()
    for key in ("ArrowUp", "ArrowLeft", "ArrowLeft", "Space"):
        desk.keyboard.press(key)
    wait_lost(desk, 4)
    assert said(desk, 2) == "[[3, 2], [3, 3], [4, 2], [4, 3]]"
    layer.focus()
    assert "row 4, column 3, painted" in layer.inner_text()
    desk.keyboard.press("Space")
    wait_lost(desk, 0)
    for key in ("Space", *["ArrowRight"] * 9, "Space"):
        desk.keyboard.press(key)
    wait_lost(desk, 8)  # the brush stops at the edge
    desk.keyboard.press("Delete")
    wait_lost(desk, 0)


def test_a_finger_paints_and_does_not_scroll(desk: Any) -> None:
    x, y = place(desk, 3.5, 3.5)
    for kind, to in (("pointerdown", x), ("pointermove", x + 60), ("pointerup", x + 60)):
        desk.evaluate("""([kind, x, y]) => {
            const layer = document.querySelector('.ck-brush');
            layer.setPointerCapture = () => {};
            layer.dispatchEvent(new PointerEvent(kind, { clientX: x, clientY: y, pointerId: 7, pointerType: 'touch',
                                                         bubbles: true, cancelable: true })); }""", [kind, to, y])
    wait_lost(desk, 8)  # the brush's two rows, from column 3 on 60 of 196 screen pixels to column 6
    assert desk.evaluate("() => getComputedStyle(document.querySelector('.ck-brush')).touchAction") == "none"


def test_screen_readers_hear_what_it_is(desk: Any) -> None:
    layer = desk.get_by_role("application")
    assert layer.get_attribute("aria-label").startswith("paint holes: arrow keys move")
    assert desk.get_by_role("button", name="clear: paint holes").count() == 1
    box, picture = layer.bounding_box(), desk.locator(".ck canvas").first.bounding_box()
    for side, length in picture.items():
        assert abs(box[side] - length) < 1, "the layer covers its picture"


BOTTLENECK = """
import torch
from coursekit.explore import Bottleneck
ladder = Bottleneck({k: (lambda x, k=k: x * k / 9) for k in (1, 3, 9)}, torch.rand(4, 1, 8, 8))
"""


def test_a_slider_with_stops_goes_from_one_to_the_next(lab: Lab, page: Any) -> None:
    open_cells(page, lab, "stops.ipynb", BOTTLENECK, "ladder", "print(ladder.view.size)")
    run_cell(page, 0)
    wait_run(page, 0)
    run_cell(page, 1)
    wait_drawn(page)
    control = page.locator("input[data-name=size]")
    control.focus()
    for key, size in (("ArrowRight", 9), ("ArrowRight", 9), ("ArrowLeft", 3), ("Home", 1)):
        page.keyboard.press(key)
        assert control.get_attribute("aria-valuetext") == str(size)
    page.wait_for_function("() => document.querySelector('.ck-readout').textContent.includes('64 numbers → 1,')",
                           timeout=PATIENCE)
    assert said(page, 2) == "1"
    assert not page.errors
