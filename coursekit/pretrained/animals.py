"""The judge of horses and zebras, `horses_reader`, and what cards say of translations between them."""

from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from coursekit import data, metrics
from coursekit.data import horses
from coursekit.models.base import Model
from coursekit.models.horse_reader import POSE, HorseReader, Reading
from coursekit.models.translation.augmented import AugmentedCycleGAN
from coursekit.models.translation.translator import Translator
from coursekit.pretrained.loading import restored
from coursekit.pretrained.recipes import Figures, Recipe

TRAINING, SEED_OF_TEST, SEED_OF_READER = 20_000, 101, 102  # animals of each kind to learn reading from
SMALL, JUDGED = 32, 500  # pixels; pairs that figures are from
HIDDEN = 0.02  # the noise on a translation before the way back
SPOT = 0.08  # a difference of colour beyond which a pixel is not the landscape's
SHARED = [horses.FACTORS.index(name) for name in POSE]
READ = "20,000 horses and as many zebras (`data.horses`, 32×32), blurred; figures from 1,000 others of each"


def animals(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """n horses and n zebras [2n, 3, 32, 32], and what `HorseReader.loss` wants to be told of each, [2n, 15]."""
    a, b = horses.horses(n, seed=seed), horses.zebras(n, seed=seed + 1)
    told = [torch.zeros(n, len(horses.STRIPES) + 1), torch.ones(n, 1)]
    facts = [torch.cat([known(one), rest], 1) for one, rest in zip((a, b), told, strict=True)]
    return torch.cat([a.images, b.images]), torch.cat(facts)


def known(given: data.Images) -> Tensor:
    """The factors of rendered animals."""
    assert given.factors is not None
    return given.factors


def of_reader(model: Model) -> Figures:
    """Of 1,000 unseen horses and as many zebras: r of each factor, of the coat on horses, of the stripes on zebras (of
    their phase the mean cosine of the error), the shares told right: horse or zebra, left or right."""
    if not isinstance(model, HorseReader):
        raise TypeError(f"model: want a HorseReader, got {type(model).__name__}")
    images, facts = animals(1000, SEED_OF_READER + 2)
    seen, n = model.read(images), len(images) // 2
    stripes, true = seen.stripes[n:], facts[n:, 11:14]
    return {
        **correlated(seen, facts), "r_coat": r(seen.coat[:n], facts[:n, horses.FACTORS.index("coat")]),
        "phase": torch.cos(torch.pi * (stripes[:, 0] - true[:, 0])).mean().item(),
        "r_width": r(stripes[:, 1], true[:, 1]), "r_tint": r(stripes[:, 2], true[:, 2]),
        "kind": ((seen.zebra > 0.5) == (facts[:, -1] > 0)).float().mean().item(), "facing": facing(seen, facts),
    }  # fmt: skip


def correlated(seen: Reading, facts: Tensor) -> Figures:
    """r between what is read and what is true, for each factor of the pose: "r_place" …"""
    found = metrics.correlations(seen.pose, facts[:, SHARED])
    return {f"r_{name}": value for name, value in zip(POSE, found.tolist(), strict=True)}


def facing(seen: Reading, facts: Tensor) -> float:
    """The share of animals that look the way they should."""
    return ((seen.right > 0.5) == (facts[:, horses.FACTORS.index("facing")] > 0)).float().mean().item()


def r(a: Tensor, b: Tensor) -> float:
    """Pearson's correlation of two [n]."""
    return metrics.correlations(a[:, None], b[:, None]).item()


HORSES_READER = Recipe(
    "horses_reader", "reads pose, landscape, coat and stripes off a horse or a zebra, 32×32 or larger", READ,
    HorseReader, lambda: animals(TRAINING, SEED_OF_READER), of_reader, epochs=4, batch_size=64, lr=2e-3, ema=0.99,
    warm_up=100,
)  # fmt: skip


@cache
def reader() -> HorseReader:
    """The judge."""
    judge = restored(HORSES_READER)
    assert isinstance(judge, HorseReader)
    return judge


class Truth(NamedTuple):
    """Unseen horses [n, 3, S, S], their zebras, the landscapes without them, their outlines [n, 1, S, S], factors."""

    horses: Tensor
    zebras: Tensor
    landscapes: Tensor
    outlines: Tensor
    factors: Tensor


@cache
def truth(size: int, n: int = JUDGED) -> Truth:
    """Horses that no model was trained on, and what no model is told: how their zebras would look."""
    a, b = horses.pairs(n, size=size, seed=SEED_OF_TEST)
    h = known(a)
    return Truth(a.images, b.images, horses.landscape(h, size), horses.silhouette(h, size), h)


def of_pictures(made: Tensor, size: int) -> Figures:
    """Translations of `truth(size)` against the hidden truth.

    "striped": the share that the reader takes for zebras; "facing", "r_place" …: what it reads against the true
    factors; "ground": the mean squared error where the truth shows no animal; "outline": the intersection over union
    of the pixels that differ from the landscape with the true outline; "structure": `metrics.structure_error`;
    "sharpness": `sharpness`, in units of the truth's.
    """
    true, seen = truth(size), reader().read(made)
    outside = (true.outlines == 0).float()
    return {
        "striped": (seen.zebra > 0.5).float().mean().item(), "facing": facing(seen, true.factors),
        **correlated(seen, true.factors), "ground": metrics.masked_error(made, true.zebras, outside),
        "outline": overlap(made, true), "structure": metrics.structure_error(made, true.zebras),
        "sharpness": sharpness(made, true.outlines) / sharpness(true.zebras, true.outlines),
    }  # fmt: skip


def overlap(made: Tensor, true: Truth) -> float:
    """How well the spot that is not landscape fits the outline: |A ∩ B| / |A ∪ B|, the mean over pictures."""
    spot = (made - true.landscapes).abs().amax(1, keepdim=True) > SPOT
    outline = true.outlines > 0.5
    both, either = ((one.flatten(1).sum(1)) for one in (spot & outline, spot | outline))
    return (both / either).mean().item()


def sharpness(made: Tensor, outlines: Tensor) -> float:
    """The mean absolute difference of neighbouring pixels in a row, where both are the animal's."""
    inside = (outlines[..., 1:] > 0.5) & (outlines[..., :-1] > 0.5)
    return ((made[..., 1:] - made[..., :-1]).abs().mean(1, keepdim=True) * inside).sum().item() / inside.sum().item()


def of_translator(model: Model, size: int) -> Figures:
    """`of_pictures` of a horse's translation; the way back: the share of zebras that lose their stripes ("plain"), the
    error of a round trip (a root mean square), and what noise on the zebra does to it (`metrics.hidden_message`)."""
    if not isinstance(model, Translator):
        raise TypeError(f"model: want a Translator, got {type(model).__name__}")
    true = truth(size)
    made, back = translated(model, true.horses, "b"), translated(model, true.zebras, "a")
    message = metrics.hidden_message(
        lambda _: made, lambda y: translated(model, y, "a"), true.horses, sigma=HIDDEN,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    return {
        **of_pictures(made, size),
        "plain": 1 - (reader().read(back).zebra > 0.5).float().mean().item(), "cycle": message.clean,
        "cycle_after_noise": message.noisy, "gain": message.gain,
    }  # fmt: skip


def translated(model: Any, x: Tensor, *to: str) -> Tensor:
    """`model.translate(x, *to)`, fifty images at a time: nearly twice as fast as all at once."""
    return torch.cat([model.translate(part, *to) for part in x.split(50)])


DRAWS, FEW = 8, 200  # codes for each of so many horses


def of_many(model: Model) -> Figures:
    """A model with codes: 200 unseen horses, eight zebras of each.

    Of all zebras "striped", "facing", "r_place" …, "ground" as in `of_pictures`. Of the eight of a horse, as the reader
    sees them, how much they differ: "phase_spread", 1 − |mean e^{iπ phase}|; "width_spread", "tint_spread" and the
    spreads of the pose, standard deviations in units of that of all true ones; the mean root mean square difference on
    the animal and outside of it. Beside each what eight true zebras have ("true_…").
    """
    if not isinstance(model, AugmentedCycleGAN):
        raise TypeError(f"model: want an AugmentedCycleGAN, got {type(model).__name__}")
    true = truth(SMALL)
    a, h = true.horses[:FEW].repeat_interleave(DRAWS, 0), true.factors[:FEW].repeat_interleave(DRAWS, 0)
    outside = (true.outlines[:FEW] == 0).float()
    g = torch.Generator().manual_seed(0)
    made = torch.cat([model.translate(part, "b", generator=g) for part in a.split(100)])
    wanted = horses.render(h, SMALL, stripes=horses.sample_stripes(len(h), generator=g))
    seen = reader().read(made)
    return {
        "striped": (seen.zebra > 0.5).float().mean().item(), "facing": facing(seen, h), **correlated(seen, h),
        "ground": metrics.masked_error(made, wanted, outside.repeat_interleave(DRAWS, 0)),
        **spreads(made, true.outlines[:FEW]),
        **{f"true_{name}": value for name, value in spreads(wanted, true.outlines[:FEW]).items()},
    }  # fmt: skip


def spreads(made: Tensor, outlines: Tensor) -> Figures:
    """How much the eight zebras of each horse differ, [n·8, 3, S, S] with the horses' outlines [n, 1, S, S]."""
    seen, groups = reader().read(made), made.unflatten(0, (-1, DRAWS))
    angle = torch.pi * seen.stripes[:, 0].unflatten(0, (-1, DRAWS))
    resultant = torch.hypot(angle.cos().mean(1), angle.sin().mean(1))
    sides = {"width": seen.stripes[:, 1], "tint": seen.stripes[:, 2], "pose": seen.pose}
    usual = 3**-0.5  # of a number that is even in ±1
    each = {
        f"{name}_spread": value.unflatten(0, (-1, DRAWS)).std(1).mean().item() / usual for name, value in sides.items()
    }
    return {
        "phase_spread": 1 - resultant.mean().item(), **each,
        "differ_on": metrics.diversity(groups, (outlines > 0.5).float()),
        "differ_outside": metrics.diversity(groups, (outlines == 0).float()),
    }  # fmt: skip


LANDSCAPE = ("sky", "ground", "light")
NOISES = (0.0, HIDDEN, 0.1)


def studio(h: Tensor) -> Tensor:
    """The same animals in one and the same landscape: factors [n, 11] with sky, ground and light 0."""
    h = h.clone()
    h[:, [horses.FACTORS.index(name) for name in LANDSCAPE]] = 0
    return h


def of_studio(model: Model) -> Figures:
    """Horses from everywhere to zebras in a studio, and back: what is left of the landscape?

    Of the zebras "striped" and "facing" as in `of_pictures`; "landscape": the root mean square error against the
    studio's, outside of the animal. Of the way back r of "back_sky", "back_ground" and "back_light", and the error of
    the cycle; with noise of deviation 0.02 and 0.1 on the zebra "…_after_0.02" …; "gain": see
    `metrics.hidden_message`.
    """
    if not isinstance(model, Translator):
        raise TypeError(f"model: want a Translator, got {type(model).__name__}")
    true = truth(SMALL)
    found: Figures = {}
    made, wanted = model.translate(true.horses), horses.render(studio(true.factors), SMALL)
    outside = (true.outlines == 0).float()
    for sigma in NOISES:
        g = torch.Generator().manual_seed(0)
        back = model.round_trip(true.horses, noise=sigma, generator=g)
        kept = correlated(reader().read(back), true.factors)
        after = f"_after_{sigma:g}" if sigma else ""
        found |= {f"back_{name}{after}": kept[f"r_{name}"] for name in LANDSCAPE}
        found[f"cycle{after}"] = (back - true.horses).square().mean().sqrt().item()
    seen = reader().read(made)
    message = metrics.hidden_message(
        model.translate, lambda y: model.translate(y, "a"), true.horses, sigma=HIDDEN,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    return {
        "striped": (seen.zebra > 0.5).float().mean().item(), "facing": facing(seen, true.factors),
        "landscape": metrics.masked_error(made, wanted, outside) ** 0.5, **found, "gain": message.gain,
    }  # fmt: skip


RECIPES = (HORSES_READER,)
