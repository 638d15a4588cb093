"""What the games of this room share: batches of two domains, scores of maps, distances."""

from typing import Any

import torch
from torch import Tensor, nn

from coursekit.models.base import Terms, device_of
from coursekit.models.gan.losses import Loss

SIDES = ("a", "b")


def pair(x: Any, *, alike: bool) -> tuple[Tensor, Tensor]:
    """The two halves of a batch, each [n, ...]; ValueError unless there are two, of one shape if they are `alike`.

    Else they have as many items and, if they are images, one height and width.
    """
    parts = tuple(x) if isinstance(x, tuple | list) else (x,)
    if len(parts) != 2 or not all(isinstance(part, Tensor) and part.ndim > 1 for part in parts):
        got = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in parts]
        raise ValueError(f"batch: want a pair (a, b) of tensors [n, ...], got {got}")
    a, b = parts
    fits = a.shape == b.shape if alike else len(a) == len(b) and a.shape[2:] == b.shape[2:]
    if not fits:
        wanted = "one shape" if alike else "one number of items, height and width"
        raise ValueError(f"batch: want a pair of {wanted}, got {list(a.shape)} and {list(b.shape)}")
    return a, b


def shown(x: Tensor, model: nn.Module, name: str = "x") -> Tensor:
    """Items to translate, where the model is; ValueError for what is no tensor of floats [n, ...]."""
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim < 2:
        got = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"{name}: want a tensor of floats [n, ...], pixels in [0, 1], got {got}")
    return x.to(device_of(model))


def side(to: str) -> str:
    """The name of a domain; ValueError for another."""
    if to not in SIDES:
        raise ValueError(f"to: want 'a' or 'b', got {to!r}")
    return to


def other(to: str) -> str:
    """The other domain."""
    return "a" if side(to) == "b" else "b"


def weights(**named: float) -> None:
    """ValueError for a negative weight, or what is no number."""
    for name, value in named.items():
        if not value >= 0:
            raise ValueError(f"{name}: want a number, 0 or more, got {value}")


def score(critic: nn.Module, *x: Tensor) -> Tensor:
    """l(x) at each place that the critic scores, in float32, flattened: a mean over it is one over items and places."""
    return critic(*x).float().flatten()


def critic_terms(loss: Loss, critic: nn.Module, real: Tensor, fake: Tensor) -> Terms:
    """{"loss", "real" and "fake": mean scores}, with fakes that have no gradient."""
    scores = score(critic, real), score(critic, fake)
    return {"loss": loss.critic(*scores), "real": scores[0].mean(), "fake": scores[1].mean()}


def adversarial(loss: Loss, critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The generator's loss of these fakes; real items are scored only where it looks at them."""
    fakes = score(critic, fake)
    return loss.generator(score(critic, real) if loss.paired else fakes, fakes)


def distance(x: Tensor, y: Tensor) -> Tensor:
    """E |x − y|, the mean over items and their numbers, in float32."""
    return (x.float() - y.float()).abs().mean()


def noisy(x: Tensor, sigma: float, *, generator: torch.Generator | None = None) -> Tensor:
    """x + σ ε with ε ~ N(0, I), and x itself for σ = 0."""
    if not sigma:
        return x
    device = x.device if generator is None else generator.device
    return x + sigma * torch.randn(x.shape, generator=generator, device=device, dtype=x.dtype).to(x.device)
