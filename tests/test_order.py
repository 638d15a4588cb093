"""Groups of tests that share a process, the longest first (tests/order.py), and the scheduler that deals them out."""

import ast
from pathlib import Path
from types import SimpleNamespace

import order
import pytest

from coursekit import pretrained
from tools import notebooks

ROOT = Path(__file__).parent.parent
NOTEBOOKS = {f"notebook {text.stem}" for text in notebooks.texts()}


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/data/test_toy.py::test_an_arc[1-x]", "tests/data/test_toy.py"),
        ("tests/browser/test_canvas.py::test_it", "browser"),
        ("tests/test_notebooks.py::test_runs_as_stored_in_time[04_vae]", "notebook 04_vae"),
        ("tests/test_notebooks.py::test_cells_are_short[04_vae]", "tests/test_notebooks.py"),
        ("tests/claims/test_claims_faces.py::test_V9_it", "faces"),
        ("tests/pretrained/test_cards.py::test_figures_are_those_of_the_weights[faces_cvae]", "faces"),
        ("tests/pretrained/test_cards.py::test_figures_are_those_of_the_weights[digits_vae_2d]", "mnist"),
        ("tests/pretrained/test_cards.py::test_card_is_complete[faces_cvae]", "tests/pretrained/test_cards.py"),
    ],
)
def test_a_group_is_a_file_or_what_shares_something(test, group):
    assert order.group(test) == group


def functions(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_name_in_the_tables_exists():
    """A renamed file or test would lose its place without a word."""
    assert all((ROOT / path).is_file() for path in order.SHARED)
    special = {"browser", *order.FIGURES.values(), *NOTEBOOKS}
    assert [name for name in order.SECONDS if name not in special and not (ROOT / name).is_file()] == []
    assert any(name.startswith(order.RUNS_A_NOTEBOOK) for name in functions(ROOT / "tests/test_notebooks.py"))
    assert order.MEASURES_A_MODEL in functions(ROOT / "tests/pretrained/test_pretrained.py")
    assert {name.partition("_")[0] for name in pretrained.names()} == set(order.FIGURES)


SMALL = [f"tests/{name}.py::test_{i}" for i in range(2) for name in ("b", "a")]
LONG = ["tests/claims/test_claims_faces.py::test_1", "tests/browser/test_canvas.py::test_1"]
FIGURES = "tests/pretrained/test_pretrained.py::test_figures_are_those_of_the_weights[faces_vae]"
SORTED = [LONG[1], FIGURES, LONG[0], SMALL[0], SMALL[2], SMALL[1], SMALL[3]]


def test_the_longest_groups_come_first_and_all_else_stays_as_it_was():
    tests = [*SMALL, FIGURES, *LONG]
    assert [tests[place] for place in order.sort(tests)] == SORTED
    assert order.sort(SORTED) == list(range(len(SORTED)))


def test_this_run_is_in_that_order(request):
    long = [order.seconds(order.group(item.nodeid)) for item in request.session.items]
    assert long == sorted(long, reverse=True)


class Node:
    """A process that only takes notes of the tests that it is given."""

    def __init__(self):
        self.shutting_down, self.given, self.gateway = False, [], SimpleNamespace(id="")

    def send_runtest_some(self, places):
        self.given += [SORTED[place] for place in places]

    def shutdown(self):
        self.shutting_down = True


def test_groups_are_dealt_out_whole_in_their_order(pytestconfig, monkeypatch):
    pytest.importorskip("xdist")
    monkeypatch.setattr(pytestconfig.option, "tx", ["2*popen"])
    monkeypatch.setattr(pytestconfig.option, "loadscopereorder", True)
    scheduler = pytestconfig.hook.pytest_xdist_make_scheduler(config=pytestconfig, log=None)
    nodes = Node(), Node()
    for node in nodes:
        scheduler.add_node(node)
        scheduler.add_node_collection(node, SORTED)
    scheduler.schedule()
    one, other = (node.given for node in nodes)
    assert one[0] == LONG[1]  # the browser
    assert other[:2] == [FIGURES, LONG[0]]  # both halves of what needs the figures of faces
    for node in nodes:
        for test in node.given:
            scheduler.mark_test_complete(node, SORTED.index(test))
    assert sorted(one + other) == sorted(SORTED)
    assert any({SMALL[0], SMALL[2]} <= set(node.given) for node in nodes)
    assert scheduler.tests_finished
