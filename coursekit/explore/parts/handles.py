"""Points as they stand on a still picture, where no page lays a handle over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageColor

from coursekit.explore.parts.draw import Pen
from coursekit.explore.parts.inks import LIGHT
from coursekit.explore.widget.controls import Control, Point
from coursekit.explore.widget.panel import Panel, Picture

RADII = (10.0, 9.0, 6.5)  # of ring, rim and point in CSS pixels, as in canvas.css


def with_handles(pictures: Sequence[Picture], panels: Sequence[Panel], controls: Sequence[Control],
                 state: Mapping[str, Any]) -> tuple[Picture, ...]:
    """The pictures, those that a `Point` lives on with its handle. The given arrays stay as they are."""
    shown = list(pictures)
    for point in (control for control in controls if isinstance(control, Point)):
        place = point.share(point.check(state.get(point.name, point.value)))
        shown[point.panel] = marked(shown[point.panel], place, panels[point.panel].width, point.colour)
    return tuple(shown)


def marked(picture: Picture, share: tuple[float, float], width: int, colour: str) -> Picture:
    """A picture with a handle at a place given in shares of its sides; `width` is the picture's in CSS pixels."""
    pen = Pen(Image.fromarray(picture).convert("RGB"))
    at = share[0] * picture.shape[1], share[1] * picture.shape[0]
    for radius, fill in zip(RADII, (LIGHT.ink, LIGHT.paper, ImageColor.getrgb(colour)[:3]), strict=True):
        pen.disc(at, radius * picture.shape[1] / width, fill)
    return np.asarray(pen.image)
