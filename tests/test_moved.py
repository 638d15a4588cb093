"""The hand that moves every control after a notebook's last cell: it finds a dead one, and what is not there."""

import subprocess
import sys
from pathlib import Path

import moved
import nbformat
import numpy as np
import pytest

from coursekit.explore import Choice, Explorer, Paint, Play, Point, Slider, Stops, Toggle
from tools import notebooks

ROOT = Path(__file__).parents[1]
PROBE = """
import numpy as np
from coursekit.explore import Explorer, Slider

class Probe(Explorer):
    title, alt = "Probe", "a grey square"
    controls = (Slider("grey", low=0, high=255, step=1), Slider("idle"))
    def render(self, state, final=True):
        return np.full((8, 8), state["grey"]{more}, np.uint8)

Probe()
"""


class Grey(Explorer):
    """A square whose grey is what `of` makes of the state."""

    title = "Grey"

    def __init__(self, of, *controls):
        super().__init__()
        self.of, self.controls = of, controls

    def render(self, state, final=True):
        return np.full((8, 8), int(self.of(state)), np.uint8)


LEVEL, IDLE = Slider("level", low=0, high=9, step=1), Slider("idle")
KINDS = {
    "slider": (LEVEL, lambda v: v), "stops": (Stops("at", stops=(1, 2, 5)), lambda v: v),
    "toggle": (Toggle("at"), lambda v: v), "choice": (Choice("at", options=("a", "b")), lambda v: v == "b"),
    "play": (Play("at", frames=3), lambda v: v), "point": (Point("at"), lambda v: 100 + 50 * v[1]),
    "paint": (Paint("at"), lambda v: len(v)),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_control_that_moves_the_picture_passes_and_a_dead_one_is_named(kind):
    control, grey = KINDS[kind]
    name = control.name
    assert moved.faults(Grey(lambda s: grey(s[name]), control).view) == []
    assert moved.faults(Grey(lambda s: 7, control).view) == [f"Grey: {name} moves nothing"]
    assert moved.faults(Grey(lambda s: grey(s[name]), control, IDLE).view) == ["Grey: idle moves nothing"]


def test_a_control_that_needs_another_first_is_no_dead_one():
    assert moved.faults(Grey(lambda s: 9 + s["level"] * s["on"], LEVEL, Toggle("on")).view) == []


def test_an_error_where_a_control_goes_is_named():
    [fault] = moved.faults(Grey(lambda s: 1 / (9 - s["level"]), LEVEL).view)
    assert fault == "Grey: level: ZeroDivisionError: division by zero"


def test_controls_stand_afterwards_where_they_stood():
    view = Grey(lambda s: s["level"], LEVEL).view
    view.level = 4
    assert moved.faults(view) == []
    assert (view.level, view.value) == (4, {"level": 4})


def run(folder, *sources, stored):
    """What nbval says of a notebook whose explorers, as stored, are those texts."""
    output = nbformat.v4.new_output("execute_result", data={"text/plain": stored}, execution_count=1)
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": ["nbval-ignore-output"]}) for source in sources]
    cells[-1].outputs, cells[-1].execution_count = [output], 1
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "probe.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "tests.moved", "--nbval", "--nbval-current-env", "-q"]
    return subprocess.run([*command, "-p", "no:cacheprovider", str(folder / "probe.ipynb")],
                          cwd=ROOT, capture_output=True, text=True)  # fmt: skip


@pytest.mark.parametrize(("more", "stored", "fault"), [
    ("", "Probe: explorer with grey, idle", "Probe: idle moves nothing"),
    ("* (state['idle'] > 0)", "Probe: explorer with grey", "not there: Probe: explorer with grey"),
    ("* (state['idle'] > 0)", "Probe: explorer with grey, idle", ""),
])  # fmt: skip
def test_a_dead_slider_of_a_notebook_is_found_by_its_run(tmp_path, more, stored, fault):
    told = run(tmp_path, PROBE.format(more=more), stored=stored)
    assert (told.returncode, fault in told.stdout) == (1 if fault else 0, True), told.stdout
    assert ("2 passed" in told.stdout) is not bool(fault)


def test_a_chapter_has_more_than_two_explorers():
    """The hand has something to move: else a chapter that shows none would pass too."""
    for text in notebooks.texts():
        if text.parent == notebooks.TEXT and not text.stem.startswith("00"):
            nb = nbformat.read(notebooks.notebook_path(text), as_version=4)
            assert len(moved.shown(nb)) > 2, text.stem
