"""Claims V8, V9, V11, V15 on the trained VAEs of handwritten digits: scikit-learn's, always here, and MNIST's."""

from functools import cache
from itertools import pairwise

import pytest
import torch
from once import figures, mnist, model

from coursekit import pretrained
from coursekit.models.gaussians import gaussian_kl_full
from coursekit.models.linear import PCA
from coursekit.pretrained.handwriting import black_and_white, digits_split, nearest_neighbours

SIDE = 15  # pictures in a row of the grid


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@cache
def unseen():
    """MNIST's test images in black and white, as the bound on log P(x) wants them."""
    return black_and_white(mnist(False).images)


def grid(vae):
    """The pictures of the codes −2 ≤ h_i ≤ 2: [SIDE², ...], row by row."""
    line = torch.linspace(-2, 2, SIDE)
    return vae.decode(torch.cartesian_prod(line, line))


def read(images, known):
    """The class of each image, told by its nearest neighbours among known images: by pixels, not by codes."""
    return nearest_neighbours(known.images.flatten(1), known.labels, images.flatten(1))


def same_class_beside(labels):
    """The share of neighbours in the grid that are of one class."""
    table = labels.reshape(SIDE, SIDE)
    pairs = (table[1:] == table[:-1]), (table[:, 1:] == table[:, :-1])
    return torch.cat([pair.flatten() for pair in pairs]).float().mean().item()


def check_regions(vae, known):
    """Most classes are in the grid, in regions; a step in the grid changes a picture little."""
    pictures = grid(vae)
    labels = read(pictures, known)
    assert (torch.bincount(labels, minlength=10) >= 3).sum() >= 9
    by_chance = same_class_beside(labels[torch.randperm(SIDE**2, generator=seeded())])
    assert by_chance < 0.2
    assert same_class_beside(labels) > 0.65
    rows = pictures.flatten(1).unflatten(0, (SIDE, SIDE))
    step = (rows[1:] - rows[:-1]).norm(dim=-1)
    apart = torch.pdist(known.images[:500].flatten(1)).median()
    assert step.quantile(0.95) < 0.55 * apart  # hardly a cliff: far less than from digit to digit
    assert step.mean() < 0.35 * apart


def aggregate(vae, images):
    """The mean [M_h] and the covariance [M_h, M_h] of h ~ Q(h|x) over the images."""
    q = vae.encode(images)
    return q.mean.mean(0), torch.cov(q.mean.T) + torch.diag(q.variance.mean(0))


def check_near_the_prior(vae, images, *, nats):
    """Mean and covariance of all codes are those of N(0, I), nearly; one image's own posterior is far from it."""
    mean, covariance = aggregate(vae, images)
    assert mean.abs().max() < 0.15
    assert 0.75 < covariance.diagonal().min() <= covariance.diagonal().max() < 1.35
    off = covariance - covariance.diag().diag()
    assert off.abs().max() < 0.3
    assert gaussian_kl_full(mean, torch.linalg.cholesky(covariance)) < nats
    assert vae.elbo(images, generator=seeded())["kl"].mean() > 10 * nats


def estimates(vae, x, sizes):
    """The mean estimate of log P(x) with K codes for each image, each from codes of its own: nats."""
    return [vae.log_likelihood(x, k, generator=seeded(k)).mean().item() for k in sizes]


# scikit-learn's digits


def test_V8_card_of_the_plane_of_digits():
    """The other cards need MNIST; this one is always recomputed."""
    card = pretrained.card("digits_vae_2d")["figures"]
    found = figures("digits_vae_2d")
    assert found == pytest.approx(card, rel=1e-2)
    assert found["mse"] < 0.6 * found["pca_mse"]


def test_V8_plane_of_digits_shows_classes_in_regions_that_morph():
    check_regions(model("digits_vae_2d"), digits_split()[0])


def test_V8_two_numbers_tell_more_of_a_digit_than_two_principal_components():
    train, test = digits_split()
    vae, pca = model("digits_vae_2d"), PCA(2).fit(train.images)
    right = [
        (nearest_neighbours(code(train.images), train.labels, code(test.images)) == test.labels).float().mean()
        for code in (lambda x: vae.encode(x).mean, pca.transform)
    ]
    assert right[0] > 0.8
    assert right[0] > right[1] + 0.15


def test_V11_codes_of_digits_together_are_near_the_prior():
    check_near_the_prior(model("digits_vae_2d"), digits_split()[0].images, nats=0.1)


def test_V15_estimates_on_digits_rise_with_the_number_of_codes():
    one, ten, thousand = estimates(model("digits_vae_2d"), digits_split()[1].images, (1, 10, 1000))
    assert one + 1 < ten
    assert ten + 0.3 < thousand


# MNIST


def test_V15_bound_on_mnist_is_near_that_of_the_literature(real_mnist):
    """784-400-20 in black and white: 102.4 nats after ten passes; independent pixels need twice as many."""
    vae, mean = model("mnist_vae"), mnist(True).images.mean(0).clamp(1e-4, 1 - 1e-4)
    independent = -torch.distributions.Bernoulli(mean).log_prob(unseen()).flatten(1).sum(1).mean()
    found = -vae.elbo(unseen(), generator=seeded(3))["elbo"].mean()
    assert 85 < found < 102
    assert 2 * found < independent


def test_V15_importance_weights_rise_to_log_P_on_mnist(real_mnist):
    x = unseen()[:1000]
    found = [*estimates(model("mnist_vae"), x, (1, 5, 50)), -figures("mnist_vae")["negative_log_likelihood_of_1000"]]
    steps = [after - before for before, after in pairwise(found)]
    assert min(steps) > 0.2
    assert steps == sorted(steps, reverse=True)  # ever less: it comes to rest
    bound = model("mnist_vae").elbo(x, generator=seeded(3))["elbo"].mean()
    assert found[0] == pytest.approx(bound.item(), abs=1)
    assert found[-1] > bound + 2


def test_V11_codes_of_mnist_together_are_near_the_prior(real_mnist):
    check_near_the_prior(model("mnist_vae"), mnist(False).images, nats=1)


def test_V8_plane_of_mnist_shows_classes_in_regions_that_morph(real_mnist):
    check_regions(model("mnist_vae_2d"), mnist(True).subset(slice(10_000)))


def test_V8_the_plane_tells_most_of_mnists_classes(real_mnist):
    plane = figures("mnist_vae_2d")
    assert plane["neighbours_accuracy"] > 0.7
    assert figures("mnist_vae")["negative_elbo"] + 25 < plane["negative_elbo"]


def test_V9_random_codes_of_mnist_give_digits_of_all_classes(real_mnist):
    """Pixel by pixel they are about as far from known digits as unseen digits are; codes from farther out are not."""
    known, vae = mnist(True).subset(slice(10_000)), model("mnist_vae")
    h = torch.randn(500, 20, generator=seeded())
    near, far, unknown = vae.decode(h), vae.decode(3 * h), mnist(False).images[:500]
    assert torch.bincount(read(near, known), minlength=10).min() >= 12
    away = {
        name: torch.cdist(x.flatten(1), known.images.flatten(1)).amin(1).mean().item()
        for name, x in {"near": near, "far": far, "unseen": unknown}.items()
    }
    assert away["near"] < 1.2 * away["unseen"]
    assert away["far"] > 1.15 * away["near"]
    assert near.mean() == pytest.approx(unknown.mean().item(), rel=0.15)
