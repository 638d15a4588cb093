"""A walk from noise to pictures that is scrubbed, without a browser: it is the model's own, and time costs nothing."""

import numpy as np
import pytest
import torch
from exact import ATTRIBUTES, model

from coursekit.explore.parts.draw import picture, tiled
from coursekit.explore.parts.letters import listed
from coursekit.explore.scrub import BRIEF, FRAMES, HANDFUL, KEPT, Scrub
from coursekit.models import diffusion

END = FRAMES - 1
SCHEDULES = {
    "straight": diffusion.Straight,
    "cosine": lambda: diffusion.cosine(100),
    "spread": lambda: diffusion.Spread(5),
}


def desk(schedule=None, **options):
    return Scrub(model(schedule), attributes=ATTRIBUTES, steps=(5, 10), **options)


def looks(explorer):
    """How often the net was asked so far."""
    return len(explorer.model.net.asked)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.pictures, other.pictures, strict=True))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["DDIM", "DDPM", "Heun"])
def test_the_end_is_what_the_model_samples(schedule, name):
    made = model(SCHEDULES[schedule]())
    scrub = Scrub(made, attributes=ATTRIBUTES, steps=(5, 10), weight=3.0)
    sampler = {"DDIM": diffusion.DDIM(), "DDPM": diffusion.DDPM(), "Heun": diffusion.Heun()}[name]
    for told, state in ((None, {}), (torch.tensor([1.0, -1.0]), {"glasses": "with", "sunglasses": "without"})):
        for n, nine in ((1, False), (HANDFUL, True)):
            g = torch.Generator().manual_seed(8)
            wanted = made.sample(n, condition=told, weight=3.0, sampler=sampler, steps=10, generator=g)
            shown = scrub.render(scrub.state(frame=END, seed=8, nine=nine, sampler=name, steps=10, **state))
            assert np.array_equal(shown[0], picture(tiled(wanted, 3 if nine else 1)))
            assert np.array_equal(shown[1], shown[0])  # at t = 0 the estimate is the picture


def test_the_start_is_noise_and_the_estimate_there_a_mean():
    scrub = desk()
    start, end = (scrub.render(scrub.state(frame=frame)) for frame in (0, END))
    g = torch.Generator().manual_seed(1)
    assert np.array_equal(start[0], picture(tiled(scrub.model.outer(torch.randn(9, 1, 4, 4, generator=g)), 3)))
    corners = [(5 * (i // 3), 5 * (i % 3)) for i in range(9)]
    tiles = [[shown[1][y : y + 4, x : x + 4] for y, x in corners] for shown in (start, end)]
    alike, apart = (np.std(each, axis=0).mean() for each in tiles)
    assert alike < 1 < 10 < apart


def test_time_goes_through_every_step_in_both_directions():
    scrub = desk()
    places = [scrub.shown(scrub.state(frame=frame, steps=10), True)[1] for frame in range(FRAMES)]
    assert sorted(set(places)) == list(range(11))
    assert places == sorted(places)
    forth = [scrub.frame(scrub.state(frame=frame)) for frame in range(0, FRAMES, 8)]
    back = [scrub.frame(scrub.state(frame=frame)) for frame in reversed(range(0, FRAMES, 8))]
    assert all(same(one, other) for one, other in zip(forth, reversed(back), strict=True))


@pytest.mark.parametrize("name", ["DDIM", "DDPM", "Heun"])
def test_walks_that_were_kept_are_those_that_are_fresh(name):
    scrub = desk()
    asked = [{"seed": seed, "glasses": word} for seed in range(6) for word in ("with", "without")]
    states = [scrub.state(frame=20, sampler=name, **each) for each in asked]
    first = [scrub.frame(state) for state in states]
    assert len(scrub.walks._kept) == KEPT < len(states)
    for state, frame in zip(states, first, strict=True):
        assert same(scrub.frame(state), frame)
        assert same(desk().frame(state), frame)


def test_a_known_walk_is_scrubbed_without_the_net():
    scrub = desk()
    scrub.frame(scrub.state())
    before = looks(scrub)
    assert before == diffusion.Heun().evaluations(10)
    for frame in range(0, FRAMES, 5):
        scrub.frame(scrub.state(frame=frame), final=False)
        scrub.frame(scrub.state(frame=frame))
    assert looks(scrub) == before


def test_a_hand_that_moves_gets_a_brief_walk_from_the_same_noise():
    scrub = desk()
    seen = scrub.frame(scrub.state(seed=5), final=False)
    assert looks(scrub) == BRIEF < diffusion.Heun().evaluations(10)
    assert "of 5 ·" in seen.readout
    whole = scrub.frame(scrub.state(seed=5))
    assert np.array_equal(seen.pictures[0], whole.pictures[0])  # the noise
    assert not same(scrub.frame(scrub.state(seed=5, frame=20)), scrub.frame(scrub.state(seed=6, frame=20)))


def test_what_is_measured_along_the_way():
    scrub = desk()
    walk = scrub.walks(scrub.key(scrub.state()))
    assert walk.times.tolist() == scrub.model.schedule.times(10).tolist()
    assert walk.off[-1] == 0
    assert walk.off[0] > 0.2
    assert walk.off[0] > walk.off[5]
    frame = scrub.frame(scrub.state(frame=20))
    assert frame.captions[0] == "x_t = 0.50 x₀ + 0.50 ε"
    assert frame.readout.startswith(f"t = 0.5, step 5 of 10 · estimate {walk.off[5]:.2f} off the end · Heun: 19")


def test_the_alt_text_tells_what_was_measured():
    scrub = desk()
    scrub.sheet()
    walk = scrub.walks(scrub.key(scrub.state()), False)
    assert "the noise falls as 1.00, 0.60, 0.40 and 0.00" in scrub.alt
    assert scrub.alt.endswith(listed([walk.off[i] for i in (0, 4, 6, 10)]))


def test_the_sampler_that_suits_the_schedule_stands_first():
    assert desk().state()["sampler"] == "Heun"
    assert desk(diffusion.cosine(100)).state()["sampler"] == "DDIM"
    only = Scrub(model(), samplers={"Euler": diffusion.Euler()}, steps=(4,))
    assert set(only.state()) == {"frame", "seed", "nine"}
    assert "Euler: 4 evaluations" in only.frame({}).readout
    assert "asked" not in only.frame({}).readout


def test_classes_are_asked_for_as_one_hot():
    scrub = Scrub(model(), classes=("a", "b"), steps=(5,))
    assert scrub.wishes.of(scrub.state(**{"class": "b"})) == (0.0, 1.0)
    assert scrub.wishes.of(scrub.state()) == ()
    assert "class b" in scrub.frame(scrub.state(**{"class": "b"})).readout


def test_names_that_do_not_fit_are_refused():
    told = diffusion.Diffusion(diffusion.PointNet(4, 8, 1, condition=3), diffusion.Straight())
    with pytest.raises(ValueError, match="want 3 names, as the net is told 3, got 2"):
        Scrub(told, attributes=ATTRIBUTES)
    with pytest.raises(ValueError, match="want one of the two, got both"):
        Scrub(model(), attributes=ATTRIBUTES, classes=("a",))


def test_the_model_is_a_copy_that_no_training_moves():
    made = model()
    scrub, wanted = Scrub(made, steps=(5,)), Scrub(model(), steps=(5,))
    with torch.no_grad():
        made.net.points.zero_()
    assert same(scrub.frame(scrub.state(frame=END)), wanted.frame(wanted.state(frame=END)))
    assert not same(Scrub(made, steps=(5,)).frame(scrub.state(frame=END)), wanted.frame(wanted.state(frame=END)))
