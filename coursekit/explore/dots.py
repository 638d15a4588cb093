"""Generated points while they learn a shape: one picture in the notebook that a training redraws."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from IPython.display import display
from PIL import Image
from torch import Tensor

from coursekit.explore.live import Still
from coursekit.explore.parts.draw import Pen
from coursekit.explore.parts.inks import LIGHT
from coursekit.explore.parts.replay import judged_by, share_of
from coursekit.explore.parts.sheet import PAPER, png
from coursekit.explore.parts.world import World, distances, push_of
from coursekit.models.base import device_of, eval_mode
from coursekit.models.gan import GAN

NOW, STAGE, GAP, HEAD = 484, 225, 16, 34  # sides of the pictures and what is between and above them, in pixels
PUSHED = 40  # points with an arrow


class LiveDots:
    """A training's companion that shows data, generated points and the critic's opinion, now and at earlier stages.

    `LiveDots(model, data)` for a `GAN` of points in the plane and data [n, 2]; give it to `training.fit(...,
    along=[live])`. Blue dots are data, orange ones g(h) for `shown` fixed h, the colour is what the critic says (blue:
    data, orange: generated); arrows, `unit` times −∂L_G/∂x, are the way that a point is told to go. Redrawn every so
    many steps; a notebook keeps one picture, the last, with up to four stages from early on. `latest` is the last.
    Raises ValueError for data that are not [n, 2], a critic that does not score each point, every < 1 or shown < 1.
    """

    def __init__(self, model: GAN, data: Tensor, *, every: int = 25, shown: int = 320, unit: float = 0.1,
                 reach: float | None = None, seed: int = 0) -> None:
        if every < 1 or shown < 1:
            raise ValueError(f"every, shown: want at least 1, got {every}, {shown}")
        if data.ndim != 2 or data.shape[1] != 2 or not len(data):
            raise ValueError(f"data: want [n, 2] with n >= 1, got {list(data.shape)}")
        self.model, self.data, self.every, self.unit = model, data[:shown].float().cpu(), every, unit
        low, high = data.amin(0).tolist(), data.amax(0).tolist()
        far = max(high[0] - low[0], high[1] - low[1]) / 2
        self.world = World(reach or 1.4 * far, ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2))
        self.h = model.prior.draw(shown, like=model, generator=torch.Generator().manual_seed(seed))
        self.stages: list[tuple[int, Image.Image]] = []
        self.distances: dict[int, tuple[float, float]] = {}
        self._handle: Any = None
        self._step = 0
        self._scored(self.data)
        self.latest = self._draw(0)

    def after(self, step: int, terms: Mapping[str, float]) -> None:
        """Redraw if it is time."""
        self._step = step
        if step % self.every == 0 or step == 1:
            self._show(self._draw(step))

    def stop(self, whole: bool) -> None:
        """The last picture, of where the training has ended."""
        if whole and self._handle is not None:
            self._show(self._draw(self._step, fine=True))

    def _show(self, still: Still) -> None:
        self.latest = still
        if self._handle is None:
            self._handle = display(still, display_id=True)
        else:
            self._handle.update(still)

    def _scored(self, x: Tensor) -> Tensor:
        """The critic's scores of points [n, 2], [n]; ValueError if they are not so many."""
        scores = self.model.score(x.to(device_of(self.model))).cpu()
        if len(scores) != len(x):
            raise ValueError(f"model: want a score for each point, got {len(scores)} for {len(x)} points")
        return scores

    def fake(self) -> Tensor:
        """The generated points now: [shown, 2]."""
        return self.model.generate(self.h).detach().float().cpu()

    def push(self, x: Tensor) -> Tensor:
        """−∂L_G/∂x for each point's own share of the generator's loss, [n, 2]."""
        real = self._scored(self.data).mean().detach()

        def loss(place: Tensor) -> Tensor:
            scores = self._scored(place)
            return len(place) * self.model.objective.generator(real.expand_as(scores), scores)

        return push_of(loss, x)

    def picture(self, side: int = NOW) -> Image.Image:
        """Data, generated points and the critic's opinion as they are now."""
        with eval_mode(self.model), torch.no_grad():
            fake, loss = self.fake(), self.model.objective
            real, generated = (float(judged_by(loss, self._scored(x)).mean()) for x in (self.data, fake))
            return Image.fromarray(self.world.draw(
                lambda x: share_of(loss, self._scored(x), (real, generated)), self.data, fake,
                self.unit * self.push(fake[:PUSHED]), side=side,
            ))  # fmt: skip

    def _draw(self, step: int, *, fine: bool = False) -> Still:
        """The picture now and four earlier ones beside it; the first of a step is kept as a stage."""
        now = self.picture()
        sheet = Image.new("RGB", (2 * (NOW + GAP), HEAD + NOW), PAPER)
        pen = Pen(sheet)
        pen.text((0, 6), f"step {step}: data (blue), g(h) (orange)", LIGHT.ink, 19)
        sheet.paste(now, (0, HEAD))
        past = self._past(step)
        for place, (then, small) in enumerate(past):
            left, top = NOW + GAP + (place % 2) * (STAGE + GAP), (place // 2) * (STAGE + HEAD)
            pen.text((left, top + 6), f"step {then}", LIGHT.faint, 17)
            sheet.paste(small, (left, top + HEAD))
        if step not in self.distances and step != 1:  # at step 1 little has happened
            self.stages.append((step, now.resize((STAGE, STAGE), Image.Resampling.LANCZOS)))
        self.distances[step] = distances(self.fake(), self.data)
        wide = NOW + GAP + (2 * STAGE + GAP if past else 0)
        whole = sheet.crop((0, 0, wide, sheet.height))
        words = self._alt(step, [then for then, _ in past])
        return Still(png(whole) if fine else quick(whole), words, round(0.72 * wide))

    def _past(self, step: int) -> list[tuple[int, Image.Image]]:
        """Up to four of the stages before: the first, and others closer together early on, where more happens."""
        before = [stage for stage in self.stages if stage[0] < step]
        if len(before) <= 4:
            return before
        chosen = {round(place) - 1 for place in np.geomspace(1, max(4, 0.6 * len(before)), 4)}
        return [before[i] for i in sorted(chosen)]

    def _alt(self, step: int, past: list[int]) -> str:
        (to_data, to_fake), start = self.distances[step], self.distances[0]
        earlier = f", and at the earlier steps {', '.join(map(str, past))}" if past else ""
        return (
            f"Data as blue dots, generated points as orange dots and the critic’s opinion as colour at step {step}"
            f"{earlier}. From a generated point to the nearest of the data it is now {to_data:.2f} on average, at "
            f"first {start[0]:.2f}; from the data to the nearest generated point {to_fake:.2f}, at first {start[1]:.2f}"
        )


def quick(image: Image.Image) -> bytes:
    """PNG bytes in little time: a picture that will be replaced in a moment."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
