"""Explorers as large as in the chapters (large.py): wherever a slider is dragged, its pictures are in view."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import large
import pytest
from lab import PATIENCE, Lab, run_cell, wait_run
from pages import open_cells
from PIL import Image

from coursekit import explore

LARGE = Path(large.__file__).read_text(encoding="utf-8")
LARGEST = ("NaturesDesk", "FaceDesk", "Dimensions", "Features", "ElboDesk", "Walk", "NumeralDesk", "TranslateLive",
           "WhichZebra", "Attractors", "FlowField")
LAPTOPS = ((1280, 900), (1366, 768))
NARROW = ((800, 900), (640, 450))  # the second: 1280 × 900 at twice its size
SETTLED = """async () => {
    const size = (node) => { const { width, height } = node.getBoundingClientRect(); return [width, height]; };
    const look = () => JSON.stringify([innerWidth, innerHeight,
        ...[...document.querySelectorAll('.ck, .ck canvas, .ck-row')].map(size)]);
    for (let last = look(), same = 0; same < 6; last = look()) {
        await new Promise((go) => setTimeout(go, 30));
        same = look() === last ? same + 1 : 0;
    } }"""
BLIND = """(box) => { // sliders that cannot be reached, or whose pictures are not seen while they are
    const room = ('filled' in box.dataset ? box : box.closest('.jp-WindowedPanel-outer')).getBoundingClientRect();
    const over = (low, high, from, to) => Math.max(0, Math.min(high, to) - Math.max(low, from));
    const seen = ({ left, right, top, bottom, width, height }) =>
        over(room.left, room.right, left, right) * over(room.top, room.bottom, top, bottom) / (width * height);
    const pictures = [...box.querySelectorAll('.ck-stage canvas')].filter((one) => !one.closest('.ck-brush, .ck-film'));
    return [...box.querySelectorAll('input[type=range]')].filter((input) => {
        box.scrollIntoView({ block: 'nearest' });
        input.scrollIntoView({ block: 'nearest' });
        const { left, top, width, height } = input.getBoundingClientRect();
        const reached = document.elementFromPoint(left + width / 2, top + height / 2) === input;
        return !reached || pictures.some((one) => seen(one.getBoundingClientRect()) < 0.6);
    }).map((input) => input.dataset.name); }"""
CUT = """(box) => { // words and values that do not end where they are shown to end
    const edge = box.getBoundingClientRect();
    const whole = (node) => node.scrollWidth <= node.clientWidth + 1 && node.scrollHeight <= node.clientHeight + 1;
    const inside = ({ left, right }) => left >= edge.left && right <= edge.right;
    return [...box.querySelectorAll('.ck-label, .ck-value, .ck-heading')]
        .filter((node) => !whole(node) || !inside(node.getBoundingClientRect()))
        .map((node) => node.value ?? node.textContent); }"""
SIZE = "(box) => { const { width, height } = box.getBoundingClientRect(); return [width, height]; }"


def show(page: Any, lab: Lab, *names: str) -> list[Any]:
    """A notebook with these explorers, drawn, below each other."""
    open_cells(page, lab, "fit.ipynb", LARGE, f"display(*(EVERY[n]() for n in {names}))")
    for cell in (0, 1):
        run_cell(page, cell)
        wait_run(page, cell)
    page.wait_for_function(
        "n => [...document.querySelectorAll('.ck')].filter((box) => box.dataset.frames > 0).length === n",
        arg=len(names), timeout=PATIENCE)
    return page.locator(".ck").all()


@contextmanager
def window(page: Any, width: int, height: int) -> Iterator[None]:
    """The page in a window of this size, everything in its place."""
    before = page.viewport_size
    page.set_viewport_size({"width": width, "height": height})
    try:
        page.wait_for_function("([w, h]) => innerWidth === w && innerHeight === h", arg=[width, height])
        page.evaluate(SETTLED)
        yield
    finally:
        page.set_viewport_size(before)


@contextmanager
def dark(page: Any) -> Iterator[None]:
    """The page in JupyterLab's dark theme."""
    change = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
    wait = "(light) => document.body.dataset.jpThemeLight === light"
    page.evaluate(change, "JupyterLab Dark")
    try:
        page.wait_for_function(wait, arg="false", timeout=PATIENCE)
        yield
    finally:
        page.evaluate(change, "JupyterLab Light")
        page.wait_for_function(wait, arg="true", timeout=PATIENCE)


def test_whichever_slider_is_dragged_its_pictures_are_seen(lab: Lab, page: Any) -> None:
    shown = show(page, lab, *LARGEST)
    blind, cut = {}, {}
    for size in LAPTOPS + NARROW:
        with window(page, *size):
            for name, box in zip(LARGEST, shown, strict=True):
                blind[size, name], cut[size, name] = box.evaluate(BLIND), box.evaluate(CUT)
    assert {place: names for place, names in blind.items() if names} == {}
    assert {place: words for place, words in cut.items() if words} == {}
    assert not page.errors


def test_an_explorer_uses_the_room_it_gets(lab: Lab, page: Any) -> None:
    (box,) = show(page, lab, "NaturesDesk")
    widths = []
    for size in ((1280, 900), (800, 900), (1280, 900)):
        with window(page, *size):
            widths.append((box.get_attribute("data-layout"), box.locator("canvas").first.evaluate(SIZE)[0]))
    assert [layout for layout, _ in widths] == ["beside", "above", "beside"]
    assert widths[0] == widths[2]
    assert widths[0][1] == 330 > widths[1][1] > 150


def test_groups_fold_and_stay_folded(lab: Lab, page: Any) -> None:
    box, single = show(page, lab, "NaturesDesk", "Features")
    fold = box.get_by_role("button", name="shape", exact=True)
    before = box.evaluate(SIZE)[1]
    fold.press("Enter")
    assert fold.get_attribute("aria-expanded") == "false"
    assert not box.locator("input[data-name=smile]").is_visible()
    frames = int(box.get_attribute("data-frames"))
    box.locator("input[data-name=turn]").press("ArrowRight")
    page.wait_for_function("([box, n]) => Number(box.dataset.frames) > n && box.dataset.final === 'true'",
                           arg=[box.element_handle(), frames], timeout=PATIENCE)
    assert not box.locator("input[data-name=smile]").is_visible()
    assert box.evaluate(SIZE)[1] < before
    fold.click()
    assert fold.get_attribute("aria-expanded") == "true"
    assert box.locator("input[data-name=smile]").is_visible()
    assert single.locator("[aria-expanded]").count() == 0, "one group needs no folding"


@pytest.mark.parametrize("allowed", [True, False], ids=["own", "above"])
def test_a_button_fills_the_screen(lab: Lab, page: Any, allowed: bool) -> None:
    (box,) = show(page, lab, "Walk")
    page.evaluate("(allowed) => allowed || Object.defineProperty(document, 'fullscreenEnabled',"
                  " { value: false, configurable: true })", allowed)
    before, picture = box.evaluate(SIZE), box.locator("canvas").first
    small = picture.evaluate(SIZE)
    box.get_by_role("button", name="fill the screen").click()
    page.wait_for_function("(box) => 'filled' in box.dataset", arg=box.element_handle(), timeout=PATIENCE)
    page.evaluate(SETTLED)
    assert page.evaluate("() => document.fullscreenElement !== null") == allowed
    assert box.evaluate(SIZE) == [page.viewport_size["width"], page.viewport_size["height"]]
    assert box.evaluate("(box) => [[2, 2], [innerWidth - 3, innerHeight - 3]]"
                        ".every(([x, y]) => box.contains(document.elementFromPoint(x, y)))")
    assert picture.evaluate(SIZE)[0] > 1.2 * small[0]
    assert box.evaluate(BLIND) == []
    box.get_by_role("button", name="back to the page").press("Escape")
    page.wait_for_function("(box) => !('filled' in box.dataset)", arg=box.element_handle(), timeout=PATIENCE)
    page.evaluate(SETTLED)
    assert box.evaluate(SIZE) == before
    page.evaluate("() => delete document.fullscreenEnabled")
    assert not page.errors


def test_grooves_and_borders_are_seen_and_words_are_said_once(lab: Lab, page: Any) -> None:
    (box,) = show(page, lab, "NaturesDesk")
    contrasts = {"light": contrast(box)}
    with dark(page):
        contrasts["dark"] = contrast(box)
    assert {name: ratios for name, ratios in contrasts.items() if min(ratios) < 3} == {}
    assert box.aria_snapshot().count(explore.NaturesDesk.alt) == 1, "said once, not for each of the pictures"


def contrast(box: Any) -> list[float]:
    """How much lighter or darker than the ground: a slider's groove, the rim of a switch and that of a button.

    Measured again until nothing changes: for a moment after a change of theme, colours are between the two.
    """
    before, now = [], contrast_now(box)
    while now != before:
        before, now = now, contrast_now(box)
    return now


def contrast_now(box: Any) -> list[float]:
    groove, switch, button = (box.locator(name).first for name in (".ck-track", ".ck-switch", ".ck-button"))
    return [strongest(groove, at=0.15, rows=16), strongest(switch, at=0.5, rows=4), strongest(button, at=0.5, rows=4)]


def strongest(node: Any, at: float, rows: int) -> float:
    """The strongest contrast, as WCAG counts it, in the first rows of a column of pixels, against the last of them."""
    node.scroll_into_view_if_needed()
    image = Image.open(io.BytesIO(node.screenshot())).convert("RGB")
    column = [luminance(image.getpixel((int(at * image.width), y))) for y in range(rows)]
    return max((max(one, column[-1]) + 0.05) / (min(one, column[-1]) + 0.05) for one in column)


def luminance(pixel: tuple[int, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in pixel)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_finger_finds_every_row(lab: Lab, page: Any) -> None:
    boxes = show(page, lab, "NaturesDesk", "Dimensions")
    tool = page.context.new_cdp_session(page)
    tool.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        page.wait_for_function("() => matchMedia('(pointer: coarse)').matches", timeout=PATIENCE)
        rows = [row for box in boxes for row in box.locator(".ck-row, .ck-switch, .ck-fold, .ck-fill").all()]
        assert min(row.evaluate(SIZE)[1] for row in rows) >= 36
    finally:
        tool.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
        tool.detach()
