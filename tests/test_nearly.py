"""How the outputs of a notebook are compared: to the letter, and those of a training nearly."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.nearly import TAG, agree
from tools.notebooks import ROOT


@pytest.mark.parametrize(
    ("found", "stored"),
    [
        ("error 0.71 ± 0.03", "error 0.70 ± 0.04"),
        ("48 ± 2 % on the manifold", "46 ± 2 % on the manifold"),
        ("  9.8 nats", " 10.1 nats"),
        ("1,290 of 3,000", "1,300 of 3,000"),
        ("bound −0.1", "bound +0.1"),
        ("3.8e-4", "4.1e-4"),
        ("no number", "no number"),
    ],
)
def test_numbers_of_a_training_may_differ_a_little(found, stored):
    assert agree(found, stored)
    assert agree(stored, found)


@pytest.mark.parametrize(
    ("found", "stored"),
    [
        ("error 0.71", "error 0.81"),
        ("error 0.71", "loss 0.71"),
        ("error 0.71", "error 0.7"),
        ("error 0.71 0.71", "error 0.71"),
        ("3.8e-4", "3.8e-6"),
        ("nan", "0.1"),
        ("46 %", "36 %"),
        ("1,290", "1,690"),
    ],
)
def test_words_and_larger_differences_are_differences(found, stored):
    assert not agree(found, stored)
    assert not agree(stored, found)


CELLS = [  # tags, what is printed, whether nbval should pass it
    ((), "0.71", True), ((), "0.72", False), ((TAG,), "0.72", True), ((TAG,), "0.92", False), ((TAG,), "no", False),
]  # fmt: skip


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What nbval says of each of these cells, all in one notebook, where 0.71 is stored as the output of each."""
    stored = new_output("stream", name="stdout", text="0.71\n")
    cells = [
        new_code_cell(f"print('{printed}')", outputs=[stored], execution_count=1, metadata={"tags": list(tags)})
        for tags, printed, _ in CELLS
    ]
    path = tmp_path_factory.mktemp("nearly") / "small.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.nearly", "--nbval", "--nbval-current-env", "-v", str(path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    found = re.findall(r"::Cell \d+ (PASSED|FAILED)", run.stdout)
    assert len(found) == len(CELLS), run.stdout
    return found


@pytest.mark.parametrize("place", range(len(CELLS)), ids=[f"{tags}-{printed}" for tags, printed, _ in CELLS])
def test_only_tagged_cells_are_compared_nearly(verdicts, place):
    assert verdicts[place] == ("PASSED" if CELLS[place][2] else "FAILED")
