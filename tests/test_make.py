"""`make lab` and `make test` on a fresh machine, played with a Python whose pip only takes notes."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts: Windows has the README's plain commands")

PIP = """
import os, pathlib, sys
if __name__ == "__main__":
    with open("pip.log", "a") as log:
        print(*sys.argv[1:], file=log)
    sys.exit(int(os.environ.get("PIP_FAILS", 0)))
"""


def script(path, text):
    path.write_text(f"#!/bin/sh\n{textwrap.dedent(text)}", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path):
    """A checkout's set-up files, and a `python3` on the PATH that makes environments with the pip above."""
    for name in ("tools/setup.sh", "pyproject.toml", "constraints.txt", "Makefile", ".ci/run"):
        (tmp_path / "a b" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "a b" / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "pip.py").write_text(PIP, encoding="utf-8")
    python = f"""
        if [ "$1 $2" = "-m venv" ]; then
            "{sys.executable}" -m venv --without-pip --clear .venv && cp ../pip.py .venv/lib/python*/site-packages
        else
            exec "{sys.executable}" "$@"
        fi
        """
    script(tmp_path / "bin/python3", python)
    script(tmp_path / "bin/python9.9", "[ $2 = 'import sys; sys.exit(sys.version_info < (3, 11))' ] || echo 9.9")
    script(tmp_path / "bin/python3.6", 'case "$2" in *exit*) exit 1;; *) echo 3.6;; esac')
    return tmp_path / "a b"


def set_up(project, what="lab", **environment):
    path = f"{project.parent / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
    words = ["sh", "tools/setup.sh", what]
    env = {"PATH": path, "HOME": str(project.parent), **environment}
    return subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=False)


def installations(project):
    log = project / "pip.log"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def test_the_first_run_installs_the_pinned_set_and_the_second_nothing(project):
    assert set_up(project).returncode == 0
    assert installations(project) == ["install -c constraints.txt -e .[lab]"]
    second = set_up(project)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert len(installations(project)) == 1


def test_the_tests_set_up_serves_the_lab_too(project):
    assert set_up(project, "test").returncode == set_up(project, "lab").returncode == 0
    assert installations(project) == ["install -c constraints.txt -e .[lab,test]"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_file_is_installed_again(project, name):
    set_up(project)
    with (project / name).open("a") as file:
        file.write("# changed\n")
    set_up(project)
    assert len(installations(project)) == 2


def test_a_broken_off_installation_is_taken_up_again(project):
    failed = set_up(project, PIP_FAILS="1")
    assert failed.returncode == 1
    assert "takes it up again" in failed.stderr
    assert not list((project / ".venv").glob(".ready*"))
    assert set_up(project).returncode == 0
    assert len(installations(project)) == 2


def test_a_half_unpacked_package_makes_the_environment_anew(project):
    set_up(project)
    (site,) = (project / ".venv/lib").glob("python*/site-packages")
    (site / "torch-2.0.dist-info").mkdir()
    (site / "torch-2.0.dist-info/METADATA").write_text("Name: torch\nVersion: 2.0\n")  # and no RECORD
    (next((project / ".venv").glob(".ready-lab*"))).unlink()
    assert "Making .venv" in set_up(project).stderr
    assert not (site / "torch-2.0.dist-info").exists()


def test_a_moved_checkout_makes_the_environment_anew(project):
    set_up(project)
    moved = project.rename(project.parent / "elsewhere")
    assert "Making .venv" in set_up(moved).stderr
    assert len(installations(moved)) == 2


def test_an_old_python_is_refused_by_name(project):
    refused = set_up(project, PYTHON="python3.6")
    assert refused.returncode == 1
    assert "needs Python 3.11 or newer; python3.6 is 3.6" in refused.stderr
    assert not (project / ".venv").exists()


def test_a_missing_python_is_said_to_be_missing(project):
    refused = set_up(project, PYTHON="python3.99")
    assert refused.returncode == 1
    assert "python3.99 is not there" in refused.stderr


def test_another_python_does_not_overwrite_an_environment(project):
    set_up(project)
    refused = set_up(project, PYTHON="python9.9")
    assert refused.returncode == 1
    assert "not with python9.9. `make clean` removes it" in refused.stderr
    assert set_up(project, PYTHON="python3").returncode == 0


def test_every_target_is_explained_and_phony():
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    (phony,) = (line.split()[1:] for line in lines if line.startswith(".PHONY"))
    explained = [line.split(":")[0] for line in lines if "##" in line and line[0].isalpha()]
    assert sorted(phony) == sorted(explained)
    assert {"lab", "test", "notebooks", "bench", "clean", "help"} <= set(phony)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_two_processes_share_the_tests_but_for_those_that_measure_time_and_each_half_names_its_slowest():
    words = ["make", "--dry-run", "test", "WORKERS=3", "PYTEST_ARGS=-k faces --durations=0"]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shared, alone = (line.partition("-m pytest ")[2] for line in said.splitlines() if "-m pytest" in line)
    assert shared.startswith('-m "not alone" -n 3 ')
    assert alone.startswith("-m alone ")
    assert "-n " not in alone
    for half in (shared, alone):
        assert half.index("--durations=10") < half.index("-k faces --durations=0")  # the last word is the user's


@pytest.mark.parametrize("status", [0, 2])
def test_ci_provides_the_data_and_ends_with_makes_exit_status(project, status):
    (project.parent / "shared/data").mkdir(parents=True)
    tools = project.parent / "bin"
    script(tools / "make", f'echo "$@" "$CI" "$COURSEKIT_DATA"; exit {status}')
    script(tools / "chromium", "")
    env = {"PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    words = ["bash", str(project / ".ci/run")]
    done = subprocess.run(words, env=env, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert done.stdout == f"--no-print-directory test true {project.parent / 'shared/data'}\n"
    assert os.access(ROOT / ".ci/run", os.X_OK)
