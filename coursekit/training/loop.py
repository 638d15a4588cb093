"""The one training loop: any model that owns its objective, however many players it has."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from coursekit.heap import give_back
from coursekit.models.base import Model, device_of, own_randomness, train_mode
from coursekit.training.batching import batches, number_of_batches
from coursekit.training.companions import Companions, Training
from coursekit.training.history import History, Report, Terms
from coursekit.training.processes import Processes
from coursekit.training.progress import Interrupted, Progress, Shown, postponed_interrupt

OptimizerFactory = Callable[[list[nn.Parameter]], Optimizer]
Context = Callable[[], AbstractContextManager[Any]]


class NotFinite(FloatingPointError):
    """A term of a loss, or a gradient, became NaN or infinite; the player has not moved on it. Says step, player and
    which."""


def steps(
    model: Model, batches: Iterable[Any], optimizers: Mapping[str, Optimizer], *, first: int = 1,
    losses: Context = nullcontext, together: Processes | None = None, allow_unused: bool = False,
) -> Iterator[Report]:  # fmt: skip
    """Train, one batch per `next()`: yields {player: {term: value}} after each.

    For each batch the players take the turns that `model.turns(x)` gives them. A player minimises its "loss"
    with respect to its own parameters alone and moves; only then is the next loss computed. No gradient
    reaches the others. Of several processes each is given its own part of the batch; they move alike.

    `first` is the number that errors give the first step; `losses()` a context for the computation of losses alone.
    Raises NotFinite before the player moves; ValueError if a player has no optimizer, a turn names no player or has
    no "loss", or a player's parameter takes no part in its loss (unless `allow_unused`).
    """
    trainable = trainable_parameters(model)
    _same_names(optimizers, trainable)
    unseen = set() if allow_unused else set(trainable)
    group = together or Processes()
    for number, x in enumerate(batches, first):
        report: Report = {}
        for player, terms in _turns(model, x, losses):
            values = _finite(group.mean(_values(_checked(terms, player, trainable))), player, number)
            _slopes(terms["loss"], trainable[player], player, group)
            if player in unseen:
                unseen.remove(player)
                _all_used(model, player)
            _finite_slopes(trainable[player], model.players()[player], player, number)
            optimizers[player].step()
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


def _turns(model: Model, x: Any, losses: Context) -> Iterator[tuple[str, Mapping[str, Tensor]]]:
    """The model's turns, its losses alone in their context: the steps between them are not."""
    walk = iter(model.turns(x))
    while True:
        with losses():
            turn = next(walk, None)
        if turn is None:
            return
        yield turn


def _checked(terms: Mapping[str, Tensor], player: str, players: Mapping[str, Any]) -> Mapping[str, Tensor]:
    if player not in players:
        raise ValueError(f"turns: {player!r} is not one of the players {sorted(players)}")
    loss = terms.get("loss")
    if loss is None or loss.ndim:
        got = "no such term" if loss is None else f"shape {list(loss.shape)}"
        raise ValueError(f'turns: player {player!r} needs a scalar "loss", got {got}')
    return terms


def _values(terms: Mapping[str, Tensor]) -> Terms:
    return {name: term.detach().item() if isinstance(term, Tensor) else float(term) for name, term in terms.items()}


def _finite(values: Terms, player: str, number: int) -> Terms:
    for name, value in values.items():
        if not math.isfinite(value):
            raise NotFinite(f"step {number}: {name!r} of player {player!r} is {value}; it has not moved")
    return values


def _slopes(loss: Tensor, parameters: list[nn.Parameter], player: str, group: Processes) -> None:
    """The gradient of the loss with respect to these parameters alone."""
    if not loss.requires_grad:
        raise ValueError(f'turns: the "loss" of player {player!r} depends on no parameter (was it detached?)')
    for parameter in parameters:
        parameter.grad = None
    loss.backward(inputs=parameters)
    group.average(p.grad for p in parameters if p.grad is not None)


def _finite_slopes(parameters: list[nn.Parameter], module: nn.Module, player: str, number: int) -> None:
    """NotFinite, with the parameters' names, where a gradient is not: one step on it would destroy the weights."""
    sums = [p.grad.sum() for p in parameters if p.grad is not None]  # many times cheaper than a look at each number
    if not sums or math.isfinite(torch.stack(sums).sum().item()):
        return
    named = module.named_parameters()
    bad = [name for name, p in named if p.grad is not None and not p.grad.isfinite().all()]
    if not bad:  # the sum alone was beyond float32
        return
    raise NotFinite(
        f"step {number}: the loss of player {player!r} is finite, but not its gradient with respect to "
        f"{', '.join(bad)}; it has not moved"
    )


def _all_used(model: Model, player: str) -> None:
    named = model.players()[player].named_parameters()
    unused = [name for name, p in named if p.requires_grad and p.grad is None]
    if unused:
        raise ValueError(
            f"player {player!r}: its loss does not depend on {', '.join(unused)}, which would never train; "
            "use them, or set requires_grad=False"
        )


def fit(
    model: Model, data: Any, *, steps: int | None = None, epochs: int | None = None, batch_size: int = 64,
    lr: float = 1e-3, optimizers: Mapping[str, Optimizer | OptimizerFactory] | None = None, seed: int = 0,
    progress: Shown = "auto", along: Sequence[Any] = (),
) -> History:  # fmt: skip
    """Train the model on the data for so many steps, or epochs (one if neither is given): the history.

    - `data`, `batch_size`: see `batches`. The model stays on its device, and the batches come to it.
    - `optimizers`: {player: an optimizer, or a function parameters -> optimizer}; players left out get
      Adam(lr).
    - `seed` decides the order of the batches and whatever the model draws from torch's global generators
      meanwhile; those are put back afterwards, so training disturbs no other randomness.
    - `along`: what goes along with the training (see `companions`): an average of the weights (`EMA(model)`), a rate
      that falls (`cosine()`), a file to resume from (`Checkpoint(path)`), half precision (`Autocast()`), a picture
      that is redrawn, or any function (step, terms), called after each step.
    - Ctrl-C or the stop button ends training after the step at hand, a second one at once: companions end as ever (a
      checkpoint is written), and `Interrupted` is raised, a KeyboardInterrupt with the history so far: no cell that
      waits runs on with a half-trained model. To go on all the same, catch it.
    - Under `torchrun`, `batch_size` is that of all processes together (see `processes`).

    The model is in train mode meanwhile and gets its modes back. Raises what `steps` and `batches` raise,
    what the companions raise, and Interrupted.
    """
    amount: dict[str, Any] = {"batch_size": batch_size, "steps": steps, "epochs": epochs}
    players = _optimizers(model, optimizers or {}, lr)
    run = Training(model, players, number_of_batches(data, **amount), seed, batch_size)
    rank, device = run.together.rank, device_of(model)
    companions = Companions([*along, Progress(False if rank else progress)])
    own: Callable[[], Mapping[str, Any]] = getattr(model, "memories", dict)  # what is no part of its weights
    run.memories = {**companions.memories(), **own()}
    with train_mode(model), own_randomness(seed + rank, device):
        order = torch.Generator().manual_seed(seed)
        run.stream = batches(data, generator=order, device=device, **amount)
        whole = _drain(run, companions)
    if run.history.interrupted:
        raise Interrupted(run.history, run.total, whole) from None
    return run.history


_walk = steps  # `fit` has an argument of that name


def _drain(run: Training, companions: Companions) -> bool:
    """Take all steps, or those before an interrupt, and note them: whether the last one was taken as a whole."""
    whole = False
    try:
        with postponed_interrupt() as asked:
            companions.start(run)
            for report in _steps_of(run, companions):
                terms = run.history.record(report, len(run.optimizers))
                companions.after(run.history.steps, terms)
                if run.together.any(asked()):
                    run.history.interrupted = True
                    break
            whole = True
            companions.stop(whole)
    except KeyboardInterrupt:  # raised by a second Ctrl-C, or by the data, the model or a companion
        run.history.interrupted = True
    finally:
        companions.stop(whole)
        give_back()  # gradients and activations
    return whole


def _steps_of(run: Training, companions: Companions) -> Iterator[Report]:
    """The steps that are left, each announced to the companions before it is taken."""
    first = run.history.steps + 1
    run.together.agree(run.model, run.history.steps)

    def announced() -> Iterator[Any]:
        for step, x in enumerate(run.stream, first):
            companions.before(step)
            yield run.together.part(x)

    return _walk(
        run.model, announced(), run.optimizers, first=first, losses=companions.losses, together=run.together
    )


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
