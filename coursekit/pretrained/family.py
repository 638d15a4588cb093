"""Recipes of one family: seven GANs since 2014 on the same faces of 32×32, each shown as many images."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from coursekit.models import gan
from coursekit.pretrained.judged import of_family, training_faces
from coursekit.pretrained.reading import attributes_of
from coursekit.pretrained.recipes import Betas, Recipe


class Waking(Adam):
    """Adam for nets that grow: a gradient of exactly 0 throughout is none, so a layer's averages start when it does.

    With averages of 0 from before, the first steps of a new layer would be up to 1/√(1 − β₂) = 10 times too long.
    """

    def step(self, closure: Any = None) -> Any:
        """Move what has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and not parameter.grad.any():
                    parameter.grad = None
        return super().step(closure)


def waking(parameters: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0) -> Optimizer:
    """`Waking` with β = (0, 0.99)."""
    return Waking(list(parameters), lr, betas=(0.0, 0.99), weight_decay=weight_decay, fused=True)


def told_faces() -> tuple[Tensor, Tensor]:
    """The training faces and their four attributes."""
    given = training_faces()
    return given.images, attributes_of(given)


FACES = (
    "20,000 rendered faces (`data.faces.faces(20_000, size=32, seed=0)`); figures from 2,000 samples and as many other "
    "faces (seed 1), judged by `faces_reader` at 64×64"
)
ALIKE: dict[str, Any] = {"measure": of_family, "epochs": 4, "ema": 0.995, "warm_up": 50}


def member(name: str, about: str, net: Any, **settings: Any) -> Recipe:
    """A recipe of the family: 80,000 images for each, told attributes if the net is."""
    examples = settings.pop("examples", lambda: training_faces().images)
    return Recipe(f"family_{name}", about, FACES, net, examples, **{**ALIKE, **settings})


RECIPES = (
    member(
        "dcgan", "DCGAN: transposed convolutions, batch normalisation, the non-saturating loss",
        lambda: gan.dcgan((3, 32, 32), (128, 64, 32), kernel=4), batch_size=40, lr=4e-4, optimizer=Betas(0.5, 0.999),
    ),
    member(
        "wgan", "WGAN-GP: DCGAN's nets, the Wasserstein loss, a gradient penalty; five turns of the critic for one",
        gan.wgan, batch_size=100, lr=5e-4, optimizer=Betas(0.0, 0.9), autocast=False,
    ),
    member(
        "sagan", "SAGAN: DCGAN's nets with self-attention, spectral normalisation and the hinge loss",
        gan.sagan, batch_size=40, lr=4e-4, optimizer=Betas(0.0, 0.9),
    ),
    member(
        "progan", "ProGAN: nets that grow from 4×4 to 32×32, equalised learning rate, WGAN-GP's loss",
        gan.progan, batch_size=40, lr=0.016, optimizer=waking, pace=gan.grown,
    ),
    member(
        "biggan", "BigGAN in small: told four attributes, codes at each size, projection, the hinge loss",
        gan.biggan, batch_size=40, lr=4e-4, optimizer=Betas(0.0, 0.9), examples=told_faces,
    ),
    member(
        "transgan", "TransGAN: a transformer for each player, WGAN-GP's loss",
        gan.transgan, batch_size=40, lr=4e-4, optimizer=Betas(0.0, 0.99),
    ),
    member(
        "r3gan", "R3GAN: residual nets without normalisation, the relativistic loss, R1 and R2",
        gan.r3gan, batch_size=40, lr=6e-4, optimizer=Betas(0.0, 0.99),
    ),
)  # fmt: skip
