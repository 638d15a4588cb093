"""The notebooks: in sync with their text, reproducible, affordable, complete.

nbval runs each one from top to bottom in a kernel of its own and compares every stored text output (nearly.py: numbers
of a training to within what another processor changes, all else to the letter). After the last cell, a hand moves each
control of each explorer that the notebook has shown (moved.py).
"""

import base64
import html
import inspect
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import moved
import nbformat
import numpy as np
import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager
from PIL import Image

from coursekit import checks
from coursekit.app.server import spinning
from tools import notebooks

TEXTS = notebooks.texts()
CHAPTERS = [t for t in TEXTS if t.parent == notebooks.TEXT]
MAX_SECONDS, MAX_MEMORY = 120, 1.2e9  # stated by chapters, for the CUDA build of torch
MEMORY_HERE = MAX_MEMORY if torch.version.cuda else 1.0e9  # without CUDA's libraries it is less by .3 GB


def stored(text: Path):
    return nbformat.read(notebooks.notebook_path(text), as_version=4)


def prose(text: Path) -> str:
    return "\n".join(c.source for c in stored(text).cells if c.cell_type == "markdown")


def code(text: Path) -> list[str]:
    return [c.source for c in stored(text).cells if c.cell_type == "code"]


def each(texts):
    return pytest.mark.parametrize("text", texts, ids=[t.stem for t in texts])


def stated_seconds(text: Path) -> float:
    """What the first cell says the notebook takes."""
    match = re.search(r"about \*\*(\d+) s(?:econds)?\*\*", stored(text).cells[0].source)
    assert match, "the first cell must state the time, as: about **40 s**"
    return float(match[1])


def stated_gigabytes(text: Path) -> float:
    match = re.search(r"\*\*([\d.]+) GB\*\* of memory", stored(text).cells[0].source)
    assert match, "the first cell must state the memory, as: **0.8 GB** of memory"
    return float(match[1])


@each(TEXTS)
def test_runs_as_stored_in_the_time_and_memory_it_states(text, tmp_path):
    path = notebooks.notebook_path(text)
    before = notebooks.calibrate()
    (tmp_path / "no_data").mkdir()
    env = {**os.environ, "COURSEKIT_DATA": str(tmp_path / "no_data"), moved.COST: str(tmp_path / "cost.json")}
    command = [sys.executable, "-m", "pytest", "-p", "tests.nearly", "-p", "tests.moved"]
    with notebooks.Watch() as watch:
        run = subprocess.run(
            [*command, "--nbval", "--nbval-current-env", "--nbval-cell-timeout=300", "-q", "-p", "no:cacheprovider",
             str(path)],
            env=env, cwd=notebooks.ROOT, capture_output=True, text=True,
        )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:]
    slowness = (before + notebooks.calibrate()) / 2 / notebooks.NORMAL
    cost = json.loads((tmp_path / "cost.json").read_text(encoding="utf-8"))  # without the hand's own
    assert cost["seconds"] < 1.6 * max(slowness, 1) * stated_seconds(text) + 10
    assert (cost["memory"] or watch.memory) < min(MEMORY_HERE, 1.3e9 * stated_gigabytes(text))


@each(TEXTS)
def test_time_and_memory_in_the_text_are_those_measured(text):
    cost = stored(text).metadata.coursekit
    seconds = notebooks.normal_seconds(cost)
    assert seconds / 1.5 <= max(stated_seconds(text), 10) <= 2.5 * max(seconds, 10)
    assert 0.75 * cost.memory_mb <= 1000 * stated_gigabytes(text) <= 1.5 * cost.memory_mb


@each(CHAPTERS)
def test_a_chapter_is_within_its_budget(text):
    assert stated_seconds(text) < MAX_SECONDS
    assert stated_gigabytes(text) * 1e9 <= MAX_MEMORY


@each(TEXTS)
def test_pair_is_in_sync(text):
    assert notebooks.in_sync(text), f"run: make notebooks (or tools/notebooks.py {text.stem})"


def test_every_notebook_has_a_text():
    made = {notebooks.notebook_path(t) for t in TEXTS}
    found = {p for p in notebooks.COURSE.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    assert found == made


@each(TEXTS)
def test_stored_outputs_are_fit_to_read(text):
    """No error, no stderr, no path of a machine, no picture without an alt text, no cell left unrun."""
    assert notebooks.faults(stored(text)) == []


@each(TEXTS)
def test_alt_texts_say_what_is_seen(text):
    for cell in stored(text).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                alt = output.metadata["image/png"]["alt"]
                assert 30 <= len(alt) <= 600, alt
                assert len(alt.split()) >= 6, alt


@each(TEXTS)
def test_no_picture_is_cut_off(text):
    """Hardly any ink in the outermost two pixels: a title that is cut off leaves its lower half there."""
    for cell in stored(text).cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                grey = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"]))).convert("L")
                ink = np.asarray(grey) < 190
                edges = ink[:2].max(0), ink[-2:].max(0), ink[:, :2].max(1), ink[:, -2:].max(1)
                assert max(edge.mean() for edge in edges) < 0.05, cell.source[-300:]


@each(TEXTS)
def test_notebook_is_small(text):
    assert notebooks.notebook_path(text).stat().st_size < 1.5e6


@each(TEXTS)
def test_no_widget_state_is_stored(text):
    assert "widget-state" not in notebooks.notebook_path(text).read_text(encoding="utf-8")
    assert "widgets" not in stored(text).metadata


@each(TEXTS)
def test_cells_are_short(text):
    for cell in stored(text).cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 25, cell.source[:200]
        else:
            assert len(cell.source.split()) <= 300, cell.source[:200]


@each(TEXTS)
def test_first_code_cell_installs_on_colab_only(text):
    first = code(text)[0]
    assert "google.colab" in first
    assert "pip install" in first


@pytest.mark.parametrize("given", [{}, {"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}, {"KMP_BLOCKTIME": "7"}])
@each(TEXTS)
def test_first_code_cell_lets_waiting_threads_sleep_as_the_server_does(text, given, monkeypatch):
    """Also where nobody has started `coursekit lab`; what a reader has set stays. All texts have the same cell."""
    first, start = (notebooks.code_of(notebooks.from_text(t))[0].source for t in (text, TEXTS[0]))
    assert first == start
    assert "import torch" not in first
    monkeypatch.setattr(os, "environ", dict(given))
    exec(TransformerManager().transform_cell(first), {})
    assert os.environ == {**given, **spinning(given)}


@each(CHAPTERS)
def test_exercises_are_stored_unsolved(text):
    verdicts = [
        output.data["text/plain"]
        for cell in stored(text).cells
        if cell.cell_type == "code" and "checks." in cell.source
        for output in cell.outputs
    ]
    assert all(v.startswith("○ Not attempted yet") for v in verdicts)
    assert text.stem.startswith("00") or 2 <= len(verdicts) <= 5


def solutions(text: Path) -> dict[str, str]:
    """Check name → the code in the collapsed solution that follows it."""
    found, name = {}, ""
    for cell in stored(text).cells:
        if match := re.search(r"checks\.(\w+)\(", cell.source if cell.cell_type == "code" else ""):
            name = match[1]
        elif name and (block := re.search(r"<summary>Solution.*?```python\n(.*?)```", cell.source, re.S)):
            found[name], name = html.unescape(block[1]), ""
    return found


@each([t for t in CHAPTERS if not t.stem.startswith("00")])
def test_every_exercise_has_a_solution_that_passes(text):
    found = solutions(text)
    asked = {m for source in code(text) for m in re.findall(r"checks\.(\w+)\(", source)}
    assert set(found) == asked
    for name, source in found.items():
        namespace: dict = {}
        exec("import torch\nfrom torch import nn\n" + source, namespace)
        check = getattr(checks, name)
        functions = [v for v in namespace.values() if isinstance(v, FunctionType)]
        verdict = check(*functions[-len(inspect.signature(check).parameters) :])
        assert verdict.status == "right", f"{name}: {verdict}"


@each(CHAPTERS[1:])  # 0 is the map of the course
def test_a_chapter_has_its_anatomy(text):
    words = prose(text).lower()
    for part in ("you will be able to", "predict first", "on the slide", "recap", "quiz", "read next"):
        assert part in words, part


@each(TEXTS)
def test_links_between_notebooks_lead_somewhere(text):
    folder = notebooks.notebook_path(text).parent
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", prose(text)):
        assert (folder / target).exists(), target


@each(TEXTS)
def test_math_is_balanced(text):
    for cell in stored(text).cells:
        if cell.cell_type == "markdown":
            source = re.sub(r"```.*?```", "", cell.source, flags=re.S)
            assert source.count("$$") % 2 == 0
            assert source.replace("$$", "").replace(r"\$", "").count("$") % 2 == 0, cell.source[:80]


def test_html_export_shows_every_picture_with_its_words(tmp_path):
    """The static export (`make html`) keeps the alt text of each stored picture."""
    text = CHAPTERS[-1]
    page = notebooks.to_html(notebooks.notebook_path(text), tmp_path).read_text(encoding="utf-8")
    outputs = [o for c in stored(text).cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert outputs
    for output in outputs:
        assert html.escape(output.metadata["image/png"]["alt"], quote=False) in html.escape(
            html.unescape(page), quote=False
        )
    assert "No description has been provided" not in page


# -- the tool itself ----------------------------------------------------------------------------------------


def test_building_twice_gives_the_same_cells(tmp_path):
    first, second = (notebooks.from_text(TEXTS[0]) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    assert len({c.id for c in first.cells}) == len(first.cells)


def test_edited_notebook_goes_back_to_the_same_text(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "TEXT", tmp_path)
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    for text in TEXTS:
        notebooks.to_text(notebooks.COURSE / text.relative_to(CHAPTERS[0].parent).with_suffix(".ipynb"))
        again = notebooks.from_text(tmp_path / text.relative_to(CHAPTERS[0].parent))
        assert notebooks.sources(again) == notebooks.sources(notebooks.from_text(text))


def make(outputs, source="1 + 1"):
    cell = nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=1)
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (nbformat.v4.new_output("stream", name="stderr", text="warning"), "stderr"),
        (nbformat.v4.new_output("error", ename="E", evalue="", traceback=[]), "error"),
        (nbformat.v4.new_output("stream", name="stdout", text="see " + "/".join(("", "home", "me", "x.py"))), "path"),
        (nbformat.v4.new_output("display_data", data={"image/png": "x"}), "alt text"),
        (nbformat.v4.new_output("display_data", data={notebooks.WIDGET_VIEW: {}}), "widget"),
    ],
)
def test_faults_are_found(output, fault):
    assert any(fault in found for found in notebooks.faults(make([output])))


def test_a_cell_that_did_not_run_is_a_fault():
    nb = make([])
    nb.cells[0].execution_count = None
    assert notebooks.faults(nb) == ["cell 0 was not executed"]


def test_scrubbing_removes_widget_views_and_keeps_the_picture():
    data = {"image/png": "x", "text/plain": "t", notebooks.WIDGET_VIEW: {"model_id": "1"}}
    waiting = {"image/png": {"alt": "a desk"}, notebooks.WAITING: {"model_id": "1"}}
    nb = notebooks.scrub(make([nbformat.v4.new_output("display_data", data=data, metadata=waiting)]))
    assert set(nb.cells[0].outputs[0].data) == {"image/png", "text/plain"}
    assert set(nb.cells[0].outputs[0].metadata) == {"image/png"}


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    """A text of one cell with its notebook, executed."""
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(notebooks, "COURSE", tmp_path)
    monkeypatch.setattr(notebooks, "TEXT", tmp_path / "text")
    text = tmp_path / "text" / "small.md"
    text.parent.mkdir()
    text.write_text("# Small\n\n```{code-cell} ipython3\nprint(6 * 7)\n```\n", encoding="utf-8")
    assert notebooks.build(text) == []
    return text


def test_new_words_keep_the_outputs_and_new_code_does_not(small_course):
    before = stored(small_course)
    words = small_course.read_text(encoding="utf-8")
    small_course.write_text(words.replace("# Small", "# Little"), encoding="utf-8")
    assert not notebooks.in_sync(small_course)
    assert notebooks.build(small_course, run=False) == []
    after = stored(small_course)
    assert notebooks.in_sync(small_course)
    assert after.cells[0].source == "# Little"
    assert after.cells[1].outputs == before.cells[1].outputs
    assert after.metadata == before.metadata
    small_course.write_text(words.replace("6 * 7", "6 + 7"), encoding="utf-8")
    assert notebooks.reworded(small_course) is None
    assert notebooks.build(small_course, run=False) == []
    assert stored(small_course).cells[1].outputs[0].text == "13\n"


def test_a_notebook_that_was_not_executed_keeps_nothing(small_course):
    nb = stored(small_course)
    nb.cells[1].execution_count = None
    nbformat.write(nb, notebooks.notebook_path(small_course))
    assert notebooks.reworded(small_course) is None
