"""PCA against scikit-learn and its own laws; Oja's and Sanger's rules against their equations and limits."""

from itertools import pairwise

import pytest
import torch
from sklearn import decomposition

from coursekit.metrics.geometry import principal_angles
from coursekit.models.linear import PCA, Oja, Sanger

SPREADS = torch.tensor([3.0, 2.0, 1.3, 0.8, 0.4, 0.2])


def cloud(n=400, *, offset=0.0, dtype=torch.float64, seed=0):
    """A Gaussian cloud [n, 6] whose covariance has the eigenvalues SPREADS², far from each other, in random axes."""
    generator = torch.Generator().manual_seed(seed)
    axes = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=dtype)).Q
    return torch.randn(n, 6, generator=generator, dtype=dtype) * SPREADS @ axes.T + offset


def same_up_to_sign(a, b, atol=1e-8):
    return torch.allclose(a * (a * b).sum(1, keepdim=True).sign(), b, atol=atol)


@pytest.mark.parametrize("k", [None, 1, 3])
@pytest.mark.parametrize("n", [400, 4])
def test_pca_agrees_with_scikit_learn(k, n):
    x = cloud(n, offset=2.0)
    mine, theirs = PCA(k).fit(x), decomposition.PCA(k, svd_solver="full").fit(x.numpy())
    rank = min(mine.components_.shape[0], n - 1)  # a direction without variance is arbitrary
    assert same_up_to_sign(mine.components_[:rank], torch.from_numpy(theirs.components_)[:rank])
    for name in ("mean_", "singular_values_", "explained_variance_", "explained_variance_ratio_"):
        assert torch.allclose(getattr(mine, name), torch.from_numpy(getattr(theirs, name)), atol=1e-8), name
    back = theirs.inverse_transform(theirs.transform(x.numpy()))
    assert torch.allclose(mine.inverse_transform(mine.transform(x)), torch.from_numpy(back), atol=1e-8)


def test_uncentred_pca_agrees_with_scikit_learns_truncated_svd():
    x = cloud(offset=2.0)
    mine = PCA(3, center=False).fit(x)
    theirs = decomposition.TruncatedSVD(3, algorithm="arpack").fit(x.numpy())
    assert same_up_to_sign(mine.components_, torch.from_numpy(theirs.components_.copy()))
    assert torch.allclose(mine.singular_values_, torch.from_numpy(theirs.singular_values_.copy()))
    assert not mine.mean_.any()


def test_components_are_orthonormal_and_their_largest_entry_is_positive():
    v = PCA().fit(cloud()).components_
    assert torch.allclose(v @ v.T, torch.eye(6, dtype=v.dtype), atol=1e-12)
    assert (v.gather(1, v.abs().argmax(1, keepdim=True)) > 0).all()


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_mean_error_is_the_sum_of_the_left_out_eigenvalues(k):
    x = cloud()
    pca = PCA().fit(x)
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    error = pca.reconstruction_error(x, k)
    assert error.shape == (len(x),)
    assert torch.allclose(error.mean(), eigenvalues[k:].sum(), atol=1e-10)
    assert torch.allclose(error, (x - pca.reconstruct(x, k)).square().sum(1))


def test_no_other_affine_subspace_of_that_dimension_is_nearer():
    x = cloud(offset=1.0)
    best = PCA(2).fit(x).reconstruction_error(x).mean()
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        basis = torch.linalg.qr(torch.randn(6, 2, generator=generator, dtype=x.dtype)).Q
        rest = x - x.mean(0)
        assert (rest - rest @ basis @ basis.T).square().sum(1).mean() > best


def test_pictures_go_in_and_come_out_as_pictures():
    x = torch.rand(20, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    pca = PCA(7).fit(x)
    assert pca.components_.shape == (7, 60)
    assert pca.transform(x).shape == (20, 7)
    assert pca.inverse_transform(pca.transform(x)).shape == x.shape
    assert torch.allclose(pca.reconstruct(x, 3), pca.inverse_transform(pca.transform(x)[:, :3]))
    assert torch.allclose(PCA().fit(x).reconstruct(x), x, atol=1e-5)


def test_projection_keeps_its_share_of_isotropic_noise():
    pca = PCA(2).fit(cloud())
    noise = torch.randn(20_000, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    shifted = (noise - pca.mean_) @ pca.components_.T
    kept = (shifted - shifted.mean(0)).square().sum() / noise.square().sum()
    assert pca.noise_kept() == pytest.approx(2 / 6)
    assert kept.item() == pytest.approx(pca.noise_kept(), rel=0.03)
    assert pca.noise_kept(1) == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: PCA(7).fit(cloud()), "n_components: want 1 to 6"),
        (lambda: PCA(0).fit(cloud()), "n_components"),
        (lambda: PCA().fit(cloud()[:1]), "at least two"),
        (lambda: PCA().fit(cloud()[0]), r"\[6\]"),
        (lambda: PCA().fit(cloud()).transform(torch.zeros(3, 5, dtype=torch.float64)), "6 numbers an item"),
        (lambda: PCA(2).fit(cloud()).inverse_transform(torch.zeros(3, 4)), "j up to 2"),
        (lambda: Oja(7).start(cloud()), "at most 6"),
        (lambda: Oja(rate=0.0), "rate"),
    ],
)
def test_what_does_not_fit_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match="int64"):
        PCA().fit(torch.zeros(3, 3, dtype=torch.int64))


def one_step(rule, x):
    """The weights before and after one step on the whole of x, and the centred x."""
    rule.start(x, generator=torch.Generator().manual_seed(3))
    before = rule.components_
    return before, rule.partial_fit(x).components_, x - x.mean(0)


def test_ojas_step_is_its_equation():
    before, after, x = one_step(Oja(rate=0.1), cloud()[:5])
    y = x @ before[0]
    change = (y[:, None] * x - y[:, None] ** 2 * before[0]).mean(0)  # y x − y² w
    assert torch.allclose(after[0], before[0] + 0.1 * change, atol=1e-14)


@pytest.mark.parametrize(("rule", "below_only"), [(Oja, False), (Sanger, True)])
def test_the_step_of_several_units_is_its_equation(rule, below_only):
    before, after, x = one_step(rule(3, rate=0.1), cloud()[:5])
    wanted = torch.zeros_like(before)
    for sample in x:
        y = before @ sample
        for i in range(3):
            seen = range(i + 1) if below_only else range(3)
            explained = sum(y[j] * before[j] for j in seen)
            wanted[i] += y[i] * (sample - explained) / len(x)
    assert torch.allclose(after, before + 0.1 * wanted, atol=1e-14)


def test_normalised_steps_change_the_shares_by_the_ratio_of_eigenvalues():
    x, rate = cloud(), 0.05
    pca = PCA().fit(x)
    lambda_1, lambda_2 = (pca.explained_variance_[:2] * (len(x) - 1) / len(x)).tolist()
    oja = Oja(rate=rate, normalise=True).start(x, generator=torch.Generator().manual_seed(0))
    shares = [oja.components_[0] @ pca.components_[:2].T]
    for w in oja.steps(x, batch_size=len(x), epochs=5):
        assert w.norm().item() == pytest.approx(1, abs=1e-6)
        shares.append(w[0] @ pca.components_[:2].T)
    ratios = [(b[1] / b[0]) / (a[1] / a[0]) for a, b in pairwise(shares)]
    assert ratios == pytest.approx([(1 + rate * lambda_2) / (1 + rate * lambda_1)] * 5, rel=1e-4)


def test_oja_learns_the_first_axis_and_unit_length():
    x = cloud(2000)
    oja = Oja(rate=0.003).fit(x, epochs=3, generator=torch.Generator().manual_seed(0))
    assert principal_angles(oja.components_, PCA(1).fit(x).components_).item() < 0.05
    assert oja.components_.norm().item() == pytest.approx(1, abs=0.03)


def test_sanger_learns_the_axes_in_order_where_ojas_rule_finds_only_their_span():
    x = cloud(2000)
    axes = PCA(3).fit(x).components_
    learn = {"batch_size": 10, "epochs": 20}
    sanger = Sanger(3, rate=0.02).fit(x, generator=torch.Generator().manual_seed(0), **learn)
    oja = Oja(3, rate=0.02).fit(x, generator=torch.Generator().manual_seed(0), **learn)
    assert (sanger.components_ * axes).sum(1).abs().min() > 0.995
    assert principal_angles(oja.components_, axes).max() < 0.1
    assert (oja.components_ * axes).sum(1).abs().min() < 0.9


def test_principal_axes_are_where_sangers_rule_rests():
    x = cloud()
    sanger = Sanger(3, rate=0.05).start(x)
    sanger.components_ = PCA(3).fit(x).components_
    for w in sanger.steps(x, batch_size=len(x), epochs=10):
        assert torch.allclose(w, PCA(3).fit(x).components_, atol=1e-10)


def test_normalised_units_stay_orthonormal_and_find_the_axes():
    x = cloud()
    oja = Oja(3, rate=0.5, normalise=True).fit(x, batch_size=len(x), epochs=200)
    assert torch.allclose(oja.components_ @ oja.components_.T, torch.eye(3, dtype=x.dtype), atol=1e-10)
    assert (oja.components_ * PCA(3).fit(x).components_).sum(1).abs().min() > 0.999


def test_steps_can_be_kept_and_the_same_generator_repeats_them():
    x = cloud(50)
    seen = [list(Sanger(2, rate=0.01).steps(x, generator=torch.Generator().manual_seed(4))) for _ in range(2)]
    assert len(seen[0]) == 50
    assert not torch.equal(seen[0][0], seen[0][-1])
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


def test_hebbian_codes_have_the_shape_of_pictures_too():
    x = torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    sanger = Sanger(2, rate=0.05).fit(x, batch_size=5)
    assert sanger.transform(x).shape == (30, 2)
    assert sanger.inverse_transform(sanger.transform(x)).shape == x.shape


def test_too_large_a_rate_is_said_so():
    with pytest.raises(FloatingPointError, match=r"rate 5\.0 is too large"):
        Oja(rate=5.0).fit(cloud(200), epochs=5)
