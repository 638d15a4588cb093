"""The variational autoencoder: its encoder gives a distribution over codes, its decoder one over images."""

import math
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, MultivariateNormal, Normal

from coursekit.models.base import Model, Terms, eval_mode, noise
from coursekit.models.gaussians import gaussian_kl, gaussian_kl_full, kl_to_standard_normal, moved, standard_normal
from coursekit.models.nets import Activation, Conditioned, conv_decoder, conv_encoder, mlp

__all__ = [
    "VAE", "BernoulliLikelihood", "GaussianLikelihood", "convolutional", "dense", "diagonal", "full", "gaussian_kl",
    "gaussian_kl_full", "number_of_parameters",
]  # fmt: skip

Posterior = Callable[[Tensor], Distribution]  # what the encoder gives [n, P] → a Gaussian over [n, M_h]


def diagonal(parameters: Tensor) -> Independent:
    """N(μ, diag σ²) from [n, 2 M_h]: first μ, then log σ². ValueError for an odd number of them."""
    if parameters.shape[-1] % 2:
        raise ValueError(f"parameters: want μ and as many log σ², got {parameters.shape[-1]} numbers")
    mu, log_var = parameters.chunk(2, dim=-1)
    return Independent(Normal(mu, (0.5 * log_var).exp(), validate_args=False), 1)


def full(parameters: Tensor) -> MultivariateNormal:
    """N(μ, L Lᵀ) from [n, M_h + M_h (M_h + 1)/2]: μ, the logarithms of L's diagonal, L's entries below it by rows."""
    size = latent_size_of_full(parameters.shape[-1])
    mu, log_diagonal, below = parameters.split([size, size, size * (size - 1) // 2], dim=-1)
    scale = torch.diag_embed(log_diagonal.exp())
    rows, columns = torch.tril_indices(size, size, -1, device=parameters.device)
    scale[..., rows, columns] = below
    return MultivariateNormal(mu, scale_tril=scale, validate_args=False)


def latent_size_of_full(parameters: int) -> int:
    """M_h, where P = M_h + M_h (M_h + 1)/2; ValueError if no M_h gives this P."""
    size = (math.isqrt(9 + 8 * parameters) - 3) // 2
    if size < 1 or size + size * (size + 1) // 2 != parameters:
        raise ValueError(f"parameters: no full Gaussian has {parameters} of them")
    return size


def number_of_parameters(posterior: Posterior, latent_size: int) -> int:
    """P, how many numbers the encoder must give for each image: 2 M_h for `diagonal`, M_h (M_h + 3)/2 for `full`."""
    return latent_size * (latent_size + 3) // 2 if posterior is full else 2 * latent_size


class GaussianLikelihood(nn.Module):
    """P(x|h) = N(g_d(h), σ² I): the decoder gives the mean. One σ for all numbers, stated or learnt."""

    def __init__(self, sigma: float = 0.1, *, learnt: bool = False) -> None:
        super().__init__()
        if not sigma > 0:
            raise ValueError(f"sigma: want a positive number, got {sigma}")
        self.log_sigma = nn.Parameter(torch.tensor(math.log(sigma)), requires_grad=learnt)

    @property
    def sigma(self) -> float:
        """σ now."""
        return self.log_sigma.exp().item()

    def mean(self, decoded: Tensor) -> Tensor:
        """E[x|h] from what the decoder gives: the same."""
        return decoded

    def forward(self, decoded: Tensor) -> Independent:
        """P(x|h) over images: [n, ...] → a distribution of batch shape [n]."""
        scale = self.log_sigma.exp().to(decoded)
        return Independent(Normal(decoded, scale, validate_args=False), decoded.ndim - 1)


class BernoulliLikelihood(nn.Module):
    """P(x|h) = Π_i p_i^x_i (1 − p_i)^(1 − x_i) with p = sigmoid(g_d(h)): the decoder gives logits.

    A density for black and white. For grey levels in [0, 1] the formula serves as a loss but is no density
    (continuous Bernoulli: Loaiza-Ganem & Cunningham, 2019).
    """

    def mean(self, decoded: Tensor) -> Tensor:
        """E[x|h] = sigmoid(g_d(h))."""
        return decoded.sigmoid()

    def forward(self, decoded: Tensor) -> Independent:
        """P(x|h) over images: logits [n, ...] → a distribution of batch shape [n]."""
        return Independent(Bernoulli(logits=decoded, validate_args=False), decoded.ndim - 1)


class VAE(Model):
    """Q(h|x) = N(μ(x), Σ(x)) from the encoder, P(x|h) from the decoder, P(h) = N(0, I), trained on the bound

        log P(x) ≥ E_Q[log P(x|h)] − D_KL(Q(h|x) ‖ P(h)).

    - `encoder` maps x [n, ...] to [n, P], the numbers that `posterior` makes a Gaussian of: `diagonal` (μ and log σ²)
      or `full` (see `number_of_parameters`). `decoder` maps codes [n, latent_size] to what `likelihood` makes a
      distribution of: the mean for a `GaussianLikelihood`, logits for a `BernoulliLikelihood`.
    - `beta` weights the divergence (Higgins et al., 2017); 1 is the bound, 0 no divergence at all.
      `reconstruction_weight` weights the other term: 1 is the bound, 0 leaves the divergence alone.
    - `condition_size` c > 0: batches are pairs (x, m) with m [n, c]; the encoder is called with (x, m), the decoder
      with [h, m] joined, [n, latent_size + c]: P(x|h, m) and Q(h|x, m) (Sohn et al., 2015).

    Sums over pixels, means over the batch: all terms are in nats per image. Source: Kingma & Welling (2014).
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, latent_size: int, likelihood: nn.Module | None = None,
        posterior: Posterior = diagonal, beta: float = 1.0, reconstruction_weight: float = 1.0, condition_size: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if beta < 0 or reconstruction_weight < 0:
            raise ValueError(f"beta, reconstruction_weight: want >= 0, got {beta}, {reconstruction_weight}")
        self.encoder, self.decoder, self.latent_size = encoder, decoder, latent_size
        self.likelihood: Any = GaussianLikelihood() if likelihood is None else likelihood
        self.posterior, self.beta, self.condition_size = posterior, beta, condition_size
        self.reconstruction_weight = reconstruction_weight

    @property
    def prior(self) -> Independent:
        """P(h) = N(0, I)."""
        return standard_normal(self.latent_size, like=next(self.parameters()))

    def encode(self, x: Tensor, condition: Tensor | None = None) -> Any:
        """Q(h|x) for each image, a Gaussian over [n, latent_size]; its `.mean` is the code to go on with.

        Raises ValueError if the encoder gives numbers for a Gaussian of another size.
        """
        given = (x, *self._checked(condition, len(x)))
        q = self.posterior(_wide(self.encoder(*given)))
        if q.event_shape != (self.latent_size,):
            raise ValueError(f"encoder: want a Gaussian over {self.latent_size} numbers, got {list(q.event_shape)}")
        return q

    def decode(self, h: Tensor, condition: Tensor | None = None) -> Tensor:
        """The mean image E[x|h]: [n, latent_size] → [n, ...]."""
        return self.likelihood.mean(self._decoded(h, condition))

    def distribution(self, h: Tensor, condition: Tensor | None = None) -> Distribution:
        """P(x|h) for each code."""
        return self.likelihood(_wide(self._decoded(h, condition)))

    def _decoded(self, h: Tensor, condition: Tensor | None) -> Tensor:
        return self.decoder(torch.cat([h, *self._checked(condition, len(h))], 1))

    def _checked(self, condition: Tensor | None, n: int) -> tuple[Tensor, ...]:
        """(condition,), or () for a model that has none; ValueError for the wrong one."""
        if condition is None and not self.condition_size:
            return ()
        if condition is None or condition.shape != (n, self.condition_size) or not self.condition_size:
            got = "none" if condition is None else list(condition.shape)
            wanted = [n, self.condition_size] if self.condition_size else "none"
            raise ValueError(f"condition: want {wanted}, got {got}")
        return (condition,)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """The reconstruction from the posterior's mean, in the shape of x."""
        return self.decode(self.encode(x, condition).mean, condition)

    def elbo(
        self, x: Tensor, condition: Tensor | None = None, *, noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Terms:  # fmt: skip
        """The bound and its two terms for each image, in nats: {"reconstruction", "kl", "elbo"}, each [n].

        reconstruction = −log P(x|h) at one sample h = μ + L ε, ε = `noise` [n, latent_size] if given; kl in closed
        form; elbo = −reconstruction − kl, whatever `beta` is.
        """
        q = self.encode(x, condition)
        h = moved(q, self._noise(len(x), noise, generator))
        reconstruction = -self._log_likelihood(x, h, condition)
        kl = kl_to_standard_normal(q)
        return {"reconstruction": reconstruction, "kl": kl, "elbo": -reconstruction - kl}

    def _log_likelihood(self, x: Tensor, h: Tensor, condition: Tensor | None) -> Tensor:
        """log P(x|h) for each image; ValueError if x has not the decoder's shape (it might broadcast, and be wrong)."""
        p = self.distribution(h, condition)
        if x.shape != p.batch_shape + p.event_shape:
            raise ValueError(f"x: want {list(p.batch_shape + p.event_shape)} as the decoder gives, got {list(x.shape)}")
        return p.log_prob(x)

    def _noise(self, n: int, given: Tensor | None, generator: torch.Generator | None) -> Tensor:
        if given is None:
            drawn = noise(n, self.latent_size, like=self, generator=generator)
            return drawn.to(next(self.parameters()).dtype)
        if given.shape != (n, self.latent_size):
            raise ValueError(f"noise: want {[n, self.latent_size]}, got {list(given.shape)}")
        return given

    def loss(self, x: Any, *, generator: torch.Generator | None = None) -> Terms:
        """{"loss": mean of reconstruction + β kl, "reconstruction", "kl", "elbo": means in nats per image}.

        x is a batch [n, ...], or a pair (batch, condition [n, c]) for a conditional model.
        """
        images, condition = x if isinstance(x, tuple | list) else (x, None)
        terms = {name: value.mean() for name, value in self.elbo(images, condition, generator=generator).items()}
        loss = self.reconstruction_weight * terms["reconstruction"] + self.beta * terms["kl"]
        return {"loss": loss, **terms}

    @torch.no_grad()
    def sample(
        self, n: int, *, generator: torch.Generator | None = None, condition: Tensor | None = None
    ) -> Tensor:  # fmt: skip
        """The mean images of n codes from N(0, I): [n, ...]; for a conditional model with the condition [n, c]."""
        h = self._noise(n, None, generator)
        with eval_mode(self):
            return self.decode(h, condition)

    @torch.no_grad()
    def log_weights(
        self, x: Tensor, k: int, *, condition: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """log w_i = log P(h_i) + log P(x|h_i) − log Q(h_i|x) for k samples h_i ~ Q of each image: [k, n].

        Their mean over i estimates the bound (in its first form), the logarithm of the mean weight log P(x).
        """
        with eval_mode(self):
            q, prior = self.encode(x, condition), self.prior
            rows = []
            for _ in range(k):
                h = moved(q, self._noise(len(x), None, generator))
                rows.append(prior.log_prob(h) + self._log_likelihood(x, h, condition) - q.log_prob(h))
        return torch.stack(rows)

    def log_likelihood(
        self, x: Tensor, k: int = 100, *, condition: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """log (1/k) Σ_i w_i for each image, in nats: [n]. Below log P(x) on average, and closer with each k.

        Source: Burda, Grosse & Salakhutdinov (2016). Raises ValueError for k < 1.
        """
        if k < 1:
            raise ValueError(f"k: want at least one sample, got {k}")
        return self.log_weights(x, k, condition=condition, generator=generator).logsumexp(0) - math.log(k)


def _wide(x: Tensor) -> Tensor:
    """Half precision has no room for sums over pixels: float32 at least."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def dense(
    shape: Sequence[int], latent_size: int, *hidden: int, activation: Activation = nn.ReLU,
    out: nn.Module | None = None, posterior: Posterior = diagonal, condition_size: int = 0, **variant: Any,
) -> VAE:  # fmt: skip
    """A dense VAE for items of that shape; mirrored hidden layers. `out` is an activation behind the decoder.

    `variant` goes to `VAE`. With a `BernoulliLikelihood` leave `out` away: the decoder gives logits.
    """
    size, wanted = prod(shape), number_of_parameters(posterior, latent_size)
    trunk, widths = nn.Flatten(), (size + condition_size, *hidden, wanted)
    head = mlp(*widths, activation=activation)
    encoder = Conditioned(trunk, head) if condition_size else nn.Sequential(trunk, *head)
    back = mlp(latent_size + condition_size, *hidden[::-1], size, activation=activation, out=out)
    decoder = nn.Sequential(*back, nn.Unflatten(1, tuple(shape)))
    return VAE(
        encoder, decoder, latent_size=latent_size, posterior=posterior, condition_size=condition_size, **variant
    )


def convolutional(
    shape: Sequence[int], latent_size: int, *channels: int, hidden: int = 128, activation: Activation = nn.SiLU,
    out: nn.Module | None = None, posterior: Posterior = diagonal, condition_size: int = 0, **variant: Any,
) -> VAE:  # fmt: skip
    """A convolutional VAE for images (C, H, W), fast on a CPU: each of the `channels` halves H and W.

    Between the smallest maps and the code stands a dense layer of `hidden` units, on both sides; a condition
    joins in there. `out` is an activation behind the decoder; `variant` goes to `VAE`.
    """
    wanted = number_of_parameters(posterior, latent_size)
    trunk = nn.Sequential(*conv_encoder(shape, hidden, *channels, activation=activation), activation())
    head = nn.Linear(hidden + condition_size, wanted)
    encoder = Conditioned(trunk, head) if condition_size else nn.Sequential(*trunk, head)
    decoder = conv_decoder(
        latent_size + condition_size, shape, *channels, hidden=(hidden,), activation=activation, out=out
    )
    return VAE(
        encoder, decoder, latent_size=latent_size, posterior=posterior, condition_size=condition_size, **variant
    )
