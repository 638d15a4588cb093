"""The habits that a tool can hold: ruff, mypy, short functions, no path or registry of one machine in a file."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("coursekit/**/*.py"), *ROOT.glob("tools/*.py")])
LONGEST = 30


def run(*words):
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


def test_ruff():
    done = run(sys.executable, "-m", "ruff", "check", "--output-format=concise", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy():
    done = run(sys.executable, "-m", "mypy")
    assert done.returncode == 0, done.stdout + done.stderr


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_are_short(path):
    """Without its docstring, no function is longer than half a screen."""
    long = {}
    for function in functions(path):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        if lines > LONGEST:
            long[function.name] = lines
    assert not long


def tracked():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and a checkout: which files belong to the project is not known without")
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


REGISTRIES = re.compile(  # written so that this file does not contain what it looks for
    "|".join(re.escape(".".join(parts)) for parts in [
        ("pypi", "org"), ("python" + "hosted", "org"), ("download", "pytorch", "org"), ("anaconda", "org"),
        ("npmjs", "org"), ("npmjs", "com"), ("unpkg", "com"), ("jsdelivr", "net"), ("esm", "sh"),
    ]) + r"|--(extra-)?index" + r"-url|--find" + r"-links"
)  # fmt: skip
MACHINE = re.compile(r"(?<![\w.~$}])/(?:home|root|Users|work|tmp)/[\w.-]+")


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINE], ids=["registry", "machine"])
def test_no_file_names_a_registry_or_a_machines_folder(pattern):
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture or weights
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert not found


def test_the_patterns_find_what_they_are_for():
    assert REGISTRIES.search("https://" + "pypi." + "org/simple")
    assert REGISTRIES.search("pip install --index" + "-url=x")
    assert MACHINE.search("see /ho" + "me/ada/notes")
    assert not MACHINE.search("https://example.com/ho" + "me/ada")
