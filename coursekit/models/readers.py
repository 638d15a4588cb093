"""A net that reads the factors of a rendered face off its pixels: the judge of what a generator draws."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.data import faces
from coursekit.models.base import Model, Terms, eval_mode
from coursekit.models.nets import conv_encoder

SHAPE = (3, 64, 64)
CONTINUOUS, ATTRIBUTES = len(faces.CONTINUOUS), len(faces.ATTRIBUTES)


class FactorReader(Model):
    """Images [n, 3, 64, 64] → the ten continuous factors and the chances of the four attributes, [n, 14].

    Glasses, sunglasses and neither share a softmax, since they exclude each other; beard and long hair have a
    sigmoid each. It is trained on faces blurred by a Gaussian of 0 … `blur` pixels and with noise of standard
    deviation 0 … `noise`, another draw for each image, so that it judges a soft picture by what it shows.
    """

    def __init__(
        self, *channels: int, hidden: Sequence[int] = (256,), features: int = 64, blur: float = 1.5, noise: float = 0.05
    ) -> None:
        super().__init__()
        widths = channels or (48, 64)
        times = (4, *[2] * (len(widths) - 1))
        self.trunk = nn.Sequential(
            *conv_encoder(SHAPE, features, *widths, times=times, hidden=hidden, activation=nn.SiLU), nn.SiLU()
        )
        self.head = nn.Linear(features, CONTINUOUS + ATTRIBUTES + 1)
        self.blur, self.noise = blur, noise

    def loss(self, x: tuple[Tensor, Tensor], *, generator: torch.Generator | None = None) -> Terms:
        """{"loss": mean squared error of the continuous factors + mean cross-entropy of the attributes, and both}.

        x is (images [n, 3, 64, 64], factors [n, 14]). The generator is for blur and noise.
        """
        images, wanted = x
        values, eyewear, others = self._logits(self._harmed(images, generator))
        factors = (values - wanted[:, :CONTINUOUS]).square().mean()
        glasses, sunglasses = wanted[:, CONTINUOUS : CONTINUOUS + 2].unbind(1)
        entropy = F.cross_entropy(eyewear, (glasses + 2 * sunglasses).long())
        entropy = entropy + F.binary_cross_entropy_with_logits(others, wanted[:, CONTINUOUS + 2 :])
        return {"loss": factors + entropy, "factors": factors, "attributes": entropy}

    def _harmed(self, images: Tensor, generator: torch.Generator | None) -> Tensor:
        """Each image with a blur and a noise of its own strength."""
        source = images.device if generator is None else generator.device
        strength = torch.rand(2, len(images), 1, 1, 1, generator=generator, device=source).to(images)
        harmed = blurred(images, self.blur * strength[0].flatten())
        noise = torch.randn(images.shape, generator=generator, device=source).to(images)
        return harmed + self.noise * strength[1] * noise

    def _logits(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Continuous factors [n, 10]; logits of neither, glasses, sunglasses [n, 3]; of beard, long hair [n, 2]."""
        if images.shape[1:] != SHAPE:
            raise ValueError(f"images: want [n, 3, 64, 64], got {list(images.shape)}")
        values, eyewear, others = self.head(self.trunk(images)).float().split([CONTINUOUS, 3, 2], dim=1)
        return values, eyewear, others

    @torch.no_grad()
    def read(self, images: Tensor, *, batch_size: int = 100) -> Tensor:
        """Factors in [−1, 1] and chances of attributes in [0, 1], in the order of `faces.FACTORS`: [n, 14]."""
        rows = []
        with eval_mode(self):
            for chunk in images.split(batch_size):
                values, eyewear, others = self._logits(chunk)
                rows.append(torch.cat([values.clamp(-1, 1), eyewear.softmax(1)[:, 1:], others.sigmoid()], 1))
        return torch.cat(rows)

    def attributes(self, images: Tensor) -> Tensor:
        """Which of glasses, sunglasses, beard and long hair it sees: bool [n, 4], never both kinds of glasses."""
        return self.read(images)[:, CONTINUOUS:] > 0.5

    @torch.no_grad()
    def features(self, images: Tensor, *, batch_size: int = 100) -> Tensor:
        """The numbers before the last layer, [n, 64], for distances between sets of images."""
        with eval_mode(self):
            return torch.cat([self.trunk(chunk) for chunk in images.split(batch_size)])


def blurred(images: Tensor, sigma: Tensor | float) -> Tensor:
    """Images [n, C, H, W] blurred by a Gaussian of `sigma` pixels, one number or one for each image [n].

    Rows and columns are multiplied by a matrix of weights w_ij ∝ exp(−(i − j)²/2σ²) whose rows sum to 1, also at
    the border, so that a constant image stays as it is. σ = 0 leaves the image alone. Raises ValueError for σ < 0.
    """
    widths = torch.as_tensor(sigma, dtype=images.dtype, device=images.device).expand(len(images))
    if bool((widths < 0).any()):
        raise ValueError(f"sigma: want numbers of at least 0, got {widths.min().item():.4g}")
    rows, columns = (_weights(side, widths) for side in images.shape[2:])  # [n, H, H], [n, W, W]
    return rows[:, None] @ images @ columns[:, None].mT


def _weights(side: int, sigma: Tensor) -> Tensor:
    """[n, side, side] with rows that sum to 1."""
    place = torch.arange(side, dtype=sigma.dtype, device=sigma.device)
    away = (place[:, None] - place).square()
    return (-away / (2 * sigma.clamp(min=0.05).square())[:, None, None]).softmax(2)
