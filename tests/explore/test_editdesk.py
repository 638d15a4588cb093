"""Faces that are noised and denoised under another question, without a browser: where they start and where they end."""

import numpy as np
import pytest
import torch
from desks import known_ones_are_as_fresh_ones
from exact import ATTRIBUTES, model, pictures, read

from coursekit.explore.editdesk import BRIEF, NEW, SURE, EditDesk
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.letters import listed
from coursekit.models import diffusion

FACES, TRAITS = (values[:6] for values in pictures())


def desk(schedule=None, **options):
    """A desk for six of the pictures; the first has glasses, the second sunglasses, the third neither."""
    made = model(schedule, **{name: options.pop(name) for name in ("sure", "soft") if name in options})
    return EditDesk(made, FACES, **{"own": TRAITS, "attributes": ATTRIBUTES, "reader": read, **options})


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.pictures, other.pictures, strict=True))


@pytest.mark.parametrize("schedule", [diffusion.Straight, lambda: diffusion.cosine(100)], ids=["straight", "cosine"])
@pytest.mark.parametrize("way", [SURE, NEW])
def test_with_t_0_the_face_comes_back_exactly(schedule, way):
    made = desk(schedule())
    for face in (1, 2, 3):
        state = made.state(t=0.0, face=face, glasses="with", way=way)
        for final in (False, True):
            edits = made.shown(state, final)
            assert torch.equal(edits.made[0.0], FACES[face - 1])
            shown = made.render(state, final)
            assert np.array_equal(shown[2], picture(FACES[face - 1]))
            assert np.array_equal(shown[1], shown[0])
            assert not shown[3].any()
        assert edits.same[0.0] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("schedule", [diffusion.Straight, lambda: diffusion.cosine(100)], ids=["straight", "cosine"])
def test_an_edit_is_a_walk_from_the_noised_face_under_the_new_condition(schedule):
    schedule = schedule()
    made, times = desk(schedule, weight=3.0, sure=0.5, soft=4.0), schedule.times(10)
    edits = made.shown(made.state(face=3, glasses="with", seed=5), True)
    given, told = model(schedule, sure=0.5, soft=4.0), torch.tensor([[1.0, -1.0]])
    eps = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(5))[:1]
    for i in (0, 4, 8):
        t = float(times[i])
        x_t = schedule.noised(given.inner(FACES[2:3]), t, eps)
        assert torch.allclose(edits.noised[t], given.outer(x_t)[0], atol=1e-6)
        end = diffusion.run(diffusion.Guided(given, 3.0), diffusion.Heun(), x_t, times[i:], condition=told)
        assert torch.allclose(edits.made[t], given.outer(end)[0], atol=2e-6)
        for weight in (1.0, 4.0):  # no guidance, and the weight of those who count from w − 1
            other = diffusion.run(diffusion.Guided(given, weight), diffusion.Heun(), x_t, times[i:], condition=told)
            assert (end - other).abs().max() > 1e-3


def test_what_is_asked_comes_and_the_face_goes():
    made = desk()
    edits = made.shown(made.state(face=3, glasses="with"), True)
    times = list(made.times)
    assert set(edits.made) == set(edits.same) == set(times)
    assert edits.changed[0.0] < 0.2
    assert edits.changed[1.0] > 0.8
    assert edits.same[0.0] > 0.999
    assert edits.same[0.1] > 0.9
    assert edits.same[1.0] < 0.8
    small = (edits.made[0.1] - FACES[2]).abs().max()
    large = (edits.made[1.0] - FACES[2]).abs().max()
    assert small < 0.1 < 0.3 < large


def test_from_pure_noise_only_the_question_is_left_of_the_face():
    made = desk()
    ends = [made.shown(made.state(face=face, glasses="with", sunglasses="without", t=1.0), True) for face in (1, 2, 3)]
    assert all(torch.equal(edits.made[1.0], ends[0].made[1.0]) for edits in ends)
    assert not torch.equal(ends[0].made[0.5], ends[1].made[0.5])


def test_own_attributes_stay_where_nothing_is_changed_and_rivals_leave():
    made = desk()
    assert made.condition(0, ()).tolist() == [1, -1]
    assert made.condition(0, (0.0, 1.0)).tolist() == [-1, 1]  # sunglasses instead of glasses
    assert made.condition(0, (-1.0, 0.0)).tolist() == [-1, -1]
    assert made.condition(1, (1.0, 1.0)).tolist() == [1, 1]  # asked for both: as asked
    assert desk(own=None, reader=None).condition(0, ()).tolist() == [0, 0]
    assert torch.equal(desk(own=None).own, TRAITS)  # the reader tells


def test_the_first_question_is_something_that_the_first_face_has_not():
    assert desk().state()["glasses"] == "without"
    other = EditDesk(model(), FACES[1:], own=TRAITS[1:], attributes=ATTRIBUTES)
    assert other.state()["glasses"] == "with"


def test_new_noise_is_another_way():
    made = desk()
    sure, new = (made.shown(made.state(way=way), True) for way in (SURE, NEW))
    assert torch.equal(sure.noised[0.5], new.noised[0.5])
    assert not torch.equal(sure.made[1.0], new.made[1.0])


def test_a_hand_that_moves_gets_a_brief_edit_and_known_ones_cost_nothing():
    made = desk()
    net = made.model.net
    frame = made.frame(made.state(face=2, t=0.6), final=False)
    assert (len(net.asked), max(net.asked)) == (BRIEF, 2)
    assert "%" not in frame.readout
    made.frame(made.state(face=2, t=0.6))
    before = len(net.asked)
    assert max(net.asked) == 2 * 3 * 10  # all walks at once
    for t in made.times:
        for final in (False, True):
            made.frame(made.state(face=2, t=t), final)
    assert len(net.asked) == before


def test_known_edits_show_what_fresh_ones_show():
    known_ones_are_as_fresh_ones(desk)


def test_words_and_panels():
    made = desk()
    frame = made.frame(made.state(t=0.5, glasses="without"))
    edits = made.shown(made.state(t=0.5, glasses="without"))
    assert frame.captions[:3] == ("the face", "noised to t = 0.5", "without glasses")
    share = f"{100 * edits.changed[0.5]:.0f} % as asked"
    assert frame.readout.startswith(f"t = 0.5, without glasses, deterministic: {share}")
    bare = desk(reader=None)
    assert len(bare.frame({}).pictures) == len(bare.panels) == 5
    bare.sheet()
    made.sheet()
    assert "noised to four times t (0.20, 0.50, 0.70 and 1.00)" in made.alt
    same_at = [made.shown(made.state()).same[t] for t in (0.2, 0.5, 0.7, 1.0)]
    assert made.alt.endswith(listed(same_at))
    assert "chart" not in bare.alt
    alone = EditDesk(model(), FACES[:1], own=TRAITS[:1], attributes=ATTRIBUTES)
    assert "face" not in alone.state()
    alone.frame({})


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"own: want \[6, 2\], got \[5, 2\]"):
        desk(own=TRAITS[:5])
    with pytest.raises(ValueError, match="images: want"):
        EditDesk(model(), FACES[:0], attributes=ATTRIBUTES)
