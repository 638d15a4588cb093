"""Small steps towards a denoiser's answer, without a browser: where they end, and what the panels say of it."""

import io

import numpy as np
import pytest
import torch
from desks import each_control_moves_a_picture
from PIL import Image
from players import shows
from torch import nn

from coursekit.explore import Attractors
from coursekit.explore.attractors import BARS, EDGE, NUMBERS, key
from coursekit.explore.parts.atnoise import AtNoise, time_of
from coursekit.explore.parts.inks import LIGHT
from coursekit.models import diffusion

chance = torch.Generator().manual_seed(0)
IMAGES, OTHERS = torch.rand(5, 3, 16, 16, generator=chance), torch.rand(2, 3, 16, 16, generator=chance)
BLEND, UNSEEN, GREY = 6, 7, 9  # starts
SMALL, LARGE = 0.1, 30.0
MEAN = IMAGES.mean(0)


class Paler(nn.Module):
    """A denoiser that goes half-way to black."""

    def __init__(self):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(0.5))

    def forward(self, x, sigma):
        return self.share * x


@pytest.fixture(scope="module")
def desk():
    return Attractors(IMAGES, others=OTHERS, denoisers={"paler": Paler()}, steps=40)


def ended(desk, **named):
    return desk.of(desk.state(**{"eta": 0.5, "noise": 0.5, **named})).x[-1]


class TestWhereTheWalkEnds:
    @pytest.mark.parametrize("start", range(1, GREY + 1))
    def test_little_noise_the_picture_that_is_nearest_at_the_start(self, desk, start):
        x = desk.start(desk.state(start=start, noise=0.5))
        nearest = (IMAGES - x).flatten(1).norm(dim=1).argmin()
        assert torch.allclose(ended(desk, start=start, sigma=SMALL), IMAGES[nearest], atol=1e-4)
        assert not torch.allclose(ended(desk, start=start, by="linear"), IMAGES[nearest], atol=0.05), "nothing stored"

    @pytest.mark.parametrize("start", [1, BLEND, UNSEEN, GREY])
    def test_much_noise_the_mean_picture(self, desk, start):
        assert torch.allclose(ended(desk, start=start, sigma=LARGE), MEAN, atol=0.01)
        assert not torch.allclose(ended(desk, start=start, sigma=SMALL), MEAN, atol=0.1)

    @pytest.mark.parametrize("start", [2, BLEND])
    def test_the_linear_one_moves_nothing_within_its_plane_the_exact_one_does(self, desk, start):
        state = desk.state(start=start, noise=0.0, by="linear")
        assert torch.allclose(desk.of(state).x, desk.starts[start - 1].expand(41, -1, -1, -1), atol=1e-4)
        moved = ended(desk, start=BLEND, noise=0.0, sigma=SMALL)
        assert torch.allclose(moved, IMAGES[0], atol=1e-4)
        assert not torch.allclose(moved, desk.starts[BLEND - 1], atol=0.1)

    def test_the_linear_one_takes_away_what_is_outside_its_plane_and_keeps_the_rest(self, desk):
        walk = desk.of(desk.state(start=UNSEEN, noise=0.2, by="linear", eta=0.1))
        off = (IMAGES - MEAN).flatten(1).double()
        flat = off.T @ torch.linalg.pinv(off.T, rtol=1e-5)  # the projection, made in another way
        inside = (walk.x.flatten(1).double() - MEAN.flatten()) @ flat
        outside = walk.x.flatten(1).double() - MEAN.flatten() - inside
        assert torch.allclose(inside, inside[:1].expand_as(inside), atol=1e-4)
        shrunk = 0.9 ** torch.arange(41).double()[:, None] * outside[0]
        assert torch.allclose(outside, shrunk, atol=1e-4)

    def test_a_walk_takes_its_steps(self, desk):
        walk = desk.of(desk.state(by="paler", eta=0.2, start=1))
        powers = 0.9 ** torch.arange(41)  # 1 − η + η/2
        assert torch.allclose(walk.x, powers[:, None, None, None] * walk.x[0], atol=1e-5)
        assert torch.allclose(walk.answer, walk.x / 2, atol=1e-6)
        whole = desk.of(desk.state(sigma=3.0, eta=1.0))
        assert torch.equal(whole.x[1], whole.answer[0])

    def test_training_moves_no_walk(self):
        model = Paler()
        desk = Attractors(IMAGES, denoisers={"paler": model}, steps=4)
        before = desk.of(desk.state(by="paler")).x
        with torch.no_grad():
            model.share.fill_(0.9)
        desk.walk.cache_clear()
        assert torch.equal(before, desk.of(desk.state(by="paler")).x)


class Knowing(nn.Module):
    """A net that answers as the exact denoiser of pictures in the model's inner units does."""

    def __init__(self, points, schedule):
        super().__init__()
        self.exact, self.end = diffusion.FiniteDenoiser(points, schedule), schedule.end

    def forward(self, x, t, condition=None):
        time = t * self.end
        return self.exact(x, time.round() if self.end > 1 else time)


class TestLearntOnes:
    @pytest.mark.parametrize(("schedule", "close"), [(diffusion.Straight(), 1e-3), (diffusion.cosine(), 0.02)])
    @pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
    def test_a_model_is_asked_at_the_time_of_its_noise(self, schedule, close, sigma):
        net = Knowing((IMAGES - 0.5) / 0.25, schedule)
        model = diffusion.Diffusion(net, schedule, predicts=diffusion.targets.DATA, centre=0.5, scale=0.25)
        x = OTHERS + sigma * torch.randn(OTHERS.shape, generator=torch.Generator().manual_seed(3))
        exact = diffusion.FiniteDenoiser(IMAGES, diffusion.Spread(10.0))(x, sigma)
        with torch.no_grad():
            answer = AtNoise(model)(x, sigma)
            assert torch.allclose(answer, exact, atol=close)
            desk = Attractors(IMAGES, denoisers={"learnt": model}, steps=3)
            walk, same = (desk.of(desk.state(by=by, sigma=sigma)).answer for by in ("learnt", "exact"))
        assert torch.allclose(walk, same, atol=close)

    @pytest.mark.parametrize("schedule", [diffusion.Straight(), diffusion.cosine(), diffusion.Spread(20.0)])
    def test_at_its_time_a_schedule_has_that_ratio_of_noise_to_signal(self, schedule):
        for ratio in (0.1, 1.0, 10.0):
            t = time_of(schedule, ratio)
            assert float(schedule.noise(t) / schedule.signal(t)) == pytest.approx(ratio, rel=0.02)

    def test_one_scale_for_all_is_wanted(self):
        model = diffusion.Diffusion(nn.Identity(), diffusion.Straight(), scale=torch.ones(3, 1, 1))
        with pytest.raises(ValueError, match="one scale"):
            AtNoise(model)


class TestWhatIsShown:
    @pytest.mark.parametrize("by", ["exact", "linear"])
    @pytest.mark.parametrize("step", [0, 3])
    def test_the_answer_is_the_sum_of_the_stored_pictures_with_the_shares(self, desk, by, step):
        state = desk.state(start=UNSEEN, noise=0.5, sigma=3.0, by=by, step=step)
        shares = desk.shares(state)
        assert float(shares.sum()) == pytest.approx(1, abs=1e-4)
        made = (shares[:, None, None, None] * IMAGES).sum(0)
        assert torch.allclose(made, desk.of(state).answer[step], atol=1e-3)
        assert float(shares.min()) < 0 if by == "linear" else float(shares.min()) >= 0

    def test_shares_of_the_exact_one_are_bayes_rule(self, desk):
        state = desk.state(start=UNSEEN, noise=0.5, sigma=2.0, step=2)
        off = (IMAGES - desk.of(state).x[2]).flatten(1).double().square().sum(1)
        assert torch.allclose(desk.shares(state).double(), (-off / (2 * 2.0**2)).softmax(0), atol=1e-4)

    def test_start_place_and_answer_stand_in_their_panels(self, desk):
        state = desk.state(start=UNSEEN, sigma=3.0, step=5)
        walk, shown = desk.of(state), desk.render(state)
        for panel, image in zip(shown, (walk.x[0], walk.x[5], walk.answer[5]), strict=False):
            assert shows(panel, image[None])
        assert not np.array_equal(shown[0], shown[1])

    @pytest.mark.parametrize(("sigma", "nearest"), [(SMALL, 2), (LARGE, 5)])
    def test_a_frame_stands_around_what_is_nearest(self, desk, sigma, nearest):
        shelf = desk.render(desk.state(start=3, noise=0.1, sigma=sigma, step=40))[3]
        colours = [LIGHT.orange] * 5 + [LIGHT.blue]
        corners = [desk._corner(i) for i in range(6)]
        framed = [tuple(shelf[top + 40, left - 4]) == colours[i] for i, (left, top) in enumerate(corners)]
        assert framed == [i == nearest for i in range(6)]

    def test_a_bar_is_as_high_as_its_share(self, desk):
        state = desk.state(start=UNSEEN, noise=0.1, sigma=4.0, step=2)
        shelf, shares = desk.render(state)[3], desk.shares(state)
        assert 0.05 < shares.max() < 0.95
        for i, share in enumerate(shares.tolist()):
            column = shelf[EDGE : EDGE + NUMBERS + BARS, desk._corner(i)[0] + desk.side // 2 - 20]
            assert (column == LIGHT.orange).all(1).sum() == pytest.approx(share * BARS, abs=3)

    def test_a_dot_of_the_chart_goes_along_with_the_step(self, desk):
        state = desk.state(start=UNSEEN, sigma=SMALL)
        plain = np.asarray(desk.curves(LIGHT, *key(state)).ground)
        changed = [desk.render({**state, "step": step})[4] != plain for step in (0, 20, 40)]
        middles = [float(np.median(np.flatnonzero(change.any((0, 2))))) for change in changed]
        wide = middles[2] - middles[0]
        assert wide > 500
        assert middles[1] == pytest.approx(middles[0] + wide / 2, abs=2)

    @pytest.mark.parametrize(("named", "words"), [
        ({"start": 2, "sigma": SMALL}, "on stored picture 2"),
        ({"sigma": LARGE}, "at the mean picture"),
        ({"by": "linear", "start": UNSEEN}, "at none of the stored pictures"),
        ({"sigma": SMALL, "eta": 0.05, "start": GREY}, "still on its way"),
    ])  # fmt: skip
    def test_words_say_where_it_ends(self, desk, named, words):
        state = desk.state(**named)
        assert desk.end(state) == words
        assert desk.readout(state).endswith(words)

    def test_every_control_moves_a_picture(self, desk):
        base = desk.state(start=UNSEEN, sigma=3.0, step=4)
        other = {"step": 9, "sigma": 10.0, "by": "linear", "start": 2, "noise": 1.0, "seed": 3, "eta": 0.5}
        each_control_moves_a_picture(desk, base, other)

    def test_pictures_are_a_pure_function_of_the_state(self, desk):
        states = [desk.surprise(torch.Generator().manual_seed(seed)) for seed in range(4)]
        first = [desk.frame(state, final=False) for state in states]
        desk.walk.cache_clear()
        again = [desk.frame(state) for state in states[::-1]][::-1]
        for one, two in zip(first, again, strict=True):
            assert (one.readout, one.captions) == (two.readout, two.captions)
            assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))

    def test_the_sheet_shows_a_stored_picture_the_mean_and_neither(self, desk):
        ends = [desk.end(state) for _, state in desk.contact_states()]
        assert [words.rstrip("12345") for words in ends] == [
            "on stored picture ", "on stored picture ", "at the mean picture", "at none of the stored pictures",
        ]  # fmt: skip
        assert all(f"it ends {words}" in desk.alt for words in ends)
        assert Image.open(io.BytesIO(desk.sheet())).size[0] > 700


@pytest.mark.parametrize("wrong", [IMAGES[:1], IMAGES[0], IMAGES.flatten(1)])
def test_too_few_pictures_are_refused(wrong):
    with pytest.raises(ValueError, match="images: want"):
        Attractors(wrong)


def test_other_pictures_have_to_fit():
    with pytest.raises(ValueError, match=r"others: want \[k, 3, 16, 16\]"):
        Attractors(IMAGES, others=OTHERS[:, :1])
