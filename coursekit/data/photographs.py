"""Photographs in folders: listed in an order of their own, decoded, cropped, as one tensor."""

from __future__ import annotations

import io
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))
UNREAD = frozenset((".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".tif", ".tiff", ".webp"))


def natural_order(path: Path) -> tuple[list[str | int], str]:
    """A sorting key by name in which 2.jpg comes before 10.jpg, the same on every file system."""
    parts: list[str | int] = list(re.split(r"([0-9]+)", path.name))
    parts[1::2] = [int(number) for number in parts[1::2]]
    return parts, path.name


def photographs(folder: Path) -> list[Path]:
    """The jpg and png files directly in a folder, in natural order; hidden files do not count."""
    return [path for path in _files(folder) if path.suffix.lower() in SUFFIXES]


def some(folder: Path, wanted: str) -> list[Path]:
    """The photographs of a folder, at least one, with a warning that counts what is left out: pictures in formats that
    are not read. Raises FileNotFoundError, with what is `wanted` and what lies there, if there is none."""
    found, others = photographs(folder), _unread(folder)
    if not found:
        instead = f" but {others}, which are not read" if others else ""
        raise FileNotFoundError(f"{folder} holds no photographs{instead}: {wanted}")
    if others:
        warnings.warn(f"{folder}: {others} left out; only jpg and png files are read", stacklevel=3)
    return found


def _unread(folder: Path) -> str:
    """The pictures in other formats, counted: "2 heic, 1 webp", or ""."""
    suffixes = (path.suffix.lower() for path in _files(folder))
    count = Counter(suffix.removeprefix(".") for suffix in suffixes if suffix in UNREAD)
    return ", ".join(f"{n} {suffix}" for suffix, n in sorted(count.items()))


def _files(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if path.is_file() and _visible(path)), key=natural_order)


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in a folder, in natural order; hidden ones do not count."""
    return sorted((path for path in folder.iterdir() if path.is_dir() and _visible(path)), key=natural_order)


def decode_all(paths: Sequence[Path], *, size: int, grey: bool) -> Tensor:
    """The photographs as one tensor, float32 [n, 3 or 1, size, size] in [0, 1].

    Each is turned upright and converted to colour or grey, what is transparent over white; then its centred square is
    resized by Lanczos's filter.
    Raises ValueError if `size` is not positive or a file is no readable picture (which one is said).
    """
    if size < 1:
        raise ValueError(f"size: got {size}, want a number of pixels, at least 1")
    pixels = torch.empty(len(paths), size, size, 1 if grey else 3, dtype=torch.uint8)
    for place, path in zip(pixels, paths, strict=True):
        place.copy_(_decode(path, size, "L" if grey else "RGB"))
    return pixels.permute(0, 3, 1, 2).float().div_(255)  # [n, size, size, C] → [n, C, size, size]


def decoded(data: bytes, *, size: int, grey: bool) -> Tensor:
    """A photograph's bytes as an image, float32 [3 or 1, size, size] in [0, 1], treated as `decode_all` treats files.

    Raises ValueError if they are no readable picture.
    """
    pixels = _decode(io.BytesIO(data), size, "L" if grey else "RGB", name="the file")
    return pixels.permute(2, 0, 1).float().div(255)


def _decode(source: Path | io.BytesIO, size: int, mode: str, name: str = "") -> Tensor:
    try:
        with Image.open(source) as picture:
            _refuse_deep(picture)
            upright = _opaque(ImageOps.exif_transpose(picture)).convert(mode)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = str(error).replace(repr(source), "of this kind") if name else error
        raise ValueError(f"{name or source} is not a readable picture ({why}): remove or replace it") from error
    square = ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS)  # centred crop, then resized
    return torch.from_numpy(np.array(square)).reshape(size, size, -1)


def _opaque(picture: Image.Image) -> Image.Image:
    """Laid over white: below what is transparent a file may keep any colour."""
    if not picture.has_transparency_data:
        return picture
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    return white


def _refuse_deep(picture: Image.Image) -> None:
    """Pillow would clip sixteen bits to eight without a word."""
    if picture.mode.startswith(("I", "F")):
        raise ValueError(f"it has more than 8 bits a channel, mode {picture.mode}")


def _visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "__MACOSX"  # the latter comes with zip files
