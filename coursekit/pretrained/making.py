"""Training a recipe and keeping what comes out: weights and card, after an interruption where it stopped."""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import update_bn

from coursekit.models.base import Device, default_device, device_of
from coursekit.pretrained import files
from coursekit.pretrained.recipes import Recipe
from coursekit.training.average import EMA
from coursekit.training.batching import batches, number_of_batches
from coursekit.training.checkpoints import Checkpoint
from coursekit.training.companions import Training
from coursekit.training.history import History
from coursekit.training.loop import fit
from coursekit.training.precision import Autocast
from coursekit.training.processes import Processes, launched
from coursekit.training.progress import Interrupted, Shown
from coursekit.training.rates import Rate, cosine, linear


class Clock:
    """A companion: seconds spent on training, earlier runs included; noted in a file as often as the run is."""

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every, self.since = path, every, time.perf_counter()
        self.before_this = float(json.loads(path.read_text())["seconds"]) if path.exists() else 0.0
        self.writes = True

    @property
    def seconds(self) -> float:
        """Up to now."""
        return self.before_this + time.perf_counter() - self.since

    def start(self, training: Training) -> None:
        """Of several processes the first one writes."""
        self.writes = training.together.rank == 0

    def after(self, step: int, terms: Any) -> None:
        """Note the seconds if it is time."""
        if step % self.every == 0:
            self.save()

    def stop(self, whole: bool) -> None:
        """Note them at the end."""
        self.save()

    def save(self) -> None:
        """Note the seconds."""
        if self.writes:
            files.replace(self.path, json.dumps({"seconds": round(self.seconds, 1)}).encode())


class Pace:
    """A companion: what a recipe changes before each step, told the share of the training that is done."""

    def __init__(self, change: Callable[[Any, float], None]) -> None:
        self.change = change

    def start(self, training: Training) -> None:
        """Note the model and how long its training is."""
        self.model, self.total = training.model, training.total or 1

    def before(self, step: int) -> None:
        """Change the model."""
        self.change(self.model, (step - 1) / self.total)


def make(
    recipe: Recipe, folder: str | Path, *, steps: int | None = None, epochs: int | None = None,
    device: Device | None = None, progress: Shown = "auto", every: int = 250,
) -> files.Card | None:  # fmt: skip
    """Train the recipe and write NAME.safetensors and NAME.json into the folder: the card.

    So many steps or epochs, or as many epochs as the recipe says; on the fastest device if none is given. The
    training is kept in NAME.run.safetensors every so many steps: the next call goes on from there, to the same
    weights (bit for bit on one CPU with one number of threads). A learning rate that falls does so within the steps
    of the call, so ask for as many again. Ctrl-C ends it: None, and no weights are written.

    Under `torchrun` each process sees its part of every batch, on a card of its own where there are cards; the first
    one writes, and the others return an empty card. Raises what the recipe's data raise, ValueError for a foreign
    run or too few cards.
    """
    with launched(device or default_device()) as place:
        examples, model = recipe.examples(), recipe.build().to(place)
        ema = None if recipe.ema is None else EMA(model, recipe.ema)
        clock = Clock(Path(folder) / f"{recipe.name}.run.json", every)
        amount: dict[str, Any] = {"steps": steps, "epochs": epochs or (None if steps else recipe.epochs)}
        halves = recipe.autocast and halves_are_fast(place)
        kept = Checkpoint(run_path(recipe, folder), every)
        given = [ema, _rate(recipe, amount, examples), recipe.pace and Pace(recipe.pace), halves and Autocast(), clock]
        optimizer = partial(recipe.optimizer, lr=recipe.lr, weight_decay=recipe.weight_decay)
        try:
            history = fit(
                model, examples, **amount, batch_size=recipe.batch_size, seed=recipe.seed, progress=progress,
                optimizers=dict.fromkeys(model.players(), optimizer), along=[kept, *filter(None, given)],
            )  # fmt: skip
        except Interrupted:
            return None
        if Processes().rank:
            return {}
        best = model if ema is None else averaged(ema, examples, recipe)
        return keep(recipe, best, Path(folder), _trained(history, clock, place, halves))


def halves_are_fast(device: torch.device) -> bool:
    """Whether bfloat16 saves time there: a CPU without instructions for it takes many times longer with it."""
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _rate(recipe: Recipe, amount: dict[str, Any], examples: Any) -> Rate | None:
    """The learning rate's way through the training, with a warm-up that leaves at least one step over."""
    if recipe.hold is not None:
        return linear(hold=recipe.hold)
    total = number_of_batches(examples, batch_size=recipe.batch_size, **amount)
    if recipe.warm_up is None or not total:
        return None
    return cosine(warm_up=min(recipe.warm_up, total - 1))


def averaged(ema: EMA, examples: Any, recipe: Recipe) -> Any:
    """The average, with the statistics that its own batch normalisation sees in 10,000 examples or so.

    An average of weights has other activations than the weights of any one step, and so other statistics.
    """
    device, order = device_of(ema.average), torch.Generator().manual_seed(recipe.seed)
    some = batches(examples, batch_size=500, steps=20, generator=order, device=device)
    settle = getattr(ema.average, "settle", None)  # several players, each with its own kind of items
    settle(some) if settle else update_bn(some, ema.average)
    return ema.average


def run_path(recipe: Recipe, folder: str | Path) -> Path:
    """The file that keeps an unfinished training."""
    return Path(folder) / f"{recipe.name}.run.safetensors"


def keep(recipe: Recipe, model: Any, folder: Path, trained: dict[str, Any]) -> files.Card:
    """Write weights and card; the figures are those of the weights as written, in half precision."""
    path = files.weights_path(folder, recipe.name)
    sha256 = files.write_weights(path, recipe.kept(model), most=files.MOST_BYTES if recipe.shipped else sys.maxsize)
    again = recipe.blank()
    again.load_state_dict(files.read_weights(path, sha256, "write it again"))
    card = {
        "name": recipe.name, "about": recipe.about, "recipe": recipe.settings(), "data": recipe.data,
        "trained": trained, "parameters": sum(p.numel() for p in again.parameters()),
        "figures": {k: float(f"{v:.4g}") for k, v in recipe.measure(again.eval()).items()},
        "bytes": path.stat().st_size, "sha256": sha256,
    }  # fmt: skip
    if recipe.codes is not None:
        card["codes"] = recipe.codes(again)
    files.write_card(files.card_path(folder, recipe.name), card)
    return card


def _trained(history: History, clock: Clock, device: torch.device, halves: bool) -> dict[str, Any]:
    done = {"steps": history.steps, "seconds": round(clock.seconds)}
    return {**done, "machine": machine(device), "precision": "bfloat16" if halves else "float32"}


def machine(device: torch.device) -> str:
    """The kind of machine, in words: "a CPU, 2 threads"."""
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"a CPU, {threads} thread" + "s" * (threads != 1)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"a GPU ({name})"
