"""A plane in which a critic is a colour: data, generated points, and where each of these is pushed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coursekit.explore.parts.draw import Pen, Plane
from coursekit.explore.parts.inks import inks
from coursekit.explore.widget.panel import Picture

BANDS = 16  # shades: their edges are lines of equal D
RIM = 5  # pixels of paper around the field
GRID, FINE_GRID = 41, 81  # places of the field in a row
ARROW = 0.2  # an arrow's longest, as a share of the picture's half
Box = tuple[float, float, float, float]


class World:
    """From numbers of the plane to a picture: a field from orange (0, generated) over paper (½) to blue (1, data).

    `reach`: how far the square goes from the middle `centre`. `draw` wants a function from places [n, 2] to shares [n]
    in 0 … 1, data [n, 2], generated points [m, 2], and for the first k of these an arrow [k, 2] each.
    """

    def __init__(self, reach: float = 1.6, centre: tuple[float, float] = (0.0, 0.0)) -> None:
        x, y = centre
        self.reach, self.centre = reach, centre
        self.box: Box = (x - reach, y - reach, x + reach, y + reach)

    def grid(self, side: int) -> Tensor:
        """Places in rows from the top, [side², 2]."""
        x0, y0, x1, y1 = self.box
        across, down = torch.linspace(x0, x1, side), torch.linspace(y1, y0, side)
        y, x = torch.meshgrid(down, across, indexing="ij")
        return torch.stack([x, y], -1).view(-1, 2)

    def draw(self, share: Callable[[Tensor], Tensor], data: Tensor, fake: Tensor, push: Tensor | None = None, *,
             side: int = 640, fine: bool = True) -> Picture:
        """The picture, uint8 [side, side, 3]; arrows longer than the picture has room for are cut."""
        count = FINE_GRID if fine else GRID
        pen = Pen(self._field(share(self.grid(count)).view(count, count), side))
        plane, ink, unit = Plane(self.box, (side, side), margin=0), inks(), side / 640
        pen.discs([*map(tuple, plane.pixels(data.numpy()))], 3.2 * unit, ink.blue)
        places = plane.pixels(fake.numpy())
        pen.discs([*map(tuple, places)], 4.2 * unit, ink.orange)
        if push is not None:
            starts = places[: len(push)]
            ends = starts + cut(push.numpy() * plane.scale * (1, -1), ARROW * side / 2)
            pen.arrows(starts, ends, ink.ink, 2.2 * unit, 9 * unit)
        return np.asarray(pen.image)

    def _field(self, share: Tensor, side: int) -> Image.Image:
        """The field in bands, with a rim of paper."""
        levels = Image.fromarray(255 * share.clamp(0, 1).numpy())
        smooth = np.asarray(levels.resize((side, side), Image.Resampling.BICUBIC)).clip(0, 255).astype(np.uint8)
        image = Image.new("RGB", (side, side), inks().paper)
        image.paste(Image.fromarray(shades()[smooth[RIM:-RIM, RIM:-RIM]]), (RIM, RIM))
        return image


def shades() -> np.ndarray:
    """The colours of 0, 1/255, … 1 in bands, [256, 3]: orange over paper to blue."""
    paper = np.array(inks().paper, float)
    ends = np.array([inks().pale_orange, inks().pale_blue], float)
    signed = (np.arange(256) * BANDS // 256 + 0.5) / BANDS * 2 - 1
    mixed = paper + np.abs(signed)[:, None] * (ends[(signed > 0).astype(int)] - paper)
    return mixed.round().astype(np.uint8)


def cut(arrows: np.ndarray, longest: float) -> np.ndarray:
    """Arrows [n, 2], none longer than that."""
    length = np.hypot(*arrows.T)[:, None]
    return arrows * np.minimum(1, longest / np.maximum(length, 1e-9))


def push_of(loss: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """−∂L/∂x of each point of its own: the way down a loss that is a sum over points [n, 2] → [n, 2]."""
    with torch.inference_mode(False), torch.enable_grad():
        place = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(loss(place), place)
        return -slope


def distances(fake: Tensor, data: Tensor) -> tuple[float, float]:
    """Mean distances from generated points to the nearest of the data, and from data to the nearest generated one."""
    apart = torch.cdist(fake, data)
    return float(apart.amin(1).mean()), float(apart.amin(0).mean())
