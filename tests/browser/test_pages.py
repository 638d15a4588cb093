"""What browser tests stand on: kernels in which nothing has run, and a page in which nothing is left."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from lab import PATIENCE, Lab, run_cell, said, wait_run
from pages import SharedPage, open_cells

LEAVE = """
import os
import coursekit.explore.widget.canvas as canvas
from coursekit.explore import ArcDesk
left = ArcDesk()
left.view
canvas.address_of = None
print(os.getpid())
"""
LOOK = """
import os
import coursekit.explore.widget.canvas as canvas
from comm import get_comm_manager
print(os.getpid(), "left" in globals(), canvas.address_of is None, len(get_comm_manager().comms), canvas.__name__)
"""


def ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_notebook_leaves_nothing_in_the_kernel_of_the_next(lab: Lab, page: Any) -> None:
    open_cells(page, lab, "first.ipynb", LEAVE)
    first = int(said(page, 0))
    open_cells(page, lab, "second.ipynb", LOOK)
    second, *left, _ = said(page, 0).split()
    assert int(second) != first
    assert left == ["False", "False", "0"]
    lab.end_kernels()
    late = time.monotonic() + PATIENCE / 1000
    while not (ended(first) and ended(int(second))):
        assert time.monotonic() < late, "a kernel that was ended still runs"
        time.sleep(0.1)


def test_a_page_in_which_something_is_left_is_not_given_out(lab: Lab, page: Any, shared: SharedPage) -> None:
    open_cells(page, lab, "left.ipynb", "from coursekit.explore import ArcDesk\nArcDesk()")
    run_cell(page, 0)
    wait_run(page, 0)
    page.locator(".ck").wait_for()
    with pytest.raises(RuntimeError, match=r"'explorers': 1, 'cells': 1, 'notebooks': 1, 'sessions': 1, 'kernels': 1"):
        shared.take(patience=0)
