"""A training run on disk: one safetensors file, written whole or not at all; nothing is ever unpickled."""

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from coursekit.training.history import History

Tensors = dict[str, Tensor]


class Average(Protocol):
    """What a run needs of a running average of weights (`training.EMA`)."""

    average: nn.Module
    updates: int

    def update(self) -> None: ...


class Run:
    """A training under way: model, optimizers, average, history and randomness, and the file that keeps them.

    Without a path it keeps nothing. The file knows seed and batch size; those of another run are refused.
    """

    def __init__(
        self, model: nn.Module, optimizers: Mapping[str, Optimizer], ema: Average | None,
        path: str | Path | None, every: int, seed: int, batch_size: int,
    ) -> None:  # fmt: skip
        if every < 1:
            raise ValueError(f"checkpoint_every: want at least 1, got {every}")
        self.model, self.optimizers, self.ema, self.history = model, optimizers, ema, History()
        self.path, self.every = None if path is None else Path(path), every
        self.recipe = {
            "seed": seed,
            "batch_size": batch_size,
            "players": sorted(optimizers),
            "ema": bool(ema),
        }

    def save_if_due(self) -> None:
        """Save after every so many steps."""
        if self.history.steps % self.every == 0:
            self.save()

    def save(self) -> None:
        """Write everything that resuming needs."""
        if self.path is None:
            return
        states = {player: optimizer_state(optimizer) for player, optimizer in self.optimizers.items()}
        tensors = under("model", self.model.state_dict()) | under("random", random_state(self.model))
        if self.ema is not None:
            tensors |= under("ema", self.ema.average.state_dict())
        for player, (state, _) in states.items():
            tensors |= under(f"optimizer/{player}", state)
        notes = {
            "recipe": self.recipe,
            "steps": self.history.steps,
            "history": self.history.points(),
            "optimizers": {player: rest for player, (_, rest) in states.items()},
            "updates": self.ema.updates if self.ema is not None else 0,
        }
        write(self.path, tensors, notes)

    def resume(self, stream: Iterable[Any]) -> None:
        """Put everything back if the file is there, and skip the batches that the run has had."""
        if self.path is None or not self.path.exists():
            return
        tensors, notes = read(self.path)
        if (theirs := notes["recipe"]) != self.recipe:
            raise ValueError(f"checkpoint: {self.path} is of another run: {theirs}, not {self.recipe}")
        self._restore(tensors, notes)
        for _ in islice(stream, self.history.steps):
            pass
        restore_random_state(part(tensors, "random"))

    def _restore(self, tensors: Tensors, notes: Mapping[str, Any]) -> None:
        try:
            self.model.load_state_dict(part(tensors, "model"))
        except RuntimeError as error:
            raise ValueError(f"checkpoint: {self.path} is of another model: {error}") from error
        self.history.restore(notes["history"], notes["steps"])
        for player, optimizer in self.optimizers.items():
            restore_optimizer(optimizer, part(tensors, f"optimizer/{player}"), notes["optimizers"][player])
        if self.ema is not None:
            self.ema.average.load_state_dict(part(tensors, "ema"))
            self.ema.updates = notes["updates"]


def write(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Save named tensors and a JSON-able note, atomically: a reader sees the old file or the new one.

    Tensors that share memory (tied weights) are stored once per name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    apart = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    content = save(apart, metadata={"notes": json.dumps(notes)})
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and the note of a file that `write` made; ValueError if it is damaged or something else."""
    try:
        with safe_open(path, framework="pt") as file:
            notes = json.loads(file.metadata()["notes"])
            return {name: file.get_tensor(name) for name in file.keys()}, notes  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"checkpoint: {path} is damaged or no checkpoint of coursekit: {error}") from error


def part(tensors: Mapping[str, Tensor], prefix: str) -> Tensors:
    """The entries under `prefix/`, without it."""
    start = prefix + "/"
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> Tensors:
    """The entries, moved under `prefix/`."""
    return {f"{prefix}/{name}": tensor for name, tensor in tensors.items()}


def optimizer_state(optimizer: Optimizer) -> tuple[Tensors, dict[str, Any]]:
    """The optimizer's state, split into tensors named `index/key` and the JSON-able rest."""
    state = optimizer.state_dict()
    entries = [(f"{i}/{key}", value) for i, values in state["state"].items() for key, value in values.items()]
    tensors = {name: value for name, value in entries if isinstance(value, Tensor)}
    rest = {name: value for name, value in entries if not isinstance(value, Tensor)}
    groups = [{key: _plain(value) for key, value in group.items()} for group in state["param_groups"]]
    return tensors, {"rest": rest, "groups": groups}


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Put back what `optimizer_state` took out."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **notes["rest"]}.items():
        index, key = name.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": notes["groups"]})


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, Tensor) else value


def random_state(model: nn.Module) -> Tensors:
    """The state of torch's global generators: the CPU's, and those of the devices that the model is on."""
    others = {tensor.device.type for tensor in model.state_dict().values()} - {"cpu"}
    return {"cpu": torch.get_rng_state()} | {kind: getattr(torch, kind).get_rng_state() for kind in others}


def restore_random_state(states: Mapping[str, Tensor]) -> None:
    """Put back what `random_state` took, on the devices that exist here."""
    for kind, state in states.items():
        if kind == "cpu":
            torch.set_rng_state(state)
        elif getattr(torch, kind).is_available():
            getattr(torch, kind).set_rng_state(state)
