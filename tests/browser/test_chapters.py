"""The first chapter opened in JupyterLab and played with; an HTML export of each read without a kernel.

What the explorers of the other chapters do is held where they are run (moved.py), and in test_explorers.py.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab import PATIENCE, Lab
from nbconvert import HTMLExporter
from pages import open_file

COURSE = Path(__file__).parents[2] / "course"
FIRST = "00_start_here.ipynb"
CHAPTERS = sorted(path.name for path in COURSE.glob("[0-9]*.ipynb"))
LONG = 300_000  # ms: a chapter computes for a while even on a quiet machine
DONE = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells].every((cell) =>
    cell.type !== 'code' || !cell.sharedModel.source.trim() || cell.executionCount)"""


def picture(page: Any) -> str:
    """What the first explorer shows now."""
    return str(page.evaluate("() => document.querySelector('.ck canvas').toDataURL()"))


def wait_other(page: Any, before: str) -> None:
    page.wait_for_function(
        "before => document.querySelector('.ck canvas').toDataURL() !== before", arg=before, timeout=PATIENCE)


def place(page: Any, control: Any) -> dict[str, float]:
    """Where a control is once it rests in view: cells above it take their height only when they come into view."""
    boxes, late = [], time.monotonic() + PATIENCE / 1000
    while time.monotonic() < late:
        control.scroll_into_view_if_needed()
        boxes.append(control.bounding_box())
        if len(boxes) > 3 and all(box == boxes[-1] for box in boxes[-4:]):
            return dict(boxes[-1])
        page.wait_for_timeout(250)
    raise RuntimeError("the control does not come to rest")


def test_the_first_chapter_runs_and_its_first_slider_moves(lab: Lab, page: Any) -> None:
    shutil.copy(COURSE / FIRST, lab.folder / FIRST)
    open_file(page, lab, FIRST)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function(DONE, timeout=LONG)  # meanwhile the page scrolls along, away from under the mouse
    page.locator(".ck").first.wait_for(state="attached")
    control = page.locator(".ck .ck-range").first
    page.wait_for_function("() => document.querySelector('.ck')?.dataset.frames")
    assert float(control.input_value()) == 0, "the middle is shown before the reader has predicted it"
    box, before = place(page, control), picture(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] / 2, steps=12)
    page.mouse.up()
    wait_other(page, before)
    before = picture(page)
    control.focus()
    for _ in range(25):
        page.keyboard.press("ArrowLeft")
    wait_other(page, before)
    assert page.locator(".ck").first.get_attribute("data-status") == "live"
    assert not page.errors


@pytest.mark.own_page
@pytest.mark.parametrize("name", CHAPTERS)
def test_an_html_export_shows_every_explorer(page: Any, tmp_path: Path, name: str) -> None:
    notebook = nbformat.read(COURSE / name, as_version=4)
    stored = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    sheets = [o for o in stored if ": explorer with " in o.get("data", {}).get("text/plain", "")]
    html, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)  # "lab" drops alt texts
    (tmp_path / "chapter.html").write_text(html, encoding="utf-8")
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto((tmp_path / "chapter.html").as_uri(), wait_until="domcontentloaded")
    shown = page.evaluate("() => [...document.images].filter((i) => i.naturalWidth > 200).map((i) => i.alt)")
    assert sheets
    for sheet in sheets:
        assert sheet["metadata"]["image/png"]["alt"] in shown
    assert page.locator(".output_stderr, .output_error").count() == 0


@pytest.mark.own_page
def test_the_lab_export_shows_the_pictures_too(page: Any, tmp_path: Path) -> None:
    notebook = nbformat.read(COURSE / FIRST, as_version=4)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "chapter.html").write_text(html, encoding="utf-8")
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto((tmp_path / "chapter.html").as_uri(), wait_until="domcontentloaded")
    pictures = "[...document.querySelectorAll('.jp-OutputArea img')]"
    assert page.evaluate(f"() => {pictures}.length > 0 && {pictures}.every((image) => image.naturalWidth > 200)")
