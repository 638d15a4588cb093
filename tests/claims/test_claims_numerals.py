"""Numerals pass for handwriting: a net that has seen nothing else reads MNIST."""

import pytest
import torch
from once import figures, mnist, model
from real_sets import real_set

from coursekit import pretrained
from coursekit.data import numerals
from coursekit.models import DigitReader
from coursekit.pretrained import reading
from coursekit.training import fit

READER = "numerals_reader"


def test_the_reader_knows_numerals_that_it_has_not_seen():
    found = reading.of_numerals(model(READER))
    assert min(found.values()) > 0.97
    card = pretrained.card(READER)["figures"]
    assert found == pytest.approx({name: card[name] for name in found}, abs=2e-3)


def test_the_reader_knows_mnists_digits_of_which_it_has_seen_none():
    found = figures(READER)
    assert found["mnist"] > 0.95
    assert min(found[f"mnist_{digit}"] for digit in range(10)) > 0.9


def fours(**named):
    """What the reader takes a 4 of these factors for, and how surely."""
    chances = model(READER).read(numerals.render(torch.tensor([4]), numerals.factors(**named)))[0]
    return int(chances.argmax()), float(chances.max())


def test_a_4_becomes_a_9_when_its_top_closes():
    assert fours(way=1) == (4, pytest.approx(1, abs=1e-3))
    assert fours(way=1, drift_x1=3, drift_x2=3) == (9, pytest.approx(0.79, abs=0.1))
    assert fours(way=1, drift_x1=2, drift_x2=2, pen=1)[0] == 9
    assert fours(way=1, drift_x1=2, drift_x2=2)[0] == 4, "the pen makes the difference"


def test_no_single_factor_makes_a_4_a_9():
    """Each factor alone, from one end of its slider to the other, in each way of writing a 4."""
    rows = []
    for way in range(len(numerals.ways(4))):
        for name in (name for name in numerals.FACTORS if name != "way"):
            row = numerals.factors(way=way).repeat(21, 1)
            row[:, numerals.FACTORS.index(name)] = torch.linspace(*numerals.RANGES[name], 21)
            rows.append(row)
    h = torch.cat(rows)
    chances = model(READER).read(numerals.render(torch.full((len(h),), 4), h))
    assert chances[:, 9].max() < 0.2


def test_it_is_the_shape_that_is_read_not_the_amount_of_ink():
    """The negative control: the same numerals in a mirror, which changes all digits but 0, 1 and 8."""
    given = reading.unseen_numerals(2000)
    turned = given.subset((given.labels != 0) & (given.labels != 1) & (given.labels != 8))
    right, mirrored = ((model(READER).digits(x) == turned.labels).float().mean()
                       for x in (turned.images, turned.images.flip(3)))  # fmt: skip
    assert right > 0.97
    assert mirrored < 0.5


def share_of_mnist_read(images, labels):
    """The share of MNIST's first 2,000 test images that a small net reads after 160 steps on these."""
    torch.manual_seed(0)
    net = DigitReader(16, features=32)
    fit(net, (images, labels), steps=160, batch_size=64, lr=4e-3, progress=False)
    test = mnist(train=False)
    return (net.digits(test.images[:2000]) == test.labels[:2000]).float().mean().item()


def test_it_is_the_ways_of_hands_that_make_numerals_readable():
    """The typical wrong form: one shape for each class, with slant, width and pen alone."""
    real_set("mnist")
    given = numerals.numerals(5000, seed=7)
    plain = given.factors.clone()
    plain[:, len(numerals.HAND) :] = 0
    hands, one_shape = given.images, numerals.render(given.labels, plain)
    whole, poor = (share_of_mnist_read(images, given.labels) for images in (hands, one_shape))
    assert whole > 0.85
    assert poor < whole - 0.08
