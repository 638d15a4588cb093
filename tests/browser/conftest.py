"""A JupyterLab as `make lab` starts it, and a headless Chromium in front of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lab import CHROMIUM_FLAGS, Lab, chromium, running_lab
from pages import SharedPage, new_page, warm_kernels

HOW = "install Chromium (or name it in COURSEKIT_CHROMIUM) and `pip install playwright`, then `pytest tests/browser`"
PASSED = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cells(*code): more cells of the test's notebook")
    config.addinivalue_line("markers", "own_page: the test changes the page itself, or needs none of JupyterLab")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note whether the test itself has passed: a page is used again only then."""
    report = yield
    item.stash[PASSED] = report.passed and item.stash.get(PASSED, True)
    return report


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason=f"needs playwright: {HOW}")
    path = chromium()
    if path is None:
        pytest.skip(f"needs Chromium: {HOW}")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Lab]:
    """A server whose notebooks get kernels that are born warm, unless they ask for lab.COLD."""
    folder = tmp_path_factory.mktemp("lab")
    with warm_kernels(folder / "home") as kernel, running_lab(folder) as server:
        server.kernel = kernel
        yield server


@pytest.fixture(scope="session")
def shared(browser: Any, lab: Lab) -> Iterator[SharedPage]:
    made = SharedPage(browser, lab)
    yield made
    made.close()


@pytest.fixture
def page(shared: SharedPage, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page that tests use in turn, proved to be empty; one that is new for a test marked `own_page`.

    The kernels that were started meanwhile end with the test.
    """
    if request.node.get_closest_marker("own_page") is None:
        made = shared.take()
        yield made
        shared.give_back(made, request.node.stash.get(PASSED, False))
    else:
        made = new_page(shared.browser)
        yield made
        made.context.close()
        shared.lab.end_kernels()
