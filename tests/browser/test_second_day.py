"""The day after: notebooks saved with explorers in them are opened again; and some are only looked at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from lab import PATIENCE, ROOM, Lab, run_cell, running_lab, wait_drawn, wait_idle, wait_run
from pages import CLOSE, new_page, open_cells, open_file, open_until_found

COURSE = Path(__file__).parents[2] / "course"
DESK = """
import numpy as np
from coursekit.explore import Explorer, Slider

class Desk(Explorer):
    title, alt = "Desk", "a grey square on a desk"
    controls = (Slider("grey", low=0, high=255, step=1, value=128),)
    def render(self, state, final=True):
        return np.full((32, 32, 3), state["grey"], np.uint8)

Desk()
"""
PLAIN = "import ipywidgets; ipywidgets.IntSlider(description='plain')"
SHEET = f"{ROOM} .jp-OutputArea-output img"  # JupyterLab hands no alt text on
SHOWN = "([sheet, words]) => document.querySelector(sheet)?.naturalWidth > 0 || document.body.innerText.includes(words)"
LOST = "Error displaying widget"
SAVE = "() => window.jupyterapp.shell.currentWidget.context.save()"
SETTLED = """async () => {
    const panel = window.jupyterapp.shell.currentWidget, kernel = panel.sessionContext.session.kernel;
    await Promise.all([kernel.info, kernel.spec, panel.context.ready]);
    await new Promise((go) => setTimeout(go));  // after those who have waited for the same
    return panel.context.model.dirty;
}"""


def run_and_save(page: Any, lab: Lab, name: str) -> None:
    """A notebook with an explorer in it, run and saved."""
    open_cells(page, lab, name, DESK, PLAIN)
    run_cell(page, 0)
    wait_run(page, 0)
    wait_drawn(page)
    page.evaluate(SAVE)


def shows_the_sheet(page: Any) -> bool:
    """Whether the contact sheet stands where the explorer was, and not an error."""
    page.wait_for_function(SHOWN, arg=[SHEET, LOST], timeout=PATIENCE)
    return bool(page.locator(SHEET).count()) and LOST not in page.inner_text("body")


def kinds(path: Path) -> set[str]:
    """The kinds of data that a saved notebook holds."""
    outputs = [output for cell in json.loads(path.read_text())["cells"] for output in cell["outputs"]]
    return {kind for output in outputs for kind in output.get("data", {})}


def test_a_saved_notebook_shows_its_sheets_when_the_kernel_has_ended(lab: Lab, page: Any) -> None:
    run_and_save(page, lab, "ended.ipynb")
    assert kinds(lab.folder / "ended.ipynb") == {"text/plain", "image/png"}
    assert page.locator(".ck").count() == 1, "the page that saves keeps its live explorer"
    page.evaluate(CLOSE)
    lab.end_kernels()
    open_file(page, lab, "ended.ipynb")
    assert shows_the_sheet(page)
    run_cell(page, 0)
    wait_drawn(page)


def test_an_explorer_comes_back_live_where_its_kernel_lives(lab: Lab, page: Any) -> None:
    run_and_save(page, lab, "lives.ipynb")
    page.evaluate(CLOSE)
    open_until_found(page, lab, "lives.ipynb")
    wait_drawn(page)
    assert page.evaluate(SETTLED) is False


@pytest.mark.own_page
def test_a_kernel_that_was_restarted_has_forgotten_the_explorer(lab: Lab, page: Any) -> None:
    run_and_save(page, lab, "restarted.ipynb")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    wait_idle(page)
    page.evaluate(SAVE)
    page.evaluate(CLOSE)
    open_file(page, lab, "restarted.ipynb")
    assert shows_the_sheet(page)


def test_a_widget_without_a_picture_is_kept_as_ever(lab: Lab, page: Any) -> None:
    run_and_save(page, lab, "plain.ipynb")
    run_cell(page, 1)
    page.get_by_text("plain", exact=True).wait_for()
    page.evaluate(SAVE)
    assert any("widget-view" in kind for kind in kinds(lab.folder / "plain.ipynb"))


@pytest.mark.parametrize("name", ["00_start_here.ipynb", "labs/02_mnist_autoencoder.ipynb"])
def test_a_notebook_that_is_only_looked_at_does_not_change(lab: Lab, page: Any, name: str) -> None:
    copy = lab.folder / Path(name).name
    shutil.copy(COURSE / name, copy)
    before = copy.read_bytes()
    open_file(page, lab, copy.name)
    assert page.evaluate(SETTLED) is False, "it is marked as changed"
    page.evaluate(SAVE)
    assert copy.read_bytes() == before
    assert page.evaluate(SETTLED) is False


def test_a_stock_server_shows_what_ours_has_saved(lab: Lab, page: Any, browser: Any, tmp_path: Path) -> None:
    run_and_save(page, lab, "carried.ipynb")
    (tmp_path / "home").symlink_to(lab.folder.parent / "home")  # the same reader, who is trusted to show widgets
    with running_lab(tmp_path, ours=False) as stock:
        shutil.copy(lab.folder / "carried.ipynb", stock.folder)
        other = new_page(browser)
        open_file(other, stock, "carried.ipynb")
        assert shows_the_sheet(other)
        other.context.close()
