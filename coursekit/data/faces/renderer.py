"""From factors to pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data.datasets import Images
from coursekit.data.faces import body, features, glasses, hair
from coursekit.data.faces.captions import captions
from coursekit.data.faces.factors import FACTORS, check, sample_factors
from coursekit.data.faces.scene import Scene
from coursekit.data.shapes import Layer, flatten

LAYER = 2**19  # bytes of one layer of a chunk: caches hold many, calls cost little beside it, memory stays small


def render(factors: Tensor, size: int = 32) -> Tensor:
    """Nature's feature map x = featureMap(h): draw faces from their factors.

    `factors` [n, 14] floating, on any device, in the order of FACTORS; returns [n, 3, size, size] in [0, 1], same
    dtype and device. A function of the factors alone, differentiable in all of them. Faces are drawn in chunks
    that fit a cache; the chunks do not touch the result. Raises ValueError for a wrong shape, a factor outside
    RANGES (named, NaN too) or size < 8, TypeError for factors that are no floating tensor.
    """
    check(factors)
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, got {size}")
    if len(factors) == 0:
        return factors.new_zeros(0, 3, size, size)
    chunk = max(1, LAYER // (size**2 * factors.element_size()))
    first = _draw(Scene(factors[:chunk], size))
    if len(first) == len(factors):
        return first
    pictures = first.new_empty(len(factors), *first.shape[1:])  # filled in place, so that all of them exist only once
    pictures[:chunk] = first
    for start in range(chunk, len(factors), chunk):
        pictures[start : start + chunk] = _draw(Scene(factors[start : start + chunk], size))
    return pictures


def _draw(s: Scene) -> Tensor:
    """Everything there is to see, lowest first; small things only inside the window that they need."""
    cap, head = hair.outline(s), body.contour(s)
    picture, _ = flatten(_figure(s, cap, head))
    middle, eyes = s.window(features.MIDDLE_BOX), s.window(features.EYES_BOX)
    picture = middle.lay_over(picture, features.mouth(middle) + features.nose(middle))
    picture = eyes.lay_over(picture, features.eyes(eyes) + features.brows(eyes))
    top, eyewear = s.window(hair.BOX), s.window(glasses.BOX)
    picture = top.lay_over(picture, hair.fringe(top, top.cut(cap), top.cut(head)))
    face = eyewear.cut(head)
    return eyewear.lay_over(picture, glasses.glasses(eyewear, face) + glasses.sunglasses(eyewear, face))


def _figure(s: Scene, cap: Tensor, head: Tensor) -> list[Layer]:
    behind = body.backdrop(s) + hair.behind(s, cap) + body.shoulders(s) + body.ears(s)
    return behind + hair.locks(s) + body.head(s, head) + hair.beard(s)


def faces(n: int, *, size: int = 32, seed: int = 0, device: torch.device | str | None = None) -> Images:
    """A data set of n random faces with their factors and captions; the same seed gives the same faces.

    `.images` float32 [n, 3, size, size], `.factors` [n, 14], `.captions`, `.factor_names` = FACTORS.
    """
    h = sample_factors(n, generator=torch.Generator().manual_seed(seed), device=device)
    with torch.no_grad():
        images = render(h, size)
    return Images(images, factors=h, captions=captions(h), factor_names=FACTORS)
