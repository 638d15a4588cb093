"""From data in memory (or any iterable of batches) to a stream of batches."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from coursekit.models.base import Device


def batches(
    data: Any, *, batch_size: int = 64, steps: int | None = None, epochs: int | None = None,
    generator: torch.Generator | None = None, device: Device | None = None, drop_last: bool = False,
) -> Iterator[Any]:  # fmt: skip
    """A stream of batches on `device`: so many steps, or epochs (one if neither is given).

    `data` is a tensor or NumPy array [n, ...], a dataset with `.images` or `.points`, or a tuple of such of equal
    length (say images and labels; its batches are tuples), or a `TensorDataset`. Arrays of floats become tensors of
    torch's default kind. Each epoch visits every item once, in an order from `generator`; the last batch may be
    smaller, or is left out with `drop_last`. Any other iterable, a `DataLoader` say, is taken to give batches
    itself, and is walked again for each epoch; a batch of one tensor alone, [x], is taken for x.

    Data with `.domains`, a tuple of tensors that may differ in length, have no pairs (see `data.Unpaired`). Their
    batches are tuples with as many items of each domain, each in an order of its own. An epoch visits every item of
    the longest domain once; a shorter one is gone through in new random orders, each as a whole, until the longest
    ends. So all batches of an epoch are full but the last, whichever domain is short.

    Raises ValueError for steps and epochs together, empty or unequal data, or an iterable that runs out
    before `steps` or `epochs` or gives nothing; TypeError for data of no such kind.
    """
    wanted = number_of_batches(data, batch_size=batch_size, steps=steps, epochs=epochs, drop_last=drop_last)
    tensors = _tensors(data)
    if tensors is None:
        stream = _repeated(data, epochs, steps)
    else:
        whole = _longest(tensors) // batch_size * batch_size if drop_last else _longest(tensors)
        stream = _sliced(tensors, batch_size, wanted or 0, generator, whole, apart=hasattr(data, "domains"))
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
        if hasattr(data, "__len__") and not len(data):
            raise ValueError(f"data: this {type(data).__name__} gives no batch; has it fewer items than one batch?")
        return len(data) if hasattr(data, "__len__") else None
    n = _longest(tensors)
    whole, rest = divmod(n, batch_size)
    if whole + bool(rest) == 0 or (drop_last and not whole):
        raise ValueError(f"data: {n} items make no batch of {batch_size}")
    return whole + bool(rest and not drop_last)


def _tensors(data: Any) -> tuple[Tensor, ...] | None:
    """The tensors to slice batches from; None if `data` gives batches itself."""
    if hasattr(data, "domains"):
        return _domains(data.domains)
    data = getattr(data, "images", getattr(data, "points", data))
    found = data.tensors if isinstance(data, TensorDataset) else data
    found = (found,) if isinstance(found, Tensor | np.ndarray) else found
    if isinstance(found, tuple) and found and all(isinstance(part, Tensor | np.ndarray) for part in found):
        tensors = tuple(part if isinstance(part, Tensor) else _from_array(part) for part in found)
        lengths = [len(part) if part.ndim else 0 for part in tensors]
        if len(set(lengths)) > 1:
            raise ValueError(f"data: want tensors of equal length, got lengths {lengths}")
        return tensors
    indexed = isinstance(data, Dataset) and not isinstance(data, IterableDataset)
    if indexed or not isinstance(data, Iterable) or isinstance(data, str):
        hint = "; put a DataLoader around it" if indexed else ""
        kind = type(data).__name__
        raise TypeError(f"data: want a tensor, an array, tensors, images, points or batches, got {kind}{hint}")
    return None


def _from_array(array: np.ndarray) -> Tensor:
    """A tensor of the array's numbers, floats in torch's default kind; TypeError for other things than numbers."""
    if array.dtype.kind not in "fiub":
        raise TypeError(f"data: want an array of numbers, got one of {array.dtype}")
    kind = torch.get_default_dtype() if array.dtype.kind == "f" else None
    return torch.tensor(np.ascontiguousarray(array), dtype=kind)  # a negative stride is more than torch takes


def _domains(domains: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if not domains or not all(isinstance(part, Tensor) and part.ndim and len(part) for part in domains):
        found = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in domains]
        raise ValueError(f"data: want domains that are tensors of one item at least, got {found}")
    return domains


def _longest(tensors: tuple[Tensor, ...]) -> int:
    return max(len(tensor) for tensor in tensors)


def _sliced(
    tensors: tuple[Tensor, ...], size: int, count: int, generator: torch.Generator | None, whole: int, *, apart: bool
) -> Iterator[Any]:
    """`whole` items an epoch: each tensor in its own order if they are `apart`, else all in the order of one."""
    while count > 0:
        drawn = [_order(tensor, whole, generator) for tensor in (tensors if apart else tensors[:1])]
        parts = list(zip(*(order.split(size) for order in drawn), strict=True))[:count]
        count -= len(parts)
        for indices in parts:
            places = indices if apart else indices * len(tensors)
            batch = tuple(t[index.to(t.device)] for t, index in zip(tensors, places, strict=True))
            yield batch[0] if len(batch) == 1 and not apart else batch


def _order(items: Tensor, wanted: int, generator: torch.Generator | None) -> Tensor:
    """So many places in random order: each once, or all once before one comes again."""
    device = "cpu" if generator is None else generator.device
    rounds = max(1, -(-wanted // len(items)))
    orders = [torch.randperm(len(items), generator=generator, device=device) for _ in range(rounds)]
    return torch.cat(orders)[:wanted].to(items.device)


def _repeated(data: Iterable[Any], epochs: int | None, steps: int | None) -> Iterator[Any]:
    given, epoch = 0, 0
    wanted = 1 if epochs is None and steps is None else epochs
    while given < steps if steps is not None else epoch < (wanted or 0):
        before = given
        for batch in itertools.islice(data, None if steps is None else steps - given):
            yield batch
            given += 1
        epoch += 1
        if given == before:
            amount = f"{given} of {steps} steps" if steps is not None else f"{epoch - 1} of {wanted} epochs"
            once = " (an iterator can be walked only once: give a list or a DataLoader)" if given else ""
            raise ValueError(f"data: the batches ran out after {amount}{once}")


def _to(batch: Any, device: Device | None) -> Any:
    if isinstance(batch, tuple | list) and len(batch) == 1 and isinstance(batch[0], Tensor):
        batch = batch[0]  # as a DataLoader over a TensorDataset of one tensor gives it
    if device is None:
        return batch
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {name: _to(part, device) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        return type(batch)([part.to(device, non_blocking=True) if isinstance(part, Tensor) else part for part in batch])
    return batch
