"""The one training loop: any model that owns its objective, however many players it has."""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from coursekit.models.base import (
    Device,
    Model,
    default_device,
    device_of,
    eval_mode,
    own_randomness,
    seed_everything,
    train_mode,
)
from coursekit.training.batching import batches, number_of_batches
from coursekit.training.checkpoints import Run
from coursekit.training.history import History, Report, Terms
from coursekit.training.progress import Progress, Shown, postponed_interrupt
from coursekit.training.rates import Rate

__all__ = [
    "EMA", "History", "Model", "NotFinite", "batches", "default_device", "device_of", "eval_mode", "fit",
    "seed_everything", "steps", "train_mode", "trainable_parameters",
]  # fmt: skip

Callback = Callable[[int, Terms], Any]
OptimizerFactory = Callable[[list[nn.Parameter]], Optimizer]


class NotFinite(FloatingPointError):
    """A term of a loss became NaN or infinite; the player has not moved on it. Says step, player and term."""


def steps(
    model: Model, batches: Iterable[Any], optimizers: Mapping[str, Optimizer], *,
    first: int = 1, autocast: bool = False, allow_unused: bool = False,
) -> Iterator[Report]:  # fmt: skip
    """Train, one batch per `next()`: yields {player: {term: value}} after each.

    For each batch the players take the turns that `model.turns(x)` gives them. A player minimises its "loss"
    with respect to its own parameters alone and moves; only then is the next loss computed. No gradient
    reaches the others.

    `first` is the number that errors give the first step. `autocast` computes the nets in bfloat16 (a loss
    that compares with float32 data stays float32). Raises NotFinite before the player moves; ValueError if a
    player has no optimizer, a turn names no player or has no "loss", or a player's parameter takes no part in
    its loss (unless `allow_unused`).
    """
    trainable = trainable_parameters(model)
    _same_names(optimizers, trainable)
    unseen = set() if allow_unused else set(trainable)
    for number, x in enumerate(batches, first):
        report: Report = {}
        for player, terms in _turns(model, x, autocast):
            values = _finite(_checked(terms, player, trainable), player, number)
            _move(terms["loss"], trainable[player], optimizers[player], player)
            if player in unseen:
                unseen.remove(player)
                _all_used(model, player)
            report[player] = values
        yield report


def trainable_parameters(model: Model) -> dict[str, list[nn.Parameter]]:
    """{player: its parameters that require a gradient}; ValueError for a player that has none."""
    found = {name: [p for p in module.parameters() if p.requires_grad] for name, module in model.players().items()}
    for name, parameters in found.items():
        if not parameters:
            raise ValueError(f"player {name!r} has no trainable parameter")
    return found


def _same_names(optimizers: Mapping[str, Optimizer], players: Mapping[str, Any]) -> None:
    if set(optimizers) != set(players):
        raise ValueError(f"optimizers: want one for each of {sorted(players)}, got {sorted(optimizers)}")


def _turns(model: Model, x: Any, autocast: bool) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """The model's turns, its losses alone under autocast: the steps between them are not."""
    walk = iter(model.turns(x))
    while True:
        with _precision(model, autocast):
            turn = next(walk, None)
        if turn is None:
            return
        yield turn


def _precision(model: Model, autocast: bool) -> AbstractContextManager[Any]:
    if not autocast:
        return nullcontext()
    return torch.autocast(device_of(model).type, dtype=torch.bfloat16)


def _checked(terms: Mapping[str, Tensor], player: str, players: Mapping[str, Any]) -> Mapping[str, Tensor]:
    if player not in players:
        raise ValueError(f"turns: {player!r} is not one of the players {sorted(players)}")
    loss = terms.get("loss")
    if loss is None or loss.ndim:
        got = "no such term" if loss is None else f"shape {list(loss.shape)}"
        raise ValueError(f'turns: player {player!r} needs a scalar "loss", got {got}')
    return terms


def _finite(terms: Mapping[str, Tensor], player: str, number: int) -> Terms:
    values = {name: term.detach().item() if isinstance(term, Tensor) else float(term) for name, term in terms.items()}
    for name, value in values.items():
        if not math.isfinite(value):
            raise NotFinite(f"step {number}: {name!r} of player {player!r} is {value}; it has not moved")
    return values


def _move(loss: Tensor, parameters: list[nn.Parameter], optimizer: Optimizer, player: str) -> None:
    if not loss.requires_grad:
        raise ValueError(f'turns: the "loss" of player {player!r} depends on no parameter (was it detached?)')
    for parameter in parameters:
        parameter.grad = None
    loss.backward(inputs=parameters)
    optimizer.step()


def _all_used(model: Model, player: str) -> None:
    named = model.players()[player].named_parameters()
    unused = [name for name, p in named if p.requires_grad and p.grad is None]
    if unused:
        raise ValueError(
            f"player {player!r}: its loss does not depend on {', '.join(unused)}, which would never train; "
            "use them, set requires_grad=False, or pass allow_unused=True"
        )


class EMA:
    """A running average of a model's weights, θ̄ ← d θ̄ + (1 − d) θ, in `average`, a frozen copy in eval mode.

    Early on d is min(decay, (1 + k) / (10 + k)) at update k, so that the first weights are soon forgotten.
    Buffers are copied. Give it to `fit(..., ema=...)`, or call `update()` after each step.
    """

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay: want 0 <= decay < 1, got {decay}")
        self.model, self.decay, self.updates = model, decay, 0
        self.average = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        """One step of the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - decay)
        for mine, theirs in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mine.copy_(theirs)


def fit(
    model: Model, data: Any, *, steps: int | None = None, epochs: int | None = None, batch_size: int = 64,
    lr: float = 1e-3, optimizers: Mapping[str, Optimizer | OptimizerFactory] | None = None, seed: int = 0,
    device: Device | None = None, progress: Shown = "auto", callback: Callback | None = None,
    checkpoint: str | Path | None = None, checkpoint_every: int = 500, ema: EMA | None = None,
    autocast: bool = False, drop_last: bool = False, allow_unused: bool = False, rate: Rate | None = None,
    before: Callable[[int], Any] | None = None,
) -> History:  # fmt: skip
    """Train the model on the data for so many steps, or epochs (one if neither is given): the history.

    - `data`, `batch_size`, `drop_last`: see `batches`. `autocast`, `allow_unused`: see `steps`.
    - `device`: move the model there first. Without it the model stays, and the batches come to it.
    - `optimizers`: {player: an optimizer, or a function parameters -> optimizer}; players left out get
      Adam(lr).
    - `rate(k)` is what all learning rates are multiplied by at step k, counted from 1 (see `rates`); `before(k)` is
      called before it, to change the model's weights of terms, say.
    - `seed` decides the order of the batches and whatever the model draws from torch's global generators
      meanwhile; those are put back afterwards, so training disturbs no other randomness.
    - `callback(step, terms)` is called after each step, with the names that the history uses.
    - `checkpoint`: a file, written every `checkpoint_every` steps and at the end, resumed from if it is
      there. Resumed training equals uninterrupted training (bit for bit on a CPU, for tensors and datasets as
      data).
    - `ema`: an average of the model's weights, updated after each step and kept in the checkpoint.
    - Ctrl-C or the stop button ends training after the step at hand: the model is whole,
      `history.interrupted` True.

    The model is in train mode meanwhile and gets its modes back. Raises what `steps` and `batches` raise, and
    ValueError for a checkpoint that is damaged or of another run.
    """
    model.to(device or device_of(model))
    amount: dict[str, Any] = {
        "batch_size": batch_size,
        "steps": steps,
        "epochs": epochs,
        "drop_last": drop_last,
    }
    how = {"autocast": autocast, "allow_unused": allow_unused}
    players = _optimizers(model, optimizers or {}, lr)
    given = [[group["lr"] for group in optimizer.param_groups] for optimizer in players.values()]
    run = Run(model, players, ema, checkpoint, checkpoint_every, seed, batch_size)
    with train_mode(model), own_randomness(seed, device_of(model)):
        order = torch.Generator().manual_seed(seed)
        stream = batches(data, generator=order, device=device_of(model), **amount)
        run.resume(stream)
        first = run.history.steps + 1
        walk = _walk(model, _paced(stream, players, given, rate, before, first), run.optimizers, first=first, **how)
        bar = Progress(number_of_batches(data, **amount), done=run.history.steps, shown=progress)
        _drain(run, walk, bar, callback)
    return run.history


_walk = steps  # `fit` has an argument of that name


def _paced(
    stream: Iterable[Any], optimizers: Mapping[str, Optimizer], given: list[list[float]], rate: Rate | None,
    before: Callable[[int], Any] | None, first: int,
) -> Iterator[Any]:  # fmt: skip
    """The batches; and before each, what is to change with the number of the step."""
    for step, x in enumerate(stream, first):
        if before is not None:
            before(step)
        if rate is not None:
            for optimizer, rates in zip(optimizers.values(), given, strict=True):
                for group, lr in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = lr * rate(step)
        yield x


def _drain(run: Run, walk: Iterator[Report], bar: Progress, callback: Callback | None) -> None:
    """Take all steps, or those before an interrupt, and note them."""
    try:
        with postponed_interrupt() as asked:
            for report in walk:
                _after(run, run.history.record(report, len(run.optimizers)), bar, callback)
                if asked():
                    run.history.interrupted = True
                    break
            run.save()
    except KeyboardInterrupt:  # raised by a second Ctrl-C, or by the data, the model or the callback
        run.history.interrupted = True
    finally:
        bar.close(stopped_after=run.history.steps if run.history.interrupted else None)


def _after(run: Run, terms: Terms, bar: Progress, callback: Callback | None) -> None:
    if run.ema is not None:
        run.ema.update()
    if callback is not None:
        callback(run.history.steps, terms)
    bar.update(terms)
    run.save_if_due()


def _optimizers(model: Model, given: Mapping[str, Optimizer | OptimizerFactory], lr: float) -> dict[str, Optimizer]:
    players = trainable_parameters(model)
    if unknown := set(given) - set(players):
        raise ValueError(f"optimizers: no such player {sorted(unknown)}, the model has {sorted(players)}")
    chosen = {name: given.get(name, lambda parameters: adam(parameters, lr)) for name in players}
    return {name: o if isinstance(o, Optimizer) else o(players[name]) for name, o in chosen.items()}


def adam(parameters: list[nn.Parameter], lr: float = 1e-3, **options: Any) -> Adam:
    """Adam, in its fused form where that exists (a third faster on small nets)."""
    fused = all(p.is_floating_point() and p.device.type in ("cpu", "cuda", "mps") for p in parameters)
    return Adam(parameters, lr=lr, fused=fused, **options)
