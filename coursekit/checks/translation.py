"""Checks for the exercises of chapter 8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coursekit.checks.core import Exercise, Function, Verdict
from coursekit.data import toy

__all__ = ["generators_loss", "receptive_field", "unseen_swap"]

Layers = Sequence[tuple[int, int, int]]  # kernel, stride, padding


def _seen(layers: Layers, *, back: bool = True, strides: bool = True, padding: int = 0, start: int = 1) -> int:
    """The receptive field by the way back through the layers, right or with one thing wrong."""
    side = start
    for kernel, stride, pad in reversed(layers) if back else layers:
        side = (side - 1) * (stride if strides else 1) + kernel - padding * pad
    return side


def _own_stride(layers: Layers) -> int:
    side, step = 1, 1
    for kernel, stride, _ in layers:
        step *= stride
        side += (kernel - 1) * step
    return side


def _last_stride(layers: Layers) -> int:
    side, step = 1, 1
    for kernel, stride, _ in layers:
        side += (kernel - 1) * step
        step = stride
    return side


_PATCH = [(4, 2, 1), (4, 2, 1), (4, 2, 1), (4, 1, 1), (4, 1, 1)]
_field = Exercise(
    reference=_seen,
    cases=[(_PATCH,), (_PATCH[1:],), ([(7, 1, 3), (3, 2, 1), (5, 3, 0)],), ([(3, 2, 1)],)],
    praise="70 × 70 for the published critic: patches are large enough for stripes, and too small for a whole scene.",
    mistakes={
        "This goes forwards through the layers. The recursion starts at the score, r = 1, and goes back.": (
            lambda layers: _seen(layers, back=False)
        ),
        "Strides are left out: two neighbouring numbers of a map stand s places apart in the map before it.": (
            lambda layers: _seen(layers, strides=False)
        ),
        "Padding makes the map larger, but no number of it sees more or less for that: leave it out.": (
            lambda layers: _seen(layers, padding=2)
        ),
        "Start with r = 1: the score sees one place of the last map.": lambda layers: _seen(layers, start=0),
        "r neighbouring numbers are r − 1 strides apart from first to last, not r.": (
            lambda layers: _seen([(kernel + stride, stride, pad) for kernel, stride, pad in layers])
        ),
        "A layer's own stride spaces what comes *after* it: its kernel covers k − 1 steps of the strides before it.": (
            _own_stride
        ),
        "Strides multiply: behind two layers of stride 2, neighbours are 4 pixels apart.": _last_stride,
        "This is the area. How long is one side?": lambda layers: _seen(layers) ** 2,
    },
)

_CENTRE, _SCALE, _STD = (0.6, 0.3), 0.8, 0.15


def _domains() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The corners of domains A and B [4, 2], points [400, 2] of A and the corner of each."""
    a = toy.square_of_gaussians(400, std=_STD, generator=torch.Generator().manual_seed(0))
    assert a.labels is not None
    return toy.square_corners(), toy.square_corners(centre=_CENTRE, scale=_SCALE), a.points, a.labels


def _facts(there: Function, back: Function) -> Any:
    """Does the cycle close, do the images lie as domain B does, is no corner at home? [3] of 0 and 1."""
    _, goals, points, labels = _domains()
    moved = there(points.clone())
    again = ... if _missing(moved) else back(_points(moved, points).clone())
    if _missing(again):
        return ...
    again = _points(again, points)
    closes = bool((again - points).abs().max() < 1e-3)
    ends = torch.cdist(moved.float(), goals).argmin(1)
    homes = sum(bool((ends[labels == corner] == corner).float().mean() > 0.5) for corner in range(4))
    return torch.tensor([float(closes), float(_fits(moved.float(), goals, ends)), float(homes == 0)])


def _missing(answer: Any) -> bool:
    return answer is None or answer is ...


def _points(answer: Any, like: Tensor) -> Tensor:
    if not isinstance(answer, Tensor) or answer.shape != like.shape:
        raise ValueError(f"both maps want points [n, 2] and give points [n, 2]; given {list(like.shape)} one did not")
    return answer.detach()


def _fits(moved: Tensor, goals: Tensor, ends: Tensor) -> bool:
    """As many points near each corner of B, with their mean and spread, as far as 400 points can tell."""
    for corner, goal in enumerate(goals):
        near = moved[ends == corner]
        if not 70 <= len(near) <= 130:
            return False
        off = (near - goal) / (_SCALE * _STD)
        if (
            float(off.mean(0).abs().max()) > 0.35
            or not 0.75 < float(off.std(0).min()) <= float(off.std(0).max()) < 1.25
        ):
            return False
    return True


def _affine(turn: Sequence[Sequence[float]], scale: float = _SCALE, centre: Sequence[float] = _CENTRE) -> Function:
    return lambda x: torch.tensor(centre) + scale * x @ torch.tensor(turn).T


def _back(turn: Sequence[Sequence[float]]) -> Function:
    return lambda y: ((y - torch.tensor(_CENTRE)) / _SCALE) @ torch.tensor(turn)


_ONE, _TURN, _MIRROR = [[1.0, 0.0], [0.0, 1.0]], [[0.0, -1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]
_Maps = tuple[Function, Function]


def _pair(maps: _Maps) -> Function:
    """An exercise's function of nothing, which looks at these two maps."""
    return lambda: _facts(*maps)


_swap = Exercise(
    reference=_pair((_affine(_TURN), _back(_TURN))),
    cases=[()],
    praise="The cycle closes, both critics are content, and no point is where it belongs. No loss can see that.",
    mistakes={
        hint: _pair(maps)
        for hint, maps in {
            "The cycle closes and B looks right, but at least one corner is still at home. A mirror on a diagonal "
            "leaves two there, the true map all four.": (_affine(_MIRROR), _back(_MIRROR)),
            "No corner is at home and B looks right, but the way back does not undo the way there: the cycle loss "
            "would see it.": (_affine(_TURN), _back(_ONE)),
            "No corner is at home and the cycle closes, but the points do not lie as those of B do: the critic of B "
            "would see it. Is each corner used once, with B's centre and B's scale?": (
                lambda x: _affine(_TURN)(x) * torch.tensor([1.0, 0.7]),
                lambda y: _back(_TURN)(y / torch.tensor([1.0, 0.7])),
            ),
            "B looks right, but at least one corner is at home, and the way back does not undo the way there.": (
                _affine(_ONE), _back(_TURN),
            ),
            "The cycle closes, but the points do not lie as those of B do, and at least one corner is at home.": (
                lambda x: x, lambda y: y,
            ),
            "No corner is at home, but neither do the points lie as those of B do, nor does the cycle close.": (
                lambda x: _affine(_TURN)(x) * torch.tensor([1.0, 0.7]), _back(_TURN),
            ),
            "Nothing fits yet: the points do not lie as those of B do, the cycle does not close, and at least one "
            "corner is at home.": (lambda x: 0.9 * x, lambda y: y),
        }.items()
    },
)  # fmt: skip


class _Net(nn.Module):
    """A small net of fixed weights, which each case makes anew."""

    def __init__(self, seed: int, outputs: int) -> None:
        super().__init__()
        g = torch.Generator().manual_seed(seed)
        self.first = nn.Parameter(0.5 * torch.randn(3, 6, generator=g))
        self.last = nn.Parameter(0.5 * torch.randn(6, outputs, generator=g))

    def forward(self, x: Tensor) -> Tensor:
        """[n, 3] → [n, outputs]."""
        return (x @ self.first).tanh() @ self.last

    def __repr__(self) -> str:
        return "a small net"


def _game(seed: int) -> tuple[Any, ...]:
    """a, b [5, 3], both generators, both critics."""
    a, b = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(seed))
    return a, b + 1, _Net(seed, 3), _Net(seed + 10, 3), _Net(seed + 20, 1), _Net(seed + 30, 1)


def _with_gradients(function: Function) -> Function:
    """The loss, and its gradients with respect to the weights of both generators: 0 where no graph leads there."""

    def both(a: Tensor, b: Tensor, a_to_b: nn.Module, b_to_a: nn.Module, *critics: nn.Module) -> Any:
        loss = function(a, b, a_to_b, b_to_a, *critics)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            return loss
        weights = [*a_to_b.parameters(), *b_to_a.parameters()]
        slopes: Sequence[Tensor | None] = [None] * len(weights)
        if loss.requires_grad:
            slopes = torch.autograd.grad(loss.sum(), weights, allow_unused=True)
        found = [torch.zeros_like(w) if s is None else s for w, s in zip(weights, slopes, strict=True)]
        return torch.cat([loss.detach().reshape(1), *(slope.flatten() for slope in found)])

    return both


def _one(x: Tensor) -> Tensor:
    return x


def _loss(
    a: Tensor, b: Tensor, a_to_b: Any, b_to_a: Any, critic_a: Any, critic_b: Any, *, cut: Function = _one,
    home: bool = True, crossed: bool = False, one_way: bool = False, norm: Function = torch.abs, real: float = 1.0,
    judged: Function = _one,
) -> Tensor:  # fmt: skip
    """What both generators minimise, right or with some things wrong."""
    fake_b, fake_a = a_to_b(a), b_to_a(b)
    by_a, by_b = (critic_b, critic_a) if crossed else (critic_a, critic_b)
    fooled = (by_b(judged(fake_b)) - real).square().mean() + (by_a(judged(fake_a)) - real).square().mean()
    cycle = norm(b_to_a(cut(fake_b)) - a).mean()
    if not one_way:
        cycle = cycle + norm(a_to_b(cut(fake_a)) - b).mean()
    if home:
        same = (a_to_b(b) - b).abs().mean() + (b_to_a(a) - a).abs().mean()
    else:
        same = (fake_b - a).abs().mean() + (fake_a - b).abs().mean()
    return fooled + 10 * cycle + 5 * same


_generators = Exercise(
    reference=_with_gradients(_loss),
    cases=[_game(0), _game(1)],
    praise="The value is right, and so are the gradients in both generators.",
    mistakes={
        hint: _with_gradients(mistake)
        for hint, mistake in {
            "Nothing is repaired yet. Whose weights does the cycle loss reach? And which pictures should a generator "
            "leave as they are?": lambda *a: _loss(*a, cut=torch.detach, home=False),
            "The identity term is right now. But the cycle loss still moves the way back only: with `detach`, the way "
            "*there* never learns to keep what the way back needs.": lambda *a: _loss(*a, cut=torch.detach),
            "The cycle loss is right now. But the identity term asks a_to_b to leave a *horse* as it is. It is zebras "
            "that it should leave alone: a_to_b(b) beside b.": lambda *a: _loss(*a, home=False),
            "Here the generators must feel what the critics say: no `detach` on the way to them.": (
                lambda *a: _loss(*a, judged=torch.detach)
            ),
            "A zebra is judged by the critic of zebras: fake_b by critic_b.": lambda *a: _loss(*a, crossed=True),
            "The cycle has two directions, from a and from b.": lambda *a: _loss(*a, one_way=True),
            "The mean *absolute* difference, not the squared one.": lambda *a: _loss(*a, norm=torch.square),
            "The generators want their items to be taken for *real*: scores of 1.": lambda *a: _loss(*a, real=0.0),
        }.items()
    },
)


def receptive_field(function) -> Verdict:
    """Judge `function(layers) -> side` for a list of (kernel, stride, padding): r ← (r − 1) s + k, from the last on."""
    return _field(function)


def unseen_swap(there, back) -> Verdict:
    """Judge `there(x [n, 2])` from domain A to B and `back(y)`: no loss objects, and no corner is where it belongs.

    A is `toy.square_of_gaussians`; B has centre (0.6, 0.3) and scale 0.8. Judged by what 400 points become.
    """
    return _swap(_pair((there, back)))


def generators_loss(function) -> Verdict:
    """Judge `function(a, b, a_to_b, b_to_a, critic_a, critic_b) -> number`: least squares + 10 cycle + 5 identity.

    Its gradients with respect to the weights of both generators are judged too.
    """
    return _generators(_with_gradients(function))
