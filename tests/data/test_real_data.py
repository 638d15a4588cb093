"""Folders of photographs, the data folder, the catalogue, and the digits of scikit-learn."""

import os
import pathlib

import platformdirs
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from coursekit import data
from coursekit.data import real


def save(path, grey=0, size=(12, 12), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).save(path, **options)


@pytest.fixture
def classes(tmp_path):
    """Two class folders; the grey level of each picture is ten times its number."""
    for name, numbers in {"b": (10, 2), "a": (3,), ".hidden": (9,)}.items():
        for number in numbers:
            save(tmp_path / "set" / name / f"{number}.png", 10 * number)
    (tmp_path / "set" / "b" / "notes.txt").write_text("no picture")
    save(tmp_path / "set" / "b" / ".hidden.png", 99)
    return tmp_path / "set"


def grey_levels(images):
    return (images.images[:, 0, 0, 0] * 255).round().int().tolist()


def test_digits_are_scikit_learns():
    read, theirs = data.digits(), load_digits()
    assert read.images.shape == (1797, 1, 8, 8)
    assert torch.equal(16 * read.images.flatten(1), torch.from_numpy(theirs.data).float())
    assert read.labels.tolist() == theirs.target.tolist()
    assert read.images.max() == 1


def test_digits_come_from_scikit_learn_itself_if_their_file_lies_elsewhere(monkeypatch):
    from_file = data.digits()
    monkeypatch.setattr(real, "find_spec", lambda name: None)
    by_import = data.digits()
    assert torch.equal(from_file.images, by_import.images)
    assert torch.equal(from_file.labels, by_import.labels)


def test_class_folders_become_labels_in_natural_order(classes):
    read = data.image_folder(str(classes), size=4, grey=True)
    assert read.classes == ("a", "b")
    assert read.labels.tolist() == [0, 1, 1]
    assert grey_levels(read) == [30, 20, 100]
    assert read.images.shape == (3, 1, 4, 4)


def test_flat_folders_have_no_labels(classes):
    read = data.image_folder(classes / "b")
    assert grey_levels(read) == [20, 100]
    assert read.labels is None
    assert read.classes is None
    assert read.images.shape == (2, 3, 64, 64)


def test_order_does_not_depend_on_the_file_system(classes, monkeypatch):
    before = data.image_folder(classes, size=4)
    listed = pathlib.Path.iterdir
    monkeypatch.setattr(pathlib.Path, "iterdir", lambda self: sorted(listed(self), reverse=True))
    after = data.image_folder(classes, size=4)
    assert after.classes == before.classes
    assert torch.equal(after.images, before.images)


def test_pictures_are_cropped_to_the_centre_and_not_squeezed(tmp_path):
    wide = Image.new("RGB", (96, 32), (255, 0, 0))
    wide.paste((0, 0, 255), (32, 0, 64, 32))
    wide.save(tmp_path / "wide.png")
    image = data.image_folder(tmp_path, size=16).images[0]
    blue = torch.tensor([0.0, 0.0, 1.0]).reshape(3, 1, 1)
    assert (image - blue).abs().max() < 0.1  # the filter sees a little of the red at the edges
    assert torch.allclose(image[:, :, 4:12], blue, atol=0.01)


def test_pictures_are_turned_upright(tmp_path):
    picture = Image.new("L", (16, 16))
    picture.paste(255, (0, 0, 16, 8))  # the upper half is white, as stored
    exif = Image.Exif()
    exif[0x0112] = 3  # "the camera was upside down"
    picture.save(tmp_path / "turned.png", exif=exif)
    image = data.image_folder(tmp_path, size=16, grey=True).images[0, 0]
    assert image[:8].max() == 0
    assert image[8:].min() == 1


def cut_jpeg(path):
    save(path, size=(64, 64))
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("text.jpg", lambda path: path.write_text("no picture")),
        ("empty.png", lambda path: path.write_bytes(b"")),
        ("cut.jpg", cut_jpeg),
        ("deep.png", lambda path: Image.new("I;16", (8, 8), 60000).save(path)),
    ],
)
def test_unreadable_picture_is_named(classes, name, write):
    write(classes / "b" / name)
    with pytest.raises(ValueError, match="is not a readable picture") as raised:
        data.image_folder(classes)
    assert str(classes / "b" / name) in str(raised.value)


def test_missing_empty_or_wrong_folder_is_named(classes, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist: want a folder of jpg or png"):
        data.image_folder(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError, match=r"2\.png is a file: want a folder"):
        data.image_folder(classes / "b" / "2.png")
    (classes / "c").mkdir()
    with pytest.raises(FileNotFoundError, match=r"c holds no photographs: want"):
        data.image_folder(classes)
    with pytest.raises(FileNotFoundError, match=r"c holds no photographs: want"):
        data.image_folder(classes / "c")


def test_pictures_beside_class_folders_are_refused(classes):
    save(classes / "stray.jpg")
    with pytest.raises(ValueError, match="photographs beside class folders"):
        data.image_folder(classes)


def test_size_must_be_positive(classes):
    with pytest.raises(ValueError, match="size: got 0"):
        data.image_folder(classes, size=0)


def test_data_folder_is_the_variables_or_the_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))
    assert data.data_folder() == tmp_path
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("COURSEKIT_DATA", tmp_path.name)
    assert data.data_folder() == tmp_path
    monkeypatch.setenv("COURSEKIT_DATA", "")
    default = pathlib.Path(platformdirs.user_cache_dir("coursekit")) / "data"
    assert data.data_folder() == default
    monkeypatch.delenv("COURSEKIT_DATA")
    assert data.data_folder() == default


def test_variable_that_names_no_folder_is_an_error(tmp_path, monkeypatch):
    named = tmp_path / "nowhere"
    monkeypatch.setenv("COURSEKIT_DATA", str(named))
    for use in (data.data_folder, data.mnist, data.smiles, data.celeba, lambda: data.get("mnist")):
        with pytest.raises(FileNotFoundError, match=r"COURSEKIT_DATA names .*nowhere, which does not exist"):
            use()
    assert not named.exists()
    named.write_text("a file")
    with pytest.raises(NotADirectoryError, match=r"COURSEKIT_DATA names .*nowhere, which is not a folder"):
        data.data_folder()


def test_unwritable_cache_is_an_error_that_names_the_way_out(tmp_path, monkeypatch):
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the cache folder should be")
    monkeypatch.delenv("COURSEKIT_DATA", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(blocked / name))
    with pytest.raises(OSError, match=r"cannot write to .*cache.*set COURSEKIT_DATA to a folder"):
        data.get("mnist")
    assert os.listdir(tmp_path) == ["cache"]


def test_smiles_come_from_class_folders(data_root):
    for split in ("train", "test"):
        for name in ("smiling", "neutral"):
            save(data_root / "smiles" / split / name / "1.jpg")
    read = data.smiles("test", size=8)
    assert read.images.shape == (2, 1, 8, 8)
    assert read.classes == ("neutral", "smiling")
    assert data.get("smiles") == data_root / "smiles"
    with pytest.raises(ValueError, match="split: got 'tests'"):
        data.smiles("tests")


def test_status_tells_what_is_there(data_root):
    assert [(entry.name, entry.present) for entry in data.status()] == [
        ("digits", True),
        ("mnist", False),
        ("smiles", False),
        ("celeba", False),
        ("horse2zebra", False),
    ]
    raw = data_root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").touch()
        (raw / f"{part}-labels-idx1-ubyte.gz").touch()
    for split in ("train", "test"):
        save(data_root / "smiles" / split / "neutral" / "1.jpg")
    assert [entry.present for entry in data.status()] == [True, True, True, False, False]
    assert data.status()[1].where == str(raw)
    assert "coursekit data get mnist" in data.status()[1].how_to_get


def test_status_reports_a_wrong_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "nowhere"))
    entries = data.status()
    assert [entry.present for entry in entries] == [True, False, False, False, False]
    assert all("COURSEKIT_DATA" in entry.how_to_get for entry in entries[1:])


def test_get_knows_its_names_and_what_has_no_download(data_root):
    assert data.get("digits") is None
    with pytest.raises(ValueError, match="name: got 'minst', want one of"):
        data.get("minst")
    with pytest.raises(FileNotFoundError, match=r"no download: put photographs of faces into .*smiles/train"):
        data.get("smiles")
    assert not any(data_root.iterdir())


def test_real_smiles(real_smiles):
    read = data.smiles("test", size=32)
    assert read.images.shape[1:] == (1, 32, 32)
    assert read.classes == ("neutral", "smiling")
    assert torch.bincount(read.labels).min() > 0
    assert 0.05 < read.images.std() < 0.5
