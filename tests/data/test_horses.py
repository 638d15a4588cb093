"""Laws of the world of horses and zebras."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from coursekit.data import horses
from coursekit.data.horses import renderer


def draw(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return horses.sample_factors(n, generator=g), horses.sample_stripes(n, generator=g)


def column(name: str) -> int:
    return horses.FACTORS.index(name)


def mirrored(h: Tensor) -> Tensor:
    h = h.clone()
    h[:, [column("place"), column("facing"), column("light")]] *= -1
    return h


# --- pictures


@pytest.mark.parametrize("size", [8, 16, 32, 65, 128])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("striped", [False, True])
def test_pictures_have_the_shape_and_dtype_asked_for_and_lie_in_the_unit_cube(
    size: int, dtype: torch.dtype, striped: bool
) -> None:
    h, stripes = (part.to(dtype) for part in draw(5))
    x = horses.render(h, size, stripes=stripes if striped else None)
    assert x.shape == (5, 3, size, size)
    assert x.dtype == dtype
    assert x.isfinite().all()
    assert x.min() >= 0
    assert x.max() <= 1


def test_an_animal_stays_in_its_picture() -> None:
    """At the corners of the cube of poses; a tail's tip may touch the edge."""
    pose = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=6)))
    h = torch.zeros(2 * len(pose), len(horses.FACTORS))
    h[:, :6], h[:, column("facing")] = pose.repeat(2, 1), torch.tensor([1.0, -1.0]).repeat_interleave(len(pose))
    seen = horses.silhouette(h, 64)[:, 0]
    rim = torch.cat([seen[:, 0], seen[:, -1], seen[..., 0], seen[..., -1]], 1)
    assert rim.max() < 0.25
    assert (rim.sum(1) < 0.01 * seen.sum((1, 2))).all()
    assert seen.mean((1, 2)).min() > 0.05


def test_chunks_do_not_touch_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    h, stripes = draw(10)
    whole = horses.render(h, 24, stripes=stripes)
    monkeypatch.setattr(renderer, "LAYER", 3 * 24**2 * 4)
    torch.testing.assert_close(horses.render(h, 24, stripes=stripes), whole, rtol=0, atol=2e-6)
    torch.testing.assert_close(horses.render(h[4:5], 24, stripes=stripes[4:5]), whole[4:5], rtol=0, atol=2e-6)


@pytest.mark.parametrize(("size", "tolerance"), [(32, 0.04), (64, 0.03)])
def test_a_picture_twice_the_size_averages_to_the_smaller_one(size: int, tolerance: float) -> None:
    h, stripes = draw(32)
    large = avg_pool2d(horses.render(h, 2 * size, stripes=stripes), 2)
    difference = large - horses.render(h, size, stripes=stripes)
    shuffled = large - horses.render(h.roll(1, 0), size, stripes=stripes)
    assert difference.square().mean().sqrt() < tolerance
    assert difference.square().mean() < shuffled.square().mean() / 25


def test_the_whole_picture_obeys_the_mirror_but_for_the_hills() -> None:
    h, stripes = draw(24)
    for paint in (None, stripes):
        there = horses.render(mirrored(h), 33, stripes=paint)
        back = horses.render(h, 33, stripes=paint).flip(-1)
        torch.testing.assert_close(there[:, :, 20:], back[:, :, 20:], rtol=0, atol=1e-5)
        other = horses.render(h, 33, stripes=paint)
        assert (other - back)[:, :, 20:].abs().mean() > 0.01


def test_facing_has_two_values_and_its_sign_decides() -> None:
    h = horses.factors(facing=0.3)
    torch.testing.assert_close(horses.render(h), horses.render(horses.factors(facing=1)), rtol=0, atol=0)
    assert (horses.render(horses.factors(facing=-0.1)) - horses.render(h)).abs().max() > 0.2


# --- what every factor does


@pytest.mark.parametrize("name", horses.CONTINUOUS)
def test_a_continuous_factor_shows_over_its_whole_range(name: str) -> None:
    h = horses.factors().repeat(9, 1)
    h[:, column(name)] = torch.linspace(-1, 1, 9)
    steps = horses.render(h, 32).diff(dim=0).flatten(1)
    assert steps.norm(dim=1).min() > 0.1
    assert steps.abs().amax(dim=1).min() > 0.02


@pytest.mark.parametrize("name", horses.STRIPES)
def test_a_factor_of_the_stripes_shows_on_the_animal_alone(name: str) -> None:
    h, stripes = horses.factors().repeat(5, 1), torch.zeros(5, 3)
    stripes[:, horses.STRIPES.index(name)] = torch.linspace(-1, 0.8, 5)
    x = horses.render(h, 32, stripes=stripes)
    assert x.diff(dim=0).flatten(1).norm(dim=1).min() > 0.2
    background = horses.silhouette(h, 32) == 0
    assert (x.diff(dim=0) * background[1:]).abs().max() == 0


def test_the_phase_of_the_stripes_is_an_angle() -> None:
    h = horses.factors().repeat(2, 1)
    stripes = torch.tensor([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    first, last = horses.render(h, 64, stripes=stripes)
    torch.testing.assert_close(first, last, rtol=0, atol=1e-4)
    stripes[1, 0] = 0.0
    first, half = horses.render(h, 64, stripes=stripes)
    assert (first - half).abs().max() > 0.5


def test_a_zebra_is_the_horse_in_other_paint() -> None:
    """Sky, ground, shadow: the same to the pixel; a coat's colour is invisible on a zebra, and only there."""
    h, stripes = draw(20)
    horse, zebra = horses.render(h, 48), horses.render(h, 48, stripes=stripes)
    outside = horses.silhouette(h, 48) == 0
    assert outside.float().mean() > 0.5
    torch.testing.assert_close((horse * outside), (zebra * outside), rtol=0, atol=1e-6)
    inside = horses.silhouette(h, 48) > 0.99
    assert ((horse - zebra).abs().sum(1, keepdim=True) * inside).sum() / inside.sum() > 0.3
    other = h.clone()
    other[:, column("coat")] *= -1
    torch.testing.assert_close(horses.render(other, 48, stripes=stripes), zebra, rtol=0, atol=0)
    assert (horses.render(other, 48) - horse).abs().max() > 0.3


def test_stripes_are_dark_and_pale_across_the_trunk() -> None:
    """Along the middle of the trunk the brightness crosses the middle grey several times, on a horse never."""
    h = horses.factors(facing=1)
    row = (horses.silhouette(h, 128)[0, 0] > 0.99).float().sum(1).argmax()
    inside = horses.silhouette(h, 128)[0, 0, row] > 0.99

    def crossings(x: Tensor) -> int:
        grey = x[0, :, row, inside].mean(0) > 0.5
        return int((grey[1:] != grey[:-1]).sum())

    assert crossings(horses.render(h, 128)) == 0
    assert crossings(horses.render(h, 128, stripes=torch.zeros(1, 3))) >= 5


def test_gradients_reach_every_continuous_factor() -> None:
    h, stripes = (part.double().requires_grad_() for part in draw(4))
    horses.render(h, 32, stripes=stripes).square().sum().backward()
    assert h.grad is not None
    assert stripes.grad is not None
    still = {column("coat"), column("facing")}
    assert all((h.grad[:, k].abs() > 1e-6).all() == (k not in still) for k in range(len(horses.FACTORS)))
    assert (stripes.grad.abs() > 1e-6).all()


# --- data sets


def test_pairs_agree_and_seeds_decide() -> None:
    a, b = horses.pairs(6, size=16, seed=3)
    assert a.factors is not None
    assert b.factors is not None
    assert torch.equal(a.factors, b.factors[:, :11])
    assert b.factor_names == horses.FACTORS + horses.STRIPES
    assert torch.equal(horses.zebras(6, size=16, seed=3).images, b.images)
    assert not torch.equal(horses.zebras(6, size=16, seed=4).images, b.images)
    assert set(a.factors[:, -1].tolist()) <= {-1.0, 1.0}


def test_half_of_them_look_each_way() -> None:
    h, stripes = draw(4000)
    assert abs(h[:, -1].mean()) < 4 / 4000**0.5
    assert h[:, :-1].abs().max() <= 1
    assert (stripes.mean(0).abs() < 4 * 3**-0.5 / 4000**0.5).all()


@pytest.mark.parametrize(
    ("wrong", "error", "word"),
    [
        (lambda h, s: horses.render(h[:, :10], 32), ValueError, r"\[n, 11\]"),
        (lambda h, s: horses.render(h * 3, 32), ValueError, "outside its range"),
        (lambda h, s: horses.render(h, 4), ValueError, "size"),
        (lambda h, s: horses.render(h.long(), 32), TypeError, "floating"),
        (lambda h, s: horses.render(h, 32, stripes=s[:2]), ValueError, "stripes"),
        (lambda h, s: horses.render(h, 32, stripes=s * 5), ValueError, "phase|width|tint"),
        (lambda h, s: horses.factors(smile=1), ValueError, "smile"),
        (lambda h, s: horses.sample_factors(-1), ValueError, "n must"),
    ],
)
def test_errors_name_what_is_wrong(wrong, error: type[Exception], word: str) -> None:
    h, stripes = draw(4)
    stripes[0] = 0.9
    h[0] = 0.9
    with pytest.raises(error, match=word):
        wrong(h, stripes)


def test_no_animals_give_no_pictures() -> None:
    h, stripes = draw(0)
    assert horses.render(h, 16, stripes=stripes).shape == (0, 3, 16, 16)
    assert horses.silhouette(h, 16).shape == (0, 1, 16, 16)
