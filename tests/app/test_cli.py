"""The command `coursekit`: its answers and its exit statuses."""

import os
import subprocess
import sys

import pytest

from coursekit import __version__
from coursekit.app import cli, doctor


def refused(words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(words)
    return stopped.value.code


# the command


def test_version(capsys):
    assert refused(["--version"]) == 0
    assert capsys.readouterr().out == f"coursekit {__version__}\n"


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["doctor", "--nonsense"], ["data", "get"], ["data", "status", "x"]]
)
def test_what_is_not_understood_ends_with_2(words, capsys):
    assert refused(words) == 2
    assert "usage: coursekit" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["lab"], ["data"], ["data", "get"], ["doctor"]])
def test_help(words, capsys):
    assert refused([*words, "--help"]) == 0
    assert "usage: coursekit" in capsys.readouterr().out


def test_answers_before_torch_is_imported():
    """`coursekit lab` starts at once, and the doctor runs where torch does not."""
    code = (
        "import sys; import coursekit.app.cli, coursekit.app.doctor, coursekit.app.server; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_interrupt_is_not_a_traceback(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "examine", interrupted)
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


# lab


@pytest.fixture
def course(tmp_path):
    (tmp_path / "course").mkdir()
    (tmp_path / cli.START).touch()
    return tmp_path


def test_lab_opens_the_first_notebook(course, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for here, project in ((course, elsewhere), (elsewhere, course)):
        extra = cli.lab_extra(["--no-browser"], here, project)
        url = "/lab/tree/course/00_start_here.ipynb"
        assert extra == [f"--ServerApp.root_dir={course}", f"--LabApp.default_url={url}", "--no-browser"]


def test_lab_opens_what_it_is_given(course):
    (course / "mine.ipynb").touch()
    assert cli.lab_extra(["mine.ipynb", "--no-browser"], course, course) == ["mine.ipynb", "--no-browser"]


def test_lab_says_where_it_looked(tmp_path):
    with pytest.raises(FileNotFoundError, match="00_start_here"):
        cli.lab_extra([], tmp_path, tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows starts a child process instead")
def test_lab_becomes_jupyterlab_with_our_settings_and_the_callers(course, monkeypatch):
    started = []
    monkeypatch.setattr(os, "execve", lambda *call: started.append(call))
    monkeypatch.chdir(course)
    cli.main(["lab", "--port", "9999", "--no-browser"])
    ((program, command, environment),) = started
    assert program == command[0] == sys.executable
    assert command[1:3] == ["-m", "jupyterlab"]
    assert command[-3:] == ["--port", "9999", "--no-browser"]
    assert any(word.endswith(cli.START) for word in command)
    assert any("NoDelay" in word for word in command)
    assert "coursekit" in environment["JUPYTER_CONFIG_PATH"]


def test_lab_without_jupyterlab_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "coursekit.app.server", None)
    assert cli.main(["lab"]) == 1
    assert cli.INSTALL in capsys.readouterr().err


# data


@pytest.mark.parametrize("words", [["data"], ["data", "status"]])
def test_data_lists_every_set_and_how_to_get_it(words, data_root, capsys):
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    assert "digits      here" in out
    assert f"mnist       missing {data_root}" in out
    assert "coursekit data get mnist" in out
    assert "horse2zebra missing" in out


def test_data_get_of_what_is_here(data_root, capsys):
    assert cli.main(["data", "get", "digits"]) == 0
    assert "scikit-learn" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [("smiles", "smiles/train/neutral"), ("horse2zebra", "horse2zebra/testB"), ("nonsense", "nonsense")],
)
def test_data_get_of_what_cannot_be_had(name, words, data_root, capsys):
    assert cli.main(["data", "get", name]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
