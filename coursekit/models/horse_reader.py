"""A net that reads off a picture of a horse or zebra what the renderer was told."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.data import horses
from coursekit.models.base import Model, Terms, eval_mode
from coursekit.models.readers import harmed

SIDE = 32
POSE = tuple(name for name in horses.CONTINUOUS if name != "coat")
"""The continuous factors that both animals show, in the order in which they are read."""


class Reading(NamedTuple):
    """What is seen: pose [n, 9] as POSE, coat [n], the chances of facing right and of stripes [n], stripes [n, 3].

    The coat means something for a horse, the stripes (horses.STRIPES) for a zebra.
    """

    pose: Tensor
    coat: Tensor
    right: Tensor
    zebra: Tensor
    stripes: Tensor


class HorseReader(Model):
    """Images [n, 3, 32, 32], or larger ones averaged to that → `Reading`.

    It is trained on horses and zebras alike, blurred by a Gaussian of 0 … `blur` pixels and with noise of standard
    deviation 0 … `noise`, another draw for each image, so that it judges a soft picture by what it shows. The phase
    of stripes is an angle, and is read as a cosine and a sine.
    """

    def __init__(self, channels: int = 32, *, features: int = 128, blur: float = 0.6, noise: float = 0.05) -> None:
        super().__init__()
        half, whole = channels, 2 * channels
        self.trunk = nn.Sequential(
            *_step(3, half, stride=2), *_step(half, half), *_step(half, whole, stride=2), *_step(whole, whole),
            *_step(whole, whole, stride=2), nn.Flatten(), nn.Linear(16 * whole, features), nn.SiLU(),
        )  # fmt: skip
        self.head = nn.Linear(features, len(POSE) + 1 + 2 + 4)
        self.blur, self.noise = blur, noise

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Pose [n, 9], coat [n, 1], the logits of right and of zebra [n, 2], (cos, sin, width, tint) [n, 4].

        Raises ValueError for images that are not square, in colour, of a multiple of 32 pixels.
        """
        side = images.shape[-1]
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] != side or side % SIDE:
            raise ValueError(f"images: want [n, 3, S, S] with S a multiple of 32, got {list(images.shape)}")
        small = F.avg_pool2d(images, side // SIDE)
        return self.head(self.trunk(small)).float().split([len(POSE), 1, 2, 4], 1)

    def loss(self, x: tuple[Tensor, Tensor], *, generator: torch.Generator | None = None) -> Terms:
        """{"loss": squared errors of what can be seen + cross-entropies, "pose", "stripes", "kind"}.

        x is (images, [n, 15]: the eleven factors, three of stripes, 1 for a zebra and 0 for a horse).
        """
        images, wanted = x
        seen = self(harmed(images, self.blur, self.noise, generator=generator))
        zebra, shared = wanted[:, -1], [horses.FACTORS.index(name) for name in POSE]
        pose = (seen[0] - wanted[:, shared]).square().mean()
        coat = (seen[1][:, 0] - wanted[:, horses.FACTORS.index("coat")]).square()
        painted = (seen[3] - _stripes(wanted[:, 11:14])).square().mean(1)
        stripes = (zebra * painted + (1 - zebra) * coat).mean()
        answers = torch.stack([wanted[:, horses.FACTORS.index("facing")] > 0, zebra > 0], 1).float()
        kind = F.binary_cross_entropy_with_logits(seen[2], answers)
        return {"loss": pose + stripes + kind, "pose": pose, "stripes": stripes, "kind": kind}

    @torch.no_grad()
    def read(self, images: Tensor, *, batch_size: int = 500) -> Reading:
        """What is seen on each image; factors lie in [−1, 1], chances in [0, 1]."""
        with eval_mode(self):
            rows = [_reading(self(chunk)) for chunk in images.split(batch_size)]
        return Reading(*(torch.cat(column) for column in zip(*rows, strict=True)))

    @torch.no_grad()
    def features(self, images: Tensor, *, batch_size: int = 500) -> Tensor:
        """The numbers before the last layer, [n, 128], for distances between sets of images."""
        with eval_mode(self):
            small = F.avg_pool2d(images, images.shape[-1] // SIDE)
            return torch.cat([self.trunk(chunk) for chunk in small.split(batch_size)])


def _step(inputs: int, outputs: int, *, stride: int = 1) -> tuple[nn.Module, ...]:
    """A convolution, batch normalisation, SiLU."""
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return conv, nn.BatchNorm2d(outputs), nn.SiLU()


def _stripes(stripes: Tensor) -> Tensor:
    """(phase, width, tint) → (cos π phase, sin π phase, width, tint), [n, 4]."""
    angle = torch.pi * stripes[:, :1]
    return torch.cat([angle.cos(), angle.sin(), stripes[:, 1:]], 1)


def _reading(seen: tuple[Tensor, ...]) -> Reading:
    pose, coat, logits, painted = seen
    phase = torch.atan2(painted[:, 1], painted[:, 0]) / torch.pi
    stripes = torch.cat([phase[:, None], painted[:, 2:].clamp(-1, 1)], 1)
    right, zebra = logits.sigmoid().unbind(1)
    return Reading(pose.clamp(-1, 1), coat[:, 0].clamp(-1, 1), right, zebra, stripes)
