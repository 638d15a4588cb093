"""The desk for generators without a browser: codes, truncation, switches, with generators that show their code."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from coursekit import explore
from coursekit.explore.gandesk import ANY, EACH, TILES, WALK, GANDesk, spread_of
from coursekit.explore.parts.directions import principal
from coursekit.explore.parts.switches import key
from coursekit.models import gan

SIZE = 6


class Shown(nn.Module):
    """A picture whose rows are the code, half-way between black and white where a number is 0."""

    def __init__(self, weight=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, *parts):
        h = torch.cat(parts, 1)
        return (0.5 + self.weight * h).clamp(0, 1)[:, None, :, None].expand(-1, 1, -1, 4)


def model(prior=SIZE, told=0):
    return gan.GAN(Shown(), nn.Flatten(), latent=prior, condition_size=told)


def code_in(picture, weight=0.1):
    """The code that a picture of `Shown` was made from."""
    return (torch.tensor(picture[:, 0].astype(float)) / 255 - 0.5) / weight


def read(x):
    """A reader of what was asked for: the rows behind the noise are the one-hot class."""
    return x[:, 0, SIZE:, 0].argmax(1)


def plain(**options):
    return GANDesk(model(), **options)


def conditional(**options):
    return GANDesk(model(told=3), **options)


def informed(**options):
    return GANDesk(model(gan.Codes(SIZE, 3, 2)), **options)


EVERY = {"plain": plain, "conditional": conditional, "informed": informed}


@pytest.mark.parametrize("kind", EVERY)
def test_pictures_are_a_function_of_the_state(kind):
    first, second, chance = EVERY[kind](directions=2), EVERY[kind](directions=2), torch.Generator().manual_seed(0)
    states = [first.surprise(chance) for _ in range(6)]
    frames = [first.frame(state) for state in states]
    for state, frame in reversed(list(zip(states, frames, strict=True))):
        again = second.frame(state)
        assert (again.captions, again.readout) == (frame.captions, frame.readout)
        assert all(np.array_equal(a, b) for a, b in zip(again.pictures, frame.pictures, strict=True))


def test_the_picture_is_g_of_the_code():
    desk = plain()
    state = desk.state(t=0.3, seed_a=7, truncation=1.5)
    assert torch.allclose(code_in(desk.render(state)[0]), desk.h(state).double(), atol=0.03)


def test_the_ends_of_the_walk_are_the_codes_of_the_seeds():
    desk = plain()
    a, b = (desk.h(desk.state(seed_a=1, seed_b=2, t=t)) for t in (0.0, 1.0))
    assert torch.allclose(a, desk.h(desk.state(seed_a=1, seed_b=9)))
    assert torch.allclose(b, desk.h(desk.state(seed_a=2)), atol=1e-6)
    assert not torch.allclose(a, b)


def test_the_way_of_normal_codes_is_an_arc_and_that_of_a_single_number_a_line():
    desk = plain()
    a, middle, b = (desk.h(desk.state(t=t)) for t in (0.0, 0.5, 1.0))
    assert middle.norm() == pytest.approx((a.norm() + b.norm()).item() / 2, rel=1e-5)
    assert torch.lerp(a, b, 0.5).norm() < 0.95 * middle.norm()  # a straight line cuts the corner
    narrow = GANDesk(model(prior=1))
    ends = [narrow.h(narrow.state(t=t)) for t in (0.0, 0.25, 1.0)]
    assert torch.allclose(ends[1], torch.lerp(ends[0], ends[2], 0.25))


@pytest.mark.parametrize("kind", EVERY)
def test_less_truncation_more_variety(kind):
    desk = EVERY[kind]()
    spreads = [spread_of(desk.drawn(desk.state(truncation=t))) for t in (0.1, 0.3, 1.5, 3.0)]
    assert spreads == sorted(spreads)
    assert spreads[1] < 0.7 * spreads[2]


def test_truncation_holds_each_number_and_moves_it_evenly():
    desk = plain()
    codes = torch.stack([desk.h(desk.state(truncation=t)) for t in (0.1, 0.5, 1.0, 2.0, 3.0)])
    assert (codes[1].abs() <= 0.5).all()
    assert (codes.abs().diff(dim=0) > 0).all()  # the same quantiles: a slider, not a die
    assert (codes.sign() == codes[0].sign()).all()


def test_a_class_asked_for_is_the_class_that_is_read():
    desk = conditional(reader=read)
    for name in ("0", "1", "2"):
        frame = desk.frame(desk.state(**{"class": name}))
        assert frame.captions[0] == f"g(h), read as {name}"
        assert frame.readout.endswith("25 of 25 samples are read as asked")
        assert read(desk.drawn(desk.state(**{"class": name}))).unique().tolist() == [int(name)]
    assert read(desk.drawn(desk.state())).unique().tolist() == [0, 1, 2]  # "any"


def test_a_generator_that_does_not_listen_is_found_out():
    deaf = gan.GAN(gan.Joined(nn.Sequential(nn.Linear(SIZE + 3, SIZE + 3), Shown())), nn.Flatten(), latent=SIZE,
                   condition_size=3)  # fmt: skip
    with torch.no_grad():
        deaf.generator.net[0].weight.zero_()
        deaf.generator.net[0].bias.copy_(torch.eye(SIZE + 3)[SIZE + 1])
    desk = GANDesk(deaf, reader=read)
    assert desk.readout(desk.state(**{"class": "2"})).endswith("0 of 25 samples are read as asked")
    assert desk.readout(desk.state(**{"class": "1"})).endswith("25 of 25 samples are read as asked")


def test_switches_of_an_informed_generator_set_its_code():
    by_code = lambda x: x[:, 0, SIZE : SIZE + 3, 0].argmax(1)  # noqa: E731
    desk = informed(codes=("slant", "pen"), classes=("a", "b", "c"), reader=by_code)
    state = desk.state(**{"class": "b", key("pen"): -1.5, key("slant"): 0.5})
    assert desk.h(state)[SIZE:].tolist() == [0, 1, 0, 0.5, -1.5]
    assert torch.equal(desk.h(state)[:SIZE], desk.h(desk.state())[:SIZE])  # the noise stays
    assert desk.frame(state).readout.endswith("25 of 25 samples are read as 1")
    grid = desk.drawn(state)
    assert torch.allclose(grid[:, 0, -1, 0], torch.tensor(0.5 - 0.15), atol=1e-6)
    assert desk.h(desk.state())[SIZE : SIZE + 3].sum() == 1  # "any": the class that was drawn


def test_directions_are_added_to_the_code():
    d = torch.arange(SIZE).float()
    desk = plain(directions={"long hair": d})
    moved, still = desk.h(desk.state(**{key("long hair"): 1.5})), desk.h(desk.state())
    assert torch.allclose(moved - still, 1.5 * d)
    assert torch.equal(desk.drawn(desk.state(**{key("long hair"): 1.5})), desk.drawn(desk.state()))


def test_principal_directions_move_the_picture_most():
    scale = torch.tensor([1.0, 5.0, 2.0, 0.1, 0.5, 3.0])
    found = principal(lambda h, place: (scale * h)[:, None], gan.Normal(SIZE), 3)
    assert torch.allclose(found, torch.eye(SIZE)[[1, 5, 2]], atol=1e-4)
    informed_of = principal(lambda h, place: h[:, None], gan.Codes(2, 3, 1), 2)
    assert (informed_of[:, 2:] == 0).all()


def test_the_strip_follows_what_is_chosen():
    desk = conditional(directions={"up": torch.eye(SIZE)[0]})
    states, words, place = desk.line(desk.state(t=0.5))
    assert (words[0], words[-1], place, len(states)) == ("A", "B", 3.0, TILES)
    states, words, place = desk.line(desk.state(along=EACH, **{"class": "2"}))
    assert (words, place) == (["0", "1", "2"], 2.0)
    assert [desk.asked(state) for state in states] == [0, 1, 2]
    states, words, place = desk.line(desk.state(along="up", **{key("up"): 1.0}))
    assert (words[0], words[3], words[-1], place) == ("−2.0", "0", "+2.0", 4.5)
    strips = [desk.render(desk.state(along=along))[-1] for along in (WALK, EACH, "up")]
    assert len({picture.tobytes() for picture in strips}) == 3
    assert len({picture.shape for picture in strips}) == 1  # nothing on the page jumps


def test_the_nearest_training_picture_is_found():
    desk = plain()
    training = torch.stack([desk.of([desk.state(seed_a=seed)])[0] for seed in (5, 6, 7)])
    near = plain(training=training)
    assert np.array_equal(*near.render(near.state(seed_a=6))[:2])
    assert near.captions(near.state(seed_a=6))[1] == "nearest in training: 0.00 off"
    other = near.state(seed_a=99)
    number, apart = near.nearest(near.of([other])[0])
    direct = (training - near.of([other])[0]).square().mean((1, 2, 3)).sqrt()
    assert (number, apart) == (int(direct.argmin()), pytest.approx(float(direct.min()), abs=1e-5))


def test_the_model_is_a_copy_that_no_training_moves():
    given = model()
    desk, wanted = GANDesk(given), plain()
    with torch.no_grad():
        given.generator.weight.zero_()
    for a, b in zip(desk.frame(desk.state()).pictures, wanted.frame(wanted.state()).pictures, strict=True):
        assert np.array_equal(a, b)
    assert np.ptp(GANDesk(given).render(desk.state())[0]) == 0


def test_a_uniform_prior_has_no_truncation():
    desk = GANDesk(model(gan.Uniform(SIZE)))
    assert "truncation" not in desk.state()
    a, b = desk.h(desk.state()), desk.h(desk.state(t=1.0))
    assert torch.allclose(desk.h(desk.state(t=0.5)), (a + b) / 2)


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (conditional, {"classes": ("a", "b")}, "classes: want 3 names, got 2"),
        (informed, {"codes": ("a",)}, "codes: want 2 names, got 1"),
        (plain, {"classes": ("a",)}, "classes: want 0 names, got 1"),
        (plain, {"directions": {"up": torch.ones(2)}}, r"directions\['up'\]: want \[6\], got \[2\]"),
        (plain, {"directions": 7}, "directions: want at most 6, got 7"),
    ],
)
def test_what_does_not_fit_is_refused(make, options, words):
    with pytest.raises(ValueError, match=words):
        make(**options)


@pytest.mark.parametrize("kind", EVERY)
def test_the_sheet_shows_what_the_desk_can_do(kind):
    desk = EVERY[kind](directions=2)
    states = desk.contact_states()
    assert len(states) == 4
    assert len({desk.render(state)[-1].tobytes() for _, state in states}) == 4
    assert Image.open(io.BytesIO(desk.sheet())).size[0] >= 760
    assert explore.GANDesk is GANDesk
    assert desk.state().get("class", ANY) == ANY
