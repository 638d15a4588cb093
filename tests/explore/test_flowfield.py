"""Particles that flow from noise to points in the plane, without a browser: where they end, and what is drawn."""

import io

import numpy as np
import pytest
import torch
from desks import each_control_moves_a_picture
from PIL import Image

from coursekit.explore import FlowField
from coursekit.explore.flowfield import BARS, CELLS, FRAMES, MINE, NEAR, REACH, Way, standard
from coursekit.explore.parts.inks import LIGHT

END, SAMPLERS = FRAMES - 1, ("DDPM", "DDIM (Euler)", "Heun", "flow, Euler", "flow, Heun")


@pytest.fixture(scope="module")
def desk():
    return FlowField(particles=100)


def dab(desk, *cells):
    """What is painted when these cells (row, column) are."""
    mask = torch.zeros(CELLS, CELLS, dtype=torch.bool)
    for cell in cells:
        mask[cell] = True
    return desk.paint.of(mask)


class TestParticles:
    @pytest.mark.parametrize("data", ["ring", "two arcs"])
    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_they_end_on_the_points_if_there_are_steps_enough(self, desk, sampler, data):
        many, few = ({"data": data, "sampler": sampler, "steps": steps} for steps in (50, 2))
        assert desk.on(desk.state(**many)).float().mean() >= 0.98
        assert desk.on(desk.state(**few)).float().mean() <= 0.3

    def test_all_parts_of_the_ring_are_reached(self, desk):
        ends = desk.of(desk.state(steps=50)).x[-1]
        angle = torch.atan2(ends[:, 1], ends[:, 0]) / (2 * torch.pi / 8)
        assert len(angle.round().remainder(8).unique()) == 8

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_one_step_ends_at_the_mean_of_the_data(self, desk, sampler):
        ends = desk.of(desk.state(steps=1, sampler=sampler)).x[-1]
        assert ends.abs().max() < 1e-3, "the data have mean 0"

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_a_single_painted_point_draws_all_of_them(self, desk, sampler):
        state = desk.state(data=MINE, painted=dab(desk, (8, 31)), sampler=sampler, steps=5)
        place = torch.tensor([(31.5 / CELLS * 2 - 1) * REACH, (1 - 8.5 / CELLS * 2) * REACH])
        assert torch.allclose(desk.data(state), place[None])
        assert torch.allclose(desk.of(state).x[-1], place.expand(100, 2), atol=1e-3)

    def test_they_start_as_noise_and_another_seed_is_another_start(self, desk):
        one, same, other = (desk.of(desk.state(seed=seed, particles=400)).x[0] for seed in (0, 0, 1))
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
        assert float(one.square().mean()) == pytest.approx(1, abs=0.15)

    def test_between_two_steps_they_are_on_a_straight_line(self):
        way = Way(torch.tensor([4.0, 2.0, 0.0]), torch.tensor([[[0.0, 0.0]], [[2.0, 4.0]], [[8.0, 4.0]]]))
        for t, places in {4.0: [[0, 0]], 3.0: [[0, 0], [1, 2]], 2.0: [[0, 0], [2, 4]], 0.5: [[0, 0], [2, 4], [6.5, 4]],
                          0.0: [[0, 0], [2, 4], [8, 4]]}.items():
            assert torch.allclose(way.upto(t)[:, 0], torch.tensor(places, dtype=torch.float)), t

    @pytest.mark.parametrize("sampler", SAMPLERS)
    def test_the_film_begins_and_ends_where_the_sampler_does(self, desk, sampler):
        state = desk.state(sampler=sampler, steps=10)
        way = desk.of(state)
        first, last = (way.upto(desk.time({**state, "time": frame})) for frame in (0, END))
        assert torch.equal(first, way.x[:1])
        assert torch.allclose(last, way.x, atol=1e-5)


class TestField:
    @pytest.mark.parametrize("sampler", ["DDIM (Euler)", "flow, Euler"])
    @pytest.mark.parametrize("frame", [0, 20, 45])
    def test_arrows_are_the_slope_of_the_log_density(self, desk, sampler, frame):
        state = desk.state(sampler=sampler, time=frame)
        schedule, points = desk.samplers[sampler][0], desk.data(state).double()
        a, s = schedule.levels(desk.asked_at(state), points)
        x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
        density = (-torch.cdist(x, a * points).square() / (2 * s**2)).logsumexp(1)
        (slope,) = torch.autograd.grad(density.sum(), x)
        drawn = desk.arrows(state, x.detach().float()).double()
        assert torch.allclose(drawn, s**2 * slope, atol=2e-3)
        assert not torch.allclose(drawn, slope, atol=0.05) or s**2 > 0.99

    def test_arrows_of_the_flow_are_its_velocity(self, desk):
        state = desk.state(sampler="flow, Euler", time=30, arrows="flow")
        x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
        velocity = desk.denoiser(state).velocity(x, 0.5)
        assert torch.allclose(desk.arrows(state, x), -0.1 * velocity, atol=1e-3)
        assert not torch.allclose(desk.arrows({**state, "arrows": "score"}, x), -0.1 * velocity, atol=0.1)

    @pytest.mark.parametrize("frame", [20, 45, END])
    def test_the_shade_is_the_density_and_y_goes_upwards(self, desk, frame):
        painted = dab(desk, (8, 31), (9, 31), (30, 12))
        state = desk.state(data=MINE, painted=painted, time=frame)
        points = desk.data(state)
        a, s = desk.samplers[state["sampler"]][0].levels(desk.asked_at(state), points)
        at = (torch.arange(50) + 0.5) * (2 * REACH / 50) - REACH
        grid = torch.stack([at.expand(50, 50), at.flip(0)[:, None].expand(50, 50)], -1).view(-1, 2)
        p = (-torch.cdist(grid, a * points).square() / (2 * (s**2 + 0.03**2))).exp().sum(1).view(50, 50)
        shown = desk.density(state, 50)
        assert np.allclose(shown, (p / p.max()).numpy(), atol=2e-3)
        assert not np.allclose(shown[::-1], (p / p.max()).numpy(), atol=0.1)


class TestWhatIsShown:
    def test_painted_points_come_to_the_chosen_ones_or_stand_alone(self, desk):
        painted = dab(desk, (1, 1), (2, 5))
        sizes = [len(desk.data(desk.state(data=data, painted=painted))) for data in ("ring", MINE)]
        assert sizes == [202, 2]

    def test_without_data_one_is_asked_to_paint(self, desk):
        state = desk.state(data=MINE)
        frame = desk.frame(state)
        assert "paint" in frame.readout
        assert "paint" in frame.captions[0]
        plain = desk.frame(desk.state(data=MINE, painted=dab(desk, (3, 3))))
        assert not np.array_equal(frame.pictures[0], plain.pictures[0])

    def test_ends_are_green_on_the_data_and_orange_beside_them(self, desk):
        for steps in (50, 1):
            state = desk.state(steps=steps, particles=20)
            drawn, on = desk.render(state)[1], desk.on(state)
            green, orange = ((drawn == colour).all(2).sum() for colour in (LIGHT.green, LIGHT.orange))
            assert (green > 0, orange > 0) == (bool(on.any()), bool((~on).any()))

    def test_bars_are_as_long_as_the_shares_and_known_when_the_hand_rests(self):
        desk = FlowField(particles=50)
        state = desk.state(steps=5)
        shares = desk.shares(state)
        assert 0.3 < min(shares.values()) < max(shares.values()) <= 1
        rows = (BARS[1] - 16) // len(SAMPLERS)

        def filled(picture):
            lines = [picture[8 + rows * i + 48, 14 : BARS[0] - 96] for i in range(len(SAMPLERS))]
            return [float((line != LIGHT.line).any(1).mean()) for line in lines]

        early, late = (filled(desk.render(state, final=final)[2]) for final in (False, True))
        assert late == pytest.approx([*shares.values()], abs=0.01)
        own = [shares[name] if name == state["sampler"] else 0 for name in SAMPLERS]
        assert early == pytest.approx(own, abs=0.01)
        scrubbed = filled(desk.render({**state, "time": 9}, final=False)[2])
        assert scrubbed == late, "other times ask for nothing new"

    @pytest.mark.parametrize(("sampler", "words"), [("DDPM", "10 steps, 10 evaluations"),
                                                    ("Heun", "10 steps, 19 evaluations")])
    def test_words_count_evaluations_and_particles(self, desk, sampler, words):
        state = desk.state(sampler=sampler, steps=10)
        on = int((torch.cdist(desk.of(state).x[-1], desk.data(state)).amin(1) <= NEAR).sum())
        assert f"{words} of the denoiser: {on} of 100 particles" in desk.readout(state)
        assert f"{on} % on the data" in desk.captions(state)[1]

    def test_every_control_moves_a_picture(self, desk):
        base = desk.state(time=30, steps=5)
        other = {"time": 31, "sampler": "DDPM", "steps": 3, "data": "two arcs", "painted": dab(desk, (3, 3)),
                 "arrows": "flow", "particles": 20, "seed": 1}
        each_control_moves_a_picture(desk, base, other)

    def test_pictures_are_a_pure_function_of_the_state(self, desk):
        states = [desk.surprise(torch.Generator().manual_seed(seed)) for seed in range(4)]
        first = [desk.frame(state) for state in states]
        desk.way.cache_clear()
        again = [desk.frame(state) for state in states[::-1]][::-1]
        for one, two in zip(first, again, strict=True):
            assert (one.readout, one.captions) == (two.readout, two.captions)
            assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))

    def test_the_sheet_shows_what_its_words_say(self, desk):
        states = [state for _, state in desk.contact_states()]
        shares = [f"{100 * float(desk.on(state).float().mean()):.0f} %" for state in states[2:]]
        assert [words.rsplit(": ", 1)[1] for words in desk.alt.split("; ")] == shares
        whole, few = (float(desk.on(states[i]).float().mean()) for i in (2, 4))
        assert whole > 0.9 > 0.5 > few, "at last on the data, in few steps also beside them"
        assert Image.open(io.BytesIO(desk.sheet())).size[0] > 700


def test_data_are_brought_to_mean_0_and_variance_1():
    x = standard("x", 5 + 3 * torch.randn(50, 2, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(x.mean(0), torch.zeros(2), atol=1e-5)
    assert float(x.square().mean()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("wrong", [torch.zeros(3, 3), torch.zeros(1, 2), torch.zeros(4)])
def test_data_that_are_no_points_of_the_plane_are_refused(wrong):
    with pytest.raises(ValueError, match=r"data: want \[m, 2\] .* 'cats'"):
        FlowField({"cats": wrong})
