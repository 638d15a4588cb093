"""The plane of codes while a model learns: one picture in the notebook that a training redraws."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from IPython.display import display
from PIL import Image
from torch import Tensor, nn

from coursekit.explore.parts.checked import check_codes
from coursekit.explore.parts.codemap import CodeMap
from coursekit.explore.parts.draw import Pen, picture, tiled
from coursekit.explore.parts.inks import LIGHT
from coursekit.explore.parts.sheet import enlarge, png
from coursekit.models.base import device_of, eval_mode

MAP, STAGE, STAGES = 480, 208, 4  # sides in pixels, and how many earlier stages stand below
GAP, HEAD = 16, 34
WIDE = 2 * MAP + GAP
PAPER = (255, 255, 255)


class Still:
    """A PNG with its alt text, as a notebook shows and stores it."""

    def __init__(self, data: bytes, alt: str, width: int) -> None:
        self.data, self.alt, self.width = data, alt, width

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        bundle = {"image/png": base64.b64encode(self.data).decode(), "text/plain": repr(self)}
        return bundle, {"image/png": {"alt": self.alt, "width": self.width}, "alt": self.alt}

    def __repr__(self) -> str:
        return f"Picture: {self.alt}"


class LivePlane:
    """A training's companion that shows where pictures lie in the plane of codes, now and at earlier stages.

    `LivePlane(vae, x, labels)` with pictures x [n, C, H, W] and their classes [n]; give it to `training.fit(...,
    along=[live])`. `model.encode(x)` gives codes [n, 2] or a distribution with such a mean, `model(x)` the
    reconstructions. Redrawn every so many steps; `shown` pictures stand above their reconstructions. In a notebook it
    keeps one picture, the last, with up to four stages from early on; elsewhere it draws nothing. `latest` is the last.
    Raises ValueError for codes that are not [n, 2] and for every < 1 or shown < 1.
    """

    def __init__(self, model: nn.Module, x: Tensor, labels: Tensor | None = None, *, every: int = 50, shown: int = 6,
                 low: float = -3.0, high: float = 3.0, most: int = 600) -> None:
        if every < 1 or shown < 1:
            raise ValueError(f"every, shown: want at least 1, got {every}, {shown}")
        self.model, self.x, self.labels, self.every = model, x, labels, every
        self.shown, self.most, self.map = shown, most, CodeMap(low, high, MAP)
        self.alt = (
            f"The plane of codes during training, now and at earlier stages: the codes of {len(x):,} pictures"
            + ("" if labels is None else ", coloured by class")
            + f", spread out from their beginning; beside it {min(shown, len(x))} pictures over their reconstructions"
        )
        self.stages: list[tuple[int, Image.Image]] = []  # the steps and small maps so far
        self._handle: Any = None
        check_codes(self.codes(), labels)
        self.latest = self._drawn(0)

    def after(self, step: int, terms: Mapping[str, float]) -> None:
        """Redraw if it is time."""
        if step % self.every and step != 1:
            return
        self.latest = self._drawn(step)
        if self._handle is None:
            self._handle = display(self.latest, display_id=True)
        else:
            self._handle.update(self.latest)

    @torch.no_grad()
    def codes(self) -> Tensor:
        """The codes of all pictures now: [n, 2]."""
        with eval_mode(self.model):
            q = self.model.encode(self.x.to(device_of(self.model)))  # type: ignore[operator]
        return (q if isinstance(q, Tensor) else q.mean).float()

    def _drawn(self, step: int) -> Still:
        now = Image.fromarray(self.map.draw(self.codes(), self.labels, most=self.most, radius=2.8))
        sheet = Image.new("RGB", (WIDE, HEAD + MAP + HEAD + STAGE), PAPER)
        pen = Pen(sheet)
        pen.text((0, 6), f"step {step}", LIGHT.ink, 19)
        sheet.paste(now, (0, HEAD))
        self._rebuilt(pen, MAP + GAP)
        past = self._past()
        for column, (then, small) in enumerate(past):
            left = column * (WIDE - STAGE) // (STAGES - 1)
            pen.text((left, HEAD + MAP + 9), f"step {then}", LIGHT.faint, 17)
            sheet.paste(small, (left, 2 * HEAD + MAP))
        if step:
            self.stages.append((step, now.resize((STAGE, STAGE), Image.Resampling.LANCZOS)))
        height = sheet.height if past else HEAD + MAP
        return Still(png(sheet.crop((0, 0, WIDE, height))), self.alt, round(0.72 * WIDE))

    def _past(self) -> list[tuple[int, Image.Image]]:
        """Up to four of the stages so far, closer together early on, where more happens."""
        if len(self.stages) <= STAGES:
            return self.stages.copy()
        chosen = {round(place) - 1 for place in np.geomspace(1, max(STAGES, 0.6 * len(self.stages)), STAGES)}
        return [self.stages[i] for i in sorted(chosen)]

    def _rebuilt(self, pen: Pen, left: int) -> None:
        """Pictures above their reconstructions, in as many columns as there is room for."""
        x = self.x[: self.shown]
        with torch.no_grad(), eval_mode(self.model):
            pairs = torch.stack([x, self.model(x.to(device_of(self.model))).to(x)], 1)  # [shown, 2, C, H, W]
        columns = min(3, len(x))
        rows = [chunk.transpose(0, 1).flatten(0, 1) for chunk in pairs.split(columns)]
        side = (MAP - HEAD * len(rows)) // (2 * len(rows))
        for row, images in enumerate(rows):
            block = tiled(images.cpu(), len(images) // 2)
            top = HEAD + row * (2 * side + HEAD)
            wide = side * len(images) // 2 * images.shape[-1] // images.shape[-2]
            pen.image.paste(enlarge(picture(block), wide, smooth=False), (left, top))
            if row == 0:
                pen.text((left, 6), "pictures x, and below each its reconstruction", LIGHT.ink, 19)
