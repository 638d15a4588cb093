"""Claims R1–R5: sparse, denoising and contractive autoencoders."""

import pytest
import torch
from torch import nn

from coursekit import data
from coursekit.data import toy
from coursekit.metrics.information import cross_entropy, entropy, kl_divergence
from coursekit.metrics.representation import activity
from coursekit.models.autoencoders import dense
from coursekit.models.corruption import Gaussian, Masking
from coursekit.models.penalties import L1, Contractive, ContractiveSigmoid, Sparsity, bernoulli_kl, encoder_jacobian
from coursekit.models.score import smoothed_score
from coursekit.training import EMA, fit

SEEDS = range(3)
DIGIT = (1, 8, 8)
RHO = 0.05


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def trained(make, x, *, seed=0, **how):
    torch.manual_seed(seed)
    model = make()
    fit(model, x, seed=seed, progress=False, **how)
    return model.eval().requires_grad_(False)


def averaged(make, x, *, seed=0, decay=0.995, **how):
    """Trained, and the running average of its weights: at a constant rate the weights themselves tremble."""
    torch.manual_seed(seed)
    model = make()
    ema = EMA(model, decay)
    fit(model, x, seed=seed, progress=False, along=[ema], **how)
    return ema.average


def halves():
    return data.digits().split(1297, 500, generator=seeded())


def test_R1_the_divergence_is_zero_at_rho_and_grows_on_both_sides():
    rho_hat = torch.linspace(0.005, 0.995, 199, dtype=torch.float64)  # 0.05 is the tenth
    kl = bernoulli_kl(RHO, rho_hat)
    assert kl[9] == pytest.approx(0, abs=1e-12)
    assert (kl[:9].diff() < 0).all()
    assert (kl[9:].diff() > 0).all()


def sparse(penalty):
    return lambda: dense(DIGIT, 100, code=nn.Sigmoid(), penalty=penalty)


def test_R1_the_mean_activation_over_the_training_set_comes_out_near_rho():
    train, _ = halves()
    h = {
        weight: trained(sparse(Sparsity(RHO, weight)), train, steps=700, lr=5e-3).encode(train.images)
        for weight in (0.0, 1.0)
    }
    assert h[0.0].mean() > 0.3
    assert (h[1.0].mean(0) - RHO).abs().max() < 0.04
    assert h[1.0].mean().item() == pytest.approx(RHO, abs=0.012)


def test_R1_a_running_estimate_stands_in_for_the_whole_set_where_batches_are_small():
    """A batch of four whose own mean is to be ρ forbids a unit to rest and then speak; a running mean does not."""
    train, test = halves()
    own, running = (
        trained(sparse(penalty), train, steps=1200, batch_size=4, lr=3e-3)
        for penalty in (Sparsity(RHO, 1.0), Sparsity(RHO, 1.0, units=100))
    )
    codes = [model.encode(train.images) for model in (own, running)]
    assert codes[1].mean().item() == pytest.approx(RHO, abs=0.015)
    assert codes[1].std(0).mean() > 1.2 * codes[0].std(0).mean()
    assert activity(codes[1]).sparseness > activity(codes[0]).sparseness + 0.08
    errors = [(model(test.images) - test.images).square().mean() for model in (own, running)]
    assert errors[1] < 0.95 * errors[0]


def test_R2_overcomplete_and_sparse_is_not_the_identity_but_a_sum_of_few_features():
    train, test = halves()
    shuffled = test.images.flatten(1)[:, torch.randperm(64, generator=seeded(2))].unflatten(1, DIGIT)
    few, error, strange = {}, {}, {}
    for weight in (0.0, 0.3):
        model = trained(lambda w=weight: dense(DIGIT, 128, code=nn.ReLU(), penalty=L1(w)), train, steps=900, lr=3e-3)
        few[weight] = activity(model.encode(test.images), threshold=0.05).active
        error[weight], strange[weight] = (
            ((model(x) - x).square().mean() / x.var(0).mean()).item() for x in (test.images, shuffled)
        )
    assert few[0.0] > 0.4
    assert few[0.3] < 0.12  # of 128 features a digit uses 15 at most, on average
    assert error[0.3] < 0.25
    assert error[0.0] < 0.01
    assert strange[0.3] > 2 * strange[0.0]


P = (0.01, 0.01, 0.04, 0.04, 0.1, 0.1, 0.35, 0.35)
Q = (0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625, 0.03125, 0.03125)


def test_R3_the_entropies_of_the_recap():
    assert round(entropy(P), 2) == 2.23
    assert round(cross_entropy(P, Q), 2) == 4.58
    assert round(kl_divergence(P, Q), 2) == 2.35
    assert kl_divergence(P, Q) == pytest.approx(cross_entropy(P, Q) - entropy(P))


def test_R3_the_recaps_q_is_a_code_not_a_distribution():
    """It adds up to 0.9375: word lengths 2, 2, 3, 3, 4, 4, 5, 5 of a code that wastes one word of four bits."""
    assert sum(Q) == 0.9375
    normalised = [q / sum(Q) for q in Q]
    assert round(cross_entropy(P, normalised), 2) == 4.49
    assert round(kl_divergence(P, normalised), 2) == 2.26


@pytest.mark.parametrize("seed", SEEDS)
def test_R4_denoising_maps_a_noisy_arc_back_to_the_arc(seed):
    sigma, g = 0.15, seeded(seed)
    clean = toy.arc(2000, generator=g).points
    model = averaged(
        lambda: dense((2,), 64, 64, code=nn.ReLU(), corruption=Gaussian(sigma)),
        clean, seed=seed, steps=800, batch_size=128, lr=3e-3,
    )  # fmt: skip
    noisy = Gaussian(sigma)(toy.arc(1000, generator=g).points, generator=g)
    with torch.no_grad():
        repaired = model(noisy)
    assert toy.arc_distance(repaired).mean() < toy.arc_distance(noisy).mean() / 5
    field, score = repaired - noisy, smoothed_score(noisy, toy.arc_points(torch.linspace(0, torch.pi, 1000)), sigma)
    assert (field - sigma**2 * score).norm() < 0.2 * (sigma**2 * score).norm()


def test_R4_the_field_is_sigma_squared_times_the_score_of_a_gaussian_mixture():
    sigma, spread, g = 0.3, 0.1, seeded()
    ring = toy.ring_of_gaussians(4000, std=spread, generator=g).points
    model = averaged(
        lambda: dense((2,), 64, 64, code=nn.SiLU(), activation=nn.SiLU, corruption=Gaussian(sigma)),
        ring, steps=1500, batch_size=256, lr=3e-3,
    )  # fmt: skip
    x = Gaussian(sigma)(toy.ring_of_gaussians(2000, std=spread, generator=g).points, generator=g)
    with torch.no_grad():
        field = model(x) - x
    score = smoothed_score(x, toy.ring_centres(), sigma, spread=spread)
    assert (field - sigma**2 * score).norm() < 0.2 * (sigma**2 * score).norm()
    wrong = smoothed_score(x, toy.ring_centres(), sigma)  # forgetting the modes' own width
    assert (field - sigma**2 * wrong).norm() > (field - sigma**2 * score).norm()


def test_R4_masked_digits_are_filled_in():
    train, test = halves()
    damage = Masking(0.4)
    model = trained(
        lambda: dense(DIGIT, 256, 256, code=nn.ReLU(), out=nn.Sigmoid(), corruption=damage), train, epochs=30
    )
    damaged = damage(test.images, generator=seeded())
    before, after = ((x - test.images).square().mean() for x in (damaged, model(damaged)))
    assert after < 0.3 * before


LIFT = torch.linalg.qr(torch.randn(20, 2, generator=seeded(7))).Q.T  # the plane of the arc in 20 dimensions: [2, 20]


def lifted_arc(n, seed, noise=0.02):
    """Points [n, 20] near the arc, the points on it, and its unit tangents there."""
    g = seeded(seed)
    h = toy.arc(n, generator=g).factors[:, 0]
    on = torch.stack([h.cos(), h.sin()], 1) @ LIFT
    return on + noise * torch.randn(n, 20, generator=g), on, torch.stack([-h.sin(), h.cos()], 1) @ LIFT


def sensitivities(model, on, tangent):
    """‖J‖_F; ‖J t‖ along the manifold; and per direction across it (root mean square over the other 19)."""
    J = encoder_jacobian(model, on)  # [n, M_h, 20]
    norm, along = J.flatten(1).norm(dim=1), (J @ tangent[..., None]).flatten(1).norm(dim=1)
    across = ((norm.square() - along.square()).clamp(min=0) / 19).sqrt()
    return norm.mean().item(), along.mean().item(), across.mean().item()


@pytest.fixture(scope="module")
def contracted():
    """Test error and sensitivities by (weight of the penalty, seed)."""
    found = {}
    for seed in SEEDS:
        train, test = lifted_arc(1000, seed), lifted_arc(300, seed + 100)
        for weight in (0.0, 0.02):
            model = trained(
                lambda w=weight: dense((20,), 5, 32, activation=nn.Tanh, penalty=Contractive(w)),
                train[0], seed=seed, steps=600, lr=8e-3,
            )  # fmt: skip
            found[weight, seed] = (model(test[0]) - test[0]).square().mean().item(), *sensitivities(model, *test[1:])
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_R5_the_jacobian_falls_fivefold_at_little_cost(contracted, seed):
    plain, small = contracted[0.0, seed], contracted[0.02, seed]
    assert small[1] < plain[1] / 5
    assert small[0] < 1.5 * plain[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_R5_it_shrinks_across_the_manifold_more_than_along_it(contracted, seed):
    (_, _, along, across), (_, _, along_small, across_small) = contracted[0.0, seed], contracted[0.02, seed]
    assert across / across_small > 1.8 * along / along_small


def test_R5_the_closed_form_trains_as_the_exact_penalty_does():
    train, _ = halves()
    models = [
        trained(
            lambda p=penalty: dense(DIGIT, 12, code=nn.Sigmoid(), penalty=p), train.images[:256], steps=20, lr=1e-2
        )
        for penalty in (Contractive(0.1), ContractiveSigmoid(0.1))
    ]
    one, two = (model.encoder[1].weight for model in models)
    assert torch.allclose(one, two, atol=1e-4)
