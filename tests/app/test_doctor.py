"""`coursekit doctor`: what is well, every way in which it is not, and the facts as they are here."""

import sys
import tomllib
from pathlib import Path

import pytest

from coursekit.app import cli, doctor, surroundings
from coursekit.app.doctor import GIB, Finding

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (doctor.python((3, 12, 1)), "ok", "3.12.1"),
        (doctor.python((3, 10, 9)), "error", "3.11"),
        (doctor.vision(None), "ok", "fit"),
        (doctor.vision("operator torchvision::nms does not exist"), "error", "nms"),
        (doctor.device("CUDA, Card 1", nvidia=True), "ok", "Card 1"),
        (doctor.device(None, nvidia=False), "ok", "CPU"),
        (doctor.device(None, nvidia=True), "warning", "CUDA build"),
        (doctor.cores(2), "ok", "2 cores"),
        (doctor.cores(1), "note", "twice"),
        (doctor.memory(8 * GIB, 4 * GIB), "ok", "8.0 GiB, 4.0 GiB free"),
        (doctor.memory(8 * GIB, None), "ok", "8.0 GiB"),
        (doctor.memory(8 * GIB, GIB), "warning", "close other programs"),
        (doctor.memory(GIB, None), "warning", "close other programs"),
        (doctor.memory(None, None), "note", "unknown"),
        (doctor.disk(Path("data"), 20 * GIB), "ok", "20.0 GiB"),
        (doctor.disk(Path("data"), GIB // 2), "warning", "COURSEKIT_DATA"),
        (doctor.disk(Path("data"), None), "note", "unknown"),
        (doctor.jupyter(Path("env"), Path("env")), "ok", "this environment"),
        (doctor.jupyter(Path("other"), Path("env")), "note", "other"),
        (doctor.jupyter(None, Path("env")), "note", "coursekit lab"),
    ],
)
def test_finding(finding, level, words):
    assert finding.level == level
    assert words in f"{finding.what} {finding.remedy}"
    assert bool(finding.remedy) or level in ("ok", "note")


@pytest.mark.parametrize(
    ("version", "optional", "level"),
    [
        ("2.6", False, "ok"), ("2.6.0+cpu", False, "ok"), ("2.12.1", False, "ok"), ("3.0.0a0", False, "ok"),
        ("2.5.1", False, "error"), (None, False, "error"), ("2.5.1", True, "warning"), (None, True, "warning"),
    ],
)  # fmt: skip
def test_a_package_is_there_and_new_enough(version, optional, level):
    loss = {"torch": "what is lost"} if optional else {}
    (finding,) = doctor.packages({"torch": "2.6"}, {"torch": version}, optional=loss)
    assert finding.level == level
    assert (doctor.INSTALL in finding.remedy) == (level != "ok")


def test_without_metadata_coursekit_itself_is_missing():
    (finding,) = doctor.packages({}, {}, optional={})
    assert finding.level == "error"
    assert doctor.INSTALL in finding.remedy


def front_ends(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "package.json").write_text("{}")
    return folder


def test_widgets_in_any_of_the_folders(tmp_path):
    one = front_ends(tmp_path / "one", "anywidget")
    other = front_ends(tmp_path / "other", "@jupyter-widgets/jupyterlab-manager")
    assert [f.level for f in doctor.widgets([one, other], [])] == ["ok", "ok"]
    assert [f.level for f in doctor.widgets([one], [])] == ["warning", "ok"]
    assert all("reload the page" in f.remedy for f in doctor.widgets([], []))


@pytest.mark.parametrize("entry", ["anywidget", "anywidget:plugin"])
def test_a_widget_front_end_that_is_switched_off(tmp_path, entry):
    folder = front_ends(tmp_path, "anywidget", "@jupyter-widgets/jupyterlab-manager")
    manager, anywidget = doctor.widgets([folder], [entry])
    assert manager.level == "ok"
    assert anywidget.level == "warning"
    assert "labextension enable anywidget" in anywidget.remedy


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"disabledExtensions": {"a": true, "b": false}}', ["a"]),
        ('{"disabledExtensions": ["a", "b"]}', ["a", "b"]),
        ("{}", []), ("[]", []), ("not json", []),
    ],
)  # fmt: skip
def test_what_page_config_switches_off(tmp_path, text, names):
    file = tmp_path / "page_config.json"
    file.write_text(text)
    assert surroundings.switched_off(file) == names


def test_page_config_that_is_not_there(tmp_path):
    assert surroundings.switched_off(tmp_path / "page_config.json") == []


def test_data_sets_are_never_an_error():
    entries = [("digits", True, "inside", ""), ("mnist", False, "data/MNIST", "run this")]
    assert doctor.data_sets(entries) == [
        Finding("ok", "data: digits, inside"),
        Finding("note", "data: mnist is not here (only labs need it)", "run this"),
    ]
    assert doctor.data_sets(None)[0].level == "note"


@pytest.mark.parametrize(
    ("levels", "code", "words"),
    [
        (["ok", "note"], 0, "All is well"),
        (["ok", "warning"], 0, "1 to look at"),
        (["warning", "error", "error"], 1, "cannot run yet: 2"),
    ],
)
def test_report_and_exit_status(levels, code, words, monkeypatch, capsys):
    findings = [Finding(level, f"found {i}", f"do {i}") for i, level in enumerate(levels)]
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    assert cli.main(["doctor"]) == code
    out = capsys.readouterr().out
    assert words in out.splitlines()[-1]
    assert all(f.what in out and f.remedy in out for f in findings)
    assert out.isascii()


# the surroundings, as they are here


def test_the_requirements_are_pyprojects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    split = [dict(line.split(">=") for line in lines) for lines in (
        project["dependencies"], project["optional-dependencies"]["lab"]
    )]  # fmt: skip
    assert surroundings.requirements() == tuple(split)


def test_here_the_course_can_run():
    findings = doctor.examine()
    assert [f for f in findings if f.level == "error"] == []
    assert {f"torch {surroundings.versions(['torch'])['torch']}", "widget front end anywidget"} <= {
        f.what for f in findings
    }


def test_a_missing_torch_is_one_finding_not_a_traceback(monkeypatch):
    real = surroundings.versions
    monkeypatch.setattr(surroundings, "versions", lambda names: real(names) | {"torch": None})
    for name in ("torch", "torchvision", "torchvision.ops", "coursekit.data"):
        monkeypatch.setitem(sys.modules, name, None)
    errors = [f.what for f in doctor.examine() if f.level == "error"]
    assert errors == ["torch is missing"]


def test_a_torchvision_that_does_not_load_is_said_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.ops", None)
    problem = surroundings.vision_problem()
    assert problem is not None
    assert "torchvision.ops" in problem
    assert "\n" not in problem


def test_a_missing_package_has_no_version():
    assert surroundings.versions(["no-such-package-at-all"]) == {"no-such-package-at-all": None}


def test_a_containers_limit_counts_if_it_is_lower(monkeypatch):
    limits = {"memory.max": 2 * GIB, "memory.current": GIB}
    monkeypatch.setattr(surroundings, "_memory_of_machine", lambda: (64 * GIB, 60 * GIB))
    monkeypatch.setattr(surroundings, "_number", lambda file: limits[file.name])
    assert surroundings.memory() == (2 * GIB, GIB)
    limits["memory.max"] = None
    assert surroundings.memory() == (64 * GIB, 60 * GIB)


def test_memory_without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    total, available = surroundings.memory()
    assert total is None or total > 2**28
    assert available is None or 0 < available <= total
