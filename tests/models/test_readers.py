"""The reader of faces: what it is trained on, what it says, and the blur that makes its judgement fair."""

import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from coursekit.data import faces
from coursekit.models.readers import FactorReader, blurred
from coursekit.training.loop import fit


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=3, size=64, seed=0):
    return torch.rand(n, 3, size, size, generator=seeded(seed))


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return FactorReader(4, 4, hidden=(8,), features=6)


@pytest.mark.parametrize("sigma", [0.7, 1.5, 3.0])
def test_blur_is_scipys_away_from_the_border(sigma):
    x = pictures()
    wanted = x.numpy()
    for axis in (2, 3):
        wanted = gaussian_filter1d(wanted, sigma, axis=axis, truncate=8)
    inside = slice(16, 48)
    found = blurred(x, sigma)[..., inside, inside]
    assert torch.allclose(found, torch.from_numpy(wanted)[..., inside, inside], atol=1e-5)


def test_blur_leaves_constants_alone_and_is_a_mean_everywhere():
    assert torch.allclose(blurred(torch.full((2, 3, 20, 30), 0.4), 2.0), torch.tensor(0.4))
    x = pictures()
    soft = blurred(x, 1.0)
    assert x.min() < soft.min() < soft.max() < x.max()


def test_no_blur_is_the_same_image_and_each_image_has_its_own():
    x = pictures()
    assert torch.equal(blurred(x, 0.0), x)
    found = blurred(x, torch.tensor([0.0, 1.0, 2.0]))
    assert torch.equal(found[0], x[0])
    assert torch.allclose(found[1:2], blurred(x[1:2], 1.0))
    assert torch.allclose(found[2:], blurred(x[2:], 2.0))


def test_two_blurs_are_one_of_the_summed_variances():
    x = pictures(1)
    inside = slice(20, 44)
    twice = blurred(blurred(x, 1.2), 1.6)
    assert torch.allclose(twice[..., inside, inside], blurred(x, 2.0)[..., inside, inside], atol=1e-4)


def test_a_negative_blur_is_refused():
    with pytest.raises(ValueError, match=r"got -0\.5"):
        blurred(pictures(), torch.tensor([1.0, -0.5, 0.0]))


def test_what_is_read_lies_in_the_factors_ranges(untrained):
    read = untrained.read(10 * pictures(5) - 5)
    low, high = torch.tensor([faces.RANGES[name] for name in faces.FACTORS]).unbind(1)
    assert read.shape == (5, len(faces.FACTORS))
    assert bool(((read >= low) & (read <= high)).all())
    assert bool((read[:, 10:12].sum(1) <= 1 + 1e-6).all())
    assert not bool(untrained.attributes(pictures(5))[:, :2].all(1).any())


def test_reading_in_parts_is_reading(untrained):
    x = pictures(7)
    assert torch.allclose(untrained.read(x, batch_size=3), untrained.read(x), atol=1e-6)
    assert torch.allclose(untrained.features(x, batch_size=3), untrained.features(x), atol=1e-6)
    assert untrained.features(x).shape == (7, 6)
    assert not untrained.features(x).requires_grad


def test_other_pictures_are_refused(untrained):
    with pytest.raises(ValueError, match=r"got \[2, 3, 32, 32\]"):
        untrained.read(pictures(2, 32))


def test_the_generator_decides_the_harm_of_training(untrained):
    given = faces.faces(4, size=64)
    batch = given.images, given.factors
    first, again, other = (untrained.loss(batch, generator=seeded(s))["loss"].item() for s in (1, 1, 2))
    assert first == again != other
    terms = untrained.loss(batch, generator=seeded())
    assert torch.allclose(terms["loss"], terms["factors"] + terms["attributes"])


def test_the_loss_of_a_perfect_answer_is_nothing(untrained, monkeypatch):
    given = faces.faces(6, size=64)
    values, glasses, sunglasses = given.factors[:, :10], given.factors[:, 10], given.factors[:, 11]
    eyewear = 50 * torch.stack([1 - glasses - sunglasses, glasses, sunglasses], 1)
    monkeypatch.setattr(untrained, "_logits", lambda _: (values, eyewear, 100 * given.factors[:, 12:] - 50))
    assert untrained.loss((given.images, given.factors))["loss"] < 1e-6
    wrong = given.factors.clone()
    wrong[:, 12:] = 1 - wrong[:, 12:]
    assert untrained.loss((given.images, wrong))["attributes"] == pytest.approx(50, abs=0.1)


def test_it_learns():
    torch.manual_seed(0)
    model, given = FactorReader(8, 8, hidden=(32,), features=16), faces.faces(128, size=64)
    history = fit(model, (given.images, given.factors), steps=80, batch_size=32, lr=3e-3, progress=False)
    losses = history["loss"]
    assert sum(losses[-5:]) < 0.85 * sum(losses[:5])
