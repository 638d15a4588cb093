"""From data to batches."""

import pytest
import torch
from players import model, x

from coursekit import training
from coursekit.data.datasets import Images, Points


def of_kind(kind):
    numbers = torch.arange(10.0)[:, None]
    return {
        "tensor": numbers,
        "tuple": (numbers, torch.arange(10)),
        "points": Points(numbers),
        "images": Images((numbers / 10)[:, None, None].expand(-1, 1, 2, 2)),
    }[kind]


@pytest.mark.parametrize("kind", ["tensor", "tuple", "points", "images"])
def test_an_epoch_visits_everything_once_in_an_order_of_the_generator(kind):
    def epoch(seed):
        return list(training.batches(of_kind(kind), batch_size=4, generator=torch.Generator().manual_seed(seed)))

    first, again, other = epoch(0), epoch(0), epoch(1)
    leading = [batch[0] if kind == "tuple" else batch for batch in first]
    assert [len(batch) for batch in leading] == [4, 4, 2]
    values = torch.cat(leading).flatten(1)[:, 0]
    expected = torch.arange(10) / 10 if kind == "images" else torch.arange(10.0)
    assert torch.allclose(values.sort().values, expected)
    assert not torch.equal(values, expected)
    flat = [torch.cat([b[0] if kind == "tuple" else b for b in e]).flatten() for e in (first, again, other)]
    assert torch.equal(flat[0], flat[1])
    assert not torch.equal(flat[0], flat[2])
    if kind == "tuple":
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
    loader = torch.utils.data.DataLoader(of_kind("points"), batch_size=4)
    assert [len(b) for b in training.batches(loader, epochs=2)] == [4, 4, 2, 4, 4, 2]
    assert [len(b) for b in training.batches(loader, steps=4)] == [4, 4, 2, 4]
    assert list(training.batches(iter("abc"))) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="ran out after 3 of 5 steps"):
        list(training.batches(iter("abc"), steps=5))
    assert training.fit(model(), [x(), x()], epochs=2).steps == 4


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
    (7, {}, TypeError, "got int"),
])  # fmt: skip
def test_data_that_make_no_batches_are_refused(data, options, error, said):
    with pytest.raises(error, match=said):
        training.batches(data, **options)
