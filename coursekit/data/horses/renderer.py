"""From factors to pictures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import torch
from torch import Tensor

from coursekit.data.datasets import Images
from coursekit.data.horses.animal import Animal
from coursekit.data.horses.factors import FACTORS, STRIPES, check, sample_factors, sample_stripes
from coursekit.data.horses.landscape import layers
from coursekit.data.shapes import flatten

LAYER = 2**17  # bytes of one layer of a chunk: an animal has a score of limbs, and caches hold them all


def render(factors: Tensor, size: int = 32, *, stripes: Tensor | None = None) -> Tensor:
    """x = featureMap(h): draw horses, or with stripes [n, 3] the zebras that stand just so in the same landscape.

    `factors` [n, 11] floating, on any device, in the order of FACTORS; returns [n, 3, size, size] in [0, 1], same
    dtype and device. A function of the factors (and stripes) alone, differentiable in all but facing. A zebra does not
    show its coat's colour, and a horse has no stripes; coat, mane, tail and ear have other paints, and outside of the
    animal both pictures are the same to the pixel. Raises ValueError for a wrong shape, a factor outside RANGES (named,
    NaN too) or size < 8, TypeError for factors that are no floating tensor.
    """
    return _in_chunks(factors, size, stripes, _draw, 3)


def silhouette(factors: Tensor, size: int = 32) -> Tensor:
    """How much of each pixel the animal covers, [n, 1, size, size] in [0, 1]. Raises as `render` does."""
    return _in_chunks(factors, size, None, _outline, 1)


def landscape(factors: Tensor, size: int = 32) -> Tensor:
    """The picture without its animal, but with its shadow: [n, 3, size, size]. Raises as `render` does."""
    return _in_chunks(factors, size, None, _draw_ground, 3)


Draw = Callable[[Animal, Tensor | None], Tensor]


def _in_chunks(h: Tensor, size: int, stripes: Tensor | None, draw: Draw, channels: int) -> Tensor:
    check(h, stripes)
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, got {size}")
    if len(h) == 0:
        return h.new_zeros(0, channels, size, size)
    chunk = max(1, LAYER // (size**2 * h.element_size()))
    painted = repeat(None) if stripes is None else stripes.split(chunk)
    return torch.cat([draw(Animal(part, size), paint) for part, paint in zip(h.split(chunk), painted, strict=False)])


def _outline(animal: Animal, _: Tensor | None) -> Tensor:
    return animal.outline.unsqueeze(1)


def _draw_ground(animal: Animal, _: Tensor | None) -> Tensor:
    return flatten(layers(animal))[0].clamp(0, 1)


def _draw(animal: Animal, stripes: Tensor | None) -> Tensor:
    picture, _ = flatten(layers(animal) + animal.layers(stripes))
    return picture.clamp(0, 1)


def horses(n: int, *, size: int = 32, seed: int = 0, device: torch.device | str | None = None) -> Images:
    """A data set of n random horses with their factors [n, 11]; the same seed gives the same horses."""
    h = sample_factors(n, generator=torch.Generator().manual_seed(seed), device=device)
    with torch.no_grad():
        return Images(render(h, size), factors=h, factor_names=FACTORS)


def zebras(n: int, *, size: int = 32, seed: int = 0, device: torch.device | str | None = None) -> Images:
    """A data set of n random zebras with their factors [n, 14], FACTORS and STRIPES.

    Of the same seed they are the counterparts of `horses`: `pairs` gives both.
    """
    g = torch.Generator().manual_seed(seed)
    h = sample_factors(n, generator=g, device=device)
    stripes = sample_stripes(n, generator=g, device=device)
    with torch.no_grad():
        return Images(render(h, size, stripes=stripes), factors=torch.cat([h, stripes], 1),
                      factor_names=FACTORS + STRIPES)  # fmt: skip


def pairs(n: int, *, size: int = 32, seed: int = 0, device: torch.device | str | None = None) -> tuple[Images, Images]:
    """n horses, and for each the zebra that stands just so."""
    return horses(n, size=size, seed=seed, device=device), zebras(n, size=size, seed=seed, device=device)
