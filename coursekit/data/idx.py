"""The four files of MNIST: found with or without `.gz`, decoded, verified, downloaded."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from pathlib import Path

import pooch
import torch
from torch import Tensor

from coursekit.data.folders import workshop

COMMAND = "coursekit data get mnist"
PARTS = {True: "train", False: "t10k"}
# Of the decompressed content, so that files compressed anew are as good as the published ones.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def names(train: bool) -> tuple[str, str]:
    """The names of the two files of the training or the test part, without `.gz`: images, labels."""
    return f"{PARTS[train]}-images-idx3-ubyte", f"{PARTS[train]}-labels-idx1-ubyte"


def find(folder: Path, name: str) -> Path | None:
    """The file, as `name.gz` or as `name`, or None."""
    candidates = (folder / f"{name}.gz", folder / name)
    return next((path for path in candidates if path.is_file()), None)


def read_pair(folder: Path, train: bool) -> tuple[Tensor, Tensor]:
    """Images [n, rows, columns] and labels [n] as bytes, verified.

    Raises FileNotFoundError for a missing file; ValueError for one that is truncated or otherwise damaged,
    for images and labels of different number, and for content that is not MNIST's.
    """
    contents = {name: _content(folder, name) for name in names(train)}
    images, labels = (decode(content, _where(folder, name)) for name, content in contents.items())
    if len(images) != len(labels):
        paths = " and ".join(_where(folder, name) for name in contents)
        raise ValueError(f"{len(images)} images but {len(labels)} labels in {paths}: {_advice()}")
    for name, content in contents.items():
        _verify(content, name, _where(folder, name))
    return images, labels


def decode(content: bytes, where: str) -> Tensor:
    """The array of bytes in an IDX file.

    The header is two zero bytes, the type 8, the rank, then each size in four bytes, the highest first.
    Raises ValueError if it is no such file or holds more or fewer bytes than its sizes say.
    """
    if content[:3] != b"\0\0\x08"[: len(content)]:
        raise ValueError(f"{where} is no IDX file of bytes (it begins with {content[:4]!r}): {_advice()}")
    start = 4 + 4 * content[3] if len(content) > 3 else 4
    if len(content) < start:
        raise ValueError(f"{where} is truncated: {len(content)} bytes, want a header of {start}: {_advice()}")
    shape = struct.unpack(f">{content[3]}I", content[4:start])
    array = torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:]
    wanted = torch.Size(shape).numel()
    if len(array) != wanted:
        kind = "truncated" if len(array) < wanted else "too long"
        raise ValueError(f"{where} is {kind}: {len(array)} bytes for {wanted} values: {_advice()}")
    return array.reshape(shape)


def download(folder: Path) -> None:
    """Fetch those of the four files that are missing or damaged; each appears there whole or not at all.

    Raises OSError if the folder cannot be written to, or no mirror gives a file with the published checksum.
    """
    needed = [f"{name}.gz" for name in SHA256 if not _sound(folder, name)]
    if needed:
        with workshop(folder) as unfinished:
            for name in needed:
                os.replace(_fetch(name, unfinished), folder / name)


def missing(folder: Path) -> list[str]:
    """The names of those of the four files that are there neither with nor without `.gz`."""
    return [name for name in SHA256 if find(folder, name) is None]


def _content(folder: Path, name: str) -> bytes:
    path = find(folder, name)
    if path is None:
        raise FileNotFoundError(f"{name} (or {name}.gz) is missing in {folder}: {_advice()}")
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except EOFError as error:
        raise ValueError(f"{path} is truncated, after {path.stat().st_size} bytes: {_advice()}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}): {_advice()}") from error


def _verify(content: bytes, name: str, where: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        wanted = f"sha256 of the content is {found}, want {SHA256[name]}"
        raise ValueError(f"{where} is not MNIST's {name} ({wanted}): {_advice()}")


def _sound(folder: Path, name: str) -> bool:
    try:
        _verify(_content(folder, name), name, _where(folder, name))
    except (FileNotFoundError, ValueError):
        return False
    return True


def _fetch(name: str, folder: Path) -> str:
    from torchvision.datasets import MNIST  # here, because it takes about a second to import

    md5 = dict(MNIST.resources)
    failures = []
    for mirror in MNIST.mirrors:
        try:
            return pooch.retrieve(mirror + name, f"md5:{md5[name]}", name, folder)
        except (OSError, ValueError) as error:  # no connection; a wrong checksum
            failures.append(f"{mirror + name}: {error}")
    raise OSError(f"could not download {name}; tried " + "; ".join(failures) + f". Offline, {_by_hand()}")


def _where(folder: Path, name: str) -> str:
    return str(find(folder, name) or folder / name)


def _by_hand() -> str:
    return "put MNIST's four files, with or without .gz, into MNIST/raw in the data folder ($COURSEKIT_DATA)"


def _advice() -> str:
    return f"run `{COMMAND}`, which fetches or replaces it, or {_by_hand()}"
