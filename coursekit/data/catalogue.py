"""Which real data sets there are, which are here, and how to get the others."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from coursekit.data import celebrities, idx
from coursekit.data.folders import data_folder, wanted_folder
from coursekit.data.pairs import FOLDERS
from coursekit.data.photographs import photographs, subfolders
from coursekit.data.real import SMILES_SPLITS, mnist_folder

NAMES = ("digits", "mnist", "smiles", "celeba", "horse2zebra")


class Entry(NamedTuple):
    """One line of the catalogue: the set, whether it is here, where it belongs, and how it gets there."""

    name: str
    present: bool
    where: str
    how_to_get: str


def status() -> list[Entry]:
    """All real sets; files are looked for, not read. A wrong $COURSEKIT_DATA is reported, not raised."""
    digits = Entry("digits", True, "inside scikit-learn", "nothing to do")
    try:
        root = data_folder()
    except OSError as error:
        where, advice = str(wanted_folder()), str(error)
        return [digits, *(Entry(name, False, where, advice) for name in NAMES[1:])]
    mnist = root / "MNIST" / "raw"
    return [
        digits,
        Entry("mnist", not idx.missing(mnist), str(mnist), f"run `{idx.COMMAND}`"),
        Entry("smiles", _has_smiles(root), str(root / "smiles"), _smiles_advice()),
        Entry("celeba", celebrities.seems_present(root), str(root / "celeba"), celebrities.how_to_get()),
        Entry("horse2zebra", _has_horses(root), str(root / "horse2zebra"), _horses_advice()),
    ]


def get(name: str) -> Path | None:
    """Bring a set into the data folder unless it is there and sound; its folder, or None for the digits.

    Raises ValueError for an unknown name, FileNotFoundError for a set that has to be put there by hand,
    OSError if the download fails or the folder cannot be written to.
    """
    if name not in NAMES:
        raise ValueError(f"name: got {name!r}, want one of {NAMES}")
    ways = (_get_digits, _get_mnist, _get_smiles, _get_celeba, _get_horses)
    return dict(zip(NAMES, ways, strict=True))[name]()


def _get_digits() -> None:
    return None


def _get_mnist() -> Path:
    idx.download(mnist_folder())
    return mnist_folder()


def _get_smiles() -> Path:
    root = data_folder()
    if not _has_smiles(root):
        raise FileNotFoundError(f"smiles is not in {root} and has no download: {_smiles_advice()}")
    return root / "smiles"


def _get_celeba() -> Path:
    root = data_folder()
    if celebrities.problem(root) is not None:
        celebrities.fetch(root)
    return root / "celeba"


def _get_horses() -> Path:
    root = data_folder()
    if not _has_horses(root):
        raise FileNotFoundError(f"horse2zebra is not in {root} and is not downloaded: {_horses_advice()}")
    return root / "horse2zebra"


def _has_horses(root: Path) -> bool:
    parts = [root / "horse2zebra" / folder for folder in FOLDERS]
    return all(part.is_dir() and bool(photographs(part)) for part in parts)


def _horses_advice() -> str:
    folders = ", ".join(f"horse2zebra/{folder}" for folder in FOLDERS)
    return (
        "unpack horse2zebra.zip of the authors of CycleGAN (Zhu et al., 2017) in the data folder "
        f"($COURSEKIT_DATA), or put photographs of your own into the folders {folders} there"
    )


def _has_smiles(root: Path) -> bool:
    parts = [root / "smiles" / split for split in SMILES_SPLITS]
    return all(part.is_dir() and bool(subfolders(part)) for part in parts)


def _smiles_advice() -> str:
    return (
        "put photographs of faces into the folders smiles/train/neutral, smiles/train/smiling, "
        "smiles/test/neutral and smiles/test/smiling of the data folder ($COURSEKIT_DATA)"
    )
