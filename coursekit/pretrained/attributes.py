"""Giving a face an attribute, measured: arithmetic with codes, directions, and a model that is told the attribute."""

from functools import cache
from itertools import product

import torch
from torch import Tensor

from coursekit import metrics
from coursekit.data import faces
from coursekit.models.latent import analogy, mean_difference, moved, probe_normal
from coursekit.models.readers import ATTRIBUTES, CONTINUOUS
from coursekit.models.vae import VAE
from coursekit.pretrained import measured, reading
from coursekit.pretrained.recipes import Figures

GLASSES = faces.ATTRIBUTES.index("glasses")
EYEWEAR = slice(CONTINUOUS, CONTINUOUS + 2)
Triple = tuple[Tensor, Tensor, Tensor]


@cache
def triples(n: int = 300, *, seed: int = 5) -> Triple:
    """The same n faces with glasses and without, and n others without: each [n, 3, 64, 64]."""
    h = faces.sample_factors(2 * n, generator=torch.Generator().manual_seed(seed))
    h[:, EYEWEAR] = 0
    without, other = h.split(n)
    worn = without.clone()
    worn[:, CONTINUOUS + GLASSES] = 1
    a, b, c = (faces.render(part, reading.SIZE) for part in (worn, without, other))
    return a, b, c


def judged(images: Tensor, had: Tensor, name: str) -> Figures:
    """The shares of images that show glasses, that keep the other attributes which they `had` before (bool [n, 4], by
    the reader), and that do both."""
    seen = reading.reader().attributes(images)
    others = [i for i in range(ATTRIBUTES) if i != GLASSES]
    appears, kept = seen[:, GLASSES], (seen == had)[:, others].all(1)
    shares = {"appears": appears, "others_kept": kept, "success": appears & kept}
    return {f"{name}_{what}": share.float().mean().item() for what, share in shares.items()}


def by_pairs(model: measured.Generator, codes: Triple, *, pairs: int = 1, amount: float = 1.0) -> Tensor:
    """Decoded h_c + amount · the mean of h_a − h_b over some pairs: with one pair and amount 1 it is h_a − h_b + h_c.

    `codes` are h_a, h_b and h_c, each [n, M_h]. Each of the n faces c takes the pairs at its own place and the next
    ones, so that with n pairs all take all.
    """
    a, b, c = codes
    differences = torch.stack([(a - b).roll(-j, 0) for j in range(pairs)]).mean(0)
    return measured.decoded(model, c + amount * differences)


def by_pixels(given: Triple) -> Tensor:
    """a − b + c of the pictures themselves."""
    return analogy(*given).clamp(0, 1)


def of_arithmetic(model: measured.Generator) -> Figures:
    """What comes of "with glasses" − "the same without" + "another without", of 300 such sums: by one pair, by the
    mean of three pairs, of 300, and by one and a half times that."""
    a, b, c = (measured.codes(model, x) for x in triples())
    had = reading.reader().attributes(triples()[2])
    ways = {"glasses_one_pair": (1, 1.0), "glasses_three_pairs": (3, 1.0), "glasses_all_pairs": (300, 1.0),
            "glasses_all_pairs_more": (300, 1.5)}  # fmt: skip
    found: Figures = {}
    for name, (pairs, amount) in ways.items():
        found |= judged(by_pairs(model, (a, b, c), pairs=pairs, amount=amount), had, name)
    return found


def by_strangers(model: measured.Generator, count: int, *, repeats: int = 20, seed: int = 0) -> Figures:
    """The direction of `count` faces with glasses and as many others without, no two of them alike but by chance:
    what adding it does to faces that had no part in it, averaged over so many draws."""
    given = reading.unseen_faces()
    h, attributes = measured.codes(model, given.images), reading.attributes_of(given)
    worn, bare = (attributes[:, GLASSES] == 1).nonzero()[:, 0], (attributes[:, :2].sum(1) == 0).nonzero()[:, 0]
    target, order = triples()[2], torch.Generator().manual_seed(seed)
    own, had = measured.codes(model, target), reading.reader().attributes(target)
    found = []
    for _ in range(repeats):
        chosen = torch.cat([group[torch.randperm(len(group), generator=order)[:count]] for group in (worn, bare)])
        mask = torch.arange(len(chosen)) < len(chosen) // 2
        images = measured.decoded(model, moved(own, mean_difference(h[chosen], mask)))
        found.append(judged(images, had, "strangers"))
    return {key: sum(figures[key] for figures in found) / repeats for key in found[0]}


def combinations(n: int) -> Tensor:
    """The 12 possible combinations of attributes, each n times: [12 n, 4]."""
    rows = [row for row in product((0.0, 1.0), repeat=ATTRIBUTES) if not row[0] * row[1]]
    return torch.tensor(rows).repeat_interleave(n, 0)


def of_condition(model: VAE, n: int = 100) -> Figures:
    """What a VAE that is told the attributes m makes of them.

    "attributes_obeyed": the share of attributes that the reader finds as asked for in decoded (h, m), h ~ N(0, I), all
    combinations n times; "all_obeyed": the share of these faces that have all four.
    """
    asked = combinations(n)
    h = torch.randn(len(asked), model.latent_size, generator=torch.Generator().manual_seed(0))
    right = reading.reader().attributes(measured.decoded(model, h, asked)) == (asked > 0.5)
    return {"attributes_obeyed": right.float().mean().item(), "all_obeyed": right.all(1).float().mean().item()}


def of_remainder(model: VAE) -> Figures:
    """What h ~ Q(h|x, m) of a VAE that is told the attributes m still says of them (see `probe`), and how far it is
    from N(0, I). The posteriors' means say more: the numbers that the decoder ignores carry faint hints there, far
    below their own noise."""
    given = reading.unseen_faces()
    m = reading.attributes_of(given)
    drawn = measured.codes_drawn(model, given.images, m)
    return {"probe": probe(drawn, m), **measured.of_normality(drawn)}


def probe(h: Tensor, attributes: Tensor) -> float:
    """How well a linear probe tells the attributes from codes it has not seen: the area under the ROC curve, mean over
    attributes. ½ is chance. codes [n, M_h], attributes [n, 4]; the first half is for fitting."""
    cut, areas = len(h) // 2, []
    for has in (attributes > 0.5).T:
        score = h[cut:] @ probe_normal(h[:cut], has[:cut])
        areas.append(metrics.auroc(score[~has[cut:]], score[has[cut:]]))
    return sum(areas) / len(areas)


def of_identity(model: VAE, n: int = 500) -> Figures:
    """Faces with their own attributes and with others asked for: "attributes_changed", the share of the latter that
    the reader finds, and how far the continuous factors read there are from the true ones, in the mean: "factor_error"
    with their own attributes, "identity_error" with others."""
    given = reading.unseen_faces(2000)
    images, wanted = given.images[:n], reading.factors_of(given)[:n]
    own, asked = wanted[:, CONTINUOUS:], combinations(1)[torch.arange(n) % 12]
    h = measured.codes(model, images, own)
    same, other = (reading.reader().read(measured.decoded(model, h, m)) for m in (own, asked))
    errors = [(read - wanted)[:, :CONTINUOUS].abs().mean().item() for read in (same, other)]
    right = (other[:, CONTINUOUS:] > 0.5) == (asked > 0.5)
    return {
        "attributes_changed": right.float().mean().item(), "factor_error": errors[0], "identity_error": errors[1],
    }  # fmt: skip
