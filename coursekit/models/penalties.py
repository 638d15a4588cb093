"""What an autoencoder pays for its code: being active (L1, KL to a target) or being sensitive (contractive).

A penalty is any callable (model, x, h) → {name: scalar}, with h = model.encode(x); the terms are added to the loss
and reported under their names. To use two, merge their dictionaries.
"""

import torch
from torch import Tensor, nn
from torch.func import jacfwd, jacrev, vmap

from coursekit.models.base import Model, Terms


class L1:
    """weight · Σ_j |h_j|, mean over the batch: few units at work at a time."""

    def __init__(self, weight: float) -> None:
        self.weight = _positive("weight", weight)

    def __call__(self, model: Model, x: Tensor, h: Tensor) -> Terms:
        """{"l1": the term}."""
        return {"l1": self.weight * h.abs().flatten(1).sum(1).mean()}


class Sparsity(nn.Module):
    """weight · Σ_j KL(ρ‖ρ̂_j): each unit's *mean* activation ρ̂_j over the data is to be ρ. For codes in (0, 1).

    KL(ρ‖ρ̂) = ρ log(ρ/ρ̂) + (1 − ρ) log((1 − ρ)/(1 − ρ̂)) in nats: zero at ρ̂ = ρ, growing on both sides.
    The formula wants ρ̂ over the whole training set, beforehand. Here it is the batch's mean, or, with `units`
    (the size of the code), a running mean with that `momentum`, which small batches need: its value is the
    running mean's, its gradient that of the batch's. Source: A. Ng, CS294A lecture notes (2011).
    Raises ValueError for ρ outside (0, 1) and for a code outside [0, 1] (put a sigmoid behind the encoder).
    """

    running: Tensor | None

    def __init__(self, rho: float, weight: float, *, units: int | None = None, momentum: float = 0.99) -> None:
        super().__init__()
        if not 0 < rho < 1 or not 0 <= momentum < 1:
            raise ValueError(f"rho, momentum: want 0 < rho < 1 and 0 <= momentum < 1, got {rho}, {momentum}")
        self.rho, self.weight, self.momentum = rho, _positive("weight", weight), momentum
        self.register_buffer("running", None if units is None else torch.full((units,), float(rho)))

    def forward(self, model: Model, x: Tensor, h: Tensor) -> Terms:
        """{"sparsity": the term}."""
        if bool(((h < 0) | (h > 1)).any()):
            raise ValueError(f"h: want activations in [0, 1], got {h.min():.3g} to {h.max():.3g}")
        return {"sparsity": self.weight * bernoulli_kl(self.rho, self._mean(h.float())).sum()}

    def _mean(self, h: Tensor) -> Tensor:
        """ρ̂ [units]."""
        mean = h.mean(0)
        if self.running is None:
            return mean
        estimate = torch.lerp(mean.detach(), self.running, self.momentum)
        if self.training:
            self.running.copy_(estimate)
        return estimate + (mean - mean.detach())


def bernoulli_kl(rho: float, rho_hat: Tensor) -> Tensor:
    """KL(ρ‖ρ̂) between two coins, in nats, elementwise; ρ̂ is kept 1e-6 away from 0 and 1."""
    target, other = torch.as_tensor(rho).to(rho_hat), rho_hat.clamp(1e-6, 1 - 1e-6)
    return torch.xlogy(target, target / other) + torch.xlogy(1 - target, (1 - target) / (1 - other))


class Contractive:
    """weight · ‖∂h/∂x‖²_F, mean over the batch: the code is to change little when x does (Rifai et al., 2011).

    The Jacobian is exact, and costs about as much as min(M, M_h) passes through the encoder. For one sigmoid
    layer `ContractiveSigmoid` is the same and nearly free.
    """

    def __init__(self, weight: float) -> None:
        self.weight = _positive("weight", weight)

    def __call__(self, model: Model, x: Tensor, h: Tensor) -> Terms:
        """{"contraction": the term}."""
        return {"contraction": self.weight * encoder_jacobian(model, x).square().sum((1, 2)).mean()}


class ContractiveSigmoid(Contractive):
    """`Contractive` in closed form, for an encoder h = σ(Wx + b): ∂h_j/∂x_i = h_j (1 − h_j) W_ji.

    ‖J‖²_F = Σ_j (h_j (1 − h_j))² ‖W_j‖². Raises TypeError unless the encoder is one linear layer and a sigmoid.
    """

    def __call__(self, model: Model, x: Tensor, h: Tensor) -> Terms:
        rows = _sigmoid_layer(model).weight.square().sum(1)  # ‖W_j‖²: [M_h]
        return {"contraction": self.weight * ((h * (1 - h)).square() @ rows).mean()}


def encoder_jacobian(model: Model, x: Tensor) -> Tensor:
    """∂h/∂x of each item, exact and differentiable: x [n, ...] → [n, M_h, M].

    Items are encoded one by one, so what a batch shares (batch normalisation while training) is not allowed:
    torch raises RuntimeError. Backward or forward mode, whichever needs fewer passes.
    """
    size, shape = x[0].numel(), x.shape[1:]

    def code(item: Tensor) -> Tensor:
        return model.encode(item.reshape(1, *shape)).flatten()  # type: ignore[operator]

    with torch.no_grad():
        backward = code(x[0]).numel() <= size
    return vmap((jacrev if backward else jacfwd)(code))(x.flatten(1))


def _sigmoid_layer(model: Model) -> nn.Linear:
    layers = [layer for layer in model.encoder.modules() if not list(layer.children())]  # type: ignore[union-attr]
    kinds = [type(layer) for layer in layers if not isinstance(layer, nn.Flatten | nn.Identity)]
    if kinds != [nn.Linear, nn.Sigmoid]:
        raise TypeError(f"encoder: want one Linear and a Sigmoid, got {[kind.__name__ for kind in kinds]}")
    return next(layer for layer in layers if isinstance(layer, nn.Linear))


def _positive(name: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(f"{name}: want a number, 0 or more, got {value}")
    return value
