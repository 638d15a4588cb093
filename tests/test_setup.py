"""The set-up: pyproject, constraints, environment.yml, binder/ and README agree, and repo2docker reads ours."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from coursekit.app.server import SETTINGS, lab_arguments

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
POSIX = pytest.mark.skipif(os.name == "nt", reason="shell scripts: Windows has the plain commands of the README")


def minimums(lines):
    """{'torch': '2.6'} of ['torch>=2.6']."""
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix(">=") for r in parsed}


def needed():
    return minimums([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["lab"]])


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if line and line[0] != "#"]
    assert all(matches), "constraints.txt: every line is name==version or a comment"
    return {canonicalize_name(match[1]): match[2] for match in matches}


def conda(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def conda_minimums(path):
    lines = [line for line in conda(path)["dependencies"] if isinstance(line, str)]
    found = dict(re.fullmatch(r"([\w-]+?)(?:[>=]=?(.*))?", line).groups() for line in lines)
    return {name: least for name, least in found.items() if name not in ("python", "pip", "setuptools")}


# agreement


def test_every_package_is_pinned_at_its_minimum_or_above():
    fixed = pins()
    extras = PROJECT["optional-dependencies"]
    for requirement in map(Requirement, [*PROJECT["dependencies"], *extras["lab"], *extras["test"]]):
        pin = fixed[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin), f"{requirement} and the pin {pin}"


def test_pins_are_sorted_and_unique():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    names = [canonicalize_name(line.split("==")[0]) for line in lines if "==" in line]
    assert names == sorted(set(names))


@pytest.mark.parametrize("versions", ["minimums", "pins"])
def test_torch_and_torchvision_are_a_pair(versions):
    """torchvision 0.(k + 15) is built for torch 2.k."""
    known = needed() if versions == "minimums" else pins()
    torch, vision = (known[name].split(".") for name in ("torch", "torchvision"))
    assert (torch[0], vision[0]) == ("2", "0")
    assert int(vision[1]) == int(torch[1]) + 15


@pytest.mark.parametrize(
    ("path", "torch"), [("environment.yml", "pytorch"), ("binder/environment.yml", "pytorch-cpu")]
)
def test_conda_wants_the_same_packages_in_the_same_minimum_versions(path, torch):
    names = {**CONDA_NAMES, "torch": torch}
    assert conda_minimums(path) == {names.get(name, name): least for name, least in needed().items()}


@pytest.mark.parametrize("path", ["environment.yml", "binder/environment.yml"])
def test_conda_takes_everything_from_one_channel(path):
    """Mixed channels give a torch and a torchvision that do not fit."""
    assert conda(path)["channels"] == ["conda-forge", "nodefaults"]


def test_pythons_agree():
    assert PROJECT["requires-python"] == ">=3.11"
    versions = {c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if "Python :: 3." in c}
    assert versions == {"3.11", "3.12", "3.13"}
    assert "python>=3.11,<3.14" in conda("environment.yml")["dependencies"]
    assert "python=3.12" in conda("binder/environment.yml")["dependencies"]


def test_the_version_is_said_once_more_in_the_package():
    import coursekit

    assert coursekit.__version__ == PROJECT["version"]


def test_readme_names_the_repository_of_pyproject():
    repository = PROJECT["urls"]["Repository"]
    owner_and_name = repository.removeprefix("https://github.com/")
    assert repository in README
    assert f"mybinder.org/v2/gh/{owner_and_name}/" in README
    assert f"colab.research.google.com/github/{owner_and_name}/" in README
    assert set(re.findall(r"github\.com/([\w-]+/[\w-]+)", README)) == {owner_and_name}


def test_readme_has_the_two_commands_in_its_first_screen():
    first = "\n".join(README.splitlines()[:30])
    assert "make lab" in first
    assert "make test" in first


def test_readme_names_only_files_that_exist():
    links = re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


# binder


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory):
    """What repo2docker would build from the files of the checkout (copied: .venv is large)."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("binder", "coursekit", "pyproject.toml", "environment.yml", "constraints.txt", "README.md"):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, copy / name)
    words = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "--user-id=1000", "--user-name=me", "."]
    done = subprocess.run(words, cwd=copy, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@POSIX
def test_binder_builds_from_our_environment(dockerfile):
    assert re.search(r"COPY .*src/binder/environment\.yml", dockerfile)
    assert re.search(r'env update .*--file "binder/environment\.yml"', dockerfile)
    assert 'environment.yml" ' not in dockerfile.replace('binder/environment.yml" ', "")
    assert "requirements.txt" not in dockerfile


@POSIX
def test_binder_runs_our_scripts(dockerfile):
    assert re.search(r"^RUN \./binder/postBuild$", dockerfile, re.MULTILINE)
    assert "binder/start" in dockerfile
    assert all(os.access(ROOT / "binder" / name, os.X_OK) for name in ("postBuild", "start"))


@POSIX
def test_binder_builds_with_our_python(dockerfile):
    assert "py-3.12" in dockerfile.replace("-2d3-2e12", "-3.12").replace("-2epy", ".py")


def test_binders_server_is_set_as_ours():
    """The file that postBuild installs says what `coursekit lab` says on the command line and beside it."""
    settings = json.loads((ROOT / "binder/jupyter_server_config.json").read_text(encoding="utf-8"))
    beside = Path(SETTINGS) / "jupyter_server_config.d/coursekit.json"
    extensions = json.loads(beside.read_text(encoding="utf-8"))["ServerApp"]
    assert settings["ServerApp"].pop("jpserver_extensions") == extensions["jpserver_extensions"]
    flat = {f"--{app}.{key}={value}" for app, traits in settings.items() for key, value in traits.items()}
    assert flat == set(lab_arguments())
    assert "binder/jupyter_server_config.json" in (ROOT / "binder/postBuild").read_text(encoding="utf-8")


@POSIX
@pytest.mark.parametrize(("limit", "threads"), [("1.0", "1"), ("2", "2"), ("0.5", "1"), (None, "2"), ("", "2")])
def test_binder_starts_as_many_threads_as_it_has_cores(limit, threads):
    environment = {"PATH": os.environ["PATH"]} | ({} if limit is None else {"CPU_LIMIT": limit})
    start = ["bash", str(ROOT / "binder/start"), "env"]
    done = subprocess.run(start, env=environment, capture_output=True, text=True, check=True)
    assert f"OMP_NUM_THREADS={threads}\n" in done.stdout
