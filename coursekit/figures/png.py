"""PNG files that keep a notebook small."""

import io

import numpy as np
from PIL import Image

SMALL = 20_000  # bytes that need no saving
PALETTE, RARE = 256, 32  # colours; those of them that are kept for what the others show worst
BAND = 64  # rows whose colours are compared at once: a contact sheet's in one piece take 100 MB
WORST = 0.01  # the share of the pixels that they are chosen for


def encode(image: Image.Image) -> bytes:
    """PNG bytes, with a palette of 256 colours where the file would be large without."""
    plain = lossless(image)
    return plain if len(plain) < SMALL else lossless(fewer_colours(image))


def fewer_colours(image: Image.Image) -> Image.Image:
    """The image with a palette of 256: the nearer one of two, since the best for a plot is not that for faces."""
    image = image.convert("RGB")
    ways = (Image.Quantize.FASTOCTREE, Image.Quantize.MEDIANCUT)
    return min((_quantized(image, way) for way in ways), key=lambda x: float(_away(x, image).mean()))


def _quantized(image: Image.Image, way: Image.Quantize) -> Image.Image:
    """A palette for most of the pixels, then more colours for those it shows worst: a thin line beside photographs."""
    most = image.quantize(PALETTE - RARE, way, dither=Image.Dither.NONE)
    away = _away(most, image)
    worst = np.asarray(image)[away >= max(np.quantile(away, 1 - WORST), 1)]
    if not worst.size:
        return most
    rare = Image.fromarray(worst[None]).quantize(RARE, way, dither=Image.Dither.NONE)
    palette = Image.new("P", (1, 1))
    palette.putpalette(_colours(most) + _colours(rare))
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def _colours(image: Image.Image) -> list[int]:
    return image.getpalette() or []


def _away(palette: Image.Image, image: Image.Image) -> np.ndarray:
    """The squared distance of each pixel's colour from what it was, [height, width] float32, a band at a time."""
    seen, wanted = np.asarray(palette.convert("RGB")), np.asarray(image)
    away = np.empty(wanted.shape[:2], np.float32)
    for top in range(0, len(away), BAND):
        band = slice(top, top + BAND)
        away[band] = np.square(seen[band].astype(np.float32) - wanted[band]).sum(axis=-1)
    return away


def lossless(image: Image.Image) -> bytes:
    """PNG bytes as they are."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
