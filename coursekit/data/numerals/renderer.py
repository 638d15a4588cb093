"""From a class and factors to pictures: the pen's path, the hand, MNIST's framing, ink.

MNIST's digits fill a box of 20×20 pixels with their longer side, their centre of mass in the middle of 28×28 (LeCun,
Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition*, 1998). So do these.
"""

from __future__ import annotations

import torch
from torch import Tensor

from coursekit.data.datasets import Images
from coursekit.data.numerals.factors import FACTORS, HAND, WAY, check, check_labels, sample_factors
from coursekit.data.numerals.strokes import SEGMENTS, table
from coursekit.data.numerals.ways import WAYS

SIDE, BOX = 28.0, 20.0  # pixels of a picture's side, and of the longer side of what is written, as in MNIST
PEN = 1.35  # pixels: the usual pen's radius
EDGE = 1.3  # pixels over which ink fades out, half of them beyond the pen's radius
NUMBERS = {"cpu": 3 * 2**17}  # in the largest tensor of a chunk: on a CPU it should fit a cache; the heap keeps it
FIRST = [sum(len(WAYS[label]) for label in range(digit)) for digit in range(10)]  # rows of the table of ways


def render(labels: Tensor, factors: Tensor, size: int = 28) -> Tensor:
    """Nature's feature map x = featureMap(class, h): write numerals, white on black.

    labels [n], whole numbers from 0 to 9; factors [n, 20] floating, in the order of FACTORS, on the labels' device;
    returns [n, 1, size, size] in [0, 1], of the factors' dtype. A function of its arguments alone, differentiable in
    all factors but `way`. Raises what `check` raises, and ValueError for size < 8.
    """
    check(labels, factors)
    if size < 8:
        raise ValueError(f"size must be at least 8 pixels, got {size}")
    chunk = max(1, NUMBERS.get(factors.device.type, 2**25) // (SEGMENTS * size**2))
    pictures = factors.new_empty(len(factors), 1, size, size)  # filled in place: small pieces would scatter the heap
    for start in range(0, len(factors), chunk):
        part = slice(start, start + chunk)
        pictures[part] = ink(*written(labels[part], factors[part]), size)
    return pictures


def written(labels: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """The pen's path in pixels of 28: the ends of its segments, [n, SEGMENTS, 2 (ends), 2 (x, y)], and its radius [n].

    The path is made wider, slanted and turned, then scaled and shifted until it is framed as in MNIST. Labels and
    factors as `render` takes them, unchecked.
    """
    slant, width, pen, zoom, turn, right, down = h[:, : len(HAND), None, None].unbind(1)
    x, y = _ways(labels, h).unbind(-1)  # [n, SEGMENTS, 2]
    x = x * 2 ** (0.6 * width) - 0.7 * slant * y
    cos, sin = (0.25 * turn).cos(), (0.25 * turn).sin()
    x, y = x * cos - y * sin, x * sin + y * cos
    radius = PEN * 2 ** (0.9 * pen)
    scale = (BOX * 2 ** (0.25 * zoom) - 2 * radius) / torch.maximum(_extent(x), _extent(y))
    x, y = x * scale, y * scale
    share = _lengths(x, y)
    share = share / share.sum(1, keepdim=True)  # of the ink, which lies evenly along the path
    x, y = (z - (share * z.mean(2)).sum(1)[:, None, None] + SIDE / 2 for z in (x, y))
    return torch.stack([x + 3 * right, y + 3 * down], -1), radius[:, 0, 0]


def _ways(labels: Tensor, h: Tensor) -> Tensor:
    """Each numeral's segments as its hand goes, in units of its height, around 0: the way, its bends and the drift."""
    known = table().to(h)
    row = torch.tensor(FIRST, device=h.device)[labels] + h[:, WAY].detach().long()
    amounts = torch.cat([h.new_ones(len(h), 1), h[:, WAY + 1 :]], 1)  # [n, TERMS]
    return torch.einsum("nt,ntx->nx", amounts, known[row].flatten(2)).unflatten(1, known.shape[2:]) - 0.5


def _extent(z: Tensor) -> Tensor:
    return z.amax((1, 2), keepdim=True) - z.amin((1, 2), keepdim=True)


def _lengths(x: Tensor, y: Tensor) -> Tensor:
    """The segments' lengths [n, SEGMENTS]; a hair more than 0 where both ends are one."""
    return ((x[..., 1] - x[..., 0]).square() + (y[..., 1] - y[..., 0]).square() + 1e-6).sqrt()


def ink(ends: Tensor, radius: Tensor, size: int) -> Tensor:
    """Pictures [n, 1, size, size] of segments [n, SEGMENTS, 2, 2]: 3s² − 2s³ for s = (r − d)/EDGE + ½ in [0, 1].

    d is a pixel's distance to the nearest segment, r the pen's radius [n]: ink is 1 well within it, ½ at r, 0 beyond.
    The distance to a segment of length l, direction e and middle m is √((|(p − m)·e| − l/2)₊² + ((p − m)×e)²). Both
    products are a number for the row plus one for the column, so a pixel costs few operations for each segment.
    """
    x, y = ends.unbind(-1)  # [n, SEGMENTS, 2]
    length = _lengths(x, y)
    ex, ey = (x[..., 1] - x[..., 0]) / length, (y[..., 1] - y[..., 0]) / length
    at = (torch.arange(size, dtype=x.dtype, device=x.device) + 0.5) * (SIDE / size)
    px, py = at - x.mean(2, keepdim=True), at - y.mean(2, keepdim=True)  # [n, SEGMENTS, size]
    along = (py * ey[..., None])[..., None] + (px * ex[..., None])[..., None, :]  # [n, SEGMENTS, size, size]
    across = (px * ey[..., None])[..., None, :] - (py * ex[..., None])[..., None]
    beyond = (along.abs() - length[..., None, None] / 2).relu()
    distance = (torch.addcmul(beyond.square(), across, across).amin(1) + 1e-4).sqrt()  # √ has no slope at 0
    share = ((radius[:, None, None] - distance) / EDGE + 0.5).clamp(0, 1)
    return (share.square() * (3 - 2 * share))[:, None]


def numerals(n: int, *, seed: int = 0, labels: Tensor | None = None, size: int = 28,
             device: torch.device | str | None = None) -> Images:
    """A data set of n random numerals; the same seed gives the same ones on any device.

    `.images` float32 [n, 1, size, size], `.labels` [n] (drawn evenly, unless given), `.factors` [n, 20],
    `.factor_names` = FACTORS, `.classes` "0" … "9". Raises ValueError if n is negative or labels are not n digits,
    TypeError if they are no tensor of whole numbers.
    """
    if labels is not None:
        check_labels(labels)
    if n < 0 or (labels is not None and len(labels) != n):
        got = "none" if labels is None else len(labels)
        raise ValueError(f"n, labels: want n >= 0 and as many labels, got {n} and {got}")
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randint(10, (n,), generator=generator) if labels is None else labels.cpu()
    h = sample_factors(chosen, generator=generator, device=device)
    with torch.no_grad():
        images = render(chosen.to(h.device), h, size)
    return Images(images, labels=chosen.to(h.device), factors=h, factor_names=FACTORS, classes=tuple("0123456789"))
