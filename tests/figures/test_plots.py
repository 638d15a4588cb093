"""The plots: pixels arrive unchanged, alt texts travel with them, nothing touches pyplot."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from coursekit import figures


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB")) / 255


def test_alt_text_is_in_the_metadata_of_the_png():
    picture = figures.images(torch.rand(3, 1, 8, 8), alt="Three  grey\n squares.")
    data, metadata = picture._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == "Three grey squares."
    assert data["text/plain"] == "Picture: Three grey squares."
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")


def test_empty_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt"):
        figures.images(torch.rand(1, 1, 8, 8), alt=" ")


def test_a_colour_image_keeps_its_colours():
    red = torch.zeros(1, 3, 4, 4)
    red[:, 0] = 1
    shown = pixels(figures.images(red, alt="A red square."))
    centre = shown[shown.shape[0] // 2, shown.shape[1] // 2]
    assert centre == pytest.approx([1, 0, 0], abs=0.02)


def test_grey_scale_is_fixed_from_zero_to_one():
    flat = torch.full((1, 1, 4, 4), 0.5)
    shown = pixels(figures.images(flat, alt="A grey square."))
    assert shown[shown.shape[0] // 2, shown.shape[1] // 2] == pytest.approx([0.5] * 3, abs=0.02)


def test_grid_shows_every_image():
    picture = figures.images(torch.rand(7, 1, 4, 4), alt="Seven.", columns=3)
    assert sum(ax.get_visible() for ax in picture.figure.axes) == 7


@pytest.mark.parametrize(
    "picture",
    [
        figures.curves({"a": [1, 2, 3], "b": ([0, 1], [1, 0])}, alt="Lines.", xlabel="x", ylabel="y"),
        figures.heatmaps({"identity": np.eye(3)}, alt="A matrix.", labels=["a", "b", "c"]),
        figures.bars({"a": 1.0, "b": 2.0}, alt="Bars.", xlabel="x"),
    ],
    ids=["curves", "heatmaps", "bars"],
)
def test_every_plot_draws_something(picture):
    assert pixels(picture).std() > 0.01


def test_pyplot_is_left_alone():
    import subprocess
    import sys

    code = "import sys, coursekit.figures.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_large_picture_is_kept_in_few_colours_near_its_own():
    noisy = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(noisy[None, :, :8, :8], size=64, mode="bicubic")[0].clamp(0, 1)
    picture = figures.images([smooth] * 36, alt="Twelve times the same soft colours.", columns=6)
    picture.png()  # the first time a figure is drawn its layout still moves
    plain, kept = io.BytesIO(), picture.png()
    picture.figure.savefig(plain, format="png", dpi=figures.plots.DPI)
    assert len(kept) < 0.6 * len(plain.getvalue())
    ours, theirs = (np.asarray(Image.open(x).convert("RGB"), float) for x in (io.BytesIO(kept), plain))
    assert np.abs(ours - theirs).mean() < 10


def test_a_small_picture_is_kept_as_it_is():
    picture = figures.curves({"a": [1, 2, 3]}, alt="A line that rises.", xlabel="x", ylabel="y", size=(2, 1.5))
    picture.png()
    plain = io.BytesIO()
    picture.figure.savefig(plain, format="png", dpi=figures.plots.DPI)
    ours, theirs = (np.asarray(Image.open(x).convert("RGB")) for x in (io.BytesIO(picture.png()), plain))
    assert (ours == theirs).all()


def test_images_that_are_wide_have_a_low_figure():
    wide, square = (figures.images(torch.rand(2, 1, 8, side), alt="Two.", columns=1, scale=4) for side in (32, 8))
    (w, h), (_, tall) = (picture.figure.get_size_inches() for picture in (wide, square))
    assert h / w == pytest.approx(2 * 8 / 32, rel=0.06)
    assert tall == pytest.approx(4 * h, rel=0.06)
