"""A palette keeps the picture, and the rare colours in it."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from coursekit.data import faces
from coursekit.figures import png

GREEN = (0, 140, 104)


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int64)


def many_faces() -> np.ndarray:
    """Sixty-four faces, with a little noise: uint8 [512, 512, 3]."""
    images = faces.faces(64, size=64, seed=0).images
    images = images + 0.01 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    rows = images.clamp(0, 1).reshape(8, 8, 3, 64, 64).permute(0, 3, 1, 4, 2).reshape(512, 512, 3)
    return (255 * rows).byte().numpy()


def test_a_small_picture_stays_as_it_is():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8))
    np.testing.assert_array_equal(read(png.encode(image)), np.asarray(image))


def test_a_large_one_gets_a_palette_and_still_looks_the_same():
    pixels = many_faces()
    made = png.encode(Image.fromarray(pixels))
    assert Image.open(io.BytesIO(made)).mode == "P"
    assert len(made) < len(png.lossless(Image.fromarray(pixels))) / 2
    assert np.sqrt(np.square(read(made) - pixels).mean()) < 8


@pytest.mark.parametrize("colour", [GREEN, (214, 96, 20), (255, 0, 255)])
def test_a_thin_line_beside_photographs_keeps_its_colour(colour):
    pixels = many_faces()
    pixels[300, 100:400] = colour
    shown = read(png.encode(Image.fromarray(pixels)))[300, 100:400]
    assert np.abs(shown - colour).max() < 8


def test_few_colours_are_kept_exactly():
    chosen = np.random.default_rng(0).integers(0, 256, (100, 3), np.uint8)
    pixels = chosen[np.random.default_rng(1).integers(0, 100, (400, 400))]
    shown = read(png.lossless(png.fewer_colours(Image.fromarray(pixels))))
    assert np.abs(shown - pixels).max() <= 8
