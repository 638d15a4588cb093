"""CelebA in torchvision's layout, on a small tree of the same form."""

import hashlib

import pytest
import torch
from PIL import Image
from torchvision.datasets import CelebA

from coursekit import data

SPLIT = [0, 0, 0, 1, 1, 2, 2]  # train, valid, test
ATTRIBUTES = ["Eyeglasses", "Male", "Smiling"]


def attribute(picture, column):
    return (picture >> column) & 1


def table(rows, header=None):
    """A text file as CelebA has them: the count, a header that ends in a space, rows padded with spaces."""
    lines = [] if header is None else [str(len(rows)), " ".join(header) + " "]
    lines += ["  ".join(str(cell) for cell in row) for row in rows]
    return "\n".join(lines) + "\n"


def text_files():
    pictures = [f"{i + 1:06d}.jpg" for i in range(len(SPLIT))]
    signs = [[2 * attribute(i, column) - 1 for column in range(3)] for i in range(len(SPLIT))]
    attributes = [[picture, *row] for picture, row in zip(pictures, signs, strict=True)]
    return {
        "list_attr_celeba.txt": table(attributes, ATTRIBUTES),
        "identity_CelebA.txt": table([[picture, 7] for picture in pictures]),
        "list_bbox_celeba.txt": table([[picture, 1, 2, 3, 4] for picture in pictures], list("nxywh")),
        "list_landmarks_align_celeba.txt": table([[picture, *range(10)] for picture in pictures], ["eye"]),
        "list_eval_partition.txt": table(list(zip(pictures, SPLIT, strict=True))),
    }


def write_tree(root):
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    for name, text in text_files().items():
        (folder / name).write_text(text)
    for i in range(len(SPLIT)):
        picture = Image.new("RGB", (178, 218), (30 * i, 100, 200))
        picture.save(folder / "img_align_celeba" / f"{i + 1:06d}.jpg", quality=95)
    return folder


@pytest.fixture(autouse=True)
def published(monkeypatch):
    """The small tree's checksums, taken for the published ones."""
    checksums = [("", hashlib.md5(text.encode()).hexdigest(), name) for name, text in text_files().items()]
    monkeypatch.setattr(CelebA, "file_list", [("", "", "img_align_celeba.zip"), *checksums])


@pytest.fixture
def tree(data_root):
    return write_tree(data_root)


@pytest.mark.parametrize(
    ("split", "chosen"),
    [("train", [0, 1, 2]), ("valid", [3, 4]), ("test", [5, 6]), ("all", list(range(7)))],
)
def test_split_gives_its_pictures_and_attributes(tree, split, chosen):
    read = data.celeba(split, size=16)
    assert read.images.shape == (len(chosen), 3, 16, 16)
    assert torch.allclose(read.images[:, 0, 8, 8] * 255, 30.0 * torch.tensor(chosen), atol=3)
    assert read.factors.tolist() == [[attribute(i, column) for column in range(3)] for i in chosen]
    assert read.factor_names == tuple(ATTRIBUTES)
    assert read.labels is None


def test_an_attribute_can_be_the_label_and_n_takes_the_first(tree):
    read = data.celeba("all", size=8, n=5, label="Male")
    assert read.labels.tolist() == [0, 0, 1, 1, 0]
    assert read.classes == ("not Male", "Male")
    assert len(read) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "tests"}, r"split: got 'tests', want one of \('train'"),
        ({"label": "Happy"}, "label: got 'Happy'"),
    ],
)
def test_unknown_split_or_label_is_named(tree, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.celeba(**arguments)


def test_nothing_there_says_what_to_put_where(data_root):
    with pytest.raises(FileNotFoundError, match=r"lacks list_attr_celeba.txt.*img_align_celeba/") as raised:
        data.celeba()
    assert str(data_root / "celeba") in str(raised.value)
    assert "folder celeba of the data folder ($COURSEKIT_DATA)" in str(raised.value)
    assert "coursekit data get celeba" in str(raised.value)
    assert not any(data_root.iterdir())


def test_missing_and_damaged_files_are_named(tree):
    (tree / "list_bbox_celeba.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks list_bbox_celeba.txt:"):
        data.celeba()
    (tree / "list_bbox_celeba.txt").write_text("cut")
    with pytest.raises(ValueError, match=r"damaged files: list_bbox_celeba.txt \(wrong md5\)"):
        data.celeba()


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_picture_missing_or_cut_is_named(tree, damage):
    picture = tree / "img_align_celeba" / "000002.jpg"
    content = picture.read_bytes()
    picture.unlink()
    if damage == "cut":
        picture.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"000002\.jpg is not a readable picture"):
        data.celeba()


def test_download_moves_the_finished_folder_in(data_root, monkeypatch):
    monkeypatch.setattr(CelebA, "download", lambda self: write_tree(self.root))
    assert len(data.celeba(download=True)) == 3
    assert [path.name for path in data_root.iterdir()] == ["celeba"]
    monkeypatch.setattr(CelebA, "download", None)  # now it is there, and is not fetched again
    assert data.get("celeba") == data_root / "celeba"


@pytest.mark.parametrize("error", [RuntimeError("damaged"), ConnectionError("offline"), ImportError("gdown")])
def test_failed_download_leaves_nothing_half_written(data_root, monkeypatch, error):
    def failing(self):
        (write_tree(self.root) / "list_attr_celeba.txt").unlink()
        raise error

    monkeypatch.setattr(CelebA, "download", failing)
    with pytest.raises(OSError, match=f"could not download CelebA \\({error}\\)") as raised:
        data.get("celeba")
    assert "pip install gdown" in str(raised.value)
    assert not any(data_root.iterdir())


def test_download_does_not_overwrite_an_incomplete_folder(tree):
    (tree / "list_attr_celeba.txt").unlink()
    with pytest.raises(FileExistsError, match=r"celeba is incomplete or damaged: remove it"):
        data.get("celeba")
    assert (tree / "identity_CelebA.txt").exists()
