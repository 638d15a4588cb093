"""Charts in the colours of the page, light or dark: what changes, what stays, and whether it can be read."""

from __future__ import annotations

import ast
import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from browser import tiny

from coursekit import explore
from coursekit.explore.explorer import Explorer
from coursekit.explore.parts import sheet
from coursekit.explore.parts.draw import diverging, tiled
from coursekit.explore.parts.inks import DARK, LIGHT, drawn_with, inks, kept
from coursekit.explore.parts.shelf import frame_width, framed

EXPLORE = Path(explore.__file__).parent
PALETTES = pytest.mark.parametrize("chosen", [LIGHT, DARK], ids=["light", "dark"])
EVERY = pytest.mark.parametrize("name", sorted(tiny.EVERY))

# what each panel shows. "picture": the model's or the data's, the same on every page. "grid": many of those, with gaps
# between them that belong to the page. "chart": drawn on paper. "signed": numbers around 0, which is like the paper.
# A list of boxes (left, top, right, bottom): a chart with pictures in it, which are the same on every page; in the map
# of codes they are mixed with the paper.
PANELS = {
    "ArcDesk": ["chart"],
    "Arithmetic": [[(12, 60, 204, 204), (256, 60, 448, 204), (500, 60, 692, 204)], "picture", "picture"],
    "Attractors": [*["picture"] * 3, [(x, 170, x + 92, 262) for x in (57, 240, 423, 605, 788, 971)], "chart"],
    "Bottleneck": ["grid", "grid", "chart"],
    "BilinearGame": ["chart", "chart"],
    "BoundDesk": ["chart", "chart"],
    "Collapse": ["chart", "chart"],
    "Components": ["picture", "picture", "signed"],
    "CorruptRepair": ["picture", "picture", "picture"],
    "DenoisingField": ["chart"],
    "Dimensions": ["picture", "chart", [(10 + 138 * i, 10, 138 + 138 * i, 138) for i in range(7)]],
    "EditDesk": [*["picture"] * 4, [(12 + 184 * i, 10, 188 + 184 * i, 186) for i in range(6)], "chart"],
    "ElboDesk": ["chart", "grid", "chart"],
    "FaceDesk": [[(8 + 72 * i, 8, 72 + 72 * i, 72) for i in range(3, 9)], [(12, 60, 204, 204)], "picture", "picture"],
    "Features": ["picture", "picture", "chart", "chart"],
    "Film": ["picture"],
    "FlowField": ["chart", "chart", "chart"],
    "Game": ["chart", "chart"],
    "GANDesk": ["picture", "grid", [(11 + 158 * i, 10, 161 + 158 * i, 160) for i in range(7)]],
    "GuidanceDesk": ["grid", "chart", [(128 + 208 * i, 12, 320 + 208 * i, 204) for i in range(5)]],
    "LatentPlane": [[], "picture"],
    "NaturesDesk": ["picture", "picture", "chart"],
    "NoiseDesk": ["grid", "grid", "chart"],
    "NumeralDesk": ["picture", "chart", "chart"],
    "OjaFilm": ["chart", "chart"],
    "OwnPicture": ["picture", "picture", "picture", "signed"],
    "PathExplorer": ["picture", "picture"],
    "Scrub": ["grid", "grid", "chart"],
    "TranslateLive": [*["picture"] * 4, [(440, 12, 632, 204), (648, 12, 840, 204)], "chart"],
    "TwoLines": ["chart", "chart"],
    "Walk": ["picture", "picture"],
    "WhichZebra": ["picture", "picture", "grid", "grid", [(11 + 158 * i, 10, 161 + 158 * i, 160) for i in range(7)]],
}  # fmt: skip


def frames(explorer, dark):
    return [explorer.frame(state, dark=dark) for _, state in explorer.contact_states()]


def on_paper(picture, paper):
    """Whether a picture's four corners are paper."""
    return (picture[[0, 0, -1, -1], [0, -1, 0, -1]] == paper).all()


def between(chosen):
    return round(255 * chosen.between)


def agree(kind, light, dark):
    """Whether one panel's picture on both pages is what its kind promises."""
    if kind == "picture":
        return np.array_equal(light, dark)
    if kind == "grid":
        changed = light != dark
        return (light[changed] == between(LIGHT)).all() and (dark[changed] == between(DARK)).all() and changed.any()
    if kind == "signed":
        return light.mean() > 160 and dark.mean() < 95
    drawn = on_paper(light, LIGHT.paper) and on_paper(dark, DARK.paper) and dark.mean() < light.mean()
    if kind == "chart":
        return drawn and np.median(dark) < 60
    cut = [(slice(top, bottom), slice(left, right)) for left, top, right, bottom in kind]
    return drawn and all(np.array_equal(light[box], dark[box]) for box in cut)


def test_every_explorer_stands_in_the_table():
    assert {name: len(kinds) for name, kinds in PANELS.items()} == {
        name: len(make().panels) for name, make in tiny.EVERY.items()
    }


@EVERY
def test_charts_follow_the_page_and_pictures_stay(name):
    explorer = tiny.EVERY[name]()
    for light, dark in zip(frames(explorer, False), frames(explorer, True), strict=True):
        assert light.captions == dark.captions
        assert light.readout == dark.readout
        for i, kind in enumerate(PANELS[name]):
            assert agree(kind, light.pictures[i], dark.pictures[i]), (i, kind)


@EVERY
def test_a_contact_sheet_is_light_whatever_was_drawn_before(name, monkeypatch):
    monkeypatch.setattr(sheet, "png", lambda image: image.tobytes())  # to compress takes longer than to draw
    one, other = tiny.EVERY[name](), tiny.EVERY[name]()
    frames(one, False)
    frames(other, True)
    assert one.sheet() == other.sheet()
    assert inks() is LIGHT


@EVERY
def test_what_is_kept_for_one_page_is_not_shown_on_the_other(name):
    one, other = tiny.EVERY[name](), tiny.EVERY[name]()
    frames(one, False)
    for first, second in zip(frames(one, True), frames(other, True), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(first.pictures, second.pictures, strict=True))


def test_panels_that_the_table_cannot_show():
    """Toggles, the other choices of a third picture, frames of verdicts, curves of distances."""
    judge = lambda x: x.mean((1, 2, 3))  # noqa: E731
    plane = tiny.EVERY["LatentPlane"]()
    spread = [plane.frame(plane.state(spread=True), dark=dark).pictures[0] for dark in (False, True)]
    assert agree("chart", *spread)
    repair = tiny.EVERY["CorruptRepair"]()
    for third in ("still wrong: x − x̂", "the move: x̂ − x̃"):
        shown = [repair.frame(repair.state(third=third), dark=dark).pictures[2] for dark in (False, True)]
        assert agree("signed", *shown)
    walk = explore.Walk(*tiny.pair, *tiny.images[:2], others={"other": tiny.pair}, distances=judge)
    path = explore.PathExplorer(tiny.ends[:1], tiny.ends[1:], {"pixels": [0, 1, 0], "factors": [0, 1, 0]}, size=16)
    for explorer in (walk, path):
        charts = [explorer.frame(explorer.state(), dark=dark).pictures[-1] for dark in (False, True)]
        assert agree("chart", *charts)
    of_ways = {"line in the code": LIGHT.blue, "other": LIGHT.green, "blend of pixels": LIGHT.orange}
    assert walk.colours() == of_ways


@pytest.mark.parametrize("right", [True, False, None])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_frame_changes_and_the_picture_in_it_stays(right, channels):
    x = torch.rand(channels, 64, 64, generator=torch.Generator().manual_seed(0))
    light = framed(x, right)
    with drawn_with(DARK):
        dark = framed(x, right)
        assert (dark[0, 0] == {True: DARK.green, False: DARK.orange, None: DARK.open}[right]).all()
    edge = 2 * frame_width(64)
    assert (dark[edge - 1, edge - 1] == DARK.paper).all()
    assert np.array_equal(light[edge:-edge, edge:-edge], dark[edge:-edge, edge:-edge])


def test_gaps_and_the_zero_of_signed_numbers():
    for chosen in (LIGHT, DARK):
        with drawn_with(chosen):
            assert float(tiled(torch.rand(2, 1, 2, 2), 2)[0, 0, 2]) == pytest.approx(chosen.between)
            ends = diverging(torch.tensor([[-1.0, 0.0, 1.0]]))[0]
        assert np.array_equal(ends, [chosen.blue, chosen.nothing, chosen.orange])


def test_colours_are_of_one_thread_and_of_one_frame():
    class Broken(Explorer):
        def render(self, state, final=True):
            seen.append(inks())
            raise RuntimeError

    seen = []
    with drawn_with(DARK):
        other = threading.Thread(target=lambda: seen.append(inks()))
        other.start()
        other.join()
        assert inks() is DARK
    for dark in (False, True):
        with pytest.raises(RuntimeError):
            Broken().frame({}, dark=dark)
    assert seen == [LIGHT, LIGHT, DARK]
    assert inks() is LIGHT


def test_a_kept_drawing_is_drawn_once_for_each_page():
    drawn = []
    drawing = kept(lambda: drawn.append(inks()) or len(drawn))
    assert not drawn
    assert [drawing(), drawing()] == [1, 1]
    with drawn_with(DARK):
        assert [drawing(), drawing()] == [2, 2]
    assert drawing() == 1
    assert drawn == [LIGHT, DARK]


# ---- can it be read?


def linear(colour):
    """sRGB 0 … 255 → linear light, [3]."""
    share = np.asarray(colour, float) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """The contrast ratio of WCAG 2.1, 1 … 21."""
    low, high = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


# linear light → linear light as it looks without one kind of cone (Machado, Oliveira & Fernandes 2009, severity 1)
EYES = {
    "usual": np.eye(3),
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


def lab(light):
    """Linear light [3] → CIE L*a*b*."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    share = to_xyz @ light / to_xyz.sum(1)
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def apart(colours, eye):
    """The smallest distance between two of the colours as an eye sees them (ΔE 1976; 2.3 can just be told)."""
    seen = [lab(np.clip(np.array(EYES[eye]) @ linear(colour), 0, 1)) for colour in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))


def test_contrast_is_what_is_known_of_it():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


@PALETTES
def test_everything_stands_out_from_the_paper(chosen):
    ratio = {name: contrast(getattr(chosen, name), chosen.paper) for name in ("ink", "words", "faint")}
    assert ratio["ink"] >= 7
    assert ratio["words"] >= 4.5
    assert ratio["faint"] >= 3
    assert min(contrast(curve, chosen.paper) for curve in chosen.curves) >= 3
    assert min(contrast(chosen.on, curve) for curve in chosen.curves) >= 3  # a letter on a badge
    assert contrast(chosen.ink, chosen.open) >= 4.5
    assert 1.2 <= contrast(chosen.line, chosen.paper) <= 2  # seen, and behind everything


def test_classes_are_seen_on_dark_paper():
    assert min(contrast(hue, DARK.paper) for hue in DARK.hues) >= 3
    assert len(DARK.hues) == len(LIGHT.hues)


@PALETTES
@pytest.mark.parametrize("eye", sorted(EYES))
def test_colours_are_apart_for_every_eye(chosen, eye):
    assert apart((chosen.blue, chosen.orange), eye) > 60
    assert apart(chosen.curves, eye) > 15
    assert apart(chosen.hues, eye) > 15


# ---- the wrong form: a colour that does not ask for the page

STILLS = {"sheet.py", "handles.py", "live.py", "dots.py"}  # stored pictures, light on every page
PALETTE = {"inks.py", "explorer.py"}  # where the colours are, and where one set is chosen


def is_colour(node):
    """Whether a tuple is three whole numbers up to 255, not all of them small."""
    numbers = [part.value for part in node.elts if isinstance(part, ast.Constant) and type(part.value) is int]
    return len(numbers) == len(node.elts) == 3 and 40 < max(numbers) <= 255


def fixed(source):
    """The lines of a file that hold on to a colour: a set by name, a colour in numbers, a look-up while importing."""
    tree = ast.parse(source)
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef | ast.Lambda)
              for part in (function.body if isinstance(function.body, list) else [function.body])
              for node in ast.walk(part)}
    shared_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Assign)
                  and isinstance(node.targets[0], ast.Tuple)}  # LEFT, TOP, RIGHT = 76, 36, 20
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and node.name in ("LIGHT", "DARK"):
            yield node.lineno
        if isinstance(node, ast.Tuple) and is_colour(node) and id(node) not in shared_out:
            yield node.lineno
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "inks" and id(node) not in inside:
            yield node.lineno


@pytest.mark.parametrize("path", sorted(EXPLORE.rglob("*.py")), ids=lambda path: path.name)
def test_no_drawing_holds_on_to_a_colour(path):
    if path.name not in STILLS | PALETTE:
        assert list(fixed(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "from coursekit.explore.parts.inks import LIGHT, inks",
        "PALE = (178, 192, 208)",
        "def draw(pen):\n    pen.line([], (205, 205, 200))",
        "PAPER = inks().paper",
        "def text(words, colour=inks().words): ...",
        "class Chart:\n    ink = inks()",
    ],
)
def test_the_wrong_forms_are_found(wrong):
    assert list(fixed(wrong))


def test_the_right_form_is_not():
    right = "A, B, C = 76, 36, 20\ndef draw(pen):\n    pen.line([(1, 2)], inks().line)\n    return lambda: inks().ink"
    assert list(fixed(right)) == []
