"""Points on panels, the plane of codes, its film while training, and the desks of the bound, without a browser."""

import io
import math
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.distributions import Normal
from traitlets import TraitError

from coursekit import training
from coursekit.explore import BoundDesk, ElboDesk, Explorer, LatentPlane, LivePlane, Panel, Point, Slider, live
from coursekit.explore.parts.codemap import CodeMap, colours
from coursekit.explore.parts.handles import with_handles
from coursekit.explore.parts.inks import LIGHT
from coursekit.explore.widget.canvas import Canvas, encode
from coursekit.models import vae
from coursekit.models.gaussians import LinearGaussian
from coursekit.models.vae import BernoulliLikelihood, GaussianLikelihood


def tiny(beta=1.0, sigma=0.2, seed=0, likelihood=None):
    torch.manual_seed(seed)
    return vae.dense((1, 4, 4), 2, 8, beta=beta, likelihood=likelihood or GaussianLikelihood(sigma), out=nn.Sigmoid())


def decode(h):
    """A picture whose first pixels are h itself, so that one can read the code from the picture."""
    x = torch.zeros(len(h), 1, 4, 4)
    x[:, 0, 0, :2] = (h + 3) / 6
    return x


CODES = torch.tensor([[-1.0, 0.0], [-1.2, 0.2], [1.0, 1.0], [1.1, 0.9], [0.2, -1.5], [5.0, 0.0]])
LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


@pytest.fixture(scope="module")
def images():
    return torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def everything(images):
    models = {(beta, sigma): tiny(beta, sigma, seed=int(10 * beta)) for beta in (0.0, 1.0, 4.0) for sigma in (0.1, 0.3)}
    return {
        "plane": LatentPlane(decode, CODES, LABELS, spread=torch.full_like(CODES, 0.2)),
        "bound": BoundDesk(),
        "elbo": ElboDesk(models, images, torch.arange(30) % 10),
    }


@pytest.mark.parametrize("kind", ["plane", "bound", "elbo"])
class TestEvery:
    def test_pictures_are_a_pure_function_of_the_state(self, everything, kind):
        explorer, generator = everything[kind], torch.Generator().manual_seed(5)
        states = [explorer.state(), *(explorer.surprise(generator) for _ in range(4))]
        first = [explorer.frame(state) for state in states]
        again = [explorer.frame(state, False) for state in reversed(states)][::-1]
        for one, two in zip(first, again, strict=True):
            assert (one.readout, one.captions) == (two.readout, two.captions)
            assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))

    def test_every_control_changes_the_pictures(self, everything, kind):
        explorer = everything[kind]
        before = explorer.frame(explorer.state())
        for control in explorer.controls:
            drawn = [control.draw(torch.Generator().manual_seed(seed)) for seed in range(8)]
            after = [explorer.frame(explorer.state(**{control.name: value})).pictures for value in drawn]
            pairs = [pair for pictures in after for pair in zip(before.pictures, pictures, strict=True)]
            assert any(not np.array_equal(a, b) for a, b in pairs), control.name

    def test_a_page_without_a_kernel_gets_a_picture_and_words(self, everything, kind):
        explorer = everything[kind]
        data, metadata = explorer._repr_mimebundle_()
        sheet = Image.open(io.BytesIO(data["image/png"]))
        labels = [label for label, _ in explorer.contact_states()]
        assert len(set(labels)) == len(labels) >= 3
        assert len(data["image/png"]) < 150_000
        assert np.asarray(sheet.convert("L")).std() > 5, "an empty sheet"
        assert metadata["image/png"]["alt"] == explorer.alt
        assert len(explorer.alt) > 80
        assert data["text/plain"].startswith(explorer.title)

    def test_python_and_the_page_set_the_same_state(self, everything, kind, monkeypatch):
        explorer = everything[kind]
        view, wanted, echoed = explorer.view, explorer.surprise(torch.Generator().manual_seed(8)), []
        assert isinstance(view, Canvas)
        for name, value in wanted.items():
            setattr(view, name, value)
        assert view.value == wanted
        monkeypatch.setattr(view, "send_state", lambda key=None: echoed.append(key))
        monkeypatch.setattr(view, "send", lambda content, buffers=None: None)
        start = {name: list(v) if isinstance(v, tuple) else v for name, v in explorer.state().items()}  # as JSON has it
        view._asked(view, {"kind": "frame", "state": start}, [])
        assert (view.value, echoed) == (explorer.state(), [])


class TestPoint:
    point = Point("at", low=(-1, 0), high=(1, 4), value=(0.5, 1.0), frame=(0.1, 0.2, 0.9, 0.8))

    def test_its_values_are_pairs_in_the_box(self):
        assert self.point.check([0, 4]) == (0.0, 4.0)
        assert type(self.point.check([0, 4])) is tuple
        for wrong in ((1.1, 1), (0, -0.1), (0, float("nan")), (0,), (0, 0, 0), "ab", 3, None, ("0", "1")):
            with pytest.raises(ValueError, match="at"):
                self.point.check(wrong)
        for seed in range(20):
            drawn = self.point.draw(torch.Generator().manual_seed(seed))
            assert self.point.check(drawn) == drawn

    def test_corners_lie_at_the_frames_corners(self):
        assert self.point.share((-1, 0)) == pytest.approx((0.1, 0.8))
        assert self.point.share((1, 4)) == pytest.approx((0.9, 0.2))
        assert self.point.share((0, 1)) == pytest.approx((0.5, 0.65))

    @pytest.mark.parametrize("wrong", [
        {"low": 1, "high": 0}, {"value": (2, 0)}, {"step": 0}, {"low": (0, 1), "high": 1},
    ])
    def test_impossible_points(self, wrong):
        with pytest.raises(ValueError, match="p"):
            Point("p", **wrong)

    def test_one_number_is_for_both_axes(self):
        point = Point("p", low=-2, high=3)
        assert point.sides == ((-2, 3), (-2, 3))
        assert point.to_json()["low"] == (-2, -2)
        assert (point.to_json()["kind"], point.to_json()["label"]) == ("point", "p")

    def test_the_trait_takes_points_only(self, everything):
        view = everything["plane"].view
        view.point = (1, -0.5)
        assert view.value["point"] == (1.0, -0.5)
        for wrong in ((9, 0), (1,), "x"):
            with pytest.raises((ValueError, TraitError)):
                view.point = wrong
        assert view.point == (1.0, -0.5)

    def test_two_views_can_be_linked(self):
        from ipywidgets import link

        one, two = (LatentPlane(decode, CODES, LABELS).view for _ in range(2))
        link((one, "point"), (two, "point"))
        one.point = (0.25, 0.5)
        assert two.value["point"] == (0.25, 0.5)

    def test_a_still_picture_shows_the_handle_where_the_point_is(self):
        grey = np.full((100, 200), 128, np.uint8)
        panels, controls = (Panel(width=200), Panel(width=200)), (Slider("s"), self.point)
        first, second = with_handles((grey, grey), panels, controls, {"s": 0.0, "at": (0.0, 2.0)})
        assert np.array_equal(first[50, 100], (216, 27, 96))
        changed = np.argwhere((first != 128).any(-1))
        assert np.allclose(changed.mean(0), (50, 100), atol=0.6)
        assert 250 < len(changed) < 400, "a circle of radius 10"
        assert np.array_equal(second, grey)
        assert (grey == 128).all()


class TestUnchangedPictures:
    def test_what_the_page_has_is_not_sent_again(self, everything):
        plane = everything["plane"]
        head, first = encode(plane.frame(plane.state()), True)
        moved, second = encode(plane.frame(plane.state(point=(1, 1))), True, head["tokens"])
        assert second[0] == b""
        assert moved["tokens"][0] == head["tokens"][0]
        assert moved["tokens"][1] != head["tokens"][1]
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(first[0]))), plane.ground(plane.state()))
        assert len(second[1]) > 0

    def test_a_preview_does_not_stand_for_the_exact_picture(self, everything):
        frame = everything["plane"].frame({})
        rough, _ = encode(frame, False)
        exact, data = encode(frame, True, rough["tokens"])
        assert (rough["types"][0], exact["types"][0]) == ("image/jpeg", "image/png")
        assert all(data[:1])
        assert encode(frame, False, exact["tokens"])[1] == [b"", b""]
        assert encode(frame, False, rough["tokens"])[1][0] == b""

    def test_tokens_tell_shapes_apart(self):
        wide, high = np.zeros((2, 8), np.uint8), np.zeros((8, 2), np.uint8)
        assert zlib.crc32(wide.data) == zlib.crc32(high.data)

        class Zeros(Explorer):
            panels = (Panel(), Panel())

            def render(self, state, final=True):
                return wide, high

        tokens = encode(Zeros().frame({}), True)[0]["tokens"]
        assert tokens[0] != tokens[1]


class TestCodeMap:
    def test_codes_and_points_share_one_geometry(self):
        plane = CodeMap(-3, 3)
        point = Point("h", low=-3, high=3, frame=plane.frame)
        codes = [[-3.0, -3.0], [3.0, 3.0], [0.0, 0.0], [1.25, -2.5]]
        wanted = np.array([point.share(tuple(code)) for code in codes]) * plane.size
        assert np.allclose(plane.pixels(codes), wanted)
        across, up = np.abs(np.diff(plane.pixels([[0, 0], [1, 1]]), axis=0))[0]
        assert across == pytest.approx(up), "equal scales"

    def test_a_dot_has_its_classs_hue_at_its_code(self):
        plane = CodeMap(-3, 3)
        codes = torch.tensor([[1.0, 1.5], [-2.0, 2.0], [-2.0, -2.0], [-2.0, 0.0]])
        drawn = plane.draw(codes[:1], radius=5)
        column, row = plane.pixels(codes[:1].numpy())[0].round().astype(int)
        assert np.abs(drawn[row, column].astype(int) - (33, 102, 172)).max() <= 2
        hues = colours(torch.arange(20))
        assert np.array_equal(hues[:10], np.array(LIGHT.hues))
        assert np.array_equal(hues[10:], hues[:10])

    def test_codes_outside_are_not_drawn_and_most_limits_the_rest(self):
        plane = CodeMap(-3, 3)
        empty = plane.draw(torch.zeros(0, 2))
        assert np.array_equal(plane.draw(torch.tensor([[9.0, 0.0]])), empty)
        codes = torch.tensor([[1.0, 1.0], [-1.0, 1.5]])
        assert np.array_equal(plane.draw(codes, most=1), plane.draw(codes[:1]))
        assert not np.array_equal(plane.draw(codes), plane.draw(codes[:1]))

    def test_the_grids_pictures_lie_at_their_codes(self):
        plane, codes = CodeMap(-3, 3), CodeMap(-3, 3).grid(5)
        assert codes.shape == (25, 2)
        assert codes[0].tolist() == [-2, 2]
        assert codes[-1].tolist() == [2, -2]
        black = (codes[:, 0] > 0) & (codes[:, 1] > 0)
        decoded = torch.where(black, 0.0, 1.0)[:, None, None, None].expand(-1, 1, 8, 8)
        drawn = plane.draw(torch.zeros(0, 2), decoded=decoded).mean(-1)
        for code, dark in zip(codes, black, strict=True):
            column, row = plane.pixels((code + 0.13).numpy())[0].round().astype(int)  # beside the circles
            assert (drawn[row, column] < 150) == dark, code

    def test_a_box_needs_sides(self):
        with pytest.raises(ValueError, match="low"):
            CodeMap(1, 1)


class TestLatentPlane:
    def test_the_picture_is_the_decoded_point(self, everything):
        plane = everything["plane"]
        _, x = plane.frame(plane.state(point=(1.5, -3.0))).pictures
        assert x[0, :2].tolist() == [191, 0]
        assert plane.h(plane.state(point=(1.5, -3.0))).tolist() == [[1.5, -3.0]]

    def test_the_readout_measures_density_and_the_nearest_code(self, everything):
        plane = everything["plane"]
        h = torch.tensor([0.9, 1.2])
        words = plane.readout(plane.state(point=tuple(h.tolist())))
        log_p = Normal(0.0, 1.0).log_prob(h).sum()
        away = (CODES - h).norm(dim=1)
        assert f"log P(h) = {log_p:.2f} nats".replace("-", "−") in words
        assert f"{-math.log(2 * math.pi):.2f} at the middle".replace("-", "−") in words
        assert f"(class {LABELS[away.argmin()]}) {away.min():.2f} away" in words

    def test_names_of_classes_and_no_classes(self):
        named = LatentPlane(decode, CODES, LABELS, names=("cat", "dog", "owl"), start=(1.0, 1.0))
        assert "(class dog) 0.00 away" in named.readout(named.state())
        plain = LatentPlane(decode, CODES)
        assert "class" not in plain.readout(plain.state())
        assert len({label for label, _ in plain.contact_states()}) == 4

    def test_the_contact_states_are_what_they_say(self, everything):
        plane = everything["plane"]
        states = dict(plane.contact_states())
        assert plane.nearest(states["where codes of one class are"])[1] < 0.25
        assert plane.nearest(states["where no code is"])[1] > 1.5
        assert states["the decoded grid under the codes"]["grid"] is True
        between = torch.tensor(states["between two classes"]["point"])
        away = torch.stack([(CODES[label == LABELS].median(0).values - between).norm() for label in (0, 1, 2)])
        assert away[0] == pytest.approx(away[1:].min().item(), abs=1e-2)

    def test_surprises_come_from_the_prior(self, everything):
        generator = torch.Generator().manual_seed(0)
        h = torch.tensor([everything["plane"].surprise(generator)["point"] for _ in range(400)])
        assert h.mean(0).abs().max() < 0.2
        assert (h.std(0) - 1).abs().max() < 0.12

    def test_the_map_is_drawn_once_and_models_are_held(self):
        model = tiny()
        plane = LatentPlane(model.decode, CODES, LABELS)
        before = plane.frame(plane.state()).pictures
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1)
        after = plane.frame(plane.state()).pictures
        assert after[0] is before[0]
        assert np.array_equal(after[1], before[1])

    def test_codes_outside_are_counted(self, everything):
        assert everything["plane"].panels[0].caption == "codes of 6 pictures; 1 lie outside"

    @pytest.mark.parametrize(("wrong", "name"), [
        ({"codes": torch.zeros(4, 3)}, "codes"), ({"codes": torch.zeros(0, 2)}, "codes"),
        ({"labels": torch.zeros(3, dtype=torch.long)}, "labels"), ({"labels": torch.zeros(6)}, "labels"),
        ({"labels": torch.full((6,), -1)}, "labels"), ({"spread": torch.ones(6)}, "spread"), ({"grid": 1}, "grid"),
        ({"start": (7.0, 0.0)}, "point"), ({"low": 3.0}, "low"),
    ])
    def test_bad_arguments_are_named(self, wrong, name):
        with pytest.raises(ValueError, match=name):
            LatentPlane(**{"decode": decode, "codes": CODES, "labels": LABELS, **wrong})


class TestLivePlane:
    def shown(self, monkeypatch):
        class Handle:
            update = staticmethod(lambda still: drawn.append(still))

        drawn = []
        monkeypatch.setattr(live, "display", lambda still, display_id: drawn.append(still) or Handle)
        return drawn

    def test_it_draws_the_first_step_and_every_so_many(self, images, monkeypatch):
        drawn, model = self.shown(monkeypatch), tiny()
        plane = LivePlane(model, images, torch.arange(30) % 3, every=4)
        training.fit(model, images, steps=21, lr=2e-2, progress=False, along=[plane])
        assert [step for step, _ in plane.stages] == [1, 4, 8, 12, 16, 20]
        assert len(drawn) == 6
        assert plane.latest is drawn[-1]
        assert model.training, "modes are put back"
        pictures = [np.asarray(Image.open(io.BytesIO(still.data)).convert("L")) for still in drawn]
        assert pictures[0].shape[0] < pictures[-1].shape[0], "earlier stages stand below"
        assert not np.array_equal(pictures[-1], pictures[-2])
        past = [step for step, _ in plane._past()]
        assert past[0] == 1
        assert past == sorted(past)

    def test_the_stored_output_is_a_picture_with_words(self, images):
        plane = LivePlane(tiny(), images, every=10)
        data, metadata = plane.latest._repr_mimebundle_()
        assert data["text/plain"] == f"Picture: {plane.alt}"
        assert metadata["image/png"]["alt"] == plane.alt
        assert "30 pictures" in plane.alt
        assert not any(word in plane.alt for word in ("step 0", "0."))

    def test_codes_are_the_means(self, images):
        model = tiny()
        assert torch.equal(LivePlane(model, images).codes(), model.encode(images).mean)

    def test_bad_arguments_are_named(self, images):
        for wrong in ({"every": 0}, {"shown": 0}, {"labels": torch.zeros(3, dtype=torch.long)}):
            with pytest.raises(ValueError, match=next(iter(wrong))):
                LivePlane(tiny(), images, **wrong)
        with pytest.raises(ValueError, match="codes"):
            LivePlane(vae.dense((1, 4, 4), 3, 8), images)


class TestElboDesk:
    def test_the_terms_are_those_of_the_models(self, everything, images):
        desk = everything["elbo"]
        for (beta, sigma), shown in desk.trained.items():
            model = tiny(beta, sigma, seed=int(10 * beta))
            generator = torch.Generator().manual_seed(7)
            terms = [model.elbo(images, generator=generator) for _ in range(40)]
            wanted = torch.stack([each["reconstruction"] for each in terms]).mean().item()
            assert shown.reconstruction == pytest.approx(wanted, abs=0.05 * abs(wanted - shown.constant))
            assert shown.kl == pytest.approx(terms[0]["kl"].mean().item(), rel=1e-4)
            assert f"D_KL = {shown.kl:.1f}" in desk.readout(desk.state(beta=beta, sigma=sigma))

    def test_without_its_constant_the_reconstruction_is_the_squared_error(self, everything, images):
        shown, model = everything["elbo"].trained[1.0, 0.1], tiny(1.0, 0.1, seed=10)
        q = model.encode(images)
        h = q.mean + q.stddev * torch.randn(400, *q.mean.shape, generator=torch.Generator().manual_seed(0))
        missed = (model.decode(h.flatten(0, 1)).unflatten(0, h.shape[:2]) - images).flatten(2).square().sum(-1).mean()
        assert shown.reconstruction - shown.constant == pytest.approx(missed.item() / (2 * 0.1**2), rel=0.03)

    def test_functions_and_single_rows(self, images):
        desk = ElboDesk(lambda beta, sigma: tiny(beta, sigma), images, betas=(0.5, 2.0), sigmas=(0.2,))
        assert [control.name for control in desk.controls] == ["beta"]
        assert desk.readout(desk.state(beta=2.0)).startswith("β = 2, σ = 0.2")
        black = ElboDesk({(beta, 1.0): tiny(likelihood=BernoulliLikelihood()) for beta in (1.0, 2.0)}, images)
        assert all(shown.constant == 0 < shown.reconstruction for shown in black.trained.values())

    def test_bad_grids_are_named(self, images):
        for models in ({(1.0, 0.1): tiny()}, {(1.0, 0.1): tiny(), (2.0, 0.2): tiny()}, {}):
            with pytest.raises(ValueError, match="models"):
                ElboDesk(models, images)
        with pytest.raises(ValueError, match="codes"):
            ElboDesk({(beta, 0.1): vae.dense((1, 4, 4), 3, 8) for beta in (1.0, 2.0)}, images)


class TestBoundDesk:
    @pytest.mark.parametrize("model", [
        None, LinearGaussian(torch.tensor([[0.8], [-1.5], [0.3]]), torch.tensor([0.5, 0.0, -1.0]), 0.4),
    ])
    def test_bound_and_gap_make_the_evidence(self, model):
        desk, generator = BoundDesk(model), torch.Generator().manual_seed(1)
        for _ in range(30):
            nats = desk.nats(desk.surprise(generator))
            assert nats["bound"] + nats["gap"] == pytest.approx(nats["evidence"], rel=2e-5, abs=2e-4)
            assert nats["reconstruction"] - nats["kl"] == pytest.approx(nats["bound"], abs=1e-4)
            assert nats["gap"] >= 0

    def test_the_bound_touches_at_the_posterior_and_only_there(self, everything):
        desk = everything["bound"]
        for x in (-3.0, 0.0, 1.7):
            exact = desk.nats(desk.state(exact=True, x=x))
            assert exact["bound"] == pytest.approx(exact["evidence"], abs=1e-5)
            posterior = desk.posterior(desk.state(x=x))
            for mu, sigma in ((0.1, 1.0), (0.0, 1.2)):
                moved = {"mu": float(posterior.mean) + mu, "log_sigma": math.log(float(posterior.stddev) * sigma)}
                assert desk.nats(desk.state(x=x, **moved))["gap"] > 0.01

    def test_the_evidence_is_the_integral(self, everything):
        desk = everything["bound"]
        h = torch.linspace(-9, 9, 20001, dtype=torch.float64)
        model, state = desk.model, desk.state(x=2.1)
        seen = Normal(model.weight.item() * h + model.bias.item(), model.sigma)
        joint = Normal(0.0, 1.0).log_prob(h) + seen.log_prob(torch.tensor(2.1, dtype=torch.float64))
        integral = torch.trapezoid(joint.exp(), h).log().item()
        assert desk.nats(state)["evidence"] == pytest.approx(integral, abs=1e-5)

    def test_the_bar_ends_at_the_line_whatever_q_is(self, everything):
        desk = everything["bound"]
        rows = []
        for state in (desk.state(), desk.state(mu=0.5), desk.state(exact=True)):
            bars = desk.frame(state).pictures[1]
            blue = (bars[:, 150].astype(int) - (33, 102, 172) == 0).all(-1)
            rows.append(np.flatnonzero(blue))
            line = np.flatnonzero(bars[:, 225].astype(int).sum(-1) < 200)  # beside the bar, left of the words
            gap = np.flatnonzero((bars[:, 150] == (246, 205, 175)).all(-1))
            highest = min([*gap, rows[-1].min()])
            assert abs(highest - line.mean()) <= 2.5
        assert rows[0].min() > rows[1].min() > rows[2].min()

    def test_one_hidden_number_only(self):
        with pytest.raises(ValueError, match="model"):
            BoundDesk(LinearGaussian(torch.ones(3, 2), torch.zeros(3), 0.5))
