"""A hand on an explorer that shows a grey: where its slider is, how to drag it, what the picture says."""

from __future__ import annotations

import time
from typing import Any

from lab import PATIENCE


def grey(page: Any, view: int = 0, at: int = 9) -> int:
    """The grey of a view's canvas, as the page shows it, at a pixel of the diagonal."""
    return page.evaluate(
        "([i, at]) => document.querySelectorAll('.ck canvas')[i].getContext('2d').getImageData(at, at, 1, 1).data[0]",
        [view, at])


def wait_grey(page: Any, value: int, view: int = 0, at: int = 9) -> None:
    page.wait_for_function(
        "([i, v, at]) => Math.abs(document.querySelectorAll('.ck canvas')[i].getContext('2d')"
        ".getImageData(at, at, 1, 1).data[0] - v) < 1", arg=[view, value, at], timeout=PATIENCE)


def slider(page: Any, name: str = "grey", view: int = 0) -> Any:
    return page.locator(".ck").nth(view).locator(f"input[data-name={name}]")


def drag(page: Any, control: Any, start: float, end: float, moves: int = 30, pause: float = 0.015) -> None:
    """Press on the thumb at one share of the groove, move to another, release."""
    control.scroll_into_view_if_needed()
    box = control.bounding_box()
    y = box["y"] + box["height"] / 2
    x = [box["x"] + 7.5 + (box["width"] - 15) * (start + (end - start) * i / moves) for i in range(moves + 1)]
    page.mouse.move(x[0], y)
    page.mouse.down()
    for place in x[1:]:
        page.mouse.move(place, y)
        time.sleep(pause)
    page.mouse.up()
