"""Nets that read off pixels what a generator has drawn: the factors of a rendered face, the digit of a numeral."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.data import faces
from coursekit.models.base import Model, Terms, eval_mode
from coursekit.models.nets import conv_encoder

SHAPE, NUMERAL = (3, 64, 64), (1, 28, 28)
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
        values, eyewear, others = self._logits(harmed(images, self.blur, self.noise, generator=generator))
        factors = (values - wanted[:, :CONTINUOUS]).square().mean()
        glasses, sunglasses = wanted[:, CONTINUOUS : CONTINUOUS + 2].unbind(1)
        entropy = F.cross_entropy(eyewear, (glasses + 2 * sunglasses).long())
        entropy = entropy + F.binary_cross_entropy_with_logits(others, wanted[:, CONTINUOUS + 2 :])
        return {"loss": factors + entropy, "factors": factors, "attributes": entropy}

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


class DigitReader(Model):
    """Images [n, 1, 28, 28] → the chance of each digit, [n, 10].

    It is trained on images blurred by a Gaussian of 0 … `blur` pixels and with noise of standard deviation 0 …
    `noise`, another draw for each image, so that it judges a soft picture by what it shows.
    """

    def __init__(self, channels: int = 32, *, features: int = 64, blur: float = 1.0, noise: float = 0.1) -> None:
        super().__init__()
        half, whole = channels, 2 * channels
        self.trunk = nn.Sequential(
            *_normalised(1, half, kernel=5, stride=2), *_normalised(half, half), nn.MaxPool2d(2),
            *_normalised(half, whole), nn.MaxPool2d(2), *_normalised(whole, whole),
            nn.Flatten(), nn.Linear(9 * whole, features), nn.SiLU(),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(features, 10))
        self.blur, self.noise = blur, noise

    def forward(self, images: Tensor) -> Tensor:
        """The digits' logits, [n, 10]. Raises ValueError for images of another shape."""
        if images.shape[1:] != NUMERAL:
            raise ValueError(f"images: want [n, 1, 28, 28], got {list(images.shape)}")
        return self.head(self.trunk(images)).float()

    def loss(self, x: tuple[Tensor, Tensor], *, generator: torch.Generator | None = None) -> Terms:
        """{"loss": mean cross-entropy, "wrong": the share of digits taken for others}.

        x is (images [n, 1, 28, 28], labels [n]). The generator is for blur and noise.
        """
        images, labels = x
        logits = self(harmed(images, self.blur, self.noise, generator=generator))
        return {"loss": F.cross_entropy(logits, labels), "wrong": (logits.argmax(1) != labels).float().mean()}

    @torch.no_grad()
    def read(self, images: Tensor, *, batch_size: int = 500) -> Tensor:
        """The chance of each digit, [n, 10]."""
        with eval_mode(self):
            return torch.cat([self(chunk).softmax(1) for chunk in images.split(batch_size)])

    def digits(self, images: Tensor) -> Tensor:
        """The likeliest digit of each image, [n]."""
        return self.read(images).argmax(1)

    @torch.no_grad()
    def features(self, images: Tensor, *, batch_size: int = 500) -> Tensor:
        """The numbers before the last layer, [n, 64], for distances between sets of images."""
        with eval_mode(self):
            return torch.cat([self.trunk(chunk) for chunk in images.split(batch_size)])


def _normalised(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
    """A convolution, batch normalisation, SiLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return conv, nn.BatchNorm2d(outputs), nn.SiLU()


def harmed(images: Tensor, blur: float, noise: float, *, generator: torch.Generator | None = None) -> Tensor:
    """Images [n, C, H, W], each blurred by 0 … `blur` pixels and with noise of deviation 0 … `noise`, drawn anew."""
    source = images.device if generator is None else generator.device
    strength = torch.rand(2, len(images), 1, 1, 1, generator=generator, device=source).to(images)
    grain = torch.randn(images.shape, generator=generator, device=source).to(images)
    return blurred(images, blur * strength[0].flatten()) + noise * strength[1] * grain


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
