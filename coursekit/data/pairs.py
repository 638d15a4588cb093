"""Two sets without pairs, as translators learn from them: horses here, zebras there, no horse's zebra known."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from coursekit.data.datasets import Images, Points
from coursekit.data.photographs import decode_all, some, subfolders

SPLITS = ("train", "test")
FOLDERS = tuple(split + domain for split in SPLITS for domain in "AB")


class Unpaired:
    """Two sets of images [n, C, H, W] and [m, C, H, W] (or of points) of which none belongs to any of the other.

    `a` and `b` are `Images` or `Points`; tensors become such. `names` say what they show. As data for
    `training.fit` its batches are tuples (a, b) of as many items of each, in two independent orders: an epoch visits
    each item of the longer set once, and goes through the shorter one again and again, each time in a new order (see
    `training.batches`). `len` is that of the longer set.
    Raises ValueError, with the domain's name, for a set that is empty or none of images, and for items of two sizes
    or numbers of channels; TypeError for other things than tensors and sets.
    """

    def __init__(
        self, a: Tensor | Images | Points, b: Tensor | Images | Points, names: tuple[str, str] = ("A", "B")
    ) -> None:
        if len(names) != 2 or names[0] == names[1]:
            raise ValueError(f"names: want two different ones, got {names!r}")
        self.a, self.b = (_as_set(one, name) for one, name in zip((a, b), names, strict=True))
        self.names = tuple(names)
        _check_alike(*self.domains, self.names)

    @property
    def domains(self) -> tuple[Tensor, Tensor]:
        """The two tensors, of unequal length."""
        return _values(self.a), _values(self.b)

    def __len__(self) -> int:
        return max(len(self.a), len(self.b))

    def __repr__(self) -> str:
        shapes = ("×".join(map(str, domain.shape)) for domain in self.domains)
        return f"Unpaired({', '.join(f'{name} {shape}' for name, shape in zip(self.names, shapes, strict=True))})"


def image_folder_pair(
    root: str | Path, split: str = "train", *, size: int = 64, grey: bool = False,
    names: tuple[str, str] = ("A", "B"),
) -> Unpaired:  # fmt: skip
    """The photographs of trainA and trainB below `root`, or of testA and testB: each [n, 3 or 1, size, size].

    Jpg and png files directly in each folder, in natural order, are turned upright and converted to colour (or
    grey), what is transparent over white; of each the centred square is resized. Hidden files and folders do not
    count; pictures in other formats (webp, heic) are left out, with a warning that counts them. 1,000 photographs at
    256×256 take 0.8 GB.
    Raises FileNotFoundError for a missing folder, or one without photographs, NotADirectoryError for a file in its
    place, ValueError for another split, for folders inside a domain's folder, and for an unreadable photograph; each
    names what it is about and what is wanted.
    """
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, want one of {SPLITS}")
    folders = [_domain(Path(root), split + letter) for letter in "AB"]
    listed = [some(folder, _wanted()) for folder in folders]
    a, b = (Images(decode_all(paths, size=size, grey=grey)) for paths in listed)
    return Unpaired(a, b, names)


def _domain(root: Path, name: str) -> Path:
    """The folder of one domain; errors say what is wrong with it."""
    for folder in (root, root / name):
        if not folder.exists():
            deeper = root.is_dir() and next((inner for inner in subfolders(root) if (inner / name).is_dir()), None)
            hint = f" (there is one in {deeper}: is that the root?)" if deeper else ""
            raise FileNotFoundError(f"{folder} does not exist{hint}: {_wanted()}")
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file: {_wanted()}")
    if inner := [folder.name for folder in subfolders(root / name)]:
        raise ValueError(f"{root / name} holds folders ({', '.join(inner)}): put the photographs directly into it")
    return root / name


def _wanted() -> str:
    return f"want folders {', '.join(FOLDERS)} of jpg or png files, side by side"


def _as_set(given: Tensor | Images | Points, name: str) -> Images | Points:
    if isinstance(given, Tensor):
        try:
            given = Points(given) if given.ndim == 2 else Images(given)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    if not isinstance(given, Images | Points):
        raise TypeError(f"{name}: got {type(given).__name__}, want a tensor, Images or Points")
    if not len(given):
        raise ValueError(f"{name}: got an empty set, want one item at least")
    return given


def _values(given: Images | Points) -> Tensor:
    return given.images if isinstance(given, Images) else given.points


def _check_alike(a: Tensor, b: Tensor, names: tuple[str, ...]) -> None:
    if a.shape[1:] == b.shape[1:]:
        return
    found = " and ".join(f"{name} {list(one.shape)}" for name, one in zip(names, (a, b), strict=True))
    if a.ndim != b.ndim:
        raise ValueError(f"{found}: want both to be images, or both points")
    if a.shape[1] != b.shape[1]:
        kind = "channels" if a.ndim == 4 else "coordinates"
        raise ValueError(f"{found}: want the same number of {kind}, got {a.shape[1]} and {b.shape[1]}")
    sizes = " and ".join("×".join(map(str, one.shape[2:])) for one in (a, b))
    raise ValueError(f"{found}: want images of one size, got {sizes}")
