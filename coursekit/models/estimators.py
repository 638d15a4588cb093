"""Two ways to estimate ∇ E_q[f(h)] for a Gaussian q = N(μ, diag σ²) from samples, item by item."""

from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]  # h [n, M_h] → [n]
Gradients = tuple[Tensor, Tensor]  # by μ and by log σ, each [n, M_h]


def reparameterised_gradients(f: Function, mu: Tensor, log_sigma: Tensor, noise: Tensor) -> Gradients:
    """One estimate per sample of ∂/∂(μ, log σ) E f(h), through h = μ + σ ∘ ε: ε [n, M_h] → two of [n, M_h].

    ∂f(h)/∂μ = ∇f(h) and ∂f(h)/∂log σ = ∇f(h) ∘ σ ∘ ε. f must be differentiable, and treat each item on its own.
    Source: Kingma & Welling (2014), section 2.4.
    """
    sigma = log_sigma.detach().exp()
    h = (mu + sigma * noise).detach().requires_grad_()
    (slope,) = torch.autograd.grad(f(h).sum(), h)
    return slope, slope * sigma * noise


def score_function_gradients(
    f: Function, mu: Tensor, log_sigma: Tensor, noise: Tensor, *, baseline: float = 0.0
) -> Gradients:
    """One estimate per sample of ∂/∂(μ, log σ) E f(h) by (f(h) − c) ∇ log q(h): ε [n, M_h] → two of [n, M_h].

    At h = μ + σ ∘ ε: ∂ log q/∂μ = ε/σ and ∂ log q/∂log σ = ε² − 1. f is only evaluated, so it need not be
    differentiable. A constant c, the `baseline`, leaves the mean as it is and can lower the variance. Also called
    REINFORCE (Williams, 1992).
    """
    with torch.no_grad():
        sigma = log_sigma.exp()
        reward = (f(mu + sigma * noise) - baseline)[:, None]  # [n, 1]
        return reward * noise / sigma, reward * (noise.square() - 1)
