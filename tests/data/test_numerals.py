"""Laws of the world of numerals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import CubicHermiteSpline
from torch import Tensor
from torch.nn.functional import avg_pool2d

from coursekit.data import faces, numerals
from coursekit.data.numerals import renderer, strokes
from coursekit.data.numerals.ways import BENDS, WAYS, Way

EVERY = [(label, way) for label, ways in WAYS.items() for way in range(len(ways))]
each_way = pytest.mark.parametrize(("label", "way"), EVERY)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def column(name: str) -> int:
    return numerals.FACTORS.index(name)


def one(label: int, **named: float) -> tuple[Tensor, Tensor]:
    return torch.tensor([label]), numerals.factors(**named)


def draw(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    labels = torch.arange(n) % 10
    return labels, numerals.sample_factors(labels, generator=seeded(seed))


def middle(x: Tensor) -> tuple[float, float]:
    """The centre of mass (x, y) of a picture [1, 1, H, W], in pixels."""
    at = torch.arange(x.shape[-1]) + 0.5
    mass = x[0, 0] / x.sum()
    return float((mass.sum(0) * at).sum()), float((mass.sum(1) * at).sum())


def longer_side(x: Tensor) -> int:
    """Pixels of the longer side of the box around what is more than half white."""
    seen = x[0, 0] > 0.5
    return max(int(torch.nonzero(seen.any(axis)).flatten().diff().sum()) + 1 for axis in (0, 1))


# --- the data set


def test_a_data_set_says_all_that_is_known_of_each_numeral() -> None:
    given = numerals.numerals(40, seed=3)
    assert given.images.shape == (40, 1, 28, 28)
    assert given.images.dtype == torch.float32
    assert 0 <= given.images.min() < 0.01 < 0.99 < given.images.max() <= 1
    assert given.factors is not None
    assert given.labels is not None
    assert given.factors.shape == (40, len(numerals.FACTORS))
    assert given.factor_names == numerals.FACTORS
    assert given.classes == tuple("0123456789")
    assert torch.equal(given.images, numerals.render(given.labels, given.factors))


def test_the_seed_decides() -> None:
    first, again, other = (numerals.numerals(20, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first.images, again.images)
    assert torch.equal(first.labels, again.labels)
    assert not torch.equal(first.images, other.images)


def test_classes_may_be_given_and_are_else_even() -> None:
    threes = numerals.numerals(4, labels=torch.full((4,), 3))
    assert threes.labels.tolist() == [3] * 4
    counts = torch.bincount(numerals.numerals(500, size=8).labels, minlength=10)
    assert (counts - 50).abs().max() < 5 * math.sqrt(50 * 0.9)


def test_no_two_are_alike_though_each_is_of_its_class() -> None:
    x = numerals.numerals(300, labels=torch.full((300,), 4)).images.flatten(1)
    apart = torch.cdist(x, x) + 1e9 * torch.eye(300)
    assert apart.min() > 1.0
    assert torch.cdist(x[:1], x[:1]).min() < 1e-3, "what is alike has no distance"


def test_nothing_is_written_without_numbers() -> None:
    assert numerals.numerals(0).images.shape == (0, 1, 28, 28)


# --- pictures


@pytest.mark.parametrize("size", [8, 28, 56])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pictures_have_the_shape_and_dtype_asked_for(size: int, dtype: torch.dtype) -> None:
    labels, h = draw(10)
    x = numerals.render(labels, h.to(dtype), size)
    assert x.shape == (10, 1, size, size)
    assert x.dtype == dtype
    assert 0 <= x.min() <= x.max() <= 1


def test_a_picture_does_not_depend_on_its_company() -> None:
    labels, h = draw(30)
    together = numerals.render(labels, h)
    alone = torch.cat([numerals.render(labels[i : i + 1], h[i : i + 1]) for i in range(30)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_larger_picture_shows_the_same() -> None:
    labels, h = draw(20)
    small, large = numerals.render(labels, h), numerals.render(labels, h, 112)
    assert (avg_pool2d(large, 4) - small).abs().mean() < 0.01


@each_way
def test_ink_is_where_the_pen_was(label: int, way: int) -> None:
    """The same picture by brute force: the distance of each pixel to a thousand places on each segment."""
    ends, radius = renderer.written(*one(label, way=way, slant=0.3, pen=0.2))
    share = torch.linspace(0, 1, 50)[:, None]
    places = torch.cat([a + share * (b - a) for a, b in ends[0]])  # [S·50, 2]
    at = torch.arange(28) + 0.5
    pixels = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1).flatten(0, 1)
    away = torch.cdist(pixels, places).min(1).values.view(28, 28)
    share = ((radius[0] - away) / renderer.EDGE + 0.5).clamp(0, 1)
    assert torch.allclose(renderer.ink(ends, radius, 28)[0, 0], share**2 * (3 - 2 * share), atol=0.01)


def test_pictures_are_differentiable_in_all_continuous_factors() -> None:
    labels, h = draw(10)
    h = (0.95 * h).double()
    h[:, column("way")] = h[:, column("way")].round()
    weights = torch.rand(10, 1, 28, 28, generator=seeded(1), dtype=torch.float64)
    h.requires_grad_()
    (slope,) = torch.autograd.grad((weights * numerals.render(labels, h)).sum(), h)
    for name in numerals.FACTORS:
        if name == "way":
            assert slope[:, column(name)].abs().max() == 0
            continue
        step = torch.zeros_like(h)
        step[:, column(name)] = 1e-6
        up, down = ((weights * numerals.render(labels, h.detach() + s * step)).sum((1, 2, 3)) for s in (1, -1))
        assert torch.allclose(slope[:, column(name)], (up - down) / 2e-6, rtol=1e-3, atol=1e-3), name
        assert slope[:, column(name)].abs().max() > 1e-3, f"{name} moves nothing"


# --- MNIST's framing


@each_way
def test_at_size_0_the_longer_side_takes_20_pixels_and_the_ink_is_in_the_middle(label: int, way: int) -> None:
    x = numerals.render(*one(label, way=way))
    assert abs(longer_side(x) - 20) <= 1
    assert max(abs(place - 14) for place in middle(x)) < 0.9
    assert longer_side(numerals.render(*one(label, way=way, size=0.9))) > 21
    assert max(abs(place - 14) for place in middle(numerals.render(*one(label, way=way, right=1)))) > 1.5


@pytest.mark.parametrize(("name", "axis"), [("right", 0), ("down", 1)])
def test_a_move_of_1_is_three_pixels(name: str, axis: int) -> None:
    before, after = (middle(numerals.render(*one(5, **{name: value}))) for value in (0.0, 0.8))
    assert after[axis] - before[axis] == pytest.approx(2.4, abs=0.05)
    assert after[1 - axis] == pytest.approx(before[1 - axis], abs=0.02)


# --- the hand


def leaning(x: Tensor) -> float:
    """The slope dx/dy of the line that fits the ink best."""
    at = torch.arange(28) + 0.5
    rows = x[0, 0].sum(1)
    known = rows > 0.5
    means = ((x[0, 0] * at).sum(1) / rows.clamp(min=1e-6))[known]
    return float(np.polyfit(at[known].numpy(), means.numpy(), 1)[0])


@pytest.mark.parametrize("slant", [-0.6, 0.0, 0.6])
def test_slant_leans_a_stroke_by_its_tangent(slant: float) -> None:
    assert leaning(numerals.render(*one(1, slant=slant))) == pytest.approx(-0.7 * slant, abs=0.05)


@pytest.mark.parametrize("rotation", [-0.8, 0.8])
def test_rotation_turns_a_stroke_by_its_angle(rotation: float) -> None:
    assert math.atan(leaning(numerals.render(*one(1, rotation=rotation)))) == pytest.approx(-0.25 * rotation, abs=0.03)


@pytest.mark.parametrize("pen", [-0.8, 0.0, 0.8])
def test_the_pen_makes_the_stroke_as_wide_as_it_is(pen: float) -> None:
    rows = numerals.render(*one(1, pen=pen))[0, 0, 12:16].sum(1)
    assert rows.mean() == pytest.approx(2 * renderer.PEN * 2 ** (0.9 * pen), rel=0.04)


def test_width_makes_a_zero_wider_by_its_power_of_two() -> None:
    def share(width: float) -> float:
        ends, _ = renderer.written(*one(0, width=width))
        x, y = ends[0].flatten(0, 1).T
        return float((x.max() - x.min()) / (y.max() - y.min()))

    assert share(0.5) / share(0.0) == pytest.approx(2**0.3, rel=1e-4)


def test_pens_and_slants_differ_as_hands_do() -> None:
    ink = numerals.numerals(1000, labels=torch.full((1000,), 1)).images.sum((1, 2, 3))
    low, high = torch.quantile(ink, torch.tensor([0.05, 0.95])).tolist()
    assert high > 2 * low


# --- strokes


def test_strokes_are_catmull_rom_splines_as_scipy_draws_them() -> None:
    points = torch.randn(7, 2, generator=seeded(), dtype=torch.float64)
    beyond = torch.cat([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    spline = CubicHermiteSpline(np.arange(7), points.numpy(), ((beyond[2:] - beyond[:-2]) / 2).numpy())
    found = strokes.catmull_rom(7, 30) @ points
    assert np.allclose(found.numpy(), spline(np.linspace(0, 6, 31)), atol=1e-12)


def turns(ends: Tensor, pieces: int) -> Tensor:
    """The angles between one segment and the next, in degrees, largest first; corners and lifts of the pen left out."""
    along = ends[:, 1] - ends[:, 0]
    angle = torch.rad2deg(torch.atan2(along[:, 1], along[:, 0]).diff())
    return ((angle + 180) % 360 - 180).abs().sort(descending=True).values[pieces - 1 :]


@each_way
def test_nothing_is_polygonal(label: int, way: int) -> None:
    """Where straight lines between the points would turn sharply, the pen goes round in several small turns."""
    known = WAYS[label][way]
    points, pieces = torch.tensor(known.points()), known.pieces()
    straight = torch.cat([torch.stack([points[p][:-1], points[p][1:]], 1) for p in pieces])
    sharpest = turns(strokes.terms(known)[0], len(pieces)).max()
    assert sharpest < max(8, 0.5 * turns(straight, len(pieces)).max())
    assert sharpest < 45


def test_segments_are_short_everywhere() -> None:
    ends, _ = renderer.written(*draw(400))
    lengths = (ends[:, :, 1] - ends[:, :, 0]).norm(dim=-1)
    assert lengths.quantile(0.99) < 2.5
    assert lengths.max() < 5


@each_way
def test_the_drift_is_smooth_and_as_large_as_it_says(label: int, way: int) -> None:
    known = WAYS[label][way]
    points = torch.tensor(known.points(), dtype=torch.float64)
    length = float((points[1:] - points[:-1]).norm(dim=1).sum())
    first, *_, last = strokes.drift(points).tolist()
    assert first == pytest.approx([strokes.DRIFT * length / k for k in range(1, strokes.WAVES + 1)])
    assert last == pytest.approx([(-1) ** k * wave for k, wave in enumerate(first, 1)])


# --- ways of writing


def test_every_class_has_ways_with_shares_and_bends() -> None:
    assert list(WAYS) == list(range(10))
    for label, ways in WAYS.items():
        assert len({way.name for way in ways}) == len(ways) > 1
        assert sum(way.share for way in ways) == pytest.approx(1)
        assert all(len(way.bends) == BENDS and way.share > 0 for way in ways)
        assert numerals.ways(label) == tuple(way.name for way in ways)


def test_ways_are_drawn_as_often_as_their_shares_say() -> None:
    for label, ways in WAYS.items():
        h = numerals.sample_factors(torch.full((4000,), label), generator=seeded(label))
        found = torch.bincount(h[:, column("way")].long(), minlength=len(ways)) / 4000
        assert found.tolist() == pytest.approx([way.share for way in ways], abs=0.04)


def test_ways_and_bends_change_the_shape() -> None:
    for label, ways in WAYS.items():
        shown = [numerals.render(*one(label, way=way)) for way in range(len(ways))]
        assert min((a - b).norm() for i, a in enumerate(shown) for b in shown[:i]) > 2
        for bend in range(1, BENDS + 1):
            bent = numerals.render(*one(label, **{f"bend_{bend}": 1.0}))
            assert (bent - shown[0]).norm() > 0.5, (label, bend)


def test_a_way_is_read_piece_by_piece() -> None:
    way = Way("a seven with a bar", 1.0, "0,0 80,0! 40,100 / 20,50 70,50", ("1:5,-5", "", "", ""))
    assert way.points() == [(0, 0), (0.8, 0), (0.4, 1), (0.2, 0.5), (0.7, 0.5)]
    assert way.pieces() == [[0, 1], [1, 2], [3, 4]]
    assert way.moves()[0] == {1: (0.05, -0.05)}


# --- factors


def test_drawn_factors_lie_in_their_ranges_and_the_hand_leans_to_the_right() -> None:
    _, h = draw(5000)
    low, high = torch.tensor([numerals.RANGES[name] for name in numerals.FACTORS]).unbind(1)
    assert bool(((h >= low) & (h <= high)).all())
    assert 0.1 < h[:, column("slant")].mean() < 0.25
    assert set(numerals.MEANINGS) == set(numerals.FACTORS) == set(numerals.RANGES)


@pytest.mark.parametrize("world", [faces, numerals])
def test_ranges_stand_in_the_order_of_the_factors(world: Any) -> None:
    """What names a factor that lies outside, and gives one item by name, goes by the ranges' order."""
    assert tuple(world.RANGES) == world.FACTORS


@pytest.mark.parametrize(("labels", "h", "error", "words"), [
    (torch.tensor([3.0]), numerals.factors(), TypeError, "whole numbers"),
    (torch.tensor([[3]]), numerals.factors(), ValueError, r"shape \[n\]"),
    (torch.tensor([10]), numerals.factors(), ValueError, "digits from 0 to 9"),
    (torch.tensor([1, 2]), numerals.factors(), ValueError, "one row of factors for each label, got 2 and 1"),
    (torch.tensor([1]), numerals.factors().long(), TypeError, "floating point"),
    (torch.tensor([1]), numerals.factors() + math.nan, ValueError, "'slant' is nan"),
    (torch.tensor([0]), numerals.factors(way=2), ValueError, "the digit 0 is written in 2 ways"),
    (torch.tensor([2]), numerals.factors(way=0.5), ValueError, "'way' is 0.5"),
])  # fmt: skip
def test_what_is_wrong_is_named(labels: Tensor, h: Tensor, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        numerals.render(labels, h)


def test_wrong_names_and_numbers_are_named() -> None:
    with pytest.raises(ValueError, match="unknown factor 'serif'"):
        numerals.factors(serif=1)
    with pytest.raises(ValueError, match=r"'pen' is 2, outside its range \[-1, 1\]"):
        numerals.factors(pen=2)
    with pytest.raises(ValueError, match="a digit from 0 to 9, got 11"):
        numerals.ways(11)
    with pytest.raises(ValueError, match="got -1 and none"):
        numerals.numerals(-1)
    with pytest.raises(TypeError, match="whole numbers, got list"):
        numerals.numerals(2, labels=[3, 4])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 8 pixels"):
        numerals.render(*one(1), 4)
