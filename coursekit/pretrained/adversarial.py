"""Recipes of adversarial nets: numerals on request, numerals with codes that nobody named, faces of 64×64."""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from coursekit import data, metrics
from coursekit.models import gan
from coursekit.models.base import Model, eval_mode
from coursekit.models.nets import residual_conv, shuffled
from coursekit.pretrained import measured, portraits
from coursekit.pretrained.judged import AT_ONCE, drawn
from coursekit.pretrained.loading import restored
from coursekit.pretrained.reading import NUMERALS_READER, digit_reader, unseen_numerals
from coursekit.pretrained.recipes import Betas, Figures, Recipe, fidelity

NUMERAL, CLASSES, NOISE = (1, 28, 28), 10, 32
WIDE, HALF, THIN = 96, 48, 16  # channels at 7×7, at 14×14, and where maps become numbers
CODES = gan.Codes(16, CLASSES, continuous=2)


def act() -> nn.Module:
    """LeakyReLU with slope 0.2 below 0."""
    return nn.LeakyReLU(0.2)


def numerals_generator(size: int) -> nn.Sequential:
    """Codes [n, size] to numerals: dense to 7×7, residual blocks at 7×7 and 14×14, pixels shuffled to 28×28."""
    return nn.Sequential(
        nn.Linear(size, THIN * 49), nn.Unflatten(1, (THIN, 7, 7)), nn.Conv2d(THIN, WIDE, 1),
        residual_conv(WIDE, activation=act), shuffled(WIDE, HALF, kernel=1),
        residual_conv(HALF, activation=act), act(), shuffled(HALF, 1, kernel=1), gan.Clamped(),
    )  # fmt: skip


def numerals_trunk() -> nn.Sequential:
    """Numerals to features [n, 784], the mirror of the generator."""
    return nn.Sequential(
        gan.Centred(), nn.PixelUnshuffle(2), nn.Conv2d(4, HALF, 3, padding=1), residual_conv(HALF, activation=act),
        nn.PixelUnshuffle(2), nn.Conv2d(4 * HALF, WIDE, 1), residual_conv(WIDE, activation=act),
        act(), nn.Conv2d(WIDE, THIN, 1), act(), nn.Flatten(),
    )  # fmt: skip


def head(inputs: int, outputs: int = 1) -> nn.Sequential:
    """Features to scores by way of 64 units."""
    return nn.Sequential(nn.Linear(inputs, 64), act(), nn.Linear(64, outputs))


def numerals_cgan() -> gan.GAN:
    """Told the digit: as one-hot beside the noise, and in the critic by what it makes of the features."""
    return gan.GAN(
        gan.Joined(numerals_generator(NOISE + CLASSES)),
        gan.Projected(nn.Sequential(numerals_trunk(), nn.Linear(784, 64), act()), 64, CLASSES),
        latent=NOISE, condition_size=CLASSES, loss=gan.RELATIVISTIC, penalties=STEADY,
    )  # fmt: skip


STEADY = (gan.r1(0.3, share=0.25), gan.r2(0.3, share=0.25))


def numerals_infogan() -> gan.GAN:
    """Noise, a class and two numbers. Who reads them sees 7×7 noisy means: only what is coarse will do."""
    coarse = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), gan.Noisy(0.6))
    reading = gan.InfoCode(
        nn.Sequential(*coarse, nn.Linear(49, 128), nn.SiLU(), nn.Linear(128, CODES.classes + CODES.continuous)),
        CODES,
    )  # fmt: skip
    return gan.GAN(
        numerals_generator(CODES.size), nn.Sequential(numerals_trunk(), head(784)), latent=CODES,
        recovery=reading, loss=gan.RELATIVISTIC, penalties=STEADY,
    )  # fmt: skip


def late(model: Any, done: float) -> None:
    """The codes count from a tenth of the training on, fully from a fifth: first numerals, then an order."""
    model.recovery.weight = min(max(10 * done - 1, 0.0), 1.0)


def numerals() -> data.Images:
    """The numerals to learn from."""
    return data.numerals.numerals(TRAINING_NUMERALS, seed=0)


def numerals_and_classes() -> tuple[Tensor, Tensor]:
    """Numerals, and their classes as one-hot."""
    given = numerals()
    assert given.labels is not None
    return given.images, one_hot(given.labels, CLASSES).float()


TRAINING_NUMERALS, JUDGED = 40_000, 5000


@cache
def numerals_judge() -> Any:
    """The net that reads digits."""
    return digit_reader(restored(NUMERALS_READER))


def game(model: Model) -> gan.GAN:
    """The model, if it is a GAN; TypeError otherwise."""
    if not isinstance(model, gan.GAN):
        raise TypeError(f"model: want a GAN, got {type(model).__name__}")
    return model


def of_numerals_as_asked(model: Model) -> Figures:
    """The share of 5,000 numerals that the reader takes for the class asked for, in all and for each class; and how
    near they are to as many unseen ones."""
    asked = torch.arange(JUDGED) % CLASSES
    made = drawn(game(model), JUDGED, condition=one_hot(asked, CLASSES).float())
    right = (numerals_judge().digits(made) == asked).float()
    each = {f"as_asked_{digit}": right[asked == digit].mean().item() for digit in range(CLASSES)}
    return {"as_asked": right.mean().item(), **each, **of_numerals_drawn(made)}


def of_numerals_drawn(made: Tensor) -> Figures:
    """Samples against as many unseen numerals, by the reader's features: Fréchet distance and its floor, precision,
    recall (k = 3), density and coverage (k = 5)."""
    judge, n, unseen = numerals_judge(), len(made), unseen_numerals().images
    return fidelity(*(judge.features(x) for x in (unseen[:n], unseen[-n:], made)))


def of_codes_found(model: Model) -> Figures:
    """How well the codes that nobody named follow what is known: of unseen numerals by the net that reads codes, the
    purity of the class code, and for each factor of the hand the largest |r| with one of the numbers; of samples, the
    share whose class is the usual one for their code."""
    net = game(model)
    given = unseen_numerals(JUDGED)
    assert given.labels is not None
    assert given.factors is not None
    kind, u = codes_read(net, given.images)
    most = metrics.cross_correlations(u, given.factors[:, : len(HAND)]).abs().amax(0)
    r = {f"r_{name}": value for name, value in zip(HAND, most.tolist(), strict=True)}
    h = CODES.draw(JUDGED, like=net, generator=torch.Generator().manual_seed(0))
    made = torch.cat([net.generate(part).detach() for part in h.split(AT_ONCE)])
    asked, seen = CODES.parts(h)[1].argmax(1), numerals_judge().digits(made)
    return {
        "purity": purity(kind, given.labels), "purity_of_samples": purity(asked, seen), **r, **of_numerals_drawn(made)
    }  # fmt: skip


@torch.no_grad()
def codes_read(model: gan.GAN, images: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest class code [n] and the numbers [n, continuous] that an InfoGAN reads off images."""
    with eval_mode(model):
        read = [model.recovery(part) for part in images.split(AT_ONCE)]
    return torch.cat([logits for logits, _ in read]).argmax(1), torch.cat([u for _, u in read])


def purity(code: Tensor, label: Tensor) -> float:
    """The share of items whose label is the commonest one of their code: [n] and [n], whole numbers from 0."""
    counts = torch.zeros(int(code.max()) + 1, int(label.max()) + 1)
    counts.index_put_((code, label), torch.ones(len(code)), accumulate=True)
    return (counts.max(1).values.sum() / len(code)).item()


HAND = data.numerals.HAND

WRITTEN = (
    "40,000 numerals (`data.numerals.numerals(40_000, seed=0)`); figures from 5,000 samples and as many unseen "
    "numerals (seed 1), judged by `numerals_reader`"
)
PLAY: dict[str, Any] = {"optimizer": Betas(0.0, 0.99), "warm_up": 100, "ema": 0.998}

NUMERALS_CGAN = Recipe(
    "numerals_cgan", "GAN of numerals that is told the digit: relativistic loss, R1 and R2", WRITTEN,
    numerals_cgan, numerals_and_classes, of_numerals_as_asked, epochs=3, batch_size=64, lr=6e-4, **PLAY,
)  # fmt: skip
NUMERALS_INFOGAN = Recipe(
    "numerals_infogan", "InfoGAN of numerals: a class and two numbers that nobody named", WRITTEN,
    numerals_infogan, lambda: numerals().images, of_codes_found, epochs=8, batch_size=64, lr=6e-4, pace=late,
    **PLAY,
)  # fmt: skip


def faces_gan() -> gan.GAN:
    """Residual nets without normalisation, 32 numbers to 64×64 faces."""
    return gan.GAN(
        gan.residual_generator(LATENT, FACE, *CHANNELS), gan.residual_critic(FACE, *CHANNELS), latent=LATENT,
        loss=gan.RELATIVISTIC, penalties=(gan.r1(share=0.25), gan.r2(share=0.25)),
    )  # fmt: skip


FACE, LATENT, CHANNELS = (3, 64, 64), 32, (128, 96, 64)  # channels at 4×4, 8×8 and 16×16


def of_faces(model: Model) -> Figures:
    """Of 5,000 samples: how near they are to as many unseen faces, and the share of 300 that some factors render."""
    made = drawn(game(model), measured.ITEMS)
    return {**measured.of_distribution(made), **measured.of_validity(made[:300])}


FACES_GAN = Recipe(
    "faces_gan", "GAN of rendered faces, 64×64, 32 latent numbers: relativistic loss, R1 and R2",
    portraits.RENDERED, faces_gan, portraits.faces, of_faces, epochs=12, batch_size=48, lr=6e-4, **PLAY,
)  # fmt: skip

RECIPES = (FACES_GAN, NUMERALS_CGAN, NUMERALS_INFOGAN)
