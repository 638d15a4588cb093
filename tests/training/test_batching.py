"""From data to batches."""

import numpy as np
import pytest
import torch
from players import model, x
from torch.utils.data import DataLoader, TensorDataset

from coursekit import training
from coursekit.data.datasets import Images, Points


def of_kind(kind):
    numbers = torch.arange(10.0)[:, None]
    return {
        "tensor": numbers,
        "tuple": (numbers, torch.arange(10)),
        "points": Points(numbers),
        "images": Images((numbers / 10)[:, None, None].expand(-1, 1, 2, 2)),
        "array": numbers.double().numpy(),
        "arrays": (numbers, np.arange(10)),
        "dataset": TensorDataset(numbers),
        "pairs": TensorDataset(numbers, torch.arange(10)),
    }[kind]


PAIRS = ("tuple", "arrays", "pairs")


@pytest.mark.parametrize("kind", ["tensor", "points", "images", "array", "dataset", *PAIRS])
def test_an_epoch_visits_everything_once_in_an_order_of_the_generator(kind):
    def epoch(seed):
        return list(training.batches(of_kind(kind), batch_size=4, generator=torch.Generator().manual_seed(seed)))

    first, again, other = epoch(0), epoch(0), epoch(1)
    leading = [batch[0] if kind in PAIRS else batch for batch in first]
    assert [len(batch) for batch in leading] == [4, 4, 2]
    values = torch.cat(leading).flatten(1)[:, 0]
    expected = torch.arange(10) / 10 if kind == "images" else torch.arange(10.0)
    assert torch.allclose(values.sort().values, expected)
    assert not torch.equal(values, expected)
    flat = [torch.cat([b[0] if kind in PAIRS else b for b in e]).flatten() for e in (first, again, other)]
    assert torch.equal(flat[0], flat[1])
    assert not torch.equal(flat[0], flat[2])
    if kind in PAIRS:
        assert all(torch.equal(a[:, 0], b.float()) for a, b in first)


@pytest.mark.parametrize(("amount", "sizes"), [
    ({"steps": 5}, [4, 4, 2, 4, 4]),
    ({"epochs": 2}, [4, 4, 2, 4, 4, 2]),
    ({}, [4, 4, 2]),
    ({"steps": 3, "drop_last": True}, [4, 4, 4]),
    ({"epochs": 0}, []),
])  # fmt: skip
def test_steps_and_epochs_say_how_many(amount, sizes):
    assert [len(batch) for batch in training.batches(of_kind("tensor"), batch_size=4, **amount)] == sizes


def test_other_iterables_give_batches_themselves():
    loader = DataLoader(of_kind("points"), batch_size=4)
    assert [len(b) for b in training.batches(loader, epochs=2)] == [4, 4, 2, 4, 4, 2]
    assert [len(b) for b in training.batches(loader, steps=4)] == [4, 4, 2, 4]
    assert list(training.batches(iter("abc"))) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="ran out after 3 of 5 steps"):
        list(training.batches(iter("abc"), steps=5))
    assert training.fit(model(), [x(), x()], epochs=2).steps == 4


def test_a_loader_over_a_dataset_of_tensors_trains(capfd):
    """It gives lists: [x] is x, [x, m] is a pair."""
    numbers = torch.randn(10, 4)
    for data in (DataLoader(TensorDataset(numbers), batch_size=4), TensorDataset(numbers), numbers.numpy()):
        batches = list(training.batches(data, batch_size=4, device="cpu"))
        assert [tuple(b.shape) for b in batches] == [(4, 4), (4, 4), (2, 4)]
        assert {b.dtype for b in batches} == {torch.float32}
        assert training.fit(model(), data, batch_size=4, epochs=2).steps == 6
    pairs = DataLoader(TensorDataset(numbers, torch.arange(10)), batch_size=5)
    assert [[tuple(part.shape) for part in b] for b in training.batches(pairs)] == 2 * [[(5, 4), (5,)]]
    by_name = DataLoader([{"x": n, "m": i} for i, n in enumerate(numbers)], batch_size=5)
    assert [b["x"].device.type for b in training.batches(by_name, device="meta")] == ["meta", "meta"]


def test_arrays_of_other_numbers_keep_their_kind():
    assert [b.dtype for b in training.batches(np.arange(3, dtype=np.uint8))] == [torch.uint8]
    backwards = np.arange(6.0).reshape(3, 2)[::-1]
    assert next(training.batches(backwards, batch_size=3)).sort(0).values.tolist() == [[0, 1], [2, 3], [4, 5]]


class Unindexed(torch.utils.data.Dataset):
    def __getitem__(self, index):
        return index


@pytest.mark.parametrize(("data", "options", "error", "said"), [
    (torch.zeros(0, 2), {}, ValueError, "0 items"),
    (torch.zeros(3, 2), {"batch_size": 4, "drop_last": True}, ValueError, "3 items make no batch of 4"),
    (torch.zeros(3, 2), {"steps": 1, "epochs": 1}, ValueError, "one of them"),
    (torch.zeros(3, 2), {"batch_size": 0}, ValueError, "batch_size"),
    (torch.zeros(3, 2), {"steps": -1}, ValueError, "steps"),
    ((torch.zeros(3), torch.zeros(4)), {}, ValueError, r"\[3, 4\]"),
    (Unindexed(), {}, TypeError, "DataLoader"),
    (np.zeros((0, 2)), {}, ValueError, "0 items"),
    (np.array(["a", "b"]), {}, TypeError, "an array of numbers, got one of <U1"),
    (TensorDataset(torch.zeros(0, 2)), {}, ValueError, "0 items"),
    (DataLoader(TensorDataset(torch.zeros(3, 2)), batch_size=4, drop_last=True), {}, ValueError, "gives no batch"),
    ([], {"steps": 3}, ValueError, "this list gives no batch"),
    (7, {}, TypeError, "got int"),
])  # fmt: skip
def test_data_that_make_no_batches_are_refused(data, options, error, said):
    with pytest.raises(error, match=said):
        training.batches(data, **options)


@pytest.mark.parametrize(("amount", "said"), [
    ({"epochs": 2}, "ran out after 1 of 2 epochs .an iterator can be walked only once: give a list or a DataLoader."),
    ({"steps": 5}, "ran out after 3 of 5 steps .an iterator"),
])  # fmt: skip
def test_an_iterator_that_is_used_up_is_explained(amount, said):
    with pytest.raises(ValueError, match=said):
        training.fit(model(), iter([x(), x(), x()]), **amount)


def test_an_iterator_that_gives_nothing_is_refused():
    with pytest.raises(ValueError, match="ran out after 0 of 1 epochs"):
        training.fit(model(), iter(()))
