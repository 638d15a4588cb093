"""Real pictures: digits that come with scikit-learn, MNIST, and photographs in folders."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from coursekit.data import idx
from coursekit.data.datasets import Images
from coursekit.data.folders import data_folder
from coursekit.data.photographs import decode_all, photographs, some, subfolders

DIGITS = tuple("0123456789")
SMILES_SPLITS = ("train", "test")


def digits() -> Images:
    """The 1,797 handwritten digits that are part of scikit-learn: images [1797, 1, 8, 8], labels 0 … 9.

    Grey levels 0 … 16 are divided by 16. Source: UCI, Optical Recognition of Handwritten Digits, test part.
    """
    table = torch.from_numpy(_digits_table())  # [1797, 65], the label last
    return Images(table[:, :-1].div(16).view(-1, 1, 8, 8), table[:, -1].long(), classes=DIGITS)


def _digits_table() -> np.ndarray:
    """Read from scikit-learn's file, where it lies today: to import scikit-learn takes a second and 85 MB."""
    package = find_spec("sklearn")
    file = Path((package and package.origin) or "").parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        return np.loadtxt(file, delimiter=",", dtype=np.float32)
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return np.column_stack([bunch.data, bunch.target]).astype(np.float32)


def mnist(train: bool = True, *, download: bool = False) -> Images:
    """MNIST's 60,000 training or 10,000 test digits: images [n, 1, 28, 28], labels 0 … 9.

    Read from `MNIST/raw` in `data_folder()` (torchvision's layout), from the four original files with or
    without `.gz`, and verified. Only with `download=True` are missing or damaged files fetched.
    Raises FileNotFoundError for a missing file, ValueError for a damaged one, OSError if the download fails;
    each says which file, what was found and what to put where. Source: LeCun, Cortes and Burges, 1998.
    """
    folder = mnist_folder()
    if download:
        idx.download(folder)
    images, labels = idx.read_pair(folder, train)
    return Images(images.unsqueeze(1).float().div_(255), labels.long(), classes=DIGITS)


def mnist_folder() -> Path:
    """The folder of MNIST's files."""
    return data_folder() / "MNIST" / "raw"


def image_folder(path: str | Path, *, size: int = 64, grey: bool = False) -> Images:
    """The jpg and png photographs of a folder, the centred square of each: images [n, 3 or 1, size, size].

    With class folders in it (`path/class/*.jpg`), their names in natural order are the classes, and labels
    say which; a flat folder has labels None. (For sets like horse2zebra see `image_folder_pair`.) Photographs
    are in natural order (2 before 10) on every file system; hidden files do not count, nor deeper folders. What
    is transparent is laid over white. Pictures in other formats beside them (webp, heic) are left out, with a warning.
    Raises FileNotFoundError for a missing folder or one without photographs, NotADirectoryError for a file,
    ValueError for an unreadable photograph (which is named) and for photographs beside class folders.
    """
    folder = _existing(Path(path))
    flat, classes = photographs(folder), subfolders(folder)
    if flat and any(photographs(named) for named in classes):
        raise ValueError(f"{folder} holds photographs beside class folders: want one or the other")
    if flat or not classes:
        return Images(decode_all(some(folder, _wanted()), size=size, grey=grey))
    of_class = [some(named, _wanted()) for named in classes]
    images = decode_all([path for paths in of_class for path in paths], size=size, grey=grey)
    return Images(images, _labels(of_class), classes=tuple(named.name for named in classes))


def smiles(split: str = "train", *, size: int = 64) -> Images:
    """Grey photographs of faces, neutral (0) or smiling (1): images [n, 1, size, size].

    Read from the class folders in `smiles/train` or `smiles/test` of `data_folder()`.
    Raises as `image_folder` does, and ValueError for another split.
    """
    if split not in SMILES_SPLITS:
        raise ValueError(f"split: got {split!r}, want one of {SMILES_SPLITS}")
    return image_folder(data_folder() / "smiles" / split, size=size, grey=True)


def _existing(folder: Path) -> Path:
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist: {_wanted()}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file: {_wanted()}")
    return folder


def _wanted() -> str:
    return "want a folder of jpg or png files, or of one folder of them for each class"


def _labels(of_class: list[list[Path]]) -> Tensor:
    counts = torch.tensor([len(paths) for paths in of_class])
    return torch.arange(len(of_class)).repeat_interleave(counts)
