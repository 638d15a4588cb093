"""Drawing with numpy and Pillow alone: pyplot keeps global state, which a slider's thread must not touch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import font

FINE = 2  # overlays are drawn so much larger and averaged down: smooth edges

Point = tuple[float, float]


def picture(image: Tensor) -> np.ndarray:
    """An image tensor [C, H, W] or [H, W] in [0, 1] (clipped) → uint8 [H, W, 3] or [H, W]."""
    array = (image.detach().float().clamp(0, 1) * 255).round().byte().cpu().numpy()
    if array.ndim == 2:
        return array
    return array[0] if array.shape[0] == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))


def diverging(signed: Tensor, span: float = 1.0) -> np.ndarray:
    """Signed numbers [H, W] → uint8 [H, W, 3]: −span blue, 0 nearly the paper, +span orange."""
    share = (signed.detach().float() / span).clamp(-1, 1).cpu().numpy()[..., None]  # [H, W, 1]
    zero = np.array(inks().nothing, float)
    mixed = zero + np.abs(share) ** 0.7 * (np.where(share > 0, inks().orange, inks().blue) - zero)
    return mixed.round().astype(np.uint8)


def tiled(images: Tensor, columns: int, gap: int = 1) -> Tensor:
    """Images [n, C, H, W] → one image [C, rows·(H + gap) − gap, columns·(W + gap) − gap], with rules between them."""
    n, channels, height, width = images.shape
    rows = -(-n // columns)
    size = channels, rows * (height + gap) - gap, columns * (width + gap) - gap
    out = images.new_full(size, inks().between)
    for i, image in enumerate(images):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        out[:, top : top + height, left : left + width] = image
    return out


class Pen:
    """Smooth strokes on an RGB image, in its pixel coordinates."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image

    def _stamp(self, colour: Sequence[int], opacity: float, draw: str, *args: object, **options: object) -> None:
        width, height = self.image.size
        mask = Image.new("L", (width * FINE, height * FINE))
        getattr(ImageDraw.Draw(mask), draw)(*args, fill=round(255 * opacity), **options)
        self.image.paste(tuple(colour), (0, 0), mask.reduce(FINE))

    def line(self, points: Sequence[Point], colour: Sequence[int], width: float = 2, opacity: float = 1.0) -> None:
        """A line through points."""
        scaled = [(x * FINE, y * FINE) for x, y in points]
        self._stamp(colour, opacity, "line", scaled, width=round(width * FINE), joint="curve")

    def disc(self, at: Point, radius: float, colour: Sequence[int], opacity: float = 1.0) -> None:
        """A filled circle."""
        x, y = at[0] * FINE, at[1] * FINE
        r = radius * FINE
        self._stamp(colour, opacity, "ellipse", (x - r, y - r, x + r, y + r))

    def discs(self, places: Sequence[Point], radius: float, colour: Sequence[int]) -> None:
        """Many filled circles in one stroke."""
        mask = Image.new("L", (self.image.width * FINE, self.image.height * FINE))
        draw, r = ImageDraw.Draw(mask), radius * FINE
        for x, y in places:
            draw.ellipse((x * FINE - r, y * FINE - r, x * FINE + r, y * FINE + r), fill=255)
        self.image.paste(tuple(colour), (0, 0), mask.reduce(FINE))

    def arrow(self, start: Point, end: Point, colour: Sequence[int], width: float = 3, head: float = 12) -> None:
        """A line with a filled head."""
        along = np.subtract(end, start)
        length = float(np.hypot(*along))
        if length < 1e-6:
            return
        unit = along / length
        across = np.array([-unit[1], unit[0]])
        neck = np.array(end) - min(head, length) * unit
        corners = [tuple(FINE * p) for p in (np.array(end), neck + head * 0.45 * across, neck - head * 0.45 * across)]
        self.line([start, (neck[0], neck[1])], colour, width)
        self._stamp(colour, 1.0, "polygon", corners)

    def arrows(self, starts: np.ndarray, ends: np.ndarray, colour: Sequence[int], width: float = 2,
               head: float = 6) -> None:
        """Many arrows, [n, 2] → [n, 2], in one stroke: a field. Those without length are left out."""
        mask = Image.new("L", (self.image.width * FINE, self.image.height * FINE))
        draw = ImageDraw.Draw(mask)
        for start, end in zip(starts * FINE, ends * FINE, strict=True):
            along = end - start
            length = float(np.hypot(*along))
            if length < FINE:
                continue
            tip = min(head * FINE, length) * along / length
            side = 0.5 * np.array([-tip[1], tip[0]])
            draw.line([*start, *(end - tip)], fill=255, width=round(width * FINE))
            draw.polygon([tuple(p) for p in (end, end - tip + side, end - tip - side)], fill=255)
        self.image.paste(tuple(colour), (0, 0), mask.reduce(FINE))

    def text(self, at: Point, words: str, colour: Sequence[int] | None = None, size: int = 13,
             anchor: str = "la") -> None:
        """A line of text, in the background unless it has a colour."""
        ImageDraw.Draw(self.image).text(at, words, tuple(colour or inks().words), font(size), anchor=anchor)


def dots(size: tuple[int, int], points: np.ndarray, colours: np.ndarray, radius: float) -> Image.Image:
    """Many small discs on paper: points [n, 2] in pixels, colours uint8 [n, 3]."""
    fine = 3
    image = Image.new("RGB", (size[0] * fine, size[1] * fine), inks().paper)
    draw = ImageDraw.Draw(image)
    r = radius * fine
    for (x, y), colour in zip(points * fine, colours, strict=True):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(int(c) for c in colour))
    return image.resize(size, Image.Resampling.LANCZOS)


class Plane:
    """From coordinates of a plane to pixels of a picture: the box (x0, y0, x1, y1), y upwards, equal scales."""

    def __init__(self, box: tuple[float, float, float, float], size: tuple[int, int], margin: int = 16) -> None:
        x0, y0, x1, y1 = box
        self.size = size
        self.scale = min((size[0] - 2 * margin) / (x1 - x0), (size[1] - 2 * margin) / (y1 - y0))
        self.centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Points [n, 2] → pixels [n, 2]."""
        return np.array(self.size) / 2 + (np.asarray(points) - self.centre) * self.scale * np.array([1, -1])
