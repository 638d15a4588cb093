"""A point on a panel in the real JupyterLab: mouse, keyboard, finger, two views, its way and the pictures along it."""

from __future__ import annotations

from typing import Any

import pytest
from lab import PATIENCE, Lab, run_cell, said, wait_drawn, wait_run, wait_still
from pages import open_cells

from coursekit.explore.parts.codemap import CodeMap

PLANE = """
import torch
from coursekit.explore import LatentPlane

def decode(h):  # the first two pixels are the code
    x = torch.zeros(len(h), 1, 8, 8)
    x[:, 0, 0, :2] = (h + 3) / 6
    return x

codes = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
plane = LatentPlane(decode, codes, torch.arange(60) % 3, start=(0.0, 0.0))
"""
WHERE = "print(plane.view.point)"


@pytest.fixture
def plane(lab: Lab, page: Any, request: pytest.FixtureRequest) -> Any:
    more = [cell for mark in request.node.iter_markers("cells") for cell in mark.args]
    open_cells(page, lab, f"{request.node.name}.ipynb", PLANE, "plane", *more)
    run_cell(page, 0)
    wait_run(page, 0)
    run_cell(page, 1)
    wait_drawn(page)
    page.locator(".ck-board").first.scroll_into_view_if_needed()
    yield page
    assert not page.errors


def place(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where a code is on the screen."""
    board = page.locator(".ck-board").first
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    left, top, right, bottom = CodeMap(-3, 3).frame
    across, down = left + (x + 3) / 6 * (right - left), bottom - (y + 3) / 6 * (bottom - top)
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def handle(page: Any, view: int = 0) -> tuple[float, float]:
    """The middle of the point's handle on the screen."""
    box = page.locator(".ck-point").nth(view).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def wait_decoded(page: Any, x: float, y: float, view: int = 0) -> None:
    page.wait_for_function("""([view, x, y]) => {
        const canvas = [...document.querySelectorAll('.ck')[view].querySelectorAll('.ck-panel > canvas')].at(-1);
        const data = canvas.getContext('2d').getImageData(0, 0, 2, 1).data;
        return Math.hypot(data[0] / 255 * 6 - 3 - x, data[4] / 255 * 6 - 3 - y) < 0.06; }""",
        arg=[view, x, y], timeout=PATIENCE)


def told(page: Any, index: int) -> tuple[float, ...]:
    """The pair that a cell prints."""
    return tuple(float(word) for word in said(page, index).strip("()").split(","))


@pytest.mark.cells(WHERE)
def test_the_mouse_drags_the_point_and_the_picture_follows(plane: Any) -> None:
    wait_decoded(plane, 0, 0)
    plane.mouse.move(*place(plane, 0.05, -0.05))  # on the handle, a little off its middle
    plane.mouse.down()
    for i in range(1, 21):
        plane.mouse.move(*place(plane, 0.05 + 0.1 * i, -0.05 + 0.05 * i))
    wait_decoded(plane, 2.0, 1.0)  # before the hand lets go
    plane.mouse.up()
    assert handle(plane) == pytest.approx(place(plane, 2.0, 1.0), abs=3)
    trail = plane.locator("polyline.ck-trail").get_attribute("points").split()
    assert len(trail) > 10
    assert plane.locator(".ck-film canvas").count() >= 2
    x, y = told(plane, 2)
    assert (x, y) == pytest.approx((2.0, 1.0), abs=0.05)


def test_a_press_anywhere_fetches_the_point_and_reset_forgets_the_way(plane: Any) -> None:
    plane.mouse.click(*place(plane, -1.5, 2.0))
    wait_decoded(plane, -1.5, 2.0)
    assert handle(plane) == pytest.approx(place(plane, -1.5, 2.0), abs=2)
    plane.mouse.move(*place(plane, 1.0, 1.0))  # the hand is open: nothing moves
    assert handle(plane) == pytest.approx(place(plane, -1.5, 2.0), abs=2)
    plane.get_by_role("button", name="Reset", exact=True).first.click()
    wait_decoded(plane, 0, 0)
    plane.wait_for_function("() => document.querySelector('.ck-trail').getAttribute('points').split(' ').length === 1")
    plane.wait_for_function("() => document.querySelectorAll('.ck-film canvas').length <= 1")


@pytest.mark.cells(WHERE)
def test_the_keyboard_moves_the_point(plane: Any) -> None:
    point = plane.get_by_role("slider", name="h: arrow keys move the point")
    point.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowUp", "Shift+ArrowLeft"):
        plane.keyboard.press(key)
    assert point.get_attribute("aria-valuetext") == "h₁ = −0.15, h₂ = 0.30"
    wait_decoded(plane, -0.15, 0.3)
    assert told(plane, 2) == pytest.approx((-0.15, 0.3), abs=1e-6)
    point.focus()
    for _ in range(20):
        plane.keyboard.press("Shift+ArrowRight")
    assert point.get_attribute("aria-valuetext") == "h₁ = 3.00, h₂ = 0.30"  # it stops at the edge
    wait_decoded(plane, 3.0, 0.3)
    plane.keyboard.press("Home")
    wait_decoded(plane, 0, 0)


@pytest.mark.cells("plane", "plane.view.point = (1, -1)")
def test_python_and_two_views_move_together(plane: Any) -> None:
    run_cell(plane, 2)
    wait_drawn(plane, 1)
    run_cell(plane, 3)
    for view in (0, 1):
        wait_decoded(plane, 1, -1, view)
    plane.mouse.click(*place(plane, -2, 0))
    for view in (0, 1):
        wait_decoded(plane, -2, 0, view)
    trails = plane.locator("polyline.ck-trail")
    assert trails.nth(0).get_attribute("points") == trails.nth(1).get_attribute("points") != ""


def test_surprise_moves_the_point_to_where_it_says(plane: Any) -> None:
    plane.get_by_role("button", name="Surprise me").first.click()
    plane.wait_for_function("() => document.querySelector('.ck-trail').getAttribute('points').split(' ').length > 3",
                            timeout=PATIENCE)
    plane.wait_for_function("""() => document.querySelector('.ck').dataset.final === 'true' &&
        document.querySelector('.ck-point').getAttribute('aria-valuetext') !== 'h₁ = 0.00, h₂ = 0.00'""")
    wait_still(plane)
    words = plane.locator(".ck-point").get_attribute("aria-valuetext").replace("−", "-")
    wait_decoded(plane, *(float(part.split("=")[1]) for part in words.split(",")))


def test_a_finger_moves_it_and_does_not_scroll(plane: Any) -> None:
    for kind, (x, y) in (("pointerdown", place(plane, 0, 0)), ("pointermove", place(plane, 1.5, 1.5)),
                         ("pointerup", place(plane, 1.5, 1.5))):
        plane.evaluate("""([kind, x, y]) => {
            const board = document.querySelector('.ck-board');
            board.setPointerCapture = () => {};
            board.dispatchEvent(new PointerEvent(kind, { clientX: x, clientY: y, pointerId: 7, pointerType: 'touch',
                                                         bubbles: true, cancelable: true })); }""", [kind, x, y])
    wait_decoded(plane, 1.5, 1.5)
    assert plane.evaluate("() => getComputedStyle(document.querySelector('.ck-board')).touchAction") == "none"


@pytest.mark.own_page
def test_the_map_is_not_sent_again_for_every_place(plane: Any) -> None:
    """The bytes of the pictures that arrive while the point moves are those of the small picture alone."""
    plane.evaluate("""() => { const make = Blob.prototype.constructor; window.large = 0;
        window.Blob = new Proxy(make, { construct: (target, [parts, ...rest]) => {
            if ((parts?.[0]?.byteLength ?? 0) > 5000) window.large += 1;
            return new target(parts, ...rest); } }); }""")
    for i in range(6):
        plane.mouse.click(*place(plane, -2 + 0.7 * i, 0.5))
        wait_decoded(plane, -2 + 0.7 * i, 0.5)
    assert plane.evaluate("() => window.large") == 0
    plane.locator("input[data-name=grid]").check()
    plane.wait_for_function("() => window.large > 0", timeout=PATIENCE)
