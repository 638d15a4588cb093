"""Fixtures that several test files share: real data sets where there are any, and an empty data folder.

And the order of all tests (order.py).
"""

import signal

import order
import pytest
from real_sets import real_set


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    items[:] = [items[place] for place in order.sort([item.nodeid for item in items])]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return order.scheduler(config, log)


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
