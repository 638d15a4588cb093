"""A picture of the reader's own, without a browser: painted on, brought as a file, translated."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from players import cyclegan, shows

from coursekit.data import photographs
from coursekit.explore import OwnPicture
from coursekit.explore.ownpicture import FOURTH
from coursekit.explore.parts.draw import diverging
from coursekit.explore.widget.palette import Palette
from coursekit.explore.widget.upload import Upload


@pytest.fixture(scope="module")
def models():
    return {"one": cyclegan(1), "other": cyclegan(2)}


def file_of(array, kind="PNG", **options):
    data = io.BytesIO()
    Image.fromarray(array).save(data, kind, **options)
    return data.getvalue()


@pytest.fixture(scope="module")
def own(models):
    return OwnPicture(models, size=32)


class TestOwnPicture:
    @pytest.mark.parametrize("back", [False, True])
    def test_panels_show_the_start_its_translation_and_the_round_trip(self, own, models, back):
        state, to = own.state(example=2, from_b=back, by="other"), "a" if back else "b"
        x, shown = own.examples[1:2], own.render(state)
        assert shows(shown[0], x)
        assert shows(shown[1], models["other"].translate(x, to))
        assert shows(shown[2], models["other"].round_trip(x, to))
        assert not shows(shown[1], models["one"].translate(x, to))

    def test_the_difference_is_that_of_the_translation_or_of_the_way_back(self, own, models):
        x = own.examples[:1]
        for which, y in zip(FOURTH, (models["one"].translate(x), models["one"].round_trip(x)), strict=True):
            wanted = diverging((y - x)[0].mean(0), 0.6)
            assert np.abs(own.render(own.state(fourth=which))[3].astype(int) - wanted).max() <= 3

    def test_paint_lies_on_the_start_and_is_translated_with_it(self, own, models):
        numbers = torch.zeros(32, 32, dtype=torch.long)
        numbers[3, 5], numbers[20, 7] = 1, 6
        state = own.state(painted=own.paint.of(numbers))
        shown = own.render(state)
        assert tuple(shown[0][3, 5]) == (0x17, 0x15, 0x0F)
        assert tuple(shown[0][20, 7]) == (0x7A, 0x9A, 0x4F)
        plain = own.render(own.state())
        assert (shown[0] != plain[0]).any(-1).sum() == 2
        x = own.paint.on(own.examples[0], state["painted"])[None]
        assert shows(shown[0], x)
        assert shows(shown[1], models["one"].translate(x))
        assert not np.array_equal(shown[1], plain[1])

    def test_an_own_file_is_treated_as_photographs_are(self, own, tmp_path):
        wide = np.random.default_rng(0).integers(0, 256, (50, 80, 3), np.uint8)
        data = file_of(wide)
        (tmp_path / "wide.png").write_bytes(data)
        wanted = photographs.decode_all([tmp_path / "wide.png"], size=32, grey=False)
        frame = own.frame({"file": Upload.of(data)})
        assert shows(frame.pictures[0], wanted)
        assert frame.captions[0].startswith("x: your picture")
        assert own.captions(own.state())[0].startswith("x: the picture")

    def test_transparent_turned_and_coloured_files_fit_every_translator(self, own):
        clear = np.zeros((40, 40, 4), np.uint8)
        assert (own.frame({"file": Upload.of(file_of(clear))}).pictures[0] == 255).all(), "over white"
        turned = Image.Exif()
        turned[0x0112] = 3  # upside down
        half = np.repeat(np.repeat([[0], [255]], 32, 0), 64, 1).astype(np.uint8)
        shown = own.frame({"file": Upload.of(file_of(half, "JPEG", exif=turned.tobytes()))}).pictures[0]
        assert shown[2].mean() > 200 > 50 > shown[-3].mean()
        grey = OwnPicture(cyclegan(channels=1), size=32, grey=True)
        red = np.full((33, 32, 3), (200, 0, 0), np.uint8)
        shown = grey.frame({"file": Upload.of(file_of(red))}).pictures[0]
        assert (shown == 60).all(), "the brightness of that red"

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"hello", "cannot identify image file"),
            (file_of(np.zeros((40, 40, 3), np.uint8))[:60], "not a readable picture"),
            (file_of(np.zeros((40, 40), np.uint16)), "more than 8 bits"),
        ],
    )
    def test_what_is_no_picture_is_said_and_the_example_stays(self, own, data, words):
        frame = own.frame({"file": Upload.of(data)})
        assert frame.readout.startswith("your file: ")
        assert words in frame.readout
        assert "BytesIO" not in frame.readout
        assert np.array_equal(frame.pictures[0], own.frame({}).pictures[0])
        assert "your picture" not in frame.captions[0]

    def test_a_picture_by_its_name_stands_first(self, tmp_path, models):
        (tmp_path / "mine.png").write_bytes(file_of(np.full((64, 40, 3), (10, 200, 30), np.uint8)))
        desk = OwnPicture(models, size=32, picture=tmp_path / "mine.png")
        assert (desk.render(desk.state())[0] == (10, 200, 30)).all()
        assert len(desk.examples) == 8
        (tmp_path / "notes.png").write_text("no picture")
        for name in ("notes.png", "missing.png"):
            with pytest.raises(ValueError, match=f"{name} is not a readable picture"):
                OwnPicture(models, size=32, picture=str(tmp_path / name))

    def test_examples_of_another_shape_are_named(self, models):
        for wrong in (torch.rand(2, 1, 32, 32), torch.rand(2, 3, 64, 64)):
            with pytest.raises(ValueError, match=r"examples: want \[n, 3, 32, 32\], got \[2, "):
                OwnPicture(models, size=32, examples=wrong)
        with pytest.raises(ValueError, match="images: want"):
            OwnPicture(models, size=32, examples=torch.rand(3, 32, 32))

    def test_a_surprise_leaves_the_readers_file(self, own):
        drawn = own.surprise(torch.Generator().manual_seed(0))
        assert drawn["file"] == ""
        assert drawn["painted"] != ""

    def test_words_name_the_domains(self, models):
        faces = OwnPicture(models, size=32, kinds=("serious face", "smile"))
        assert faces.captions(faces.state())[1] == "F(x): as a smile"
        assert faces.captions(faces.state(from_b=True))[1] == "G(y): as a serious face"
        assert "start from a smile" in repr(faces)


class TestPalette:
    paint = Palette("p", shape=(2, 3), colours=("#ff0000", "#0000ff"), names=("red", "blue"))

    def test_numbers_come_back(self):
        numbers = torch.tensor([[0, 1, 2], [2, 0, 0]])
        assert self.paint.of(numbers) == "012200"
        assert torch.equal(self.paint.numbers("012200"), numbers)
        assert torch.equal(self.paint.mask("012200"), numbers > 0)
        assert self.paint.check("000000") == ""
        assert not self.paint.numbers("").any()

    @pytest.mark.parametrize("wrong", ["01", "012300", "01220g", 7, None])
    def test_other_values_are_refused(self, wrong):
        with pytest.raises(ValueError, match="p: wants"):
            self.paint.check(wrong)

    def test_colours_lie_on_images_and_their_brightness_on_grey_ones(self):
        coloured = self.paint.on(torch.full((3, 2, 3), 0.5), "012000")
        assert coloured[:, 0].T.tolist() == [[0.5] * 3, [1, 0, 0], [0, 0, 1]]
        grey = self.paint.on(torch.full((1, 2, 3), 0.5), "012000")
        assert grey[0, 0].tolist() == pytest.approx([0.5, 0.299, 0.114])

    def test_a_random_one_has_one_colour(self):
        for seed in range(5):
            numbers = self.paint.numbers(self.paint.draw(torch.Generator().manual_seed(seed)))
            assert len(numbers[numbers > 0].unique()) == 1

    @pytest.mark.parametrize(
        "wrong", [{"colours": ()}, {"names": ("red",)}, {"colours": ("#000",) * 16, "names": ("x",) * 16}]
    )
    def test_palettes_without_sense_are_refused(self, wrong):
        with pytest.raises(ValueError, match="1 to 15 colours"):
            Palette("p", **wrong)


class TestUpload:
    def test_bytes_come_back(self):
        assert Upload.content(Upload("f").check(Upload.of(b"\x00\xff"))) == b"\x00\xff"
        assert Image.open(io.BytesIO(Upload.content(Upload("f").draw()))).size == (4, 4)

    @pytest.mark.parametrize("wrong", ["not base64!", "abc", 7, None, "A" * 1_000_004])
    def test_other_values_are_refused(self, wrong):
        with pytest.raises(ValueError, match="f: wants a file in base64"):
            Upload("f").check(wrong)
