"""Nets that read the code back off what was generated: they keep the generator from forgetting it."""

from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from coursekit.models.gan.priors import Codes


class InfoCode(nn.Module):
    """InfoGAN's second head: a net reads class c and numbers u off the image; its loss is −weight · E log Q(c, u|g(h)).

    −log Q = cross-entropy of c in nats + ½ Σ (u − û)², a Gaussian of variance 1 but for its constant. H(c, u) + E log Q
    bounds the information that the image has about (c, u) from below. `net` maps images to [n, classes + continuous].

    With `features`, say the critic's trunk, `net` reads those instead. They belong to the critic, which then minimises
    this loss too, by them alone. A net of its own can agree with the generator on a sign too faint to see, which says
    nothing of real images; what the critic's features show, the critic can use. Source: Chen et al. (2016),
    equation 4 and section 6.
    """

    joint = False

    def __init__(
        self, net: nn.Module, codes: Codes, *, features: nn.Module | None = None, weight: float = 1.0,
        continuous_weight: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.net, self.codes, self.weight, self.continuous_weight = net, codes, weight, continuous_weight
        self.borrowed = () if features is None else (features,)  # in a tuple: no part of this module

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(logits of the class [n, classes], û [n, continuous])."""
        for features in self.borrowed:
            x = features(x)
        logits, u = self.net(x).float().split([self.codes.classes, self.codes.continuous], dim=1)
        return logits, u

    def loss(self, x: Tensor, h: Tensor) -> Tensor:
        """weight · −log Q(c, u|x), the mean over items, of images x made from codes h."""
        _, c, u = self.codes.parts(h)
        logits, guess = self(x)
        numbers = 0.5 * (guess - u).square().sum(1).mean()
        kind = cross_entropy(logits, c.argmax(1)) if self.codes.classes else 0.0
        return self.weight * (kind + self.continuous_weight * numbers)


class Reconstructor(nn.Module):
    """VEEGAN's reconstructor F: weight · ‖h − F(g(h))‖², the mean over numbers and items.

    With `joint` the critic judges pairs, (x, F(x)) of real items and (g(h), h) of generated ones: F must map *all* the
    data to the law of h, so a mode that the generator leaves out shows. Source: Srivastava et al. (2017).
    """

    def __init__(self, net: nn.Module, *, weight: float = 1.0, joint: bool = True) -> None:
        super().__init__()
        self.net, self.weight, self.joint = net, weight, joint

    def forward(self, x: Tensor) -> Tensor:
        """F(x): items to codes [n, size]."""
        return self.net(x)

    def loss(self, x: Tensor, h: Tensor) -> Tensor:
        """weight · mean (h − F(x))² of items x made from codes h."""
        return self.weight * mse_loss(self.net(x).float(), h)
