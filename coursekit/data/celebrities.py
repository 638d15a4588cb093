"""CelebA, through torchvision: 202,599 photographs of faces with 40 attributes each.

torchvision takes about a second to import, so each function that needs it does so itself.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor

from coursekit.data.datasets import Images
from coursekit.data.folders import data_folder, workshop
from coursekit.data.photographs import decode_all

SPLITS = ("train", "valid", "test", "all")
PICTURES = "img_align_celeba"


def celeba(
    split: str = "train",
    size: int = 64,
    *,
    n: int | None = None,
    label: str | None = None,
    download: bool = False,
) -> Images:
    """CelebA's aligned faces, cropped to the centred square: images [n, 3, size, size].

    factors [n, 40] are the attributes, 0 or 1, named in `factor_names` ("Smiling", "Eyeglasses", …); with
    `label="Smiling"` that attribute is also the label, with classes ("not Smiling", "Smiling"). `n` takes the
    first n of the split: all of "train" at size 64 are 162,770 pictures, 8 GB.
    Read from `celeba` in `data_folder()` (torchvision's layout); `download=True` fetches it there, which
    needs the package gdown. Raises ValueError for an unknown split or label and for a damaged file,
    FileNotFoundError for a missing one, OSError if the download fails.
    Source: Liu, Luo, Wang and Tang, ICCV 2015.
    """
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, want one of {SPLITS}")
    root = data_folder()
    if download and problem(root) is not None:
        fetch(root)
    wrong = problem(root)
    if wrong is not None:
        raise wrong
    from torchvision.datasets import CelebA

    known = CelebA(root, split=split)
    names = tuple(name for name in known.attr_names if name)  # the header ends in a space
    factors = known.attr[:n].float()
    paths = [root / "celeba" / PICTURES / name for name in known.filename[:n]]
    labels, classes = _labels(factors, names, label)
    images = decode_all(paths, size=size, grey=False)
    return Images(images, labels, factors, classes=classes, factor_names=names)


def seems_present(root: Path) -> bool:
    """Whether all files of the CelebA under `root` are there, without reading them."""
    return not _absent(root / "celeba")


def problem(root: Path) -> FileNotFoundError | ValueError | None:
    """What is wrong with the CelebA under `root`: a file missing, one damaged, or nothing (None)."""
    from torchvision.datasets.utils import check_integrity

    folder = root / "celeba"
    absent = _absent(folder)
    if absent:
        return FileNotFoundError(f"{folder} lacks {', '.join(absent)}: {how_to_get()}")
    damaged = [name for name, md5 in _texts().items() if not check_integrity(folder / name, md5)]
    if damaged:
        return ValueError(f"{folder} holds damaged files: {', '.join(damaged)} (wrong md5): {how_to_get()}")
    return None


def fetch(root: Path) -> None:
    """Download CelebA into `root`: the folder appears there complete or not at all.

    Raises OSError if it cannot be fetched or written, FileExistsError if an incomplete one is in the way.
    """
    from torchvision.datasets import CelebA

    if (root / "celeba").exists():
        raise FileExistsError(f"{root / 'celeba'} is incomplete or damaged: remove it before a download")
    with workshop(root) as unfinished:
        try:
            CelebA(unfinished, download=True)
        except (OSError, RuntimeError, ImportError) as error:
            raise OSError(f"could not download CelebA ({error}): {how_to_get()}") from error
        os.replace(unfinished / "celeba", root / "celeba")


def how_to_get() -> str:
    """What to put where, in words."""
    return (
        f"put {', '.join(_texts())} and the unpacked folder {PICTURES} into the folder celeba of the data "
        "folder ($COURSEKIT_DATA), or run `pip install gdown` and `coursekit data get celeba`"
    )


def _texts() -> dict[str, str]:
    """The md5 of each text file, as torchvision publishes it."""
    from torchvision.datasets import CelebA

    return {name: md5 for _, md5, name in CelebA.file_list if name.endswith(".txt")}


def _absent(folder: Path) -> list[str]:
    absent = [name for name in _texts() if not (folder / name).is_file()]
    return absent if (folder / PICTURES).is_dir() else [*absent, f"{PICTURES}/"]


def _labels(
    factors: Tensor, names: tuple[str, ...], label: str | None
) -> tuple[Tensor | None, tuple[str, ...] | None]:
    if label is None:
        return None, None
    if label not in names:
        raise ValueError(f"label: got {label!r}, want one of {names}")
    return factors[:, names.index(label)].to(torch.int64), (f"not {label}", label)
