"""A chapter opened in JupyterLab and played with; an HTML export read without a kernel."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from lab import PATIENCE, Lab, open_notebook
from nbconvert import HTMLExporter

COURSE = Path(__file__).parents[2] / "course"
CHAPTERS = ("00_start_here.ipynb", "01_manifolds_and_pca.ipynb")
PLAYED = (
    "02_autoencoders.ipynb", "03_sparse_denoising_contractive.ipynb", "04_variational_autoencoders.ipynb",
    "05_latent_space.ipynb",
)  # fmt: skip
LONG = 300_000  # ms: a chapter computes for a minute on a quiet machine
BRIEF = """
from coursekit import training

def brief(model, data, *, fit=training.fit, **settings):
    shorter = {name: -(-settings[name] // 8) for name in ("steps", "epochs") if settings.get(name)}
    return fit(model, data, **{**settings, **shorter})

training.fit = brief
"""


def chapter(name: str) -> Path:
    """The chapter's notebook."""
    path = COURSE / name
    if not path.exists():
        pytest.skip(f"{name} is not built: `make notebooks` builds it")
    return path


@pytest.fixture
def brief(lab: Lab) -> Iterator[None]:
    """Chapters train for an eighth of the time: what they print is compared elsewhere, here they are played with."""
    startup = lab.folder.parent / "home/ipython/profile_default/startup/brief.py"
    startup.parent.mkdir(parents=True, exist_ok=True)
    startup.write_text(BRIEF)
    yield
    startup.unlink()


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


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_runs_and_its_first_slider_moves(lab: Lab, page: Any, name: str) -> None:
    shutil.copy(chapter(name), lab.folder / name)
    run_all(page, lab.address(name))
    control = page.locator(".ck .ck-range").first
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


def run_all(page: Any, address: str) -> None:
    open_notebook(page, address)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".ck").first.wait_for(timeout=LONG, state="attached")
    wait_done(page)


def moved(page: Any, control: Any) -> bool:
    """Whether a new frame arrives when that slider is moved by keys, away from where it stands."""
    box = control.locator("xpath=ancestor::*[contains(concat(' ', @class, ' '), ' ck ')]")
    before = int(box.get_attribute("data-frames") or 0)
    control.focus()
    at, low = (float(control.evaluate(f"(x) => x.{name}")) for name in ("value", "min"))
    for _ in range(3):
        control.press("ArrowLeft" if at > low else "ArrowRight")
    for _ in range(100):
        if int(box.get_attribute("data-frames") or 0) > before:
            return True
        page.wait_for_timeout(100)
    return False


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("name", PLAYED)
def test_every_slider_of_a_chapter_brings_new_pictures(lab: Lab, page: Any, name: str) -> None:
    tracker = lab.folder.parent / "home/settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True, exist_ok=True)
    tracker.write_text('{"windowingMode": "none"}')  # all cells are on the page, in view or not
    shutil.copy(chapter(name), lab.folder / name)
    run_all(page, lab.address(name))
    explorers = page.locator(".ck")
    assert explorers.count() > 2
    for explorer in explorers.all():
        explorer.scroll_into_view_if_needed()
        sliders = explorer.locator("input[type=range]").all()
        for control in sliders:
            assert moved(page, control), (explorer.get_attribute("aria-label"), control.get_attribute("name"))
        assert not sliders or explorer.get_attribute("data-status") == "live"
    assert not page.errors


@pytest.mark.parametrize("name", CHAPTERS + PLAYED)
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
