"""Real data sets, where they are there."""

import os

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
