"""From data in memory (or any iterable of batches) to a stream of batches."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from coursekit.models.base import Device


def batches(
    data: Any, *, batch_size: int = 64, steps: int | None = None, epochs: int | None = None,
    generator: torch.Generator | None = None, device: Device | None = None, drop_last: bool = False,
) -> Iterator[Any]:  # fmt: skip
    """A stream of batches on `device`: so many steps, or epochs (one if neither is given).

    `data` is a tensor [n, ...], a dataset with `.images` or `.points`, or a tuple of tensors of equal length
    (say images and labels; its batches are tuples). Each epoch visits every item once, in an order from
    `generator`; the last batch may be smaller, or is left out with `drop_last`. Any other iterable is taken
    to give batches itself, and is walked again for each epoch.

    Raises ValueError for steps and epochs together, empty or unequal data, or an iterable that runs out
    before `steps`; TypeError for data of no such kind.
    """
    wanted = number_of_batches(data, batch_size=batch_size, steps=steps, epochs=epochs, drop_last=drop_last)
    tensors = _tensors(data)
    if tensors is None:
        stream = _repeated(data, epochs, steps)
    else:
        stream = _sliced(tensors, batch_size, wanted or 0, generator, drop_last)
    return (_to(batch, device) for batch in stream)


def number_of_batches(
    data: Any,
    *,
    batch_size: int = 64,
    steps: int | None = None,
    epochs: int | None = None,
    drop_last: bool = False,
) -> int | None:
    """How many batches `batches` will give; None if only walking can tell. Checks the arguments."""
    if steps is not None and epochs is not None:
        raise ValueError(f"steps, epochs: give one of them, got steps={steps} and epochs={epochs}")
    for name, value in {"batch_size": batch_size, "steps": steps, "epochs": epochs}.items():
        if value is not None and value < (name == "batch_size"):
            raise ValueError(f"{name}: want a positive number, got {value}")
    each = _per_epoch(data, batch_size, drop_last)
    if steps is not None or each is None:
        return steps
    return each * (1 if epochs is None else epochs)


def _per_epoch(data: Any, batch_size: int, drop_last: bool) -> int | None:
    tensors = _tensors(data)
    if tensors is None:
        return len(data) if hasattr(data, "__len__") else None
    n = len(tensors[0])
    whole, rest = divmod(n, batch_size)
    if whole + bool(rest) == 0 or (drop_last and not whole):
        raise ValueError(f"data: {n} items make no batch of {batch_size}")
    return whole + bool(rest and not drop_last)


def _tensors(data: Any) -> tuple[Tensor, ...] | None:
    """The tensors to slice batches from; None if `data` gives batches itself."""
    data = getattr(data, "images", getattr(data, "points", data))
    found = (data,) if isinstance(data, Tensor) else data
    if isinstance(found, tuple) and found and all(isinstance(part, Tensor) for part in found):
        lengths = [len(part) if part.ndim else 0 for part in found]
        if len(set(lengths)) > 1:
            raise ValueError(f"data: want tensors of equal length, got lengths {lengths}")
        return found
    indexed = isinstance(data, Dataset) and not isinstance(data, IterableDataset)
    if indexed or not isinstance(data, Iterable) or isinstance(data, str):
        hint = "; put a DataLoader around it" if indexed else ""
        kind = type(data).__name__
        raise TypeError(f"data: want a tensor, tensors, images, points or batches, got {kind}{hint}")
    return None


def _sliced(
    tensors: tuple[Tensor, ...], size: int, count: int, generator: torch.Generator | None, drop_last: bool
) -> Iterator[Any]:
    n = len(tensors[0])
    order_device = generator.device if generator is not None else "cpu"
    whole = n - n % size if drop_last else n
    while count > 0:
        order = torch.randperm(n, generator=generator, device=order_device)[:whole].to(tensors[0].device)
        parts = order.split(size)[:count]
        count -= len(parts)
        for index in parts:
            yield tensors[0][index] if len(tensors) == 1 else tuple(t[index.to(t.device)] for t in tensors)


def _repeated(data: Iterable[Any], epochs: int | None, steps: int | None) -> Iterator[Any]:
    if steps is None:
        for _ in range(1 if epochs is None else epochs):
            yield from data
        return
    given = 0
    while given < steps:
        before = given
        for batch in itertools.islice(data, steps - given):
            yield batch
            given += 1
        if given == before:
            raise ValueError(f"data: the batches ran out after {given} of {steps} steps")


def _to(batch: Any, device: Device | None) -> Any:
    if device is None:
        return batch
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, tuple | list):
        return type(batch)(_to(part, device) for part in batch)
    return batch
