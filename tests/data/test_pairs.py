"""Two sets without pairs: their batches, and the folders that they come from."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from coursekit import data, training
from coursekit.data import Images, Points, Unpaired
from coursekit.models.base import Model
from coursekit.training import Checkpoint, batches


def numbered(n, size=2):
    """Images that say their own number: k / 100 in each pixel."""
    return (torch.arange(n) / 100)[:, None, None, None].expand(-1, 3, size, size).contiguous()


def numbers(images):
    return (100 * images[:, 0, 0, 0]).round().int().tolist()


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def walked(pair, **options):
    """The numbers of the batches: [(of a, of b), ...]."""
    return [(numbers(a), numbers(b)) for a, b in batches(pair, **options)]


def joined(stream):
    return tuple([number for batch in stream for number in batch[side]] for side in (0, 1))


@pytest.mark.parametrize(("n", "m"), [(10, 10), (10, 4), (4, 10), (10, 1)])
def test_an_epoch_visits_the_longer_set_once_and_the_shorter_one_evenly(n, m):
    for side, count in zip(joined(walked(Unpaired(numbered(n), numbered(m)), batch_size=3)), (n, m), strict=True):
        times = torch.bincount(torch.tensor(side), minlength=count)
        assert len(side) == max(n, m)
        assert len(times) == count
        assert times.max() - times.min() <= 1
        whole = [sorted(side[start : start + count]) for start in range(0, max(n, m) // count * count, count)]
        assert whole == [list(range(count))] * len(whole)  # as a whole before any comes again


def test_the_shorter_set_comes_in_a_new_order_each_time():
    _, b = joined(walked(Unpaired(numbered(90), numbered(30)), batch_size=8, generator=seeded()))
    assert len({tuple(b[start : start + 30]) for start in (0, 30, 60)}) == 3


def test_the_orders_are_independent():
    """Who meets whom changes from epoch to epoch. Of paired data it never does: there the same measure finds it."""

    def partners(data, epochs=200):
        stream = walked(data, batch_size=5, epochs=epochs, generator=seeded())
        met = torch.zeros(10, 10)
        for a, b in stream:
            met.index_put_((torch.tensor(a), torch.tensor(b)), torch.ones(len(a)), accumulate=True)
        return met / epochs

    free, paired = partners(Unpaired(numbered(10), numbered(10))), partners((numbered(10), numbered(10)))
    assert torch.equal(paired, torch.eye(10))
    assert (free - 0.1).abs().max() < 5 * (0.1 * 0.9 / 200) ** 0.5  # each meets each a tenth of the time


@pytest.mark.parametrize(("n", "m"), [(10, 3), (3, 10)])
def test_batches_are_full_but_the_last_of_an_epoch(n, m):
    """Whichever domain is short: neither its end nor its being shorter than a batch cuts one."""
    pair = Unpaired(numbered(n), numbered(m))

    def sizes(**options):
        return [(len(a), len(b)) for a, b in walked(pair, batch_size=4, **options)]

    assert sizes(epochs=2) == 2 * [(4, 4), (4, 4), (2, 2)]
    assert sizes(epochs=2, drop_last=True) == 4 * [(4, 4)]
    assert sizes(steps=4) == [(4, 4), (4, 4), (2, 2), (4, 4)]
    assert training.batching.number_of_batches(pair, batch_size=4, epochs=2) == 6
    assert [(len(a), len(b)) for a, b in walked(pair, batch_size=50)] == [(10, 10)]  # more than there are: all


def test_the_order_depends_on_the_generator_alone():
    pair = Unpaired(numbered(10), numbered(4))
    first, again, other = (walked(pair, batch_size=3, epochs=2, generator=seeded(seed)) for seed in (0, 0, 1))
    torch.rand(7)
    assert first == again != other
    assert walked(pair, batch_size=3, steps=5, generator=seeded())[2:] == first[2:5]  # passing some leaves the rest


class Sides(Model):
    """Notes what it is given."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.zeros(1)), []

    def loss(self, x):
        self.seen.append(tuple(map(tuple, map(numbers, x))))
        return {"loss": (self.weight - 1).square().sum()}

    def sample(self, n, *, generator=None):
        raise NotImplementedError


def test_fit_takes_it_and_resumes_with_the_batches_that_are_left(tmp_path):
    pair = Unpaired(numbered(10), numbered(4))
    whole, start, rest = Sides(), Sides(), Sides()
    training.fit(whole, pair, steps=7, batch_size=3, progress=False)
    for model, steps in ((start, 3), (rest, 7)):
        along = [Checkpoint(tmp_path / "run.safetensors")]
        training.fit(model, pair, steps=steps, batch_size=3, progress=False, along=along)
    assert len(set(whole.seen)) == 7
    assert start.seen + rest.seen == whole.seen


def test_it_says_what_it_is():
    pair = Unpaired(Images(numbered(5)), numbered(3), names=("horse", "zebra"))
    assert repr(pair) == "Unpaired(horse 5×3×2×2, zebra 3×3×2×2)"
    assert len(pair) == 5
    assert isinstance(pair.b, Images)
    assert [len(domain) for domain in pair.domains] == [5, 3]


def test_points_and_known_factors_are_welcome():
    points = Unpaired(torch.zeros(5, 2), Points(torch.ones(3, 2)))
    assert [tuple(side.shape) for side in next(batches(points, batch_size=4))] == [(4, 2), (4, 2)]
    known = Images(numbered(5), factors=torch.arange(5.0)[:, None])
    assert Unpaired(known, numbered(2)).a.factors is known.factors


@pytest.mark.parametrize(("a", "b", "error", "said"), [
    (numbered(3), numbered(3, 4), ValueError, r"want images of one size, got 2×2 and 4×4"),
    (numbered(3), numbered(3)[:, :1], ValueError, r"horse \[3, 3, 2, 2\] and zebra .*channels, got 3 and 1"),
    (numbered(0), numbered(3), ValueError, "horse: got an empty set"),
    (numbered(3), numbered(0), ValueError, "zebra: got an empty set"),
    (numbered(3), 255 * numbered(3), ValueError, r"zebra: images: .*in \[0, 1\]"),
    (numbered(3), (255 * numbered(3)).byte(), ValueError, "zebra: images: got torch.uint8.*divide bytes by 255"),
    (numbered(3)[0], numbered(3), ValueError, r"horse: images: got shape \[3, 2, 2\]"),
    (numbered(3), torch.zeros(3, 2), ValueError, "both to be images, or both points"),
    (torch.zeros(3, 3), torch.zeros(3, 2), ValueError, "number of coordinates, got 3 and 2"),
    ([1, 2], numbered(3), TypeError, "horse: got list, want a tensor"),
])  # fmt: skip
def test_sets_that_do_not_go_together_are_refused(a, b, error, said):
    with pytest.raises(error, match=said):
        Unpaired(a, b, names=("horse", "zebra"))


def test_names_must_differ():
    with pytest.raises(ValueError, match="names: want two different ones"):
        Unpaired(numbered(1), numbered(1), names=("horse", "horse"))


def test_other_domains_must_hold_something():
    class Other:
        domains = (torch.zeros(3), torch.zeros(0))

    with pytest.raises(ValueError, match=r"domains that are tensors of one item at least, got \[\[3\], \[0\]\]"):
        batches(Other())


# Folders


def save(path, colour=(0, 0, 0), size=(12, 12), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)
    return path


@pytest.fixture
def root(tmp_path):
    """Red and blue pictures, three and two for training and one of each for tests."""
    for folder, colour, names in (
        ("trainA", (255, 0, 0), (2, 10, 1)),
        ("trainB", (0, 0, 255), (1, 2)),
        ("testA", (255, 0, 0), (1,)),
        ("testB", (0, 0, 255), (1,)),
    ):
        for name in names:
            save(tmp_path / "set" / folder / f"{name}.png", tuple(level * name // 10 for level in colour))
    return tmp_path / "set"


def test_four_folders_are_two_sets_for_training_and_two_for_tests(root):
    pair = data.image_folder_pair(root, size=8, names=("red", "blue"))
    assert repr(pair) == "Unpaired(red 3×3×8×8, blue 2×3×8×8)"
    assert (255 * pair.a.images[:, 0, 0, 0]).round().tolist() == [25, 51, 255]  # natural order: 1, 2, 10
    assert pair.b.images[:, :2].max() == 0
    tests = data.image_folder_pair(str(root), "test")
    assert repr(tests) == "Unpaired(A 1×3×64×64, B 1×3×64×64)"
    with pytest.raises(ValueError, match="split: got 'tests', want one of"):
        data.image_folder_pair(root, "tests")


def test_a_missing_folder_is_named_with_the_four_that_are_wanted(root, tmp_path):
    four = "want folders trainA, trainB, testA, testB of jpg or png"
    with pytest.raises(FileNotFoundError, match=f"nowhere does not exist: {four}"):
        data.image_folder_pair(tmp_path / "nowhere")
    (root / "testB" / "1.png").unlink()
    with pytest.raises(FileNotFoundError, match=f"testB holds no photographs: {four}"):
        data.image_folder_pair(root, "test")
    (root / "testB").rmdir()
    with pytest.raises(FileNotFoundError, match=f"testB does not exist: {four}"):
        data.image_folder_pair(root, "test")
    assert len(data.image_folder_pair(root, size=4)) == 3  # the other split does not need it
    (root / "testB").write_text("a file")
    with pytest.raises(NotADirectoryError, match=f"testB is a file: {four}"):
        data.image_folder_pair(root, "test")


def test_one_folder_too_high_is_noticed(root, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"trainA does not exist \(there is one in .*set: is that the root\?\)"):
        data.image_folder_pair(tmp_path)


def test_hidden_files_and_those_that_systems_leave_do_not_count(root):
    save(root / "trainA" / ".hidden.png")
    save(root / "trainA" / ".ipynb_checkpoints" / "1-checkpoint.png")
    save(root / "trainB" / "__MACOSX" / "1.png")
    (root / "trainB" / "__MACOSX" / "._1.png").write_bytes(b"no picture")
    for name in ("._1.png", ".DS_Store", "Thumbs.db", "notes.txt"):
        (root / "trainB" / name).write_bytes(b"no picture")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [len(side) for side in data.image_folder_pair(root, size=4).domains] == [3, 2]


def test_folders_inside_a_domain_are_refused(root):
    save(root / "trainB" / "more" / "3.png")
    with pytest.raises(ValueError, match=r"trainB holds folders \(more\): put the photographs directly into it"):
        data.image_folder_pair(root)


@pytest.mark.parametrize("name", ["text.jpg", "empty.png", "deep.png"])
def test_a_file_that_is_no_picture_is_named(root, name):
    path = root / "trainB" / name
    if name == "deep.png":
        Image.new("I;16", (8, 8), 60000).save(path)
    else:
        path.write_text("no picture" if name == "text.jpg" else "")
    with pytest.raises(ValueError, match=f"trainB.{name} is not a readable picture") as raised:
        data.image_folder_pair(root)
    assert ("8 bits" in str(raised.value)) == (name == "deep.png")


def test_sizes_may_differ(root):
    wide = Image.new("RGB", (90, 30), (255, 255, 255))
    wide.paste((0, 255, 0), (30, 0, 60, 30))
    wide.save(root / "trainA" / "0.jpg", quality=95)
    image = data.image_folder_pair(root, size=10).a.images[0]
    assert image.shape == (3, 10, 10)
    assert image[1].min() > 0.9  # the centred square is green; squeezed, it would be white at its sides
    assert image[0, :, 2:8].max() < 0.1


def test_grey_pictures_become_colour_and_colour_grey(root):
    save(root / "trainA" / "0.png", 100, mode="L")
    image = data.image_folder_pair(root, size=4).a.images[0]
    assert torch.equal(image, torch.full((3, 4, 4), 100 / 255))
    grey = data.image_folder_pair(root, size=4, grey=True)
    assert repr(grey) == "Unpaired(A 4×1×4×4, B 2×1×4×4)"
    assert (255 * grey.a.images[:, 0, 0, 0]).round().tolist() == [100, 7, 15, 76]  # .299 of the red


def half_transparent(path):
    """Left opaque green, right transparent above a red that nobody saw."""
    table = np.zeros((8, 16, 4), dtype=np.uint8)
    table[:, :8], table[:, 8:] = (0, 255, 0, 255), (255, 0, 0, 0)
    Image.fromarray(table).crop((4, 0, 12, 8)).save(path)


def test_what_is_transparent_is_white(root):
    half_transparent(root / "trainA" / "0.png")
    save(root / "trainA" / "00.png", 0, mode="L", transparency=0)  # a grey file that says: 0 is transparent
    save(root / "trainA" / "000.png", (0, 128), mode="LA")
    for read in (data.image_folder_pair(root, size=8).a.images, data.image_folder(root / "trainA", size=8).images):
        green, white = torch.tensor([0.0, 1, 0]).reshape(3, 1, 1), torch.ones(3, 1, 1)
        assert torch.equal(read[0, :, :, :4], green.expand(3, 8, 4))
        assert torch.equal(read[0, :, :, 4:], white.expand(3, 8, 4))  # not the red below
        assert torch.equal(read[1], white.expand(3, 8, 8))
        assert torch.allclose(read[2], torch.full((3, 8, 8), 127 / 255), atol=0.005)


def test_pictures_in_other_formats_are_counted_not_passed_over(root):
    for name in ("a.webp", "b.WEBP", "c.heic"):
        (root / "trainB" / name).write_bytes(b"whatever")
    with pytest.warns(UserWarning, match=r"trainB: 1 heic, 2 webp left out; only jpg and png"):
        assert len(data.image_folder_pair(root).b) == 2
    with pytest.warns(UserWarning, match="1 heic, 2 webp left out"):
        data.image_folder(root / "trainB")
    for name in ("1.png", "2.png"):
        (root / "trainB" / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"trainB holds no photographs but 1 heic, 2 webp, which are not read"):
        data.image_folder_pair(root)


def test_the_catalogue_knows_where_horses_and_zebras_belong(data_root, root):
    with pytest.raises(FileNotFoundError, match=r"horse2zebra is not in .*horse2zebra/trainA, .*horse2zebra/testB"):
        data.get("horse2zebra")
    root.rename(data_root / "horse2zebra")
    assert data.status()[-1][:2] == ("horse2zebra", True)
    assert len(data.image_folder_pair(data.get("horse2zebra"))) == 3
    (data_root / "horse2zebra" / "testB" / "1.png").unlink()
    assert not data.status()[-1].present
