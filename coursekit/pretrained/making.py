"""Training a recipe and keeping what comes out: weights and card, after an interruption where it stopped."""

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import update_bn

from coursekit.models.base import Device, Model, default_device, device_of
from coursekit.pretrained import files
from coursekit.pretrained.recipes import Recipe
from coursekit.training.batching import batches, number_of_batches
from coursekit.training.history import History
from coursekit.training.loop import EMA, fit
from coursekit.training.progress import Shown
from coursekit.training.rates import Rate, cosine


class Clock:
    """Seconds spent on training, those of earlier runs included; noted in a file as often as the run is."""

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every, self.since = path, every, time.perf_counter()
        self.before = float(json.loads(path.read_text())["seconds"]) if path.exists() else 0.0

    @property
    def seconds(self) -> float:
        """Up to now."""
        return self.before + time.perf_counter() - self.since

    def tick(self, step: int, terms: Any) -> None:
        """To be called after each step."""
        if step % self.every == 0:
            self.save()

    def save(self) -> None:
        """Note the seconds."""
        files.replace(self.path, json.dumps({"seconds": round(self.seconds, 1)}).encode())


def make(
    recipe: Recipe, folder: str | Path, *, steps: int | None = None, epochs: int | None = None,
    device: Device | None = None, progress: Shown = "auto", every: int = 250,
) -> files.Card | None:  # fmt: skip
    """Train the recipe and write NAME.safetensors and NAME.json into the folder: the card.

    So many steps or epochs, or as many epochs as the recipe says; on the fastest device if none is given. The
    training is kept in NAME.run.safetensors every so many steps: the next call goes on from there, to the same
    weights (bit for bit on one CPU with one number of threads). A learning rate that falls does so within the steps
    of the call, so ask for as many again. Ctrl-C ends it: None, and no weights are written.
    Raises what the recipe's data raise, RuntimeError in one of several processes, ValueError for a foreign run.
    """
    _alone()
    folder, device = Path(folder), torch.device(device or default_device())
    examples, model = recipe.examples(), recipe.build().to(device)
    ema = None if recipe.ema is None else EMA(model, recipe.ema)
    clock = Clock(folder / f"{recipe.name}.run.json", every)
    if steps is None and epochs is None:
        epochs = recipe.epochs
    halves = recipe.autocast and halves_are_fast(device)
    total = number_of_batches(examples, batch_size=recipe.batch_size, steps=steps, epochs=epochs)
    optimizer = partial(recipe.optimizer, lr=recipe.lr, weight_decay=recipe.weight_decay)
    history = fit(
        model, examples, steps=steps, epochs=epochs, batch_size=recipe.batch_size, seed=recipe.seed, ema=ema,
        optimizers=dict.fromkeys(model.players(), optimizer), rate=_rate(recipe, total),
        before=_pace(recipe, model, total), autocast=halves, checkpoint=run_path(recipe, folder),
        checkpoint_every=every, progress=progress, callback=clock.tick,
    )  # fmt: skip
    clock.save()
    if history.interrupted:
        return None
    if ema is not None:
        model = averaged(ema, examples, recipe)
    return keep(recipe, model, folder, _trained(history, clock, device, halves))


def halves_are_fast(device: torch.device) -> bool:
    """Whether bfloat16 saves time there: a CPU without instructions for it takes many times longer with it."""
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _rate(recipe: Recipe, steps: int | None) -> Rate | None:
    """The learning rate's way through so many steps."""
    if recipe.warm_up is None or not steps:
        return None
    return cosine(steps, warm_up=min(recipe.warm_up, steps - 1))


def _pace(recipe: Recipe, model: Model, steps: int | None) -> Callable[[int], Any] | None:
    """What is to be done before each of so many steps."""
    change = recipe.pace
    if change is None or not steps:
        return None
    return lambda step: change(model, (step - 1) / steps)


def averaged(ema: EMA, examples: Any, recipe: Recipe) -> Any:
    """The average, with the statistics that its own batch normalisation sees in 10,000 examples or so.

    An average of weights has other activations than the weights of any one step, and so other statistics.
    """
    device, order = device_of(ema.average), torch.Generator().manual_seed(recipe.seed)
    update_bn(batches(examples, batch_size=500, steps=20, generator=order, device=device), ema.average)
    return ema.average


def run_path(recipe: Recipe, folder: str | Path) -> Path:
    """The file that keeps an unfinished training."""
    return Path(folder) / f"{recipe.name}.run.safetensors"


def keep(recipe: Recipe, model: Any, folder: Path, trained: dict[str, Any]) -> files.Card:
    """Write weights and card; the figures are those of the weights as written, in half precision."""
    path = files.weights_path(folder, recipe.name)
    sha256 = files.write_weights(path, model)
    again: Model = recipe.build()
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


def _alone() -> None:
    """Two processes of one launcher would write the same files."""
    count = os.environ.get("WORLD_SIZE", "1")
    if count != "1":
        raise RuntimeError(f"WORLD_SIZE is {count}, but one process trains a recipe: start it without a launcher")


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
