"""How a room hands on what stands in its files: each is imported when it is first asked for."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

Handing = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def hands_on(room: str, files: Mapping[str, Collection[str]]) -> Handing:
    """`__getattr__`, `__dir__` and `__all__` of a package, from the names that each of its files gives it (PEP 562).

        __getattr__, __dir__, __all__ = hands_on(__name__, {"rates": ["cosine"], "loop": ["fit", "steps"]})

    The files are handed on too, as modules. A file elsewhere is called by its whole name ("coursekit.models.base").
    """
    homes = {name: file if "." in file else f"{room}.{file}" for file, names in files.items() for name in names}
    modules = {file: f"{room}.{file}" for file in files if "." not in file}

    def get(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        if name in modules:
            return import_module(modules[name])
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    known = sorted({*homes, *modules})
    return get, known.copy, known
