"""Small modules that critics and generators are composed of."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Unit(nn.Module):
    """a ↦ (1 + tanh a)/2: what DCGAN's tanh gives, for pixels in [0, 1] instead of [−1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x."""
        return 0.5 * (x.tanh() + 1)


class Clamped(nn.Module):
    """The identity while training, and pixels held in [0, 1] in eval mode: an output layer whose slope never vanishes.

    Behind a tanh, a generator that has driven all pixels to 0 has next to no gradient left to come back.
    """

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x."""
        return x if self.training else x.clamp(0, 1)


class Noisy(nn.Module):
    """x + σ ε with ε ~ N(0, I) while training, x in eval mode: what is fainter than σ cannot be read behind it."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        if not sigma >= 0:
            raise ValueError(f"sigma: want a standard deviation, 0 or more, got {sigma}")
        self.sigma = sigma

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x."""
        return x + self.sigma * torch.randn_like(x) if self.training else x


class Centred(nn.Module):
    """x ↦ 2x − 1: pixels in [0, 1] to [−1, 1], a critic's first layer."""

    def forward(self, x: Tensor) -> Tensor:
        """In the shape of x."""
        return 2 * x - 1


class Joined(nn.Module):
    """(a, b, …) ↦ net([a, b, …]), joined along dimension 1: a generator of noise and condition, a critic of pairs.

    Images beside vectors are flattened.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *parts: Tensor) -> Tensor:
        """net of the parts [n, d_i, ...] joined."""
        alike = len({part.ndim for part in parts}) == 1
        return self.net(torch.cat([(part if alike else part.flatten(1)).to(parts[0].dtype) for part in parts], 1))


class Projected(nn.Module):
    """A critic that is told: (x, m) ↦ w·φ(x) + (V m)·φ(x) + b with features φ(x) [n, F] from `trunk` and m [n, c].

    It can like a feature for one condition and dislike it for another. So is the logit of "real, given m" where the
    logarithm of the ratio of the conditions' chances is linear in φ. Source: Miyato & Koyama (2018), equation 3.
    """

    def __init__(self, trunk: nn.Module, features: int, condition_size: int) -> None:
        super().__init__()
        self.trunk, self.real = trunk, nn.Linear(features, 1)
        self.fits = nn.Linear(condition_size, features, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Scores, [n, 1]."""
        phi = self.trunk(x)  # [n, F]
        return self.real(phi) + (self.fits(condition.to(phi.dtype)) * phi).sum(1, keepdim=True)


class Packed(nn.Module):
    """A critic that judges `size` items at a time: [n, C, ...] → net([n/size, size·C, ...]), one score for each pack.

    A pack of generated items that are all alike gives itself away. `net` takes size times as many channels (or
    numbers); what the critic is told beside the items is packed, too. Raises ValueError if n is no multiple of size.
    Source: Lin et al. (2018), "PacGAN".
    """

    def __init__(self, net: nn.Module, size: int = 2) -> None:
        super().__init__()
        self.net, self.size = net, size

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        """Scores of the packs, [n/size, 1]."""
        if len(x) % self.size:
            raise ValueError(f"x: want a multiple of {self.size} items, got {len(x)}")
        return self.net(*(part.reshape(-1, self.size * part.shape[1], *part.shape[2:]) for part in (x, *given)))


class MinibatchSpread(nn.Module):
    """One more channel (or number): how different the items of the batch are, the mean of their standard deviations.

    s = mean over numbers of the standard deviation over the items; [n, C, ...] → [n, C + 1, ...]. Source: Karras et
    al. (2018), section 3.
    """

    def forward(self, x: Tensor) -> Tensor:
        """x with s, the same number everywhere."""
        spread = (x.float().var(0, correction=0) + 1e-8).sqrt().mean().to(x.dtype)
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], 1)


def normalised(net: nn.Module) -> nn.Module:
    """The net with spectral normalisation, in place: each linear or convolutional layer's weight W becomes W/σ₁(W).

    Then no layer stretches by more than 1 (σ₁ as torch's power iteration finds it). Source: Miyato et al. (2018).
    """
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    for module in list(net.modules()):
        if isinstance(module, kinds):
            spectral_norm(module)
    return net
