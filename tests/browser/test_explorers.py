"""Every explorer in the real JupyterLab, at its smallest (tiny.py): each of its controls is moved in the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
from lab import Lab, run_cell, wait_run, wait_still
from pages import comes, open_cells

from coursekit import explore
from coursekit.explore.widget.upload import Upload

NAMES = sorted(tiny.EVERY)
PARTS = [NAMES[part::3] for part in range(3)]
TINY = Path(tiny.__file__).read_text(encoding="utf-8")
LOOK = """(box) => window.look = () => JSON.stringify([
    [...box.querySelectorAll('canvas:not(.ck-brush canvas, .ck-film canvas)')].map((canvas) => canvas.toDataURL()),
    box.querySelector('.ck-readout').textContent])"""
MOVED = """([box, before, looked]) =>
    Number(box.dataset.frames) > before && window.look() !== looked && box.dataset.final === 'true'"""
CONTROLS = "input[type=file], input[type=range], input[type=checkbox], select, .ck-point, .ck-brush, .ck-first-turn"


def test_every_class_has_its_smallest_one() -> None:
    kinds = [getattr(explore, name) for name in explore.__all__]
    explorers = {kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, explore.Explorer)}
    assert explorers - {"Explorer"} == set(tiny.EVERY), "tiny.py holds one of each class"
    assert {name: type(make()).__name__ for name, make in tiny.EVERY.items()} == {name: name for name in NAMES}


@pytest.mark.parametrize("names", PARTS, ids=["-".join(names) for names in PARTS])
def test_every_control_moves_its_picture(lab: Lab, page: Any, names: list[str]) -> None:
    open_cells(page, lab, f"every{PARTS.index(names)}.ipynb", TINY, f"display(*(EVERY[n]() for n in {names}))")
    for cell in (0, 1):
        run_cell(page, cell)
        wait_run(page, cell)
    made = [tiny.EVERY[name]() for name in names]
    page.locator(".ck").nth(len(made) - 1).wait_for(state="attached")
    shown = page.locator(".ck").all()
    assert [box.get_attribute("aria-label") for box in shown] == [explorer.title for explorer in made]
    for box, explorer in zip(shown, made, strict=True):
        box.scroll_into_view_if_needed()
        dials = box.locator(CONTROLS).all()
        assert len(dials) == len(explorer.controls), explorer.title
        for dial in dials:
            wait_still(page, 10)  # a film begins by itself
            assert moved(page, box, dial), (explorer.title, dial.get_attribute("data-name"))
        assert box.get_attribute("data-status") == "live", explorer.title
    assert not page.errors


def moved(page: Any, box: Any, dial: Any) -> bool:
    """Whether other pictures or words come, and rest, when keys (or a file) move a control from where it stands."""
    before, node = int(box.get_attribute("data-frames")), box.element_handle()
    looked = page.evaluate(f"(box) => ({LOOK})(box)()", node)
    if dial.get_attribute("type") == "file":
        dial.set_input_files({"name": "own.png", "mimeType": "image/png", "buffer": Upload.content(Upload("").draw())})
    else:
        dial.focus()
        for key in keys(dial):
            page.keyboard.press(key)
    return comes(page, MOVED, [node, before, looked])


def keys(dial: Any) -> list[str]:
    """The keys that move a control: three small steps and one to the end for a slider."""
    kind = dial.evaluate("(x) => x.type ?? x.className")
    if kind == "range":
        at, low = (float(dial.evaluate(f"(x) => x.{name}")) for name in ("value", "min"))
        return ["ArrowLeft"] * 3 + ["Home"] if at > low else ["ArrowRight"] * 3 + ["End"]
    if kind == "select-one":
        return ["ArrowDown" if dial.evaluate("(x) => x.selectedIndex < x.length - 1") else "ArrowUp"]
    return ["ArrowRight", "ArrowUp"] if "ck-point" in kind else ["Space"]
