"""Explorers: pictures that follow a slider. Imported on demand, so that the server's module stays light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coursekit.explore.arc import ArcDesk
    from coursekit.explore.components import Components
    from coursekit.explore.controls import Choice, Control, Play, Slider, State, Toggle
    from coursekit.explore.explorer import Explorer, Panel, freeze
    from coursekit.explore.film import Film
    from coursekit.explore.nature import NaturesDesk
    from coursekit.explore.noise import NoiseDesk
    from coursekit.explore.oja import OjaFilm
    from coursekit.explore.paths import PathExplorer

__all__ = [
    "ArcDesk",
    "Choice",
    "Components",
    "Control",
    "Explorer",
    "Film",
    "NaturesDesk",
    "NoiseDesk",
    "OjaFilm",
    "Panel",
    "PathExplorer",
    "Play",
    "Slider",
    "State",
    "Toggle",
    "freeze",
]

_HOME = {
    **dict.fromkeys(("Choice", "Control", "Play", "Slider", "State", "Toggle"), "controls"),
    **dict.fromkeys(("Explorer", "Panel", "freeze"), "explorer"),
    "ArcDesk": "arc",
    "Components": "components",
    "Film": "film",
    "NaturesDesk": "nature",
    "NoiseDesk": "noise",
    "OjaFilm": "oja",
    "PathExplorer": "paths",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'coursekit.explore' has no attribute {name!r}")
    return getattr(import_module(f"coursekit.explore.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
