"""The rooms of the package: imports go one way, no file stands in a circle, each room says what belongs there."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (  # a room may import its own floor and those above it in this list
    ("data", "metrics"),
    ("models",),
    ("training", "figures", "checks"),
    ("explore", "pretrained"),
    ("app",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
LOBBY = {"__init__", "handing", "heap"}  # files beside the rooms, which any room may import
Arrow = tuple[str, str]


def modules(package: Path) -> dict[str, Path]:
    """{dotted name: file} of a package; a package's face is called by the package's name."""
    names = {}
    for path in sorted(package.rglob("*.py")):
        parts = [package.name, *path.relative_to(package).with_suffix("").parts]
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imported(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that a file imports, anywhere in it: in functions and for types alone too."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            wanted = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in wanted:
            found = next((n for n in (target, target.rpartition(".")[0]) if n in known), None)
            if found and found != name:
                yield found


def arrows(package: Path) -> list[Arrow]:
    known = modules(package)
    return sorted({(name, to) for name, path in known.items() for to in imported(name, path, known)})


def room(name: str) -> str | None:
    parts = name.split(".")
    return None if len(parts) < 2 or parts[1] in LOBBY else parts[1]


def upwards(found: list[Arrow]) -> list[Arrow]:
    """Arrows from a lower floor to a higher one."""
    return [(a, b) for a, b in found if room(a) and room(b) and FLOOR[room(a)] < FLOOR[room(b)]]


def circles(found: list[Arrow]) -> set[frozenset[str]]:
    """The sets of places that reach each other."""
    ahead: dict[str, set[str]] = {}
    for a, b in found:
        ahead.setdefault(a, set()).add(b)

    def reached(start: str) -> set[str]:
        seen, todo = set(), [start]
        while todo:
            for place in ahead.get(todo.pop(), ()):
                if place not in seen:
                    seen.add(place)
                    todo.append(place)
        return seen

    reach = {a: reached(a) for a in ahead}
    return {frozenset(b for b in reach if b in reach[a] and a in reach[b]) for a in reach if a in reach[a]}


def folders(found: list[Arrow]) -> list[Arrow]:
    """The arrows between the folders that the files are in."""
    pairs = {(a.rpartition(".")[0], b.rpartition(".")[0]) for a, b in found}
    return [(a, b) for a, b in pairs if a != b]


PACKAGE = ROOT / "coursekit"


def test_every_folder_of_the_package_is_a_room():
    assert {p.name for p in PACKAGE.iterdir() if (p / "__init__.py").exists()} == set(FLOOR)
    assert {p.stem for p in PACKAGE.glob("*.py")} == LOBBY


def test_no_import_goes_upwards():
    assert upwards(arrows(PACKAGE)) == []


def test_no_file_stands_in_a_circle():
    assert circles(arrows(PACKAGE)) == set()


def test_no_two_rooms_import_each_other():
    between = {(room(a), room(b)) for a, b in arrows(PACKAGE)}
    assert circles([(a, b) for a, b in between if a and b and a != b]) == set()


def test_inside_explore_imports_go_one_way():
    """Explorers draw with the parts, and the parts know the widget; never the other way round."""
    order = ["coursekit.explore.widget", "coursekit.explore.parts", "coursekit.explore"]
    inside = folders([(a, b) for a, b in arrows(PACKAGE) if room(a) == room(b) == "explore"])
    assert inside
    for a, b in inside:
        if a in order and b in order:
            assert order.index(a) > order.index(b), (a, b)


@pytest.fixture
def house(tmp_path):
    """A small house whose imports are as they should be, to be spoilt."""
    files = {
        "__init__": "", "models/__init__": "", "models/vae": "import math\n", "training/__init__": "",
        "training/loop": "from house.models import vae\n", "training/rates": "from . import loop\n",
    }  # fmt: skip
    for name, text in files.items():
        path = tmp_path / "house" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "house"


def test_a_sound_house_passes(house):
    assert ("house.training.loop", "house.models.vae") in arrows(house)
    assert ("house.training.rates", "house.training.loop") in arrows(house)
    assert upwards(arrows(house)) == []
    assert circles(arrows(house)) == set()


@pytest.mark.parametrize(
    "line",
    [
        "from house.training import loop",
        "import house.training.loop",
        "from house.training.loop import fit",
        "from ..training import loop",
        "def late():\n    from house.training.loop import fit\n    return fit",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.training.loop import fit",
    ],
)
def test_an_arrow_upwards_and_the_circle_that_it_makes_are_found(house, line):
    (house / "models" / "vae.py").write_text(line + "\n", encoding="utf-8")
    assert ("house.models.vae", "house.training.loop") in upwards(arrows(house))
    assert circles(arrows(house)) == {frozenset({"house.models.vae", "house.training.loop"})}


@pytest.mark.parametrize("name", sorted(FLOOR))
def test_a_room_says_what_belongs_there_and_hands_on_what_it_names(name):
    face = importlib.import_module(f"coursekit.{name}")
    assert len(face.__doc__.split()) > 10
    for handed in face.__all__:
        assert getattr(face, handed) is not None
    assert dir(face) == sorted(face.__all__)
    with pytest.raises(AttributeError, match=f"coursekit.{name}.*nothing"):
        _ = face.nothing


def test_tests_stand_in_the_rooms_of_what_they_test():
    own = {"claims", "browser", "benchmarks"}
    assert {p.name for p in (ROOT / "tests").iterdir() if p.is_dir() and any(p.glob("*.py"))} <= set(FLOOR) | own
