"""A chapter opened in JupyterLab and played with; an HTML export read without a kernel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab import PATIENCE, Lab, open_notebook
from nbconvert import HTMLExporter

COURSE = Path(__file__).parents[2] / "course"
CHAPTERS = ("00_start_here.ipynb", "01_manifolds_and_pca.ipynb")
LONG = 300_000  # ms: a chapter computes for a minute on a quiet machine


def chapter(name: str) -> Path:
    """The chapter's notebook."""
    path = COURSE / name
    if not path.exists():
        pytest.skip(f"{name} is not built: `make notebooks` builds it")
    return path


def picture(page: Any) -> str:
    """What the first explorer shows now."""
    return str(page.evaluate("() => document.querySelector('.ck canvas').toDataURL()"))


def wait_other(page: Any, before: str) -> None:
    page.wait_for_function(
        "before => document.querySelector('.ck canvas').toDataURL() !== before", arg=before, timeout=PATIENCE)


def wait_done(page: Any) -> None:
    """Until every cell has run: while they run the page scrolls along, and a slider would slip from under the mouse."""
    idle = page.locator("#jp-main-statusbar").get_by_text("| Idle")
    for _ in range(20):
        idle.wait_for(timeout=LONG)
        page.wait_for_timeout(1500)
        if idle.is_visible() and page.get_by_text("[*]:").count() == 0:
            return
    raise RuntimeError("the chapter does not come to an end")


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_runs_and_its_first_slider_moves(lab: Lab, page: Any, name: str) -> None:
    shutil.copy(chapter(name), lab.folder / name)
    open_notebook(page, lab.address(name))
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    control = page.locator(".ck .ck-range").first
    control.wait_for(timeout=LONG, state="attached")
    wait_done(page)
    page.wait_for_function("() => document.querySelector('.ck')?.dataset.frames", timeout=LONG)
    for _ in range(3):  # cells above take their height only when they come into view
        control.scroll_into_view_if_needed()
        page.wait_for_timeout(700)
    box, before = control.bounding_box(), picture(page)
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


@pytest.mark.parametrize("name", CHAPTERS)
def test_an_html_export_shows_every_explorer(browser: Any, page: Any, tmp_path: Path, name: str) -> None:
    notebook = nbformat.read(chapter(name), as_version=4)
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


def test_the_lab_export_shows_the_pictures_too(browser: Any, page: Any, tmp_path: Path) -> None:
    notebook = nbformat.read(chapter(CHAPTERS[0]), as_version=4)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    (tmp_path / "chapter.html").write_text(html, encoding="utf-8")
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto((tmp_path / "chapter.html").as_uri(), wait_until="domcontentloaded")
    pictures = "[...document.querySelectorAll('.jp-OutputArea img')]"
    assert page.evaluate(f"() => {pictures}.length > 0 && {pictures}.every((image) => image.naturalWidth > 200)")
