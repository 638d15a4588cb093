"""Worlds in two and three dimensions, small enough to draw whole: each point with the h that made it."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from coursekit.data.datasets import Points

ARC_ANGLES = (0.0, math.pi)
ROLL_ANGLES = (1.5 * math.pi, 4.5 * math.pi)
ROLL_HEIGHTS = (0.0, 21.0)
DATA_DIRECTION = (0.98, 0.2)
GENERATOR_DIRECTION = (0.2, 0.98)


def arc_points(h: Tensor) -> Tensor:
    """The arc itself, x = (cos h, sin h): angles [n] or [n, 1] in radians to points [n, 2]."""
    angle = h.reshape(-1)  # [n]
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def arc(n: int, *, noise: float = 0.0, generator: Generator | None = None) -> Points:
    """Half a circle, a manifold with M_h = 1 in a space with M = 2.

    h ~ U(0, π), x = (cos h, sin h) + noise · ε with ε ~ N(0, I₂): points [n, 2], factors = h [n, 1] in
    radians. Raises ValueError if `n` or `noise` is negative.
    """
    _check_count(n)
    h = _uniform(n, ARC_ANGLES, generator)
    return Points(_noisy(arc_points(h), noise, generator), factors=h, factor_names=("angle",))


def arc_distance(points: Tensor) -> Tensor:
    """The distance of each point [n, 2] to the arc, [n]: |‖x‖ − 1| above, to the nearer end (±1, 0) below."""
    _check_points(points, 2)
    above = (torch.linalg.vector_norm(points, dim=1) - 1).abs()
    end = torch.stack([points[:, 0].abs() - 1, points[:, 1]], dim=1)  # from the end on the same side
    return torch.where(points[:, 1] >= 0, above, torch.linalg.vector_norm(end, dim=1))


def swiss_roll_points(h: Tensor) -> Tensor:
    """The roll itself, x = (φ cos φ, y, φ sin φ): h = (angle φ, height y) [n, 2] to points [n, 3]."""
    _check_points(h, 2, name="h")
    angle, height = h.unbind(dim=1)
    return torch.stack([angle * angle.cos(), height, angle * angle.sin()], dim=1)


def swiss_roll(n: int, *, noise: float = 0.0, generator: Generator | None = None) -> Points:
    """A rolled-up sheet, a manifold with M_h = 2 in a space with M = 3.

    φ ~ U(3π/2, 9π/2), y ~ U(0, 21), x = (φ cos φ, y, φ sin φ) + noise · ε with ε ~ N(0, I₃): points [n, 3],
    factors = h = (φ in radians, y) [n, 2]. The same roll as scikit-learn's `make_swiss_roll`.
    Raises ValueError if `n` or `noise` is negative.
    """
    _check_count(n)
    h = torch.cat([_uniform(n, ROLL_ANGLES, generator), _uniform(n, ROLL_HEIGHTS, generator)], dim=1)
    points = _noisy(swiss_roll_points(h), noise, generator)
    return Points(points, factors=h, factor_names=("angle", "height"))


def ring_centres(modes: int = 8, *, radius: float = 1.0) -> Tensor:
    """The means of the ring's Gaussians, [modes, 2]: m_k = radius · (cos 2πk/modes, sin 2πk/modes)."""
    if modes < 1:
        raise ValueError(f"modes: got {modes}, want at least 1")
    angle = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    return radius * arc_points(angle).float()


def ring_of_gaussians(
    n: int, modes: int = 8, *, radius: float = 1.0, std: float = 0.05, generator: Generator | None = None
) -> Points:
    """A mixture of round Gaussians on a circle, each as likely as the others.

    k ~ U{0 … modes−1}, x = m_k + std · ε with ε ~ N(0, I₂) and m_k = `ring_centres`: points [n, 2],
    labels = the mode k [n], factors = ε [n, 2]. Raises ValueError if `n` or `std` is negative or
    there is no mode.
    """
    _check_count(n)
    if not std >= 0:
        raise ValueError(f"std: got {std}, want a standard deviation, 0 or more")
    centres = ring_centres(modes, radius=radius)
    device = _device(generator)
    mode = torch.randint(modes, (n,), generator=generator, device=device)
    offset = torch.randn(n, 2, generator=generator, device=device)
    points = centres.to(device)[mode] + std * offset
    names = tuple(f"mode {k}" for k in range(modes))
    return Points(points, mode, offset, classes=names, factor_names=("right", "up"))


def square_corners(*, centre: tuple[float, float] = (0.0, 0.0), scale: float = 1.0) -> Tensor:
    """The corners of a square, [4, 2]: centre + scale · (±1, ±1), counter-clockwise from the lower left one."""
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    return torch.tensor(centre) + scale * corners


def square_of_gaussians(
    n: int, *, centre: tuple[float, float] = (0.0, 0.0), scale: float = 1.0, std: float = 0.15,
    generator: Generator | None = None,
) -> Points:  # fmt: skip
    """A mixture of round Gaussians at the corners of a square, each as likely as the others.

    k ~ U{0 … 3}, x = m_k + scale · std · ε with ε ~ N(0, I₂) and m_k = `square_corners`: points [n, 2], labels = the
    corner k [n], factors = ε [n, 2]. Two of them are two domains: the hidden counterpart of a point has the same k and
    ε, so it is x ↦ centre' + (scale'/scale) (x − centre). The points alone do not show that: a square looks the same
    after each of the maps in `square_symmetries`. Raises ValueError if `n` or `std` is negative.
    """
    _check_count(n)
    if not std >= 0:
        raise ValueError(f"std: got {std}, want a standard deviation, 0 or more")
    device = _device(generator)
    corner = torch.randint(4, (n,), generator=generator, device=device)
    offset = torch.randn(n, 2, generator=generator, device=device)
    points = square_corners(centre=centre, scale=scale).to(device)[corner] + scale * std * offset
    names = ("lower left", "lower right", "upper right", "upper left")
    return Points(points, corner, offset, classes=names, factor_names=("right", "up"))


def square_symmetries() -> Tensor:
    """The eight matrices [8, 2, 2] that map a square around 0 onto itself: the identity, three turns, four mirrors.

    The turns are by 90°, 180° and 270° counter-clockwise; each mirror is (x, y) ↦ (−x, y), and then a turn.
    """
    turns = [torch.linalg.matrix_power(torch.tensor([[0.0, -1.0], [1.0, 0.0]]), k) for k in range(4)]
    mirror = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])
    return torch.stack([*turns, *(turn @ mirror for turn in turns)])


def two_lines(n: int, *, noise: float = 0.0, generator: Generator | None = None) -> Points:
    """The two lines of the lecture's smallest GAN (claim G4): the data's, and an untrained generator's.

    h ~ U(−1, 1), x = h · v + noise · ε with v = (0.98, 0.2) for the data (label 0) and v = (0.2, 0.98) for
    the generator (label 1), taking turns: points [n, 2], labels [n], factors = h [n, 1].
    Raises ValueError if `n` or `noise` is negative.
    """
    _check_count(n)
    h = _uniform(n, (-1.0, 1.0), generator)
    line = torch.arange(n, device=h.device) % 2
    directions = torch.tensor([DATA_DIRECTION, GENERATOR_DIRECTION], device=h.device)
    points = _noisy(h * directions[line], noise, generator)
    return Points(points, line, h, classes=("data", "generator"), factor_names=("h",))


def _device(generator: Generator | None) -> torch.device:
    return torch.device("cpu") if generator is None else generator.device


def _uniform(n: int, bounds: tuple[float, float], generator: Generator | None) -> Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(n, 1, generator=generator, device=_device(generator))  # [n, 1]


def _noisy(points: Tensor, noise: float, generator: Generator | None) -> Tensor:
    if not noise >= 0:
        raise ValueError(f"noise: got {noise}, want a standard deviation, 0 or more")
    if noise == 0:
        return points
    return points + noise * torch.randn(points.shape, generator=generator, device=points.device)


def _check_count(n: int) -> None:
    if n < 0:
        raise ValueError(f"n: got {n}, want the number of points, 0 or more")


def _check_points(points: Tensor, dimensions: int, *, name: str = "points") -> None:
    if points.ndim != 2 or points.shape[1] != dimensions:
        raise ValueError(f"{name}: got shape {list(points.shape)}, want [n, {dimensions}]")
