"""Oja's rule as a film: a weight vector that turns into the principal axis while the points pass by."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import Pen, Plane, dots
from coursekit.explore.parts.inks import inks, kept
from coursekit.explore.widget.controls import Play, Slider, State
from coursekit.explore.widget.panel import Panel, Picture
from coursekit.models.linear import PCA, Oja

SCENE, CHART = (440, 340), (280, 340)
UNIT = 0.62  # the unit circle's radius, as a share of half the scene's height


class OjaFilm(Explorer):
    """w ← w + η y (x − y w), y = wᵀx, one point x after the other; autoplays once when it comes into view.

    `points` [n, 2] are centred here and shown in an order drawn with `seed`, again and again if need be; a frame of
    the film is `stride` steps. The arrow is w (the circle is ‖w‖ = 1), the grey line the first principal axis.
    """

    title = "Oja’s rule finds the principal axis"
    alt = (
        "A cloud of points with the weight vector of Oja’s rule as an arrow, early, midway and late: it turns from "
        "across the cloud into the grey line of the first principal axis while the angle falls to nearly zero"
    )
    panels = (
        Panel("the points, w (arrow), the principal axis (grey)", 400, smooth=True),
        Panel("angle between w and the axis", 254, smooth=True),
    )
    sheet_panels = (0,)

    def __init__(self, points: Tensor, *, rate: float = 0.02, frames: int = 121, stride: int = 3,
                 seed: int = 0) -> None:
        super().__init__()
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
            raise ValueError(f"points: want [n, 2] with n >= 2, got {list(points.shape)}")
        self.stride, self.frames = stride, frames
        self.centred = (points - points.mean(0)).double().cpu()
        self.axis = PCA(1).fit(self.centred).components_[0]
        order = torch.Generator().manual_seed(seed)
        passes = -(-frames * stride // len(points))
        self.order = torch.cat([torch.randperm(len(points), generator=order) for _ in range(passes)])
        across = round(math.degrees(math.atan2(float(self.axis[1]), float(self.axis[0]))) + 80)
        self.controls = (
            Play("step", frames=frames, fps=30, autoplay=True, label="film"),
            Slider("rate", low=0.001, high=0.3, value=rate, log=True, label="rate η", help="how far one point moves w"),
            Slider("start", low=-180, high=180, step=1, value=(across + 180) % 360 - 180, label="start (°)",
                   help="the direction of w before the first point"),
        )
        self.path = lru_cache(maxsize=8)(self._path)
        self.scene = Scene(self.centred.numpy(), self.axis.numpy())

    def _path(self, rate: float, start: float) -> np.ndarray:
        """w after every step, [frames · stride, 2]; ends early where it diverges."""
        oja = Oja(1, rate=rate).start(self.centred)
        angle = math.radians(start)
        oja.components_ = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64)
        path = [oja.components_[0]]
        for index in self.order[: (self.frames - 1) * self.stride]:
            try:
                path.append(oja.partial_fit(self.centred[index : index + 1]).components_[0])
            except FloatingPointError:
                break
        return torch.stack(path).numpy()

    def so_far(self, state: State) -> np.ndarray:
        """w from the start to the state's frame, [steps + 1, 2]."""
        return self.path(state["rate"], state["start"])[: state["step"] * self.stride + 1]

    def render(self, state: State, final: bool = True) -> tuple[Picture, ...]:
        whole, past = self.path(state["rate"], state["start"]), self.so_far(state)
        last = self.order[max(0, len(past) - 1 - self.stride) : len(past) - 1]
        return self.scene.draw(past, last.numpy()), chart(angles(whole, self.axis.numpy()), len(past) - 1)

    def readout(self, state: State) -> str:
        past = self.so_far(state)
        if len(past) < state["step"] * self.stride + 1 or not np.isfinite(past[-1]).all():
            return f"diverged after {len(past) - 1} points: the rate {state['rate']:.2g} is too large here"
        w = past[-1]
        off = angles(past[-1:], self.axis.numpy())[0]
        return (
            f"after {len(past) - 1} points: w = ({w[0]:.2f}, {w[1]:.2f}), ‖w‖ = {np.hypot(*w):.2f}, "
            f"{off:.0f}° from the principal axis"
        ).replace("-", "−")

    def contact_states(self) -> list[tuple[str, State]]:
        last = self.frames - 1
        marks = (0, round(last * 0.2), last)
        return [(f"after {step * self.stride} points", self.state(step=step)) for step in marks]


class Scene:
    """The cloud with the unit circle and the axis as ground; w and its way on top."""

    def __init__(self, points: np.ndarray, axis: np.ndarray) -> None:
        self.points, self.axis = points, axis
        reach = 1.05 * float(np.abs(points).max())
        self.plane = Plane((-reach, -reach, reach, reach), SCENE, margin=4)
        self.middle = (SCENE[0] / 2, SCENE[1] / 2)
        self.unit = UNIT * SCENE[1] / 2
        self.ground = kept(self._ground)

    def _ground(self) -> Image.Image:
        colours = np.tile(np.array([inks().pale_blue], dtype=np.uint8), (len(self.points), 1))
        pen = Pen(dots(SCENE, self.plane.pixels(self.points), colours, radius=2.4))
        far = 2 * SCENE[0] * self.axis * (1, -1)
        pen.line([tuple(self.middle - far), tuple(self.middle + far)], inks().faint, 2, 0.9)
        turn = np.linspace(0, 2 * np.pi, 120)
        pen.line([self.place(w) for w in np.stack([np.cos(turn), np.sin(turn)], 1)], inks().open, 1.5)
        return pen.image

    def place(self, w: np.ndarray) -> tuple[float, float]:
        """Where the tip of w is drawn; far-off ones at the edge."""
        x, y = np.clip(np.nan_to_num(w, posinf=9, neginf=-9), -3, 3) * self.unit * (1, -1)
        return self.middle[0] + float(x), self.middle[1] + float(y)

    def draw(self, past: np.ndarray, last: np.ndarray) -> Picture:
        """The scene with w at the end of its way and the points that moved it last."""
        pen, ink = Pen(self.ground().copy()), inks()
        for x, y in self.plane.pixels(self.points[last]):
            pen.disc((x, y), 4.5, ink.blue)
        if len(past) > 1:
            pen.line([self.place(w) for w in past], ink.orange, 2, 0.45)
        pen.arrow(self.middle, self.place(past[-1]), ink.orange, 4, 16)
        pen.disc(self.middle, 3.5, ink.ink)
        return np.asarray(pen.image)


def angles(path: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The angle of each w [n, 2] to the axis (a line, no arrow) in degrees, 0 … 90."""
    along = np.abs(path @ axis) / np.maximum(np.hypot(path[:, 0], path[:, 1]), 1e-12)
    return np.degrees(np.arccos(np.clip(along, 0, 1)))


def chart(degrees: np.ndarray, now: int) -> Picture:
    """The angle against the number of points, the part that has passed in colour."""
    left, top, right, bottom = 40, 16, CHART[0] - 14, CHART[1] - 34
    pen, ink = Pen(Image.new("RGB", CHART, inks().paper)), inks()
    for mark in (0, 30, 60, 90):
        y = bottom - (bottom - top) * mark / 90
        pen.line([(left, y), (right, y)], ink.line, 1)
        pen.text((left - 6, y), f"{mark}°", size=13, anchor="rm")
    pen.text(((left + right) / 2, CHART[1] - 6), "points seen", size=13, anchor="mb")
    xs = left + (right - left) * np.arange(len(degrees)) / max(1, len(degrees) - 1)
    ys = bottom - (bottom - top) * np.nan_to_num(degrees) / 90
    line = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
    pen.line(line, ink.open, 2)
    now = min(now, len(line) - 1)
    if now > 0:
        pen.line(line[: now + 1], ink.orange, 3)
    pen.disc(line[now], 5.5, ink.orange)
    return np.asarray(pen.image)
