"""The claims of chapter 1, M1 to M9, each with tolerances that a wrong formula would break."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from coursekit import metrics, training
from coursekit.data import digits, faces, toy
from coursekit.models.autoencoders import Autoencoder, dense
from coursekit.models.linear import PCA, Oja, Sanger

FREE = len(faces.CONTINUOUS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def off_diagonal(x: Tensor) -> Tensor:
    """The correlations between different columns of x [n, d], in size."""
    correlation = torch.corrcoef(x.T).abs()
    return correlation[~torch.eye(len(correlation), dtype=torch.bool)]


def shuffled(x: Tensor) -> Tensor:
    """Each column of x [n, d] in an order of its own: the same values, independent of one another."""
    return torch.stack([column[torch.randperm(len(x), generator=seeded(i))] for i, column in enumerate(x.T)], 1)


# M1: as many free directions as there are continuous factors


@pytest.mark.parametrize("size", [32, 48])
def test_M1_the_renderers_jacobian_has_the_rank_of_the_continuous_factors(size):
    h = faces.sample_factors(24, generator=seeded(1)).double()
    slopes = metrics.jacobian(lambda h: faces.render(h, size), h, columns=range(FREE))
    assert slopes.shape == (24, 3 * size**2, FREE)
    rank = metrics.jacobian_rank(lambda h: faces.render(h, size), h, columns=range(FREE))
    assert (rank == FREE).all()


def test_M1_local_pca_finds_that_many_directions_among_3072_numbers():
    middle = faces.factors(turn=0.3, nod=0.1, smile=0.2, eyes=0.2, gaze=0.2, hair=0.3, light=0.2).double()
    h = middle.repeat(200, 1)
    h[:, :FREE] += 1e-4 * (2 * torch.rand(200, FREE, generator=seeded(2), dtype=h.dtype) - 1)
    spectrum = metrics.local_pca(faces.render(middle)[0], faces.render(h))
    assert spectrum[FREE - 1] > 10 * spectrum[FREE]
    assert spectrum[FREE:].sum() < 1e-3 * spectrum.sum()


def test_M1_nearest_neighbours_agree_roughly():
    h = faces.sample_factors(1000, generator=seeded(3))
    h[:, FREE:] = 0
    x = faces.render(h)
    assert metrics.intrinsic_dimension(x, method="twonn") == pytest.approx(FREE, rel=0.25)
    # a cube of ten dimensions is mostly border, which lowers the estimate for h itself by as much
    assert metrics.intrinsic_dimension(x) == pytest.approx(metrics.intrinsic_dimension(h[:, :FREE]), rel=0.2)
    assert metrics.intrinsic_dimension(shuffled(x.flatten(1)[:, ::31])) > 2 * FREE


# M2: independent causes, dependent numbers


def test_M2_pixels_are_dependent_although_factors_are_not():
    known = faces.faces(1500, seed=1)
    h, x = known.factors[:, :FREE], known.images.flatten(1)[:, ::31]
    by_chance = math.sqrt(2 / (math.pi * len(h)))  # the mean of |r| for independent columns
    assert off_diagonal(h).mean().item() == pytest.approx(by_chance, rel=0.3)
    assert off_diagonal(x).mean() > 8 * by_chance
    assert off_diagonal(shuffled(x)).mean().item() == pytest.approx(by_chance, rel=0.1)


# M3 and M4: the distance to the manifold


@pytest.fixture(scope="module")
def manifold():
    return metrics.face_manifold()


def test_M3_faces_have_no_distance_and_their_factors_are_found(manifold):
    h = faces.sample_factors(12, generator=seeded(5))
    distance, found = manifold.nearest(faces.render(h))
    assert distance.max() < 0.005
    assert (faces.render(found) - faces.render(h)).square().mean((1, 2, 3)).sqrt().allclose(distance, atol=1e-6)


def test_M3_the_distance_sees_what_an_eye_may_miss(manifold):
    x = faces.render(faces.sample_factors(6, generator=seeded(6)))
    faint = 0.02 * torch.randn(x.shape, generator=seeded(7))
    assert manifold.nearest(x + faint)[0].tolist() == pytest.approx([0.02] * 6, rel=0.05)
    mixed = x.flatten(2)[:, :, torch.randperm(32 * 32, generator=seeded(8))].unflatten(2, (32, 32))
    assert manifold.nearest(mixed)[0].min() > 0.1  # the same numbers in other places
    assert manifold.nearest(x.flip(2))[0].min() > 0.1  # heads down


def test_M4_the_straight_line_between_two_pictures_leaves_the_manifold_and_that_in_h_does_not(manifold):
    a, b = (faces.sample_factors(16, generator=seeded(seed)) for seed in (9, 10))
    b[:, FREE:] = a[:, FREE:]  # halfway between with and without glasses there is no face
    by_pixels = manifold.nearest((faces.render(a) + faces.render(b)) / 2)[0]
    by_factors = manifold.nearest(faces.render((a + b) / 2))[0]
    assert by_factors.max() < 0.005
    assert by_pixels.median() > 0.03
    assert (by_pixels > 2 * by_factors + 0.005).all()


def test_M4_on_the_arc_the_chord_is_off_by_a_known_distance():
    h = torch.tensor([[0.5], [2.5]])
    chord, arc = toy.arc_points(h).mean(0, keepdim=True), toy.arc_points(h.mean(0, keepdim=True))
    assert toy.arc_distance(chord).item() == pytest.approx(1 - math.cos(1.0), abs=1e-6)
    assert toy.arc_distance(arc).item() == pytest.approx(0, abs=1e-6)


# M5: the linear autoencoder and the principal subspace


def cloud(n: int = 1000, *, spreads=(3.0, 2.0, 1.0, 0.7, 0.4), offset: float = 0.0, seed: int = 0) -> Tensor:
    """Gaussian points [n, d] with the given spreads along axes that are not the coordinates'."""
    d = len(spreads)
    axes = torch.linalg.qr(torch.randn(d, d, generator=seeded(seed))).Q
    return torch.randn(n, d, generator=seeded(seed + 1)) * torch.tensor(spreads) @ axes.T + offset


@pytest.fixture(scope="module")
def linear_autoencoder() -> tuple[Autoencoder, Tensor, PCA]:
    x = cloud(offset=1.0)
    torch.manual_seed(0)
    model = dense((5,), 2)
    for lr in (3e-2, 3e-3):
        training.fit(model, x, steps=600, batch_size=len(x), lr=lr)
    return model, x, PCA(2).fit(x)


def test_M5_a_trained_linear_autoencoder_spans_the_principal_subspace(linear_autoencoder):
    model, x, pca = linear_autoencoder
    left_out = torch.linalg.eigvalsh(torch.cov(x.T, correction=0))[:3].sum()
    assert model.loss(x)["loss"].item() == pytest.approx(left_out.item(), rel=1e-4)
    decoder = model.decoder[0].weight.detach().T  # [2, 5]
    assert metrics.principal_angles(decoder, pca.components_).max() < 1e-2


def test_M5_its_weights_are_not_the_axes_and_any_mixing_does_as_well(linear_autoencoder):
    model, x, pca = linear_autoencoder
    encoder, decoder = model.encoder[1], model.decoder[0]
    cosines = (normalize(decoder.weight.T, dim=1) @ pca.components_.T).abs()
    assert cosines.max(1).values.min() < 0.99
    before = model.loss(x)["loss"].item()
    mixing = torch.tensor([[2.0, 1.0], [-1.0, 0.5]])
    with torch.no_grad():
        encoder.weight.copy_(mixing @ encoder.weight)
        encoder.bias.copy_(mixing @ encoder.bias)
        decoder.weight.copy_(decoder.weight @ torch.linalg.inv(mixing))
    assert model.loss(x)["loss"].item() == pytest.approx(before, rel=1e-4)


# M6: PCA from the singular value decomposition, and centring


def test_M6_encoder_and_decoder_from_the_svd_are_the_best_linear_ones():
    x = cloud()
    x = x - x.mean(0)
    _, d, vt = torch.linalg.svd(x, full_matrices=False)
    for k in (1, 2, 4):
        v = vt[:k].T  # [M, M_h]
        error = (x - (x @ v) @ v.T).square().sum()
        assert error.item() == pytest.approx(d[k:].square().sum().item(), rel=1e-4)
        assert torch.allclose((x @ v) @ v.T, PCA(k).fit(x).reconstruct(x), atol=1e-4)


@pytest.mark.parametrize("world", ["faces", "digits"])
def test_M6_without_centring_a_component_is_spent_on_the_mean(world):
    x = faces.faces(600, seed=2).images if world == "faces" else digits().images
    centred, raw = PCA(12).fit(x), PCA(12, center=False).fit(x)
    mean = x.flatten(1).mean(0)
    assert (raw.components_[0] @ normalize(mean, dim=0)).item() > 0.999
    assert centred.components_[0].dot(normalize(mean, dim=0)).abs() < 0.9
    for k in (1, 2, 5, 10):
        errors = [pca.reconstruction_error(x, n).mean() for pca, n in ((raw, k), (centred, k), (raw, k + 1))]
        assert errors[1] < 0.995 * errors[0]  # centring saves that component ...
        assert errors[2] < 1.1 * errors[1]  # ... and no more


def test_M6_without_centring_the_first_direction_can_be_worthless():
    line = torch.randn(500, 1, generator=seeded()) * torch.tensor([[1.0, 0.0]]) + torch.tensor([[0.0, 10.0]])
    axis = torch.tensor([[1.0, 0.0]])
    assert metrics.principal_angles(PCA(1).fit(line).components_, axis).item() < 0.01
    raw = PCA(1, center=False).fit(line)
    assert metrics.principal_angles(raw.components_, axis).item() > 1.5
    assert raw.reconstruction_error(line).mean().item() == pytest.approx(line[:, 0].square().mean().item(), rel=0.01)


# M7: Hebbian learning


def test_M7_ojas_single_unit_learns_the_first_component_of_the_digits():
    x = digits().images
    oja = Oja(rate=0.05).fit(x, batch_size=20, epochs=40, generator=seeded())
    assert (oja.components_ @ PCA(1).fit(x).components_.T).abs().item() > 0.99
    assert oja.components_.norm().item() == pytest.approx(1, abs=0.02)


def test_M7_its_direction_turns_by_the_ratio_of_the_eigenvalues():
    x, rate = cloud().double(), 0.02
    pca = PCA().fit(x)
    first, second = (pca.explained_variance_[:2] * (len(x) - 1) / len(x)).tolist()
    walk = Oja(rate=rate, normalise=True).steps(x, batch_size=len(x), epochs=20, generator=seeded())
    shares = torch.stack([w[0] @ pca.components_[:2].T for w in walk])  # [20, 2]
    ratio = shares[:, 1] / shares[:, 0]
    assert (ratio[1:] / ratio[:-1]).tolist() == pytest.approx([(1 + rate * second) / (1 + rate * first)] * 19, rel=1e-4)


def test_M7_sangers_units_learn_the_components_of_the_digits_in_order():
    x = digits().images
    sanger = Sanger(3, rate=0.05).fit(x, batch_size=20, epochs=40, generator=seeded())
    cosines = (sanger.components_ @ PCA(3).fit(x).components_.T).abs()
    assert cosines.diagonal().min() > 0.97
    variances = sanger.transform(x).var(0)
    assert (variances[:-1] > variances[1:]).all()


# M8: novelty


def left_out(kind: int, *, k: int = 10) -> tuple[float, float]:
    """AUROC of the error of a PCA that never saw that digit; and of unseen familiar digits against seen ones."""
    x, y = digits().images, digits().labels
    order = torch.randperm(len(x), generator=seeded())
    known = order[y[order] != kind]
    seen, unseen = known[:800], known[800:]
    pca = PCA(k).fit(x[seen])
    error = pca.reconstruction_error(x)
    return metrics.auroc(error[unseen], error[y == kind]), metrics.auroc(error[seen], error[unseen])


def test_M8_reconstruction_error_ranks_an_unseen_digit_above_familiar_ones():
    novel, familiar = torch.tensor([left_out(kind) for kind in range(10)]).T
    assert novel.mean() > 0.8
    assert novel.min() > 0.6
    assert novel.max() > 0.93
    assert (familiar - 0.5).abs().max() < 0.08  # it is not the split that is noticed


def test_M8_what_is_no_face_at_all_is_noticed_without_fail():
    pca = PCA(40).fit(faces.faces(600, seed=3).images)
    familiar = pca.reconstruction_error(faces.faces(200, seed=4).images)
    large = interpolate(digits().images[:200], size=32, mode="bilinear").clamp(0, 1).expand(-1, 3, -1, -1)
    assert metrics.auroc(familiar, pca.reconstruction_error(large)) > 0.99


# M9: noise


@pytest.mark.parametrize("k", [1, 4, 16, 48])
def test_M9_projection_keeps_the_share_M_h_of_M_of_the_noise(k):
    sigma = 0.3
    pca = PCA(k).fit(digits().images)
    clean = pca.reconstruct(digits().images)  # on the k-dimensional manifold, exactly
    noise = sigma * torch.randn(clean.shape, generator=seeded(11))
    before = noise.square().flatten(1).sum(1).mean().item()
    after = (pca.reconstruct(clean + noise) - clean).square().flatten(1).sum(1).mean().item()
    assert before == pytest.approx(sigma**2 * 64, rel=0.02)
    assert after == pytest.approx(sigma**2 * k, rel=0.08)
    assert after / before == pytest.approx(pca.noise_kept(), rel=0.08)


def test_M9_what_is_lost_and_what_noise_is_kept_add_up_to_the_error():
    sigma = 0.2
    x = digits().images
    pca = PCA().fit(x)
    noisy = x + sigma * torch.randn(x.shape, generator=seeded(12))
    for k in (4, 10, 20, 40):
        error = (pca.reconstruct(noisy, k) - x).square().flatten(1).sum(1).mean().item()
        lost = pca.reconstruction_error(x, k).mean().item()
        assert error == pytest.approx(lost + sigma**2 * k, rel=0.02)


def test_M9_components_learned_from_the_noisy_data_remove_nearly_as_much():
    sigma, k = 0.5, 2
    clean = cloud(4000, spreads=(3.0, 2.0, *[0.0] * 18))
    noisy = clean + sigma * torch.randn(clean.shape, generator=seeded(13))
    error = (PCA(k).fit(noisy).reconstruct(noisy) - clean).square().sum(1).mean().item()
    assert error == pytest.approx(sigma**2 * k, rel=0.1)
    assert error < 0.12 * sigma**2 * 20
