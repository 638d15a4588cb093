"""The plane of two-dimensional codes as a picture: axes, circles of the prior, a coloured dot for each code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from coursekit.explore.parts.draw import Pen, picture, tiled
from coursekit.explore.parts.inks import inks
from coursekit.explore.parts.letters import font

FINE = 2  # dots are drawn so much larger and averaged down
LEFT, BOTTOM, EDGE = 46, 44, 12  # pixels around the plane; letters stand left of it and below
SIZE = 19  # of letters


class CodeMap:
    """A square picture of the plane between `low` and `high` on both axes. ValueError unless low < high."""

    def __init__(self, low: float, high: float, size: int = 600) -> None:
        if not low < high:
            raise ValueError(f"low, high: want low < high, got {low} and {high}")
        self.low, self.high, self.size = low, high, size
        self.scale = (size - LEFT - EDGE) / (high - low)  # pixels for one unit
        self.top = size - BOTTOM - self.scale * (high - low)

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Where (low, high) lie in the picture, in shares of its side: left, top, right, bottom."""
        return LEFT / self.size, self.top / self.size, 1 - EDGE / self.size, 1 - BOTTOM / self.size

    def pixels(self, codes: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
        """Codes [n, 2] → pixels [n, 2]."""
        x, y = np.asarray(codes, float).reshape(-1, 2).T
        return np.stack([LEFT + (x - self.low) * self.scale, self.top + (self.high - y) * self.scale], 1)

    def inside(self, codes: Tensor) -> Tensor:
        """Which codes [n, 2] lie in the plane that is shown: bool [n]."""
        return ((codes >= self.low) & (codes <= self.high)).all(1)

    def grid(self, count: int) -> Tensor:
        """count × count codes at equal steps from −2 to 2, row by row from the top: [count², 2]."""
        steps = torch.linspace(-2, 2, count)
        return torch.stack([steps.repeat(count), steps.flip(0).repeat_interleave(count)], 1)

    def draw(self, codes: Tensor, labels: Tensor | None = None, *, names: Sequence[str] | None = None,
             decoded: Tensor | None = None, spread: Tensor | None = None, most: int | None = None,
             radius: float = 3.4) -> np.ndarray:
        """The plane with codes [n, 2], coloured by labels [n] with a name at each class's middle: uint8 [H, W, 3].

        `decoded`: pictures of `grid` to lie under the codes. `spread` [n, 2]: ellipses of one standard deviation.
        `most`: how many codes get a dot (all if None).
        """
        image = Image.new("RGB", (self.size, self.size), inks().paper)
        if decoded is not None:
            self._lay(image, decoded)
        self._axes(Pen(image))
        large = image.resize((FINE * self.size, FINE * self.size), Image.Resampling.NEAREST)
        seen = self.inside(codes)
        seen[len(codes) if most is None else most :] = False
        classes = torch.zeros(len(codes), dtype=torch.long) if labels is None else labels.long().cpu()
        brush = _Fine(ImageDraw.Draw(large))
        if spread is not None:
            brush.ellipses(self.pixels(codes[seen].cpu().numpy()), spread[seen].cpu().numpy() * self.scale)
        brush.dots(self.pixels(codes[seen].cpu().numpy()), colours(classes[seen.cpu()], labels is None), radius)
        for sigma in (1, 2):
            brush.circle(self.pixels([[0, 0]])[0], sigma * self.scale)
        image = large.reduce(FINE)
        self._words(image, codes.cpu(), None if labels is None else classes, names)
        return np.asarray(image)

    def _lay(self, image: Image.Image, decoded: Tensor) -> None:
        """Pictures [count², C, H, W], each with its middle at its code."""
        count = round(len(decoded) ** 0.5)
        half = 2 + 2 / (count - 1)
        (left, top), (right, bottom) = self.pixels([[-half, half], [half, -half]])
        mosaic = Image.fromarray(picture(tiled(decoded, count, gap=0))).convert("RGB")
        side = round(right - left), round(bottom - top)
        way = Image.Resampling.LANCZOS if mosaic.width > side[0] else Image.Resampling.NEAREST
        laid, paper = mosaic.resize(side, way), Image.new("RGB", side, inks().paper)
        image.paste(Image.blend(laid, paper, 0.33), (round(left), round(top)))  # pale: a ground

    def _axes(self, pen: Pen) -> None:
        edge = self.size - BOTTOM
        step = 1 if self.high - self.low <= 8 else 2
        for mark in range(int(np.ceil(self.low)), int(np.floor(self.high)) + 1, step):
            x, y = self.pixels([[mark, mark]])[0]
            words = f"{mark}".replace("-", "−")
            pen.text((x, edge + 8), words, size=SIZE, anchor="mt")
            pen.text((LEFT - 8, y), words, size=SIZE, anchor="rm")
        draw = ImageDraw.Draw(pen.image)
        draw.rectangle((LEFT, self.top, self.size - EDGE, edge), outline=inks().line, width=2)
        pen.text((self.size - EDGE, self.size - 2), "h₁", inks().ink, SIZE, "rb")
        pen.text((4, self.top), "h₂", inks().ink, SIZE, "lt")

    def _words(self, image: Image.Image, codes: Tensor, classes: Tensor | None, names: Sequence[str] | None) -> None:
        """1σ and 2σ at the circles, and each class's name at the middle of its codes."""
        draw, ink = ImageDraw.Draw(image), inks()
        for sigma in (1, 2):
            x, y = self.pixels([[0, -sigma]])[0]
            draw.text((x, y), f"{sigma}σ", ink.ink, font(SIZE - 2), "mm", stroke_width=4, stroke_fill=ink.paper)
        for label in () if classes is None else classes.unique().tolist():
            middle = codes[classes == label].median(0).values.clamp(self.low, self.high)
            words = str(names[label]) if names else str(label)
            place = tuple(self.pixels(middle.numpy())[0])
            hue = ink.hues[label % len(ink.hues)]
            draw.text(place, words, hue, font(27), "mm", stroke_width=5, stroke_fill=ink.paper)


class _Fine:
    """Strokes on an image that is FINE times too large."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self.draw = draw

    def dots(self, places: np.ndarray, hues: np.ndarray, radius: float) -> None:
        r = FINE * radius
        for (x, y), hue in zip(FINE * places, hues, strict=True):
            self.draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(hue.tolist()), outline=inks().paper)

    def ellipses(self, places: np.ndarray, radii: np.ndarray) -> None:
        for (x, y), (a, b) in zip(FINE * places, FINE * radii, strict=True):
            self.draw.ellipse((x - a, y - b, x + a, y + b), outline=inks().faint, width=1)

    def circle(self, middle: np.ndarray, radius: float) -> None:
        (x, y), r = FINE * middle, FINE * radius
        self.draw.ellipse((x - r, y - r, x + r, y + r), outline=inks().ink, width=3)


def colours(classes: Tensor, one: bool = False) -> np.ndarray:
    """A hue for each class [n] → uint8 [n, 3]; blue for all if they are `one`."""
    hues = np.array([inks().blue] if one else inks().hues, np.uint8)
    return hues[classes.numpy() % len(hues)]
