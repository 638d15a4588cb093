"""Two processes that train one model: the weights of one process, whatever the sizes of their parts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from players import model
from safetensors.torch import load_file

from coursekit.training import Processes, checkpoints, launched
from coursekit.training.processes import _cut, _length

SCRIPT = Path(__file__).parent / "together.py"
ROOT = Path(__file__).parents[2]


def run(*command, **changes):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **changes}
    done = subprocess.run([sys.executable, *map(str, command)], env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def launch(*command, **changes):
    """Two processes, as `torchrun` starts them."""
    return run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, *command, **changes)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What one process alone has written, and what two have."""
    alone, pair = (tmp_path_factory.mktemp(name) for name in ("alone", "pair"))
    run(SCRIPT, alone)
    launch(SCRIPT, pair)
    return alone, pair


@pytest.mark.parametrize("kind", ["vae", "game"])
def test_two_processes_with_half_a_batch_each_give_the_weights_of_one(kind, folders):
    alone, pair = folders
    wanted, first, second = (
        load_file(folder / f"{kind} {rank}.safetensors") for folder, rank in ((alone, 0), (pair, 0), (pair, 1))
    )
    assert wanted.keys() == first.keys()
    assert sum(name.startswith("history/") for name in wanted) >= 2
    for name, tensor in wanted.items():
        assert torch.allclose(first[name], tensor, rtol=1e-5, atol=1e-5), name
        assert torch.equal(first[name], second[name]), name
    kept, of_one = (checkpoints.read(folder / f"{kind}.run.safetensors") for folder in (pair, alone))
    assert kept[1]["steps"] == 10
    for name, tensor in of_one[0].items():
        if not name.startswith("random"):
            assert torch.allclose(kept[0][name].float(), tensor.float(), rtol=1e-4, atol=1e-5), name


def test_all_stop_alike_when_one_is_stopped(folders):
    alone, pair = folders
    files = [alone / "stopped 0.safetensors", *(pair / f"stopped {rank}.safetensors" for rank in (0, 1))]
    assert [load_file(file)["steps"].item() for file in files] == [3, 3, 3]


def test_parts_that_weigh_the_same_whatever_they_hold_give_other_weights(folders):
    """The negative control: the mean of two means is not the mean, where the parts differ in size."""
    wanted, wrong = (load_file(folder / "unweighted 0.safetensors") for folder in folders)
    assert not all(torch.allclose(wrong[name], tensor, rtol=1e-5, atol=1e-5) for name, tensor in wanted.items())


def test_the_command_trains_in_two_processes_and_one_of_them_writes(tmp_path):
    words = ["train", "digits_vae_2d", "--steps", 4, "--device", "cpu", "--out", tmp_path]
    said = launch("-m", "coursekit.app.cli", *words)
    endings = ("json", "safetensors", "run.json", "run.safetensors")
    assert {p.name for p in tmp_path.iterdir()} == {f"digits_vae_2d.{ending}" for ending in endings}
    assert said.count("pretrained.load") == 1
    assert checkpoints.read(tmp_path / "digits_vae_2d.run.safetensors")[1]["steps"] == 4


class Two(Processes):
    """One of two, without the other."""

    def __init__(self, rank):
        super().__init__()
        self.count, self.rank = 2, rank


def test_the_parts_of_a_batch_are_the_batch_and_weigh_what_they_hold():
    batch = (torch.arange(5.0), {"m": torch.arange(10).view(5, 2)}, ["a", "b", "c", "d", "e"])
    first, second = Two(0), Two(1)
    one, two = first.part(batch), second.part(batch)
    assert torch.equal(torch.cat([one[0], two[0]]), batch[0])
    assert torch.equal(torch.cat([one[1]["m"], two[1]["m"]]), batch[1]["m"])
    assert (len(one[0]), first.share, second.share) == (2, 0.4, 0.6)
    assert one[2] + two[2] == batch[2]


@pytest.mark.parametrize("batch", [torch.zeros(1, 3), 7, "abc"])
def test_a_batch_that_cannot_be_shared_is_each_ones_own(batch):
    group = Two(1)
    assert group.part(batch) is batch
    assert group.share == 0.5


def test_what_has_no_length_is_not_cut():
    assert _length(torch.tensor(3.0)) is None
    assert _cut((torch.tensor(3.0), torch.arange(4)), 1, 3)[0] == 3


def test_one_process_is_alone_and_changes_nothing():
    group, m = Processes(), model()
    assert (group.count, group.rank, group.share) == (1, 0, 1.0)
    slopes = torch.ones(3)
    group.average([slopes])
    group.agree(m, 5)
    assert torch.equal(slopes, torch.ones(3))
    assert group.mean({"loss": 2.0}) == {"loss": 2.0}
    assert group.any(True)
    with launched("cpu") as place:
        assert place == torch.device("cpu")
        assert not torch.distributed.is_initialized()


def test_more_processes_than_cards_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(ValueError, match="1 cards are too few"), launched("cuda"):
        pass
