"""Charts follow JupyterLab's theme in the page, there and back; the pictures beside them stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny
from lab import PATIENCE, Lab, run_cell, wait_run
from pages import open_cells

from coursekit.explore.parts.inks import DARK, LIGHT

TINY = Path(tiny.__file__).read_text(encoding="utf-8")
THEME = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
CANVASES = "[...document.querySelectorAll('.ck-panel canvas:not(.ck-brush canvas, .ck-film canvas)')]"
LOOK = f"() => {CANVASES}.map((canvas) => canvas.toDataURL())"
PAPERS = f"""([charts, paper]) => charts.every((i) => {{
    const pixel = {CANVASES}[i].getContext('2d').getImageData(0, 0, 1, 1).data;
    return paper.every((colour, j) => colour === pixel[j]); }})"""
SHOWN = ("LatentPlane", "Dimensions")
CHARTS, PICTURES = (0, 3, 4), (1, 2)  # among their panels


def on(page: Any, paper: tuple[int, int, int]) -> None:
    """Wait until all charts are drawn on that paper."""
    page.wait_for_function(PAPERS, arg=[CHARTS, paper], timeout=PATIENCE)


def test_charts_follow_the_theme_and_pictures_stay(lab: Lab, page: Any) -> None:
    open_cells(page, lab, "dark.ipynb", TINY, f"display(*(EVERY[n]() for n in {SHOWN}))")
    for cell in (0, 1):
        run_cell(page, cell)
        wait_run(page, cell)
    page.locator(".ck").nth(1).wait_for()
    on(page, LIGHT.paper)
    before = page.evaluate(LOOK)
    page.evaluate(THEME, "JupyterLab Dark")
    try:
        on(page, DARK.paper)
        dark = page.evaluate(LOOK)
        assert [i for i, picture in enumerate(dark) if picture == before[i]] == list(PICTURES)
        page.locator("input[data-name=dimension_1]").focus()
        page.keyboard.press("Home")
        page.wait_for_function(f"(before) => {CANVASES}[2].toDataURL() !== before", arg=dark[2], timeout=PATIENCE)
        on(page, DARK.paper)
    finally:
        page.evaluate(THEME, "JupyterLab Light")
    on(page, LIGHT.paper)
    assert page.evaluate(LOOK)[:2] == before[:2]
    assert not page.errors
