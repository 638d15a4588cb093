"""A JupyterLab as `make lab` starts it, and a headless Chromium in front of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lab import CHROMIUM_FLAGS, Lab, chromium, running_lab

HOW = "install Chromium (or name it in COURSEKIT_CHROMIUM) and `pip install playwright`, then `pytest tests/browser`"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cells(*code): more cells of the test's notebook")


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
    with running_lab(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def page(browser: Any, lab: Lab) -> Iterator[Any]:
    """A page of its own; the kernels that it has started end with it."""
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    made = context.new_page()
    made.errors = []
    made.on("pageerror", lambda error: made.errors.append(str(error)))
    yield made
    context.close()
    lab.end_kernels()
