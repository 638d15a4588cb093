"""A picture of the reader's own in the real JupyterLab: a file from the disk, and paint in several colours."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import tiny
from lab import PATIENCE, Lab, run_cell, said, wait_drawn, wait_run
from pages import open_cells
from PIL import Image

TINY = Path(tiny.__file__).read_text(encoding="utf-8")
FIRST = """(at) => { const pen = document.querySelector('.ck canvas').getContext('2d');
    return [...pen.getImageData(at, at, 1, 1).data.slice(0, 3)]; }"""
SAYS = "words => document.querySelector('.ck figcaption').textContent.includes(words)"


@pytest.fixture
def desk(lab: Lab, page: Any, request: pytest.FixtureRequest) -> Any:
    more = [cell for mark in request.node.iter_markers("cells") for cell in mark.args]
    open_cells(page, lab, f"{request.node.name}.ipynb", TINY, "desk = EVERY['OwnPicture']()\ndesk", *more)
    for cell in (0, 1):
        run_cell(page, cell)
        wait_run(page, cell)
    wait_drawn(page)
    page.locator(".ck").scroll_into_view_if_needed()
    yield page
    assert not page.errors


def file(name: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "image/png" if name.endswith("png") else "text/plain", "buffer": data}


def green(size: tuple[int, int]) -> bytes:
    """A picture of one colour, transparent at its left and right."""
    image = Image.new("RGBA", size)
    image.paste((0, 200, 0, 255), (size[0] // 4, 0, 3 * size[0] // 4, size[1]))
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


def test_a_file_becomes_the_first_picture_until_another_is_picked(desk: Any) -> None:
    given, slider = desk.locator("input[type=file]"), desk.locator("input[data-name=example]")
    given.set_input_files(file("own.png", green((300, 80))))
    desk.wait_for_function(SAYS, arg="your picture", timeout=PATIENCE)
    red, lawn, blue = desk.evaluate(FIRST, 8)
    assert abs(lawn - 200) < 8
    assert max(red, blue) < 8, "its middle square"
    assert "own.png" in desk.locator(".ck-own").inner_text()
    slider.focus()
    desk.keyboard.press("ArrowRight")
    desk.wait_for_function(SAYS, arg="the picture", timeout=PATIENCE)
    assert desk.get_by_role("button", name="remove: or your own").count() == 0, "hidden"


def test_what_is_transparent_is_white_and_a_file_can_be_removed(desk: Any) -> None:
    desk.locator("input[type=file]").set_input_files(file("own.png", green((40, 40))))
    desk.wait_for_function(SAYS, arg="your picture", timeout=PATIENCE)
    assert min(desk.evaluate(FIRST, 0)) > 240
    desk.get_by_role("button", name="remove: or your own").click()
    desk.wait_for_function(SAYS, arg="the picture", timeout=PATIENCE)


def test_what_is_no_picture_is_said(desk: Any) -> None:
    desk.locator("input[type=file]").set_input_files(file("notes.txt", b"no picture"))
    hint = "() => document.querySelector('.ck-own .ck-hint').textContent.startsWith('notes.txt is no picture')"
    desk.wait_for_function(hint, timeout=PATIENCE)
    assert "the picture" in desk.locator(".ck figcaption").first.inner_text()


@pytest.mark.cells("print(desk.paint.numbers(desk.view.painted).unique().tolist())")
def test_paint_has_the_colour_of_its_pot(desk: Any) -> None:
    layer = desk.locator(".ck-brush")
    layer.focus()
    desk.keyboard.press("Space")
    desk.get_by_role("button", name="paint in green").click()
    for _ in range(4):
        desk.locator(".ck-brush").press("ArrowUp")
    desk.keyboard.press("Space")
    said_so = "() => /· 3 % painted/.test(document.querySelector('.ck-readout').textContent)"  # 2 · 2² of 16² pixels
    desk.wait_for_function(said_so, timeout=PATIENCE)
    assert desk.evaluate(FIRST, 8) == [0x17, 0x15, 0x0F]
    assert said(desk, 2) == f"[0, 1, {1 + [*desk_colours()].index('green')}]"
    assert desk.get_by_role("button", name="paint in green").get_attribute("aria-pressed") == "true"


def desk_colours() -> tuple[str, ...]:
    return tiny.EVERY["OwnPicture"]().paint.names
