"""Claims A11–A15: convolution and its transpose, depth, and the holes between codes."""

from functools import partial
from statistics import mean

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from coursekit import data
from coursekit.data import faces
from coursekit.metrics.manifold import face_manifold
from coursekit.metrics.quality import checkerboard_energy
from coursekit.models import nets, vae
from coursekit.models.autoencoders import Autoencoder, dense
from coursekit.models.layers import convolution_matrix, layer_table
from coursekit.training.loop import fit

SEEDS = range(3)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 0), (2, 1)])
def test_A11_transposed_convolution_multiplies_by_the_transposed_matrix(stride, padding):
    weight = torch.randn(3, 2, 3, 3, generator=seeded(), dtype=torch.float64)
    x = torch.randn(4, 2, 7, 7, generator=seeded(1), dtype=torch.float64)
    matrix = convolution_matrix(weight, (7, 7), stride=stride, padding=padding)
    y = F.conv2d(x, weight, stride=stride, padding=padding)
    assert torch.allclose(y.flatten(1), x.flatten(1) @ matrix.T, atol=1e-12)
    back = F.conv_transpose2d(y, weight, stride=stride, padding=padding)
    assert back.shape == x.shape
    assert torch.allclose(back.flatten(1), y.flatten(1) @ matrix, atol=1e-12)


def test_A11_it_inverts_the_convolution_only_if_the_matrix_is_orthonormal():
    x = torch.randn(5, 1, 6, 6, generator=seeded(), dtype=torch.float64)
    any_weight = torch.randn(4, 1, 2, 2, generator=seeded(1), dtype=torch.float64)
    orthonormal = torch.linalg.qr(any_weight.flatten(1)).Q.reshape(4, 1, 2, 2)  # stride 2: the patches do not overlap
    errors = {}
    for name, weight in (("any", any_weight), ("orthonormal", orthonormal)):
        matrix = convolution_matrix(weight, (6, 6), stride=2)
        identity = torch.allclose(matrix.T @ matrix, torch.eye(36, dtype=torch.float64), atol=1e-10)
        assert identity == (name == "orthonormal")
        back = F.conv_transpose2d(F.conv2d(x, weight, stride=2), weight, stride=2)
        errors[name] = (back - x).abs().max().item()
    assert errors["orthonormal"] < 1e-10
    assert errors["any"] > 0.5


UPSAMPLING = {
    "transposed 3": partial(nets.transposed, kernel=3),
    "transposed 4": nets.transposed,
    "enlarged": nets.enlarged,
    "shuffled": nets.shuffled,
}


def smooth_images(n):
    coarse = torch.rand(n, 1, 4, 4, generator=seeded())
    return F.interpolate(coarse, size=16, mode="bicubic").clamp(0, 1)


def test_A12_transposed_convolution_can_leave_a_checkerboard_where_enlarging_leaves_none():
    smooth = F.interpolate(torch.rand(8, 8, 4, 4, generator=seeded()), size=16, mode="bilinear")
    boards = {}
    for name, make in UPSAMPLING.items():
        layers = []
        for seed in range(10):
            torch.manual_seed(seed)
            with torch.no_grad():
                layers.append(checkerboard_energy(make(8, 1)(smooth)).mean().item())
        boards[name] = min(layers), max(layers)
    assert boards["enlarged"][1] < 0.02
    assert all(boards[name][0] > 0.2 for name in UPSAMPLING if name != "enlarged")


def test_A12_training_makes_it_fade_and_enlarging_still_has_least():
    x = smooth_images(300)
    early = {}
    for name in ("transposed 3", "enlarged"):
        torch.manual_seed(0)
        decoder = nets.conv_decoder(8, (1, 16, 16), 16, 16, upsample=UPSAMPLING[name])
        model = Autoencoder(nets.conv_encoder((1, 16, 16), 8, 16, 16), decoder, latent_size=8)
        fit(model, x, steps=100, lr=2e-3, progress=False)
        with torch.no_grad():
            early[name] = checkerboard_energy(model(x)).mean().item()
    assert 1.5 * early["enlarged"] < early["transposed 3"] < 0.1


def test_A13_the_shapes_on_the_slides():
    x = torch.zeros(1, 3, 4, 4)
    assert x.flatten().shape == (48,)  # not 64
    assert F.max_pool2d(x, 2).shape == (1, 3, 2, 2)
    assert F.max_pool2d(x, 2).numel() == 12
    six = torch.zeros(1, 1, 6, 6)
    strided = nn.Conv2d(1, 2, 3, stride=2, padding=1)
    net = nn.Sequential(nn.Conv2d(1, 1, 3), strided, nn.ConvTranspose2d(2, 1, 3, stride=2))
    shapes = [line.shape for line in layer_table(net, six)]
    # (n + 2 padding − kernel) // stride + 1, and back (n − 1) stride + kernel
    assert shapes == [(1, 4, 4), (2, 2, 2), (1, 5, 5)]


def test_A13_pooling_with_places_can_be_undone_where_the_maxima_were():
    x = torch.rand(2, 3, 6, 6, generator=seeded())
    pooled, places = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(pooled, places, 2)
    assert back.shape == x.shape
    assert torch.equal(back[back > 0], x[back > 0])
    assert (back > 0).sum() == pooled.numel()


def deep(blocks, residual):
    """An autoencoder for digits with so many blocks of two layers on each side, residual or plain."""

    def block():
        layers = nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32)
        return nets.Residual(*layers, zero=True) if residual else nn.Sequential(*layers)

    def side(inputs, outputs):
        return nn.Sequential(nn.Linear(inputs, 32), *(block() for _ in range(blocks)), nn.Linear(32, outputs))

    decoder = nn.Sequential(side(16, 64), nn.Unflatten(1, (1, 8, 8)))
    return Autoencoder(nn.Sequential(nn.Flatten(), side(64, 16)), decoder, latent_size=16)


def gradient_kept(model, x):
    """The gradient's norm at the first layer, relative to the last."""
    model.loss(x)["loss"].backward()
    weights = [p.grad.norm() for p in model.parameters() if p.ndim == 2]
    return (weights[0] / weights[-1]).item()


@pytest.mark.parametrize("seed", SEEDS)
def test_A14_residual_blocks_keep_the_gradient_alive_where_plain_stacks_stop_learning(seed):
    x = data.digits().images
    kept, error = {}, {}
    for residual in (False, True):
        torch.manual_seed(seed)
        model = deep(8, residual)
        kept[residual] = gradient_kept(model, x[:256])
        error[residual] = fit(model, x, steps=150, lr=1e-3, seed=seed, progress=False).last(20)["mse"]
    mean_alone = x.var(0).mean().item()
    assert kept[False] < 1e-6
    assert kept[True] > 0.05
    assert error[False] > 0.9 * mean_alone  # all that it learnt is the mean digit
    assert error[True] < 0.55 * mean_alone


def test_A14_a_shallow_plain_stack_learns():
    torch.manual_seed(0)
    x = data.digits().images
    assert fit(deep(1, False), x, steps=300, progress=False).last(20)["mse"] < 0.75 * x.var(0).mean()


def sheet(n, seed):
    """Faces that differ in the ten continuous factors alone: factors, and images [n, 3, 16, 16]."""
    h = faces.sample_factors(n, generator=seeded(seed))
    h[:, len(faces.CONTINUOUS) :] = 0
    return h, faces.render(h, 16)


def code(model, x):
    h = model.encode(x)
    return h if isinstance(h, torch.Tensor) else h.mean


def codes_to_try(model, train, test, seed):
    """Four kinds of code: of test images, halfway between two of them, from the Gaussian of all codes, from N(0, I)."""
    h, ends = code(model, train), code(model, test)
    torch.manual_seed(seed)
    fitted = torch.distributions.MultivariateNormal(h.mean(0), torch.cov(h.T))
    between = (ends + ends.roll(1, 0)) / 2
    standard = torch.randn(len(test), model.latent_size, generator=seeded(seed))
    return {"own": ends, "between": between, "fitted": fitted.sample((len(test),)), "standard": standard}


def shares_on_the_manifold(decode, codes, manifold):
    """How many decoded codes lie as near the manifold as nine tenths of the reconstructions do."""
    distances = {name: manifold.nearest(decode(h).clamp(0, 1))[0] for name, h in codes.items()}
    near = distances["own"].quantile(0.9)
    return {name: (distance <= near).float().mean().item() for name, distance in distances.items()}


def trained_on_sheet(model, train, seed, **how):
    fit(model, train, lr=2e-3, seed=seed, progress=False, **how)
    return model.eval().requires_grad_(False)


def test_A15_the_latent_space_of_a_plain_autoencoder_has_holes_and_that_of_a_vae_has_fewer():
    factors, train = sheet(2000, seed=0)
    _, test = sheet(24, seed=1)
    manifold = face_manifold(16, gallery=factors[:600])
    plain, variational = [], []
    for seed in SEEDS:
        torch.manual_seed(seed)
        model = dense((3, 16, 16), 16, 256, activation=nn.SiLU)
        trained_on_sheet(model, train, seed, steps=500)
        plain.append(shares_on_the_manifold(model.decode, codes_to_try(model, train, test, seed), manifold))
        model = vae.dense((3, 16, 16), 16, 256, activation=nn.SiLU, likelihood=vae.GaussianLikelihood(0.4))
        trained_on_sheet(model, train, seed, steps=1500)
        variational.append(shares_on_the_manifold(model.decode, codes_to_try(model, train, test, seed), manifold))
    for share in plain:
        assert share["between"] < 0.65
        assert share["fitted"] < 0.35
        assert share["standard"] < 0.05
    for kind in ("between", "fitted", "standard"):
        assert mean(share[kind] for share in variational) > mean(share[kind] for share in plain) + 0.05
