"""The arc under the reader's hand: one hidden number, two visible ones."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image

from coursekit.data import toy
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import Pen, Plane
from coursekit.explore.parts.inks import inks, kept
from coursekit.explore.widget.controls import Slider, State
from coursekit.explore.widget.panel import Panel, Picture

SIZE = (560, 400)


class ArcDesk(Explorer):
    """A point x = (1 + off)·(cos h, sin h): `h` moves it along the manifold, `off` away from it.

    The picture shows the arc, its tangent at the nearest point and the way there; the line below gives x₁, x₂ and
    the distance to the arc.
    """

    title = "The arc: one hidden number, two visible ones"
    alt = (
        "A half circle with a point on it and the tangent there, at three places along the arc; in the last picture "
        "the point has left the arc and a line shows the distance to the nearest point"
    )
    controls = (
        Slider(
            "h", low=0.0, high=180.0, step=1.0, value=50.0, label="h (degrees)", help="place along the arc"
        ),
        Slider(
            "off", low=-0.6, high=0.35, step=0.01, value=0.0, label="off the arc", help="0: on the manifold"
        ),
    )
    panels = (Panel("M = 2 numbers, one free direction", 400, smooth=True),)

    def __init__(self) -> None:
        super().__init__()
        self.plane = Plane((-1.45, -0.25, 1.45, 1.45), SIZE, margin=14)
        self.ground = kept(self._ground)

    def _ground(self) -> Image.Image:
        """The axes and the arc."""
        pen, ink = Pen(Image.new("RGB", SIZE, inks().paper)), inks()
        axes = np.array([[-1.4, 0], [1.4, 0], [0, -0.2], [0, 1.4]])
        for start, end in self._pixels(axes).reshape(2, 2, 2):
            pen.line([tuple(start), tuple(end)], ink.faint, 1)
        pen.text(tuple(self._pixels([[1.32, -0.04]])[0]), "x₁", ink.ink, 18, "lt")
        pen.text(tuple(self._pixels([[0.04, 1.42]])[0]), "x₂", ink.ink, 18, "lt")
        curve = toy.arc_points(torch.linspace(0, math.pi, 120)).numpy()
        pen.line([tuple(p) for p in self._pixels(curve)], ink.blue, 4)
        return pen.image

    def _pixels(self, points: object) -> np.ndarray:
        return self.plane.pixels(np.asarray(points, dtype=float))

    def render(self, state: State, final: bool = True) -> Picture:
        angle, radius = math.radians(state["h"]), 1 + state["off"]
        foot = np.array([math.cos(angle), math.sin(angle)])
        tangent = np.array([-foot[1], foot[0]])
        a, b, near, point = map(
            tuple, self._pixels([foot - 0.45 * tangent, foot + 0.45 * tangent, foot, radius * foot])
        )
        pen, ink = Pen(self.ground().copy()), inks()
        pen.line([a, b], ink.faint, 2)
        pen.line([near, point], ink.ink, 2)
        pen.disc(near, 4, ink.ink)
        pen.disc(point, 9, ink.orange)
        return np.asarray(pen.image)

    def readout(self, state: State) -> str:
        point = (1 + state["off"]) * toy.arc_points(torch.tensor([math.radians(state["h"])]))
        x1, x2 = (round(v, 2) + 0.0 for v in point[0].tolist())
        distance = toy.arc_distance(point).item()
        return f"h = {state['h']:.0f}° → x = ({x1:.2f}, {x2:.2f}); distance to the arc {distance:.2f}"

    def contact_states(self) -> list[tuple[str, State]]:
        states = ({"h": 25.0}, {"h": 100.0}, {"h": 100.0, "off": -0.4})
        return [(self.readout(self.state(**s)), self.state(**s)) for s in states]
