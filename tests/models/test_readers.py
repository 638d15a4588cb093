"""The reader of faces: what it is trained on, what it says, and the blur that makes its judgement fair."""

import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from coursekit.data import faces, numerals
from coursekit.models.base import eval_mode
from coursekit.models.readers import DigitReader, FactorReader, blurred, harmed
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


# the reader of numerals


@pytest.fixture(scope="module")
def small_reader():
    torch.manual_seed(0)
    return DigitReader(4, features=6)


def test_chances_sum_to_one_and_the_digit_is_the_likeliest(small_reader):
    x = torch.rand(7, 1, 28, 28, generator=seeded())
    read = small_reader.read(x, batch_size=3)
    assert read.shape == (7, 10)
    assert torch.allclose(read.sum(1), torch.ones(7))
    assert torch.equal(small_reader.digits(x), read.argmax(1))
    assert torch.allclose(read, small_reader.read(x), atol=1e-6)
    assert small_reader.features(x, batch_size=3).shape == (7, 6)
    assert small_reader.training, "reading puts the mode back"


def test_numerals_of_another_size_are_refused(small_reader):
    with pytest.raises(ValueError, match=r"want \[n, 1, 28, 28\], got \[2, 1, 8, 8\]"):
        small_reader.read(torch.rand(2, 1, 8, 8))


def test_the_loss_is_the_cross_entropy_of_the_harmed_pictures(small_reader):
    given, batch = numerals.numerals(8), numerals.numerals(8)[:]
    with eval_mode(small_reader):  # dropout would draw once more
        first, again, other = (small_reader.loss(batch, generator=seeded(s))["loss"].item() for s in (1, 1, 2))
        logits = small_reader(harmed(given.images, small_reader.blur, small_reader.noise, generator=seeded(1)))
    assert first == again
    assert first != other
    assert first == pytest.approx(torch.nn.functional.cross_entropy(logits, given.labels).item(), abs=1e-5)


def test_harm_is_none_at_strength_zero_and_differs_between_images():
    x = torch.rand(1, 1, 28, 28, generator=seeded()).repeat(6, 1, 1, 1)
    assert torch.equal(harmed(x, 0.0, 0.0), x)
    away = (harmed(x, 1.5, 0.2, generator=seeded(1)) - x).square().mean((1, 2, 3))
    assert away.min() > 0
    assert away.max() > 2 * away.min()


def test_the_reader_of_numerals_learns():
    torch.manual_seed(0)
    reader, given = DigitReader(8, features=16), numerals.numerals(600)
    fit(reader, (given.images, given.labels), steps=60, batch_size=64, lr=5e-3, progress=False)
    other = numerals.numerals(300, seed=1)
    assert (reader.digits(other.images) == other.labels).float().mean() > 0.5
