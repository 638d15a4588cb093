"""Arithmetic with codes: between two, along a direction, a − b + c, and which known code is nearest."""

import torch
from torch import Tensor

__all__ = ["analogy", "lerp", "mean_difference", "moved", "nearest", "probe_normal", "slerp", "traversal"]

Amount = float | Tensor


def lerp(a: Tensor, b: Tensor, t: Amount) -> Tensor:
    """The straight line (1 − t) a + t b: codes [..., M_h], t a number or [...] → [..., M_h]. t may leave [0, 1].

    Between two independent codes of N(0, I) the middle is shorter than both: ‖·‖² is M_h/2 there on average.
    """
    share = _share(t, a)
    return (1 - share) * a + share * b


def slerp(a: Tensor, b: Tensor, t: Amount) -> Tensor:
    """The great arc from a to b: codes [..., M_h], t a number or [...] → [..., M_h].

    slerp = (sin((1 − t) θ) a/‖a‖ + sin(t θ) b/‖b‖) / sin θ · ((1 − t) ‖a‖ + t ‖b‖) with θ the angle between
    a and b: the direction turns evenly, and the length goes evenly from the one to the other. For parallel codes
    it is `lerp`. Source: Shoemake (1985). Raises ValueError for a code of length 0, which has no direction, and for
    codes in opposite directions, between which no arc is the shortest.
    """
    share = _share(t, a)
    from_a, from_b = _unit(a, "a"), _unit(b, "b")
    angle = _angle(from_a, from_b)
    if bool((angle > torch.pi - 1e-3).any()):
        raise ValueError("a, b: want codes that are not opposite to each other: no arc between them is the shortest")
    length = (1 - share) * a.norm(dim=-1, keepdim=True) + share * b.norm(dim=-1, keepdim=True)
    near = angle < 1e-4  # where the ratio of sines loses its digits, the chord is the arc
    safe = torch.where(near, 1.0, angle)
    along_a = torch.where(near, 1 - share, ((1 - share) * safe).sin() / safe.sin())
    along_b = torch.where(near, share, (share * safe).sin() / safe.sin())
    return length * (along_a * from_a + along_b * from_b)


def _share(t: Amount, like: Tensor) -> Tensor:
    """t with an axis more, to multiply codes with."""
    return torch.as_tensor(t, dtype=like.dtype, device=like.device)[..., None]


def _unit(h: Tensor, name: str) -> Tensor:
    length = h.norm(dim=-1, keepdim=True)
    if bool((length == 0).any()):
        raise ValueError(f"{name}: want codes with a direction, got one of length 0")
    return h / length


def _angle(a: Tensor, b: Tensor) -> Tensor:
    """The angle between unit vectors [..., M_h] → [..., 1], accurate for small angles too (Kahan)."""
    return 2 * torch.atan2((a - b).norm(dim=-1, keepdim=True), (a + b).norm(dim=-1, keepdim=True))


def mean_difference(h: Tensor, mask: Tensor) -> Tensor:
    """The mean code of the items with an attribute minus that of those without: h [n, M_h], mask [n] → [M_h].

    Raises ValueError where one of the two groups is empty.
    """
    has = _checked_mask(h, mask)
    return h[has].mean(0) - h[~has].mean(0)


def probe_normal(h: Tensor, mask: Tensor, *, inverse_penalty: float = 1.0) -> Tensor:
    """The normal of the plane that best tells codes with an attribute from those without: → [M_h].

    The weights w of a logistic regression (scikit-learn's, with its C), so long that adding the normal once moves
    the mean score of one class to that of the other: wᵀ normal = wᵀ (mean with − mean without). Of all moves with
    that effect on the score it is the shortest. Raises ValueError where one of the two groups is empty.
    """
    from sklearn.linear_model import LogisticRegression  # here, because it takes most of a second to import

    gap = mean_difference(h, mask)
    probe = LogisticRegression(C=inverse_penalty, max_iter=1000)
    probe.fit(h.detach().cpu().double().numpy(), _checked_mask(h, mask).cpu().numpy())
    weights = torch.as_tensor(probe.coef_[0]).to(h)
    return weights * (weights @ gap) / weights.square().sum()


def _checked_mask(h: Tensor, mask: Tensor) -> Tensor:
    has = mask.bool()
    if h.ndim != 2 or has.shape != h.shape[:1]:
        raise ValueError(f"h, mask: want [n, M_h] and [n], got {list(h.shape)} and {list(mask.shape)}")
    if bool(has.all()) or not bool(has.any()):
        raise ValueError(f"mask: want items with and without the attribute, got {int(has.sum())} of {len(has)} with it")
    return has


def analogy(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """a − b + c: what a has and b has not, given to c. "With glasses" − "without" + "another, without".

    Codes [..., M_h], or images as well. Source: Mikolov et al. (2013); for images Radford et al. (2016).
    """
    return a - b + c


def moved(h: Tensor, direction: Tensor, amount: Amount = 1.0) -> Tensor:
    """h + amount · direction: codes [n, M_h], direction [M_h], amount a number or [n] → [n, M_h]."""
    return h + _share(amount, h) * direction


def traversal(h: Tensor, dimension: int, values: Tensor) -> Tensor:
    """Copies of one code [M_h] with one of its numbers set to each of the values [k] in turn: [k, M_h].

    Raises ValueError for a code that is no vector, IndexError for a dimension that it has not.
    """
    if h.ndim != 1 or values.ndim != 1:
        raise ValueError(f"h, values: want [M_h] and [k], got {list(h.shape)} and {list(values.shape)}")
    copies = h.repeat(len(values), 1)
    copies[:, dimension] = values.to(h)
    return copies


def nearest(h: Tensor, bank: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k codes of the bank [N, M_h] nearest to each h [n, M_h], nearest first: (positions, distances), [n, k].

    Euclidean distance. Raises ValueError for k outside 1 … N or codes of different sizes.
    """
    if h.ndim != 2 or bank.ndim != 2 or h.shape[1] != bank.shape[1] or not 1 <= k <= len(bank):
        got = f"{list(h.shape)}, {list(bank.shape)}, {k}"
        raise ValueError(f"h, bank, k: want [n, M_h], [N, M_h], 1 <= k <= N, got {got}")
    found = torch.cdist(h, bank).topk(k, largest=False)
    return found.indices, found.values
