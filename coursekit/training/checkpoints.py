"""A training run on disk: one safetensors file, written whole or not at all; nothing is ever unpickled."""

import json
import os
import tempfile
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim import Optimizer

from coursekit.training.companions import Training
from coursekit.training.history import Terms

Tensors = dict[str, Tensor]
HOW = {"foreach", "fused", "capturable", "differentiable"}  # options of an optimizer that its state does not depend on


class Checkpoint:
    """A companion that keeps a training in a file, every so many steps and at the end, and resumes from it.

    Resumed training equals uninterrupted training: bit for bit on one CPU with one number of threads, for tensors and
    datasets as data. What is kept: weights, the optimizers' states, the history, randomness, and the memories of the
    other companions and of the model (`Model.memories`). Learning rates and the like are those of the optimizers given
    now. Of several processes the first one writes. Raises ValueError for `every` < 1, and for a file that is damaged,
    of another run (seed, batch size, players, memories), another model or another optimizer.
    """

    comes = 1  # after the others: it keeps what they have become

    def __init__(self, path: str | Path, every: int = 500) -> None:
        if every < 1:
            raise ValueError(f"every: want at least 1 step, got {every}")
        self.path, self.every = Path(path), every
        self._run: Any = None

    def start(self, training: Training) -> None:
        """Put everything back if the file is there, and pass the batches that the run has had."""
        self._run = training
        if not self.path.exists():
            return
        tensors, notes = read(self.path)
        if (theirs := notes["recipe"]) != self.recipe():
            raise ValueError(f"checkpoint: {self.path} is of another run: {theirs}, not {self.recipe()}")
        self._restore(tensors, notes)
        for _ in islice(training.stream, training.history.steps):
            pass
        if training.together.rank == 0:
            restore_random_state(part(tensors, "random"))
        else:  # the file keeps the first one's alone; each has its own
            torch.manual_seed(training.seed + training.together.rank + training.history.steps * training.together.count)

    def after(self, step: int, terms: Terms) -> None:
        """Save after every so many steps."""
        if step % self.every == 0:
            self.save()

    def stop(self, whole: bool) -> None:
        """Save at the end, unless a step was broken off; nobody goes on before it is written."""
        if whole:
            self.save()
            self._run.together.wait()

    def recipe(self) -> dict[str, Any]:
        """What a run that goes on has to agree with."""
        run = self._run
        return {"seed": run.seed, "batch_size": run.batch_size, "players": sorted(run.optimizers),
                "along": sorted(run.memories)}  # fmt: skip

    def save(self) -> None:
        """Write everything that resuming needs."""
        run = self._run
        if run.together.rank:
            return
        tensors = under("model", run.model.state_dict()) | under("random", random_state(run.model))
        notes: dict[str, Any] = {"recipe": self.recipe(), "steps": run.history.steps, "history": run.history.points()}
        for kind, states in {
            "optimizers": {player: optimizer_state(optimizer) for player, optimizer in run.optimizers.items()},
            "memories": {name: split(one.state_dict()) for name, one in run.memories.items()},
        }.items():
            notes[kind] = {name: rest for name, (_, rest) in states.items()}
            for name, (state, _) in states.items():
                tensors |= under(f"{kind}/{name}", state)
        write(self.path, tensors, notes)

    def _restore(self, tensors: Tensors, notes: Mapping[str, Any]) -> None:
        run = self._run
        try:
            run.model.load_state_dict(part(tensors, "model"))
        except RuntimeError as error:
            raise ValueError(f"checkpoint: {self.path} is of another model: {error}") from error
        run.history.restore(notes["history"], notes["steps"])
        for player, optimizer in run.optimizers.items():
            try:
                restore_optimizer(optimizer, part(tensors, f"optimizers/{player}"), notes["optimizers"][player])
            except ValueError as error:
                raise ValueError(f"checkpoint: {self.path}: player {player!r}: {error}") from error
        for name, one in run.memories.items():
            one.load_state_dict({**part(tensors, f"memories/{name}"), **notes["memories"][name]})


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


def split(state: Mapping[str, Any]) -> tuple[Tensors, dict[str, Any]]:
    """A state's tensors, and its plain values."""
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    return tensors, {name: value for name, value in state.items() if name not in tensors}


def optimizer_state(optimizer: Optimizer) -> tuple[Tensors, dict[str, Any]]:
    """The optimizer's state, split into tensors named `index/key` and the JSON-able rest."""
    state = optimizer.state_dict()
    entries = {f"{i}/{key}": value for i, values in state["state"].items() for key, value in values.items()}
    tensors, rest = split(entries)
    groups = [{key: _plain(value) for key, value in group.items()} for group in state["param_groups"]]
    return tensors, {"kind": type(optimizer).__name__, "rest": rest, "groups": groups}


def restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Put back what `optimizer_state` took out. Rates and the like stay as the optimizer has them now.

    Raises ValueError if it is of another kind, has other parameters, or remembers other things (momentum, say).
    """
    given = optimizer.state_dict()["param_groups"]
    _fits(type(optimizer).__name__, given, notes)
    state: dict[int, dict[str, Any]] = {}
    for name, value in {**tensors, **notes["rest"]}.items():
        index, key = name.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": given})


def _fits(kind: str, given: list[dict[str, Any]], notes: Mapping[str, Any]) -> None:
    advice = "give the same one, or another file"
    if notes["kind"] != kind:
        raise ValueError(f"the run's optimizer is {notes['kind']}, not {kind}: {advice}")
    ours, theirs = ([group["params"] for group in groups] for groups in (given, notes["groups"]))
    if ours != theirs:
        raise ValueError(f"the run's {kind} has other groups of parameters: {advice}")
    for mine, before in zip(given, notes["groups"], strict=True):
        for name in set(mine) & set(before) - HOW:
            switch = name == "momentum" or isinstance(mine[name], bool)
            if switch and bool(mine[name]) != bool(before[name]):
                raise ValueError(f"the run's {kind} has {name}={before[name]}, not {mine[name]}: {advice}")


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
