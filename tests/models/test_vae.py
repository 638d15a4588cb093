"""The variational autoencoder: its bound against closed forms, its likelihoods against torch, its arguments."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.distributions import kl_divergence
from torch.nn import functional as F

from coursekit.models.gaussians import LinearGaussian, gaussian_kl, moved
from coursekit.models.vae import (
    VAE,
    BernoulliLikelihood,
    GaussianLikelihood,
    convolutional,
    dense,
    diagonal,
    full,
    number_of_parameters,
)
from coursekit.training.loop import fit

DIGIT = (1, 4, 4)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=12, shape=DIGIT, seed=1):
    return torch.rand(n, *shape, generator=seeded(seed))


def small(seed=0, **variant):
    torch.manual_seed(seed)
    return dense(DIGIT, 3, 10, **variant)


def packed(q):
    """The numbers that `full` makes this Gaussian of."""
    scale, size = q.scale_tril, q.loc.shape[-1]
    rows, columns = torch.tril_indices(size, size, -1)
    return torch.cat([q.loc, scale.diagonal(dim1=-2, dim2=-1).log(), scale[..., rows, columns]], -1)


# --- posteriors


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_full_takes_as_many_numbers_as_number_of_parameters_says(size):
    count = number_of_parameters(full, size)
    assert count == size + size * (size + 1) // 2
    assert full(torch.zeros(4, count)).event_shape == (size,)
    assert number_of_parameters(diagonal, size) == 2 * size
    assert diagonal(torch.zeros(4, 2 * size)).event_shape == (size,)


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_full_and_its_numbers_round_trip(size):
    numbers = torch.randn(4, number_of_parameters(full, size), generator=seeded(), dtype=torch.float64)
    q = full(numbers)
    assert torch.allclose(packed(q), numbers)
    assert torch.allclose(q.scale_tril @ q.scale_tril.mT, q.covariance_matrix)


def test_full_without_correlation_is_diagonal():
    numbers = torch.randn(4, 6, generator=seeded())  # μ and log σ² of three
    mu, log_var = numbers.chunk(2, -1)
    as_full = full(torch.cat([mu, log_var / 2, torch.zeros(4, 3)], -1))
    h = torch.randn(4, 3, generator=seeded(1))
    assert torch.allclose(as_full.log_prob(h), diagonal(numbers).log_prob(h), atol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 4, 6, 8])
def test_full_refuses_numbers_that_make_no_gaussian(count):
    with pytest.raises(ValueError, match=f"no full Gaussian has {count}"):
        full(torch.zeros(2, count))


def test_diagonal_refuses_an_odd_number():
    with pytest.raises(ValueError, match=r"parameters: .* got 5"):
        diagonal(torch.zeros(2, 5))


# --- likelihoods


def test_the_bernoulli_likelihood_is_minus_the_cross_entropy_with_logits():
    logits, x = 3 * torch.randn(5, *DIGIT, generator=seeded()), images(5)
    for targets in (x, x.round()):
        by_torch = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum((1, 2, 3))
        assert torch.allclose(-BernoulliLikelihood()(logits).log_prob(targets), by_torch, rtol=1e-5)


def test_the_bernoulli_likelihood_stands_extreme_logits():
    x = images(2).round()
    log_prob = BernoulliLikelihood()((2 * x - 1) * 1e4).log_prob(x)
    assert torch.equal(log_prob, torch.zeros(2))


def test_the_gaussian_likelihood_is_squared_error_over_twice_the_variance_and_a_constant():
    x, decoded, sigma = images(5), images(5, seed=2), 0.3
    by_hand = -(x - decoded).square().sum((1, 2, 3)) / (2 * sigma**2) - 8 * math.log(2 * math.pi * sigma**2)
    assert torch.allclose(GaussianLikelihood(sigma)(decoded).log_prob(x), by_hand, rtol=1e-5)


def test_mean_images_are_the_means_of_the_distributions():
    h = torch.randn(6, 3, generator=seeded())
    for model in (small(likelihood=BernoulliLikelihood()), small(likelihood=GaussianLikelihood(0.2))):
        assert torch.allclose(model.decode(h), model.distribution(h).mean)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
def test_sigma_must_be_positive(sigma):
    with pytest.raises(ValueError, match="sigma: want a positive number"):
        GaussianLikelihood(sigma)


def test_a_learnt_sigma_becomes_the_root_mean_square_of_what_is_left():
    x = images(200)
    model = small(likelihood=GaussianLikelihood(1.0, learnt=True))
    fit(model, x, steps=400, batch_size=200, lr=1e-2, progress=False)
    with torch.no_grad():
        q = model.encode(x)
        left = [model.decode(moved(q, torch.randn(200, 3, generator=seeded(s)))) - x for s in range(50)]
    rms = torch.stack(left).square().mean().sqrt().item()
    assert model.likelihood.sigma == pytest.approx(rms, rel=0.03)
    assert model.likelihood.sigma < 0.5


def test_a_stated_sigma_stays():
    model = small(likelihood=GaussianLikelihood(0.3))
    fit(model, images(), steps=5, progress=False)
    assert model.likelihood.sigma == pytest.approx(0.3)


# --- the bound


def linear(oracle, q=None):
    """A VAE whose decoder is the oracle's; q says what the encoder gives for x, the true posterior without it."""
    decoder = nn.Linear(oracle.latent_size, len(oracle.bias)).double()
    decoder.weight.data, decoder.bias.data = oracle.weight, oracle.bias

    class Encoder(nn.Module):
        def forward(self, x):
            return packed(oracle.posterior(x) if q is None else q(x))

    likelihood = GaussianLikelihood(oracle.sigma).double()
    likelihood.log_sigma.data = torch.tensor(math.log(oracle.sigma), dtype=torch.float64)
    return VAE(Encoder(), decoder, latent_size=oracle.latent_size, posterior=full, likelihood=likelihood)


def oracle(size=5, latent=2, sigma=0.6):
    numbers = torch.randn(size, latent + 1, generator=seeded(), dtype=torch.float64)
    return LinearGaussian(numbers[:, :latent], numbers[:, -1], sigma)


def test_at_the_true_posterior_every_weight_is_the_exact_likelihood():
    exact = oracle()
    x, _ = exact.sample(20, generator=seeded(1))
    model = linear(exact)
    weights = model.log_weights(x, 30, generator=seeded(2))
    assert torch.allclose(weights, exact.log_prob(x).expand(30, 20), rtol=0, atol=1e-6)
    for k in (1, 7):
        assert torch.allclose(model.log_likelihood(x, k), exact.log_prob(x), rtol=0, atol=1e-6)


def doubtful(exact):
    """The true posterior, too wide and to one side."""
    return lambda x: torch.distributions.MultivariateNormal(
        exact.posterior(x).loc + 0.3, scale_tril=1.5 * exact.posterior(x).scale_tril
    )


def test_the_bound_is_the_oracles_on_average_and_its_gap_the_divergence_from_the_posterior():
    exact = oracle()
    x, _ = exact.sample(20, generator=seeded(1))
    q, model = doubtful(exact), linear(exact, doubtful(exact))
    samples = model.elbo(x.repeat(2000, 1), generator=seeded(2))["elbo"].detach().view(2000, 20)
    error = (samples.mean(0) - exact.elbo(x, q(x))).abs()
    assert (error < 4 * samples.std(0) / 2000**0.5).all()  # four: the most of twenty errors
    gap = exact.log_prob(x) - exact.elbo(x, q(x))
    assert torch.allclose(gap, kl_divergence(q(x), exact.posterior(x)))


def test_both_forms_of_the_bound_have_one_mean():
    """E[log P(x|h)] − KL in closed form, and the mean of log P(x, h) − log Q(h|x), within three standard errors."""
    model, x = small(likelihood=GaussianLikelihood(0.5)), images(1)
    with torch.no_grad():
        first = model.elbo(x.expand(20_000, -1, -1, -1), generator=seeded())["elbo"]
    second = model.log_weights(x.expand(20_000, -1, -1, -1), 1, generator=seeded(7))
    error = ((first.var() + second.var()) / 20_000).sqrt()
    assert (first.mean() - second.mean()).abs() < 3 * error


def test_terms_add_up():
    model, x = small(likelihood=BernoulliLikelihood(), beta=4.0, reconstruction_weight=0.5), images()
    each = model.elbo(x, generator=seeded())
    assert torch.equal(each["elbo"], -each["reconstruction"] - each["kl"])
    mu, log_var = model.encoder(x).chunk(2, 1)
    assert torch.allclose(each["kl"], gaussian_kl(mu, log_var), rtol=1e-5)
    terms = model.loss(x, generator=seeded())
    wanted = 0.5 * each["reconstruction"].mean() + 4.0 * each["kl"].mean()
    assert torch.allclose(terms["loss"], wanted)
    assert torch.allclose(terms["elbo"], each["elbo"].mean())
    assert all(term.ndim == 0 for term in terms.values())


def test_with_both_weights_one_the_loss_is_minus_the_bound():
    terms = small().loss(images())
    assert torch.allclose(terms["loss"], -terms["elbo"])


@pytest.mark.parametrize("posterior", [diagonal, full])
def test_the_noise_is_that_which_is_given(posterior):
    model, x = small(posterior=posterior), images()
    zero = torch.zeros(12, 3)
    at_mean = -model.distribution(model.encode(x).mean).log_prob(x)
    assert torch.allclose(model.elbo(x, noise=zero)["reconstruction"], at_mean)
    noise = torch.randn(12, 3, generator=seeded())
    assert torch.equal(model.elbo(x, noise=noise)["elbo"], model.elbo(x, noise=noise)["elbo"])
    assert torch.equal(model.elbo(x, noise=noise)["elbo"], model.elbo(x, generator=seeded())["elbo"])


@pytest.mark.parametrize("shape", [(3,), (12, 2), (1, 3), (12, 1)])
def test_noise_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"noise: want \[12, 3\]"):
        small().elbo(images(), noise=torch.zeros(shape))


def calls(model, x):
    return {
        "elbo": lambda g: model.elbo(x, generator=g)["elbo"],
        "loss": lambda g: model.loss(x, generator=g)["loss"],
        "sample": lambda g: model.sample(4, generator=g),
        "log_weights": lambda g: model.log_weights(x, 5, generator=g),
        "log_likelihood": lambda g: model.log_likelihood(x, 5, generator=g),
    }


@pytest.mark.parametrize("call", ["elbo", "loss", "sample", "log_weights", "log_likelihood"])
def test_the_generator_decides(call):
    ask, state = calls(small(), images())[call], torch.get_rng_state()
    first, again, other = (ask(seeded(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_log_likelihood_is_the_logarithm_of_the_mean_weight():
    model, x = small(), images()
    weights = model.log_weights(x, 6, generator=seeded()).double()
    assert weights.shape == (6, 12)
    together = model.log_likelihood(x, 6, generator=seeded())
    assert together.shape == (12,)
    assert torch.allclose(together, weights.exp().mean(0).log().float(), rtol=1e-4)
    assert torch.allclose(model.log_likelihood(x, 1, generator=seeded()), weights[0].float())


def test_more_samples_bring_the_estimate_up():
    model, x = small(likelihood=GaussianLikelihood(0.2)), images(200)
    values = [model.log_likelihood(x, k, generator=seeded()).mean() for k in (1, 8, 64)]
    assert all(a < b for a, b in pairwise(values))


@pytest.mark.parametrize("k", [0, -3])
def test_no_samples_give_no_estimate(k):
    with pytest.raises(ValueError, match="k: want at least one sample"):
        small().log_likelihood(images(), k)


# --- shapes, conditions, precision


def test_shapes():
    model, x = small(), images()
    assert model.encode(x).mean.shape == (12, 3)
    assert model(x).shape == x.shape
    assert torch.equal(model(x), model.decode(model.encode(x).mean))
    assert {name: value.shape for name, value in model.elbo(x).items()} == {
        "reconstruction": (12,), "kl": (12,), "elbo": (12,)
    }  # fmt: skip
    assert model.distribution(torch.zeros(5, 3)).batch_shape == (5,)
    assert model.prior.event_shape == (3,)


@pytest.mark.parametrize("posterior", [diagonal, full])
def test_a_convolutional_model_has_the_same_shapes(posterior):
    model, x = convolutional((2, 8, 8), 3, 4, 8, hidden=16, posterior=posterior), images(5, (2, 8, 8))
    assert model(x).shape == x.shape
    assert model.elbo(x)["elbo"].shape == (5,)
    assert model.sample(4).shape == (4, 2, 8, 8)


@pytest.mark.parametrize("shape", [(12, 4, 4), (12, 16)])
def test_images_of_another_shape_than_the_decoders_are_refused(shape):
    """[n, 4, 4] would broadcast with [n, 1, 4, 4], and every sum be over all images."""
    with pytest.raises(ValueError, match=r"x: want \[12, 1, 4, 4\]"):
        small().loss(images().reshape(shape))


def test_an_encoder_that_gives_too_few_numbers_is_refused():
    """Two numbers for two codes, their log σ² forgotten, would broadcast too."""
    model = VAE(nn.Linear(4, 2), nn.Linear(2, 4), latent_size=2)
    with pytest.raises(ValueError, match=r"encoder: want a Gaussian over 2 numbers, got \[1\]"):
        model.loss(torch.zeros(3, 4))


MAKERS = pytest.mark.parametrize(
    "make",
    [lambda: dense((1, 4, 4), 3, 10, condition_size=2), lambda: convolutional((1, 4, 4), 3, 4, condition_size=2)],
    ids=["dense", "convolutional"],
)


@MAKERS
def test_a_condition_reaches_encoder_and_decoder(make):
    model, x = make(), images()
    one, other = torch.zeros(12, 2), torch.ones(12, 2)
    assert not torch.allclose(model.encode(x, one).mean, model.encode(x, other).mean)
    h = torch.zeros(12, 3)
    assert not torch.allclose(model.decode(h, one), model.decode(h, other))
    assert model(x, one).shape == x.shape
    assert model.sample(12, condition=one).shape == x.shape
    assert model.log_likelihood(x, 3, condition=one).shape == (12,)
    pair = model.loss((x, one), generator=seeded())
    assert torch.equal(pair["elbo"], model.elbo(x, one, generator=seeded())["elbo"].mean())


@MAKERS
@pytest.mark.parametrize("condition", [None, torch.zeros(12, 3), torch.zeros(11, 2), torch.zeros(12)])
def test_a_missing_or_wrong_condition_is_refused(make, condition):
    model, x = make(), images()
    asked = [
        lambda: model.encode(x, condition), lambda: model.decode(torch.zeros(12, 3), condition),
        lambda: model.elbo(x, condition), lambda: model.sample(12, condition=condition),
        lambda: model.log_likelihood(x, 2, condition=condition),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(ValueError, match=r"condition: want \[12, 2\], got (none|\[)"):
            ask()


def test_a_condition_for_a_model_without_one_is_refused():
    with pytest.raises(ValueError, match="condition: want none"):
        small().loss((images(), torch.zeros(12, 2)))


@pytest.mark.parametrize("weights", [{"beta": -1.0}, {"reconstruction_weight": -0.1}])
def test_negative_weights_are_refused(weights):
    with pytest.raises(ValueError, match="beta, reconstruction_weight: want >= 0"):
        small(**weights)


@pytest.mark.parametrize("posterior", [diagonal, full])
def test_a_model_in_double_precision_stays_so(posterior):
    model, x = small(posterior=posterior).double(), images().double()
    assert model.loss(x)["loss"].dtype == torch.float64
    assert model.sample(2).dtype == torch.float64
    assert model.log_likelihood(x, 2).dtype == torch.float64


@pytest.mark.parametrize("posterior", [diagonal, full])
@pytest.mark.parametrize("likelihood", [GaussianLikelihood(0.2), BernoulliLikelihood()])
def test_nets_in_half_precision_leave_sums_in_single_precision(posterior, likelihood):
    model, x = small(posterior=posterior, likelihood=likelihood), images()
    whole = model.elbo(x, generator=seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = model.elbo(x, generator=seeded())
    for name, value in half.items():
        assert value.dtype == torch.float32
        assert torch.allclose(value, whole[name], rtol=0.05, atol=0.2)


def test_sampling_and_weights_leave_no_gradient_and_no_mode_behind():
    model, x = small(activation=lambda: nn.Dropout(0.5)).train(), images()
    assert not model.sample(3).requires_grad
    assert not model.log_likelihood(x, 2).requires_grad
    assert all(module.training for module in model.modules())
    weights = [model.log_weights(x, 2, generator=seeded()) for _ in range(2)]
    assert torch.equal(*weights)  # nothing is dropped out meanwhile
