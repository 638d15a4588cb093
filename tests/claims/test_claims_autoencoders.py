"""Claims A1–A10 on autoencoders, each by the computation that the chapter shows. A11–A15: the file beside this one."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coursekit import data, metrics
from coursekit.data import faces, toy
from coursekit.metrics.quality import psnr
from coursekit.metrics.representation import linear_probe, precision_at_k
from coursekit.models.autoencoders import binary_cross_entropy, convolutional, dense, tied
from coursekit.models.base import Model
from coursekit.models.corruption import Gaussian, Patch
from coursekit.models.layers import layer_table
from coursekit.models.linear import PCA
from coursekit.training.loop import fit

SEEDS = range(3)
DIGIT = (1, 8, 8)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def halves(seed=0):
    """1,297 digits to train on, 500 to test."""
    return data.digits().split(1297, 500, generator=seeded(seed))


def trained(make, x, *, seed=0, **how):
    torch.manual_seed(seed)
    model = make()
    fit(model, x, seed=seed, progress=False, **how)
    return model.eval().requires_grad_(False)


def mse(model, x):
    return (model(x) - x).square().mean().item()


def mean(values):
    return sum(values) / len(values)


def test_A1_an_undercomplete_code_compresses_its_own_kind_and_no_other():
    train, test = halves()
    model = trained(lambda: dense(DIGIT, 8, 128), train, epochs=40, lr=3e-3)
    h = faces.sample_factors(500, generator=seeded(1))
    other = {
        "faces": faces.render(h, 8).mean(1, keepdim=True),
        "negatives": 1 - test.images,
        "shuffled pixels": test.images.flatten(1)[:, torch.randperm(64, generator=seeded(2))].unflatten(1, DIGIT),
    }
    own = (model(test.images) - test.images).square().flatten(1).mean(1)
    assert own.mean() < 0.35 * test.images.var(0).mean()  # 8 numbers instead of 64 keep most of what varies
    for name, x in other.items():
        errors = (model(x) - x).square().flatten(1).mean(1)
        assert errors.mean() > 4 * own.mean(), name
        assert metrics.auroc(own, errors) > 0.95, name


def test_A2_an_overcomplete_code_without_a_constraint_copies_everything():
    points = toy.arc(1000, generator=seeded()).points
    anywhere = 4 * torch.rand(500, 2, generator=seeded(1)) - 2
    copies = trained(lambda: dense((2,), 16), points, steps=400, lr=1e-2)
    squeezes = trained(lambda: dense((2,), 1, 32, 32), points, steps=800, lr=3e-3)
    assert mse(copies, anywhere) < 1e-3 * anywhere.var()  # it never saw such points: nothing of the arc is in it
    assert mse(squeezes, anywhere) > 0.1 * anywhere.var()
    assert toy.arc_distance(squeezes(anywhere)).mean() < 0.3 * toy.arc_distance(anywhere).mean()


@pytest.fixture(scope="module")
def depths():
    """Test error and precision@10 of codes of two, by (hidden sizes, seed); the last two have about as many weights."""
    found = {}
    for seed in SEEDS:
        train, test = halves(seed)
        for hidden in ((), (253,), (128, 64, 32)):
            model = trained(lambda hidden=hidden: dense(DIGIT, 2, *hidden), train, seed=seed, epochs=80, lr=2e-3)
            near = precision_at_k(model.encode(test.images), test.labels, k=10)
            found[hidden, seed] = mse(model, test.images), near
    return found


def test_A3_deeper_beats_shallower_at_the_same_code_size(depths):
    for seed in SEEDS:
        flat, deep = depths[(), seed], depths[(128, 64, 32), seed]
        assert deep[0] < 0.65 * flat[0]
        assert deep[1] > flat[1] + 0.2


def test_A3_a_second_and_third_layer_buy_little_more(depths):
    """With nearly as many weights, three hidden layers against one: a little less error, no clear gain in classes."""
    wide, deep = (mean([depths[hidden, seed][0] for seed in SEEDS]) for hidden in ((253,), (128, 64, 32)))
    assert 0.8 * wide < deep < 0.98 * wide
    wide, deep = (mean([depths[hidden, seed][1] for seed in SEEDS]) for hidden in ((253,), (128, 64, 32)))
    assert abs(deep - wide) < 0.08


def test_A4_the_lectures_net_has_its_shapes_and_parameters():
    table = layer_table(convolutional(), torch.rand(2, 1, 28, 28))
    assert sum(line.parameters for line in table) == 140_850
    assert sum(line.trainable for line in table) == 140_594
    computing = [(line.name, line.shape, line.parameters) for line in table if line.name not in ("ReLU", "Sigmoid")]
    assert computing == [
        ("Conv2d", (32, 28, 28), 320), ("MaxPool2d", (32, 14, 14), 0),
        ("Conv2d", (64, 14, 14), 18_496), ("MaxPool2d", (64, 7, 7), 0),
        ("Conv2d", (64, 7, 7), 36_928), ("MaxPool2d", (64, 3, 3), 0),
        ("Flatten", (576,), 0), ("Linear", (49,), 28_273), ("Unflatten", (1, 7, 7), 0),
        ("ConvTranspose2d", (64, 14, 14), 640), ("BatchNorm2d", (64, 14, 14), 256),
        ("ConvTranspose2d", (64, 28, 28), 36_928), ("BatchNorm2d", (64, 28, 28), 256),
        ("ConvTranspose2d", (32, 28, 28), 18_464), ("Conv2d", (1, 28, 28), 289),
    ]  # fmt: skip


def test_A4_the_lectures_net_learns():
    digits = F.interpolate(data.digits().images[:64], size=28, mode="bilinear")
    torch.manual_seed(0)
    errors = fit(convolutional(), digits, steps=30, batch_size=8, lr=2e-3, progress=False)["mse"]
    assert mean(errors[-5:]) < 0.6 * mean(errors[:3])


def test_A5_one_layer_with_tied_weights_learns():
    train, test = halves()
    model = trained(lambda: tied(DIGIT, 32, out=nn.Sigmoid()), train, epochs=40, lr=3e-3)
    assert mse(model, test.images) < 0.25 * test.images.var(0).mean()
    layer, back = model.encoder[1], model.decoder[0]
    x = test.images[:5].flatten(1)
    by_hand = torch.sigmoid(torch.sigmoid(x @ layer.weight.T + layer.bias) @ layer.weight + back.bias)
    assert torch.allclose(model(test.images[:5]).flatten(1), by_hand, atol=1e-5)


def truncated(x_hat, x):
    """The slide's −Σ x log x̂, which lacks the term for what is dark."""
    return -(x * x_hat.clamp(min=1e-7).log()).flatten(1).sum(1)


def test_A6_half_a_cross_entropy_turns_everything_white():
    train, test = halves()
    models = [
        trained(
            lambda loss=loss: dense(DIGIT, 16, 64, out=nn.Sigmoid(), reconstruction=loss), train, epochs=20, lr=3e-3
        )
        for loss in (truncated, binary_cross_entropy)
    ]
    lit = train.images.mean(0, keepdim=True) > 0.01  # pixels that are ever more than black, and so in the sum
    white, grey = (model(test.images)[:, lit[0]] for model in models)
    wanted = test.images[:, lit[0]]
    assert white.min() > 0.95
    assert (white - wanted).square().mean() > 10 * (grey - wanted).square().mean()
    assert grey.mean().item() == pytest.approx(wanted.mean().item(), rel=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_A7_eight_symbols_through_three_units_become_nearly_binary_numbers(seed):
    symbols = torch.eye(8)
    model = trained(
        lambda: dense((8,), 3, code=nn.Sigmoid(), out=nn.Sigmoid(), reconstruction=binary_cross_entropy),
        symbols, seed=seed, steps=3000, batch_size=8, lr=0.03,
    )  # fmt: skip
    h = model.encode(symbols)
    assert torch.equal(model(symbols).argmax(1), torch.arange(8))
    assert model(symbols).diagonal().min() > 0.9
    assert (h - h.round()).abs().mean() < 0.13  # of numbers anywhere in [0, 1] it would be 0.25
    assert len(h.round().unique(dim=0)) >= 7  # a unit near ½ may serve two symbols


@pytest.fixture(scope="module")
def pretrained():
    """Per seed: the digits, a denoising autoencoder with a code of ten, and its encoder as it was before training."""
    found = {}
    for seed in SEEDS:
        train, test = halves(seed)
        torch.manual_seed(seed)
        model = dense(DIGIT, 10, 256, 128, corruption=Gaussian(0.5))
        fresh = copy.deepcopy(model.encoder)
        fit(model, train.images, epochs=50, lr=2e-3, seed=seed, progress=False)
        found[seed] = train, test, model.eval().requires_grad_(False), fresh
    return found


def test_A8_the_code_of_a_denoising_autoencoder_finds_similar_digits_better_than_pixels(pretrained):
    gains = []
    for _, test, model, _ in pretrained.values():
        by_pixels = precision_at_k(test.images, test.labels, k=30)
        gains.append(precision_at_k(model.encode(test.images), test.labels, k=30) - by_pixels)
    assert min(gains) > 0
    assert mean(gains) > 0.02


def test_A8_the_code_of_a_plain_autoencoder_does_not():
    gains = []
    for seed in SEEDS:
        train, test = halves(seed)
        model = trained(lambda: dense(DIGIT, 16, 128), train, seed=seed, epochs=40, lr=2e-3)
        by_pixels = precision_at_k(test.images, test.labels, k=10)
        gains.append(precision_at_k(model.encode(test.images), test.labels, k=10) - by_pixels)
    assert mean(gains) < 0.01


class Classifier(Model):
    """An encoder and one linear layer, trained on (images, labels)."""

    def __init__(self, encoder, size):
        super().__init__()
        self.net = nn.Sequential(encoder, nn.Linear(size, 10))

    def loss(self, batch):
        images, labels = batch
        return {"loss": F.cross_entropy(self.net(images), labels)}


def from_scratch(encoder, few, test, seed):
    model = trained(
        lambda: Classifier(copy.deepcopy(encoder), 10), (few.images, few.labels), seed=seed, steps=250, batch_size=64
    )
    return (model.net(test.images).argmax(1) == test.labels).float().mean().item()


def few_labels(train, each, seed):
    order = torch.randperm(len(train), generator=seeded(seed))
    chosen = [order[train.labels[order] == label][:each] for label in range(10)]
    return train.subset(torch.cat(chosen))


def test_A9_pretraining_helps_when_labels_are_few_and_less_when_there_are_more(pretrained):
    advantage = {}
    for each in (1, 5, 50):
        gains = []
        for seed, (train, test, model, fresh) in pretrained.items():
            few = few_labels(train, each, seed)
            codes = model.encode(few.images), few.labels, model.encode(test.images), test.labels
            gains.append(linear_probe(*codes) - from_scratch(fresh, few, test, seed))
        advantage[each] = mean(gains)
    assert advantage[1] > 0.06
    assert advantage[5] > 0.04
    assert advantage[50] < 0.5 * advantage[1]


def test_A10_noise_goes_away_better_than_with_pca_and_its_best_number_of_components():
    for seed in SEEDS:
        train, test = halves(seed)
        model = trained(
            lambda: dense(DIGIT, 256, 256, code=nn.ReLU(), out=nn.Sigmoid(), corruption=Gaussian(0.5)),
            train, seed=seed, epochs=30,
        )  # fmt: skip
        noisy = Gaussian(0.5)(test.images, generator=seeded(seed))
        pca = PCA().fit(train.images)
        best = max(psnr(pca.reconstruct(noisy, k).clamp(0, 1), test.images) for k in range(1, 65))
        assert psnr(model(noisy), test.images) > best + 0.7


def test_A10_missing_parts_are_filled_in():
    train, test = halves()
    hole = Patch(3)
    model = trained(
        lambda: dense(DIGIT, 256, 256, code=nn.ReLU(), out=nn.Sigmoid(), corruption=hole), train, epochs=40
    )
    damaged = hole(test.images, generator=seeded())
    lost = hole(torch.ones_like(test.images), generator=seeded()) == 0
    by_mean = train.images.mean(0).expand_as(test.images)
    error, plain = (((fill - test.images)[lost]).square().mean() for fill in (model(damaged), by_mean))
    assert error < 0.7 * plain
