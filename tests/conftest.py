"""Fixtures that several test files share: real data sets where there are any, and an empty data folder."""

import os
import signal

import pytest

from coursekit import data

HOW = "`COURSEKIT_DATA=<folder of the data sets> make test` runs it"


def real_set(name):
    """The folder of a real data set; skips, with the reason, where it is not there."""
    if not os.environ.get("COURSEKIT_DATA"):
        pytest.skip(f"needs the real data set {name!r} and COURSEKIT_DATA is not set: {HOW}")
    entry = next(entry for entry in data.status() if entry.name == name)
    if not entry.present:
        pytest.skip(f"{entry.where} is not there: {entry.how_to_get}; then {HOW}")
    return entry.where


@pytest.fixture(autouse=True)
def stop_button():
    """Ctrl-C raises KeyboardInterrupt, also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def real_mnist():
    return real_set("mnist")


@pytest.fixture
def real_smiles():
    return real_set("smiles")


@pytest.fixture
def data_root(tmp_path, monkeypatch):
    """An empty folder that COURSEKIT_DATA names for the length of one test."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("COURSEKIT_DATA", str(root))
    return root
