"""PNG files that keep a notebook small."""

import io

import numpy as np
from PIL import Image

SMALL = 60_000  # bytes that need no saving


def encode(image: Image.Image) -> bytes:
    """PNG bytes, with a palette of 256 colours where the file would be large without."""
    plain = lossless(image)
    return plain if len(plain) < SMALL else lossless(fewer_colours(image))


def fewer_colours(image: Image.Image) -> Image.Image:
    """The image with a palette of 256: the nearer one of two, since the best for a plot is not that for faces."""
    image = image.convert("RGB")
    ways = (Image.Quantize.FASTOCTREE, Image.Quantize.MEDIANCUT)
    return min((image.quantize(256, way, dither=Image.Dither.NONE) for way in ways), key=lambda x: _away(x, image))


def _away(palette: Image.Image, image: Image.Image) -> float:
    difference = np.asarray(palette.convert("RGB"), np.float32) - np.asarray(image, np.float32)
    return float(np.square(difference).mean())


def lossless(image: Image.Image) -> bytes:
    """PNG bytes as they are."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
