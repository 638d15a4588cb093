"""Several processes that train one model together, as `torchrun` starts them.

Each sees its own part of every batch; gradients are averaged, weighted by the parts, before a player moves. So the
weights are those of one process that sees whole batches, for losses that are means over the batch.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from coursekit.models.base import Device


class Processes:
    """Those of the current group of `torch.distributed`; without one, this process alone.

    `count` of them, this one is `rank`, from 0. `share` is what this one's part of the last batch weighs.
    """

    def __init__(self) -> None:
        on = dist.is_available() and dist.is_initialized()
        self.count, self.rank = (dist.get_world_size(), dist.get_rank()) if on else (1, 0)
        self.device = "cuda" if on and dist.get_backend() == "nccl" else "cpu"
        self.share = 1 / self.count

    def part(self, batch: Any) -> Any:
        """This process's part of a batch; the whole one if it has fewer items than there are processes."""
        n = _length(batch)
        if self.count == 1 or n is None or n < self.count:
            self.share = 1 / self.count
            return batch
        start, end = (n * rank // self.count for rank in (self.rank, self.rank + 1))
        self.share = (end - start) / n
        return _cut(batch, start, end)

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Each gradient becomes the mean over the processes, each weighted by its part."""
        mine = list(gradients)
        if self.count == 1 or not mine:
            return
        flat = torch.cat([gradient.flatten() for gradient in mine]) * self.share
        dist.all_reduce(flat)
        for gradient, mean in zip(mine, flat.split([gradient.numel() for gradient in mine]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Each term's mean over the processes, weighted likewise."""
        if self.count == 1:
            return dict(terms)
        values = torch.tensor(list(terms.values()), dtype=torch.float64, device=self.device) * self.share
        dist.all_reduce(values)
        return dict(zip(terms, values.tolist(), strict=True))

    def any(self, flag: bool) -> bool:
        """Whether it is true in one of them."""
        if self.count == 1:
            return flag
        raised = torch.tensor(float(flag), device=self.device)
        dist.all_reduce(raised)
        return raised.item() > 0

    def wait(self) -> None:
        """Until all have come so far."""
        if self.count > 1:
            dist.barrier()

    def agree(self, model: nn.Module, steps: int) -> None:
        """All start from the first one's weights; ValueError unless all have done as many steps."""
        if self.count == 1:
            return
        theirs = torch.tensor(steps, device=self.device)
        dist.broadcast(theirs, 0)
        if self.any(theirs.item() != steps):
            raise ValueError("checkpoint: not all processes see the same file; put it where each of them reads it")
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, 0)


def _length(batch: Any) -> int | None:
    """The number of items of a batch: of its first tensor."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.ndim else None
    parts = batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, tuple | list) else ()
    return next((n for n in map(_length, parts) if n is not None), None)


def _cut(batch: Any, start: int, end: int) -> Any:
    if isinstance(batch, Tensor):
        return batch[start:end] if batch.ndim else batch
    if isinstance(batch, Mapping):
        return {key: _cut(part, start, end) for key, part in batch.items()}
    if isinstance(batch, tuple | list):
        plain = _length(batch) is None  # captions, say
        return batch[start:end] if plain else type(batch)([_cut(part, start, end) for part in batch])
    return batch


@contextmanager
def launched(device: Device) -> Iterator[torch.device]:
    """The group of the processes that `torchrun` started, for the length of the context, and the device of this one.

    gloo on CPUs, nccl on cards, one card for each process. Without a launcher nothing is changed. Raises ValueError
    for more processes than cards, and where the launcher has not said where the others are.
    """
    place = torch.device(device)
    if os.environ.get("WORLD_SIZE", "1") == "1" or dist.is_initialized():
        yield place
        return
    if place.type == "cuda":
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        if (place.index or 0) >= torch.cuda.device_count():
            raise ValueError(f"device: {torch.cuda.device_count()} cards are too few: each process needs its own")
        torch.cuda.set_device(place)
    if place.type == "cuda":
        dist.init_process_group("nccl", device_id=place)
    else:
        dist.init_process_group("gloo")
    try:
        yield place
    finally:
        dist.destroy_process_group()
