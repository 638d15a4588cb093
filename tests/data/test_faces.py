"""Laws of the world of faces."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from coursekit.data import faces
from coursekit.data.faces import renderer, scene


def draw(n: int, seed: int = 0) -> Tensor:
    return faces.sample_factors(n, generator=torch.Generator().manual_seed(seed))


def column(name: str) -> int:
    return faces.FACTORS.index(name)


def mirrored(h: Tensor) -> Tensor:
    h = h.clone()
    h[:, [column("turn"), column("gaze"), column("light")]] *= -1
    return h


def jacobian(h: Tensor, size: int) -> Tensor:
    """d render / d continuous factors at one face [14] → [3·size², 10], by central differences in float64."""
    steps = 1e-5 * torch.eye(len(h), dtype=torch.float64)[: len(faces.CONTINUOUS)]
    h = 0.999 * h.double()
    return ((faces.render(h + steps, size) - faces.render(h - steps, size)) / 2e-5).flatten(1).T


# --- pictures


@pytest.mark.parametrize("size", [8, 16, 32, 65, 128])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pictures_have_the_shape_and_dtype_asked_for_and_lie_in_the_unit_cube(
    size: int, dtype: torch.dtype
) -> None:
    x = faces.render(draw(5).to(dtype), size)
    assert x.shape == (5, 3, size, size)
    assert x.dtype == dtype
    assert x.min() >= 0
    assert x.max() <= 1


def test_pictures_at_the_corners_of_the_cube_of_factors_are_valid() -> None:
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=10)))
    attributes = (draw(len(signs))[:, 10:] > 0).float()
    x = faces.render(torch.cat([signs, attributes], dim=1), 16)
    assert x.isfinite().all()
    assert x.min() >= 0
    assert x.max() <= 1
    assert x.flatten(1).std(dim=1).min() > 0.1


def test_no_faces_give_no_pictures() -> None:
    assert faces.render(draw(0), 16).shape == (0, 3, 16, 16)


def test_chunks_do_not_touch_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = faces.render(draw(10), 24)
    monkeypatch.setattr(renderer, "LAYER", 3 * 24**2 * 4)
    torch.testing.assert_close(faces.render(draw(10), 24), whole, rtol=0, atol=2e-6)
    torch.testing.assert_close(faces.render(draw(10)[4:5], 24), whole[4:5], rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", [8, 17, 32, 64])
def test_nothing_is_cut_off_by_a_window(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    h = draw(60)
    h[:30, :10] = h[:30, :10].sign()
    h[::3, 10:] = 1
    seen, window = faces.render(h, size), scene.Scene.window
    monkeypatch.setattr(scene.Scene, "window", lambda s, box: window(s, (-9.0, 9.0, -9.0, 9.0)))
    torch.testing.assert_close(faces.render(h, size), seen, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("size", "tolerance"), [(16, 0.04), (32, 0.025), (64, 0.016)])
def test_a_picture_twice_the_size_averages_to_the_smaller_one(size: int, tolerance: float) -> None:
    h = draw(32)
    difference = avg_pool2d(faces.render(h, 2 * size), 2) - faces.render(h, size)
    shuffled = avg_pool2d(faces.render(h.roll(1, 0), 2 * size), 2) - faces.render(h, size)
    assert difference.square().mean().sqrt() < tolerance
    assert difference.square().mean() < shuffled.square().mean() / 25


def test_a_face_parted_in_the_middle_obeys_the_mirror() -> None:
    h = draw(24)
    h[:, column("hair")] = 0
    torch.testing.assert_close(faces.render(mirrored(h), 33), faces.render(h, 33).flip(-1), rtol=0, atol=1e-5)


def test_any_short_haired_face_obeys_the_mirror_below_its_hair() -> None:
    h = draw(24)
    h[:, column("long_hair")] = 0
    there, back = faces.render(mirrored(h), 64), faces.render(h, 64).flip(-1)
    torch.testing.assert_close(there[:, :, 42:], back[:, :, 42:], rtol=0, atol=1e-5)
    assert (there - back)[:, :, :30].abs().max() > 0.1


# --- what every factor does


@pytest.mark.parametrize("name", faces.CONTINUOUS)
def test_a_continuous_factor_shows_over_its_whole_range(name: str) -> None:
    h = faces.factors().repeat(9, 1)
    h[:, column(name)] = torch.linspace(-1, 1, 9)
    steps = faces.render(h, 32).diff(dim=0).flatten(1)
    assert steps.norm(dim=1).min() > 0.1
    assert steps.abs().amax(dim=1).min() > 0.02


@pytest.mark.parametrize("name", faces.ATTRIBUTES)
def test_an_attribute_blends_from_off_to_on(name: str) -> None:
    h = faces.factors(smile=0.5).repeat(3, 1)
    h[:, column(name)] = torch.tensor([0.0, 0.5, 1.0])
    off, half, on = faces.render(h, 32)
    assert (on - off).abs().amax() > 0.2
    assert (half - torch.minimum(on, off)).min() > -0.05
    assert (half - torch.maximum(on, off)).max() < 0.05
    assert 0.3 < (half - off).norm() / (on - off).norm() < 0.85


@pytest.mark.parametrize("wear", [{}, {"glasses": 1.0}, {"sunglasses": 1.0}, {"beard": 1.0, "long_hair": 1.0}])
def test_ten_directions_are_free_at_a_generic_face(wear: dict[str, float]) -> None:
    h = draw(6, seed=3)
    h[:, 10:] = faces.factors(**wear)[:, 10:]
    for face in h:
        s = torch.linalg.svdvals(jacobian(face, 32))
        assert s[-1] / s[0] > 0.01


# --- gradients


def test_autograd_agrees_with_finite_differences() -> None:
    h = (0.95 * draw(6, seed=1)).double().requires_grad_()
    h.data[:, 10:] = 0.1 + 0.8 * torch.rand(6, 4, generator=torch.Generator().manual_seed(0))
    probe = torch.randn(6, 3, 24, 24, generator=torch.Generator().manual_seed(2)).double()
    (gradient,) = torch.autograd.grad((faces.render(h, 24) * probe).sum(), h)
    for k in range(len(faces.FACTORS)):
        step = 1e-6 * torch.eye(len(faces.FACTORS)).double()[k]
        change = faces.render(h.detach() + step, 24) - faces.render(h.detach() - step, 24)
        torch.testing.assert_close(gradient[:, k], (change * probe).sum((1, 2, 3)) / 2e-6, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("size", [16, 33])
def test_gradients_are_finite_everywhere_and_reach_every_factor(size: int) -> None:
    h = torch.cat([draw(40), draw(20).sign(), faces.factors()]).clamp(-1, 1)
    h[:, 10:] = h[:, 10:].abs()
    h.requires_grad_()
    faces.render(h, size).square().sum().backward()
    assert h.grad is not None
    assert h.grad.isfinite().all()
    assert (h.grad.abs().amax(dim=0) > 1e-3).all()


def test_a_face_is_found_again_by_gradient_descent() -> None:
    truth = faces.factors(turn=0.3, smile=0.5, skin=-0.2, light=0.4, gaze=-0.3)
    x, h = faces.render(truth), faces.factors().requires_grad_()
    optimizer = torch.optim.Adam([h], lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (faces.render(h) - x).square().sum().backward()
        optimizer.step()
        h.data[:, :10].clamp_(-1, 1)
        h.data[:, 10:] = 0
    torch.testing.assert_close(h.detach(), truth, rtol=0, atol=0.1)


def test_forward_and_reverse_mode_give_one_jacobian() -> None:
    h = draw(1, seed=5).double()
    forward = torch.func.jacfwd(lambda h: faces.render(h, 8))(h)
    torch.testing.assert_close(forward, torch.func.jacrev(lambda h: faces.render(h, 8))(h))


# --- samples, data sets


def test_a_seed_means_the_same_faces() -> None:
    assert torch.equal(draw(9, seed=4), draw(9, seed=4))
    assert not torch.equal(draw(9, seed=4), draw(9, seed=5))
    one, other = faces.faces(6, size=16, seed=2), faces.faces(6, size=16, seed=2)
    assert torch.equal(one.images, other.images)
    assert one.captions == other.captions


def test_samples_fill_the_ranges_and_never_wear_both_pairs_of_glasses() -> None:
    h = draw(4000)
    continuous, attributes = h[:, :10], h[:, 10:]
    assert continuous.abs().max() <= 1
    torch.testing.assert_close(continuous.mean(0), torch.zeros(10), rtol=0, atol=0.05)
    torch.testing.assert_close(continuous.var(0), torch.full((10,), 1 / 3), rtol=0, atol=0.03)
    torch.testing.assert_close(attributes.mean(0), torch.tensor([0.3, 0.15, 0.3, 0.45]), rtol=0, atol=0.04)
    assert ((attributes == 0) | (attributes == 1)).all()
    assert (attributes[:, 0] * attributes[:, 1]).max() == 0


def test_the_data_set_knows_its_nature() -> None:
    ds = faces.faces(7, size=24, seed=1)
    assert ds.images.shape == (7, 3, 24, 24)
    assert ds.factor_names == faces.FACTORS
    assert ds.factors is not None
    torch.testing.assert_close(ds.images, faces.render(ds.factors, 24), rtol=0, atol=2e-6)
    assert ds.captions == faces.captions(ds.factors)


def test_pictures_stay_on_the_device_of_their_factors() -> None:
    assert faces.sample_factors(2, device="meta").device.type == "meta"
    assert faces.render(draw(2), 8).device == draw(2).device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_same_faces() -> None:
    h = draw(64)
    torch.testing.assert_close(faces.render(h.cuda(), 32).cpu(), faces.render(h, 32), rtol=0, atol=1e-4)
    assert faces.faces(3, device="cuda").images.device.type == "cuda"


# --- words


def test_every_factor_has_a_range_and_a_meaning() -> None:
    assert set(faces.RANGES) == set(faces.MEANINGS) == set(faces.FACTORS)
    assert faces.factors().shape == (1, len(faces.FACTORS))
    assert not faces.factors().any()
    assert faces.factors(smile=0.5)[0, column("smile")] == 0.5


def test_captions_tell_all_attributes_apart() -> None:
    h = faces.factors(smile=0.4).repeat(16, 1)
    h[:, 10:] = torch.tensor(list(itertools.product([0.0, 1.0], repeat=4)))
    assert len(set(faces.captions(h))) == 16


def test_captions_say_what_is_seen() -> None:
    h = torch.cat([
        faces.factors(smile=0.4, hair=-0.4, long_hair=1, glasses=1, beard=1, gaze=-0.8),
        faces.factors(smile=-1, hair=1, sunglasses=1, turn=0.9),
    ])
    assert faces.captions(h) == [
        "a smiling face with long brown hair, glasses and a beard, looking left",
        "a sad face with short blond hair and sunglasses, turned right",
    ]


# --- bad input


@pytest.mark.parametrize("name", faces.FACTORS)
def test_a_factor_outside_its_range_is_named(name: str) -> None:
    h = draw(3)
    for value in (1.5, -1.5, float("nan"), float("inf")):
        h[1, column(name)] = value
        with pytest.raises(ValueError, match=rf"'{name}' is {value:g} \(face 1\).*\[-?[01], 1\]"):
            faces.render(h)
        with pytest.raises(ValueError, match=f"'{name}' is {value:g}"):
            faces.factors(**{name: value})


def test_what_is_wrong_with_an_argument_is_said() -> None:
    with pytest.raises(ValueError, match="unknown factor 'frown'"):
        faces.factors(frown=1)
    with pytest.raises(ValueError, match=r"\[n, 14\], got \[14\]"):
        faces.render(torch.zeros(14))
    with pytest.raises(ValueError, match="size must be at least 8 pixels, got 4"):
        faces.render(draw(1), 4)
    with pytest.raises(ValueError, match="n must be at least 0, got -1"):
        faces.sample_factors(-1)
    with pytest.raises(TypeError, match=r"floating point, got torch\.int64"):
        faces.render(torch.zeros(1, 14, dtype=torch.int64))
    with pytest.raises(TypeError, match="tensor, got list"):
        faces.render([[0.0] * 14])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\[n, 14\], got \[2, 3\]"):
        faces.captions(torch.zeros(2, 3))
