"""What the recipes of handwritten digits share: black and white, the split of scikit-learn's digits, neighbours."""

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from coursekit.models.vae import VAE
from coursekit.pretrained.handwriting import black_and_white, digits_split, mnist_vae, nearest_neighbours


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def grey(n=20, seed=0):
    return torch.rand(n, 1, 28, 28, generator=seeded(seed))


def test_black_and_white_is_white_as_often_as_the_grey_level_says():
    level = torch.linspace(0, 1, 11).repeat(20_000, 1)
    drawn = black_and_white(level)
    assert set(drawn.unique().tolist()) == {0, 1}
    assert (drawn.mean(0) - level[0]).abs().max() < 0.02  # five standard errors
    assert torch.equal(drawn[:, [0, -1]], level[:, [0, -1]])
    assert torch.equal(drawn, black_and_white(level))
    assert not torch.equal(drawn, black_and_white(level, seed=1))


def test_the_loss_of_black_and_white_images_is_the_usual_one():
    vae, drawn = mnist_vae(2, 16), black_and_white(grey())
    generator = seeded(3)
    torch.bernoulli(drawn, generator=generator)  # what the loss draws first
    usual = VAE.loss(vae, drawn, generator=generator)["loss"].item()
    assert vae.loss(drawn, generator=seeded(3))["loss"].item() == pytest.approx(usual)


def test_grey_images_are_drawn_anew_for_each_loss():
    vae, x = mnist_vae(2, 16), grey()
    torch.manual_seed(0)
    seen = []
    vae.encoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    for _ in range(2):
        vae.loss(x)
    assert set(torch.cat(seen).unique().tolist()) == {0, 1}
    assert not torch.equal(*seen)


def test_the_mean_loss_over_drawings_is_the_loss_of_grey_targets():
    """E[−log P(b|h)] over the drawings b of x is the cross-entropy with x itself: what grey targets are trained on."""
    vae, x = mnist_vae(2, 16), grey(2)
    p = vae.distribution(torch.randn(2, 2, generator=seeded()))
    drawings = torch.stack([p.log_prob(black_and_white(x, seed=seed)) for seed in range(2000)])
    error = drawings.std(0) / 2000**0.5
    assert ((drawings.mean(0) - p.log_prob(x)).abs() < 4 * error).all()


def test_scikit_learns_digits_are_split_the_same_way_each_time():
    train, test = digits_split()
    assert (len(train), len(test)) == (1497, 300)
    assert torch.bincount(test.labels, minlength=10).min() > 15
    digits_split.cache_clear()
    assert torch.equal(digits_split()[1].images, test.images)


def test_neighbours_are_those_of_scikit_learn():
    points, labels = torch.randn(200, 2, generator=seeded()), torch.arange(200) % 3
    others = torch.randn(50, 2, generator=seeded(1))
    theirs = KNeighborsClassifier(5).fit(points.numpy(), labels.numpy()).predict(others.numpy())
    assert nearest_neighbours(points, labels, others).tolist() == theirs.tolist()
    apart = torch.tensor([[0.0, 0.0], [9.0, 9.0]]).repeat_interleave(5, 0)
    assert nearest_neighbours(apart, torch.arange(10) // 5, apart + 1).tolist() == [0] * 5 + [1] * 5
