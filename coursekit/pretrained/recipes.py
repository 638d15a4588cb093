"""What a recipe is: everything that a training depends on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from coursekit import metrics
from coursekit.models.base import Model, device_of, eval_mode, own_randomness
from coursekit.training.loop import adam

Figures = dict[str, float]


@dataclass(frozen=True)
class Betas:
    """Adam with these two, the averages of the gradient and of its square."""

    first: float
    second: float

    @property
    def __name__(self) -> str:
        """For the card."""
        return f"Adam, betas ({self.first:g}, {self.second:g})"

    def __call__(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0) -> Optimizer:
        """The optimizer of one player."""
        return adam(list(parameters), lr, betas=(self.first, self.second), weight_decay=weight_decay)


@dataclass(frozen=True)
class Recipe:
    """Everything that a training depends on.

    `net()` makes the untrained model, `examples()` what it is trained on (it raises OSError or ValueError where
    that is not to be had), `measure(model)` its figures on data it has not seen. `ema` is the decay of the running
    average of the weights, which is what is kept; None keeps the last weights. `autocast` computes in bfloat16
    where that is fast. `optimizer(parameters, lr, weight_decay=…)` moves the weights. With `warm_up` the learning rate
    rises to `lr` during so many steps and then falls to 0 (`rates.cosine`); with `hold` it stays for that share of the
    steps and then falls in a line (`rates.linear`). `pace(model, done)` changes the model
    before each step, when a share `done` of them is behind it; its docstring says how. `part(model)` is what is kept of
    the trained model, if not all of it (translators without their critics, say); `measure` and `codes` are given that.
    `codes(model)` are codes by name that the card keeps, of data that must not be kept themselves. Weights that are not
    `shipped` do not come with coursekit and may take more than 3 MB.
    """

    name: str
    about: str
    data: str
    net: Callable[[], Model]
    examples: Callable[[], Any]
    measure: Callable[[Model], Figures]
    codes: Callable[[Model], dict[str, list[float]]] | None = None
    epochs: int = 1
    batch_size: int = 64
    lr: float = 1e-3
    ema: float | None = None
    optimizer: Callable[..., Optimizer] = adam
    weight_decay: float = 0.0
    warm_up: int | None = None
    hold: float | None = None
    pace: Callable[[Any, float], None] | None = None
    seed: int = 0
    autocast: bool = True
    shipped: bool = True
    part: Callable[[Any], Model] | None = None

    def build(self) -> Model:
        """The untrained net on the CPU: the same for the same seed, without touching torch's global generator."""
        with own_randomness(self.seed, torch.device("cpu")):
            return self.net()

    def kept(self, model: Any) -> Model:
        """What is kept of a model: its `part`, or all of it."""
        return model if self.part is None else self.part(model)

    def blank(self) -> Model:
        """The untrained form of what is kept."""
        return self.kept(self.build())

    def settings(self) -> dict[str, Any]:
        """What a card says about the recipe, but for the amount of training."""
        precision = "bfloat16" if self.autocast else "float32"
        further: dict[str, Any] = {"weight_decay": self.weight_decay} if self.weight_decay else {}
        if self.warm_up is not None:
            further |= {"schedule": "cosine", "warm_up": self.warm_up}
        if self.hold is not None:
            further |= {"schedule": "linear", "hold": self.hold}
        if self.pace is not None:
            further["pace"] = self.pace.__doc__
        return {
            "name": self.name, "seed": self.seed, "batch_size": self.batch_size,
            "optimizer": "Adam" if self.optimizer is adam else self.optimizer.__name__, "lr": self.lr, **further,
            "ema": self.ema, "precision": precision,
        }  # fmt: skip


def squared_error_per_pixel(model: Model, images: Tensor, *, batch_size: int = 500) -> float:
    """The mean of (x − x̂)² over images [n, ...] and their pixels, in eval mode."""
    total = 0.0
    with torch.no_grad(), eval_mode(model):
        for x in images.split(batch_size):
            x = x.to(device_of(model))
            total += (model(x) - x).square().sum().item()
    return total / images.numel()


def fidelity(real: Tensor, others: Tensor, made: Tensor) -> Figures:
    """Generated items against as many real ones, by their features, each [n, d]: Fréchet distance and its floor, that
    between two lots of real items; precision and recall (k = 3), density and coverage (k = 5)."""
    precision, recall = metrics.precision_recall(real, made)
    density, coverage = metrics.density_coverage(real, made)
    return {
        "frechet": metrics.frechet_distance(real, made), "frechet_floor": metrics.frechet_distance(real, others),
        "precision": precision, "recall": recall, "density": density, "coverage": coverage,
    }  # fmt: skip
