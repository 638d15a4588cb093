"""Where real data is kept, and how it gets there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

VARIABLE = "COURSEKIT_DATA"


def data_folder() -> Path:
    """The folder of real data sets: $COURSEKIT_DATA, or `data` in the user's cache folder for coursekit.

    A relative $COURSEKIT_DATA counts from the current folder. The default folder need not exist yet.
    Raises FileNotFoundError or NotADirectoryError if $COURSEKIT_DATA names no folder.
    """
    folder = wanted_folder()
    if not os.environ.get(VARIABLE):
        return folder
    advice = f"make that folder, or set {VARIABLE} to another one, or unset it"
    if not folder.exists():
        raise FileNotFoundError(f"{VARIABLE} names {folder}, which does not exist: {advice}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{VARIABLE} names {folder}, which is not a folder: {advice}")
    return folder


def wanted_folder() -> Path:
    """The folder that `data_folder` speaks of, whether it is there or not."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_cache_dir("coursekit")) / "data"


def writable(folder: Path) -> Path:
    """The folder, made if need be. Raises OSError, naming it and its variable, if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = f"set {VARIABLE} to a folder that you own"
        raise OSError(f"cannot write to {folder} ({error.strerror or error}): {advice}") from error
    return folder


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """A temporary folder inside `folder`, gone at the end: what is finished moves out by `os.replace`."""
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=writable(folder)) as name:
        yield Path(name)
