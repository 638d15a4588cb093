"""Explorers: pictures that follow a slider. Imported on demand, so that the server's module stays light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coursekit.explore.arc import ArcDesk
    from coursekit.explore.arithmetic import Arithmetic
    from coursekit.explore.bottleneck import Bottleneck
    from coursekit.explore.bound import BoundDesk
    from coursekit.explore.components import Components
    from coursekit.explore.controls import Choice, Control, Paint, Play, Point, Slider, State, Stops, Toggle
    from coursekit.explore.dimensions import Dimensions
    from coursekit.explore.elbo import ElboDesk
    from coursekit.explore.explorer import Explorer, Panel, freeze
    from coursekit.explore.facedesk import FaceDesk
    from coursekit.explore.features import Features
    from coursekit.explore.field import DenoisingField
    from coursekit.explore.film import Film
    from coursekit.explore.live import LivePlane
    from coursekit.explore.nature import NaturesDesk
    from coursekit.explore.noise import NoiseDesk
    from coursekit.explore.oja import OjaFilm
    from coursekit.explore.paths import PathExplorer
    from coursekit.explore.plane import LatentPlane
    from coursekit.explore.repair import CorruptRepair
    from coursekit.explore.walk import Walk

__all__ = [
    "ArcDesk",
    "Arithmetic",
    "Bottleneck",
    "BoundDesk",
    "Choice",
    "Components",
    "Control",
    "CorruptRepair",
    "DenoisingField",
    "Dimensions",
    "ElboDesk",
    "Explorer",
    "FaceDesk",
    "Features",
    "Film",
    "LatentPlane",
    "LivePlane",
    "NaturesDesk",
    "NoiseDesk",
    "OjaFilm",
    "Paint",
    "Panel",
    "PathExplorer",
    "Play",
    "Point",
    "Slider",
    "State",
    "Stops",
    "Toggle",
    "Walk",
    "freeze",
]

_HOME = {
    **dict.fromkeys(("Choice", "Control", "Paint", "Play", "Point", "Slider", "State", "Stops", "Toggle"), "controls"),
    **dict.fromkeys(("Explorer", "Panel", "freeze"), "explorer"),
    "ArcDesk": "arc",
    "Arithmetic": "arithmetic",
    "Bottleneck": "bottleneck",
    "BoundDesk": "bound",
    "Components": "components",
    "CorruptRepair": "repair",
    "DenoisingField": "field",
    "Dimensions": "dimensions",
    "ElboDesk": "elbo",
    "FaceDesk": "facedesk",
    "Features": "features",
    "Film": "film",
    "LatentPlane": "plane",
    "LivePlane": "live",
    "NaturesDesk": "nature",
    "NoiseDesk": "noise",
    "OjaFilm": "oja",
    "PathExplorer": "paths",
    "Walk": "walk",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'coursekit.explore' has no attribute {name!r}")
    return getattr(import_module(f"coursekit.explore.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
