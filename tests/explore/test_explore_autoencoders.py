"""Explorers of autoencoders without a browser: readouts against numbers computed here, painted masks, sheets."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from traitlets import TraitError

from coursekit.explore import Bottleneck, CorruptRepair, DenoisingField, Features, Paint, Stops, Walk
from coursekit.explore.field import STEPS
from coursekit.explore.parts.chart import Chart, round_numbers
from coursekit.explore.parts.draw import diverging
from coursekit.explore.parts.held import held
from coursekit.explore.widget.canvas import Canvas

CENTRES = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])


class Projection(nn.Module):
    """The best linear autoencoder of 4×4 pictures with a code of k numbers, from a fixed orthonormal basis."""

    def __init__(self, k):
        super().__init__()
        basis = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(0))).Q[:, :k]
        self.basis = nn.Parameter(basis, requires_grad=False)

    def encode(self, x):
        return x.flatten(1) @ self.basis

    def decode(self, h):
        return (h @ self.basis.T).unflatten(1, (1, 4, 4))

    def forward(self, x):
        return self.decode(self.encode(x))


def score(x, sigma):
    """∇ log of a mixture of Gaussians around CENTRES, by autograd."""
    with torch.inference_mode(False), torch.enable_grad():
        point = x.detach().clone().requires_grad_(True)
        log_p = (-torch.cdist(point, CENTRES).square() / (2 * sigma**2)).logsumexp(1).sum()
        return torch.autograd.grad(log_p, point)[0]


def denoised(x, sigma):
    weights = (-torch.cdist(x, CENTRES).square() / (2 * sigma**2)).softmax(1)
    return weights @ CENTRES


@pytest.fixture(scope="module")
def images():
    return torch.rand(20, 1, 4, 4, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def everything(images):
    ladder, model = {k: Projection(k) for k in (1, 4, 16)}, Projection(16)
    points = CENTRES.repeat(30, 1) + 0.02 * torch.randn(90, 2, generator=torch.Generator().manual_seed(1))
    return {
        "bottleneck": Bottleneck(ladder, images, errors={"PCA": {1: 0.3, 2: 0.2, 4: 0.1}}),
        "repair": CorruptRepair({"half": Projection(8), "all": model}, images),
        "field": DenoisingField(denoised, points, sigma=(0.1, 0.3, 0.8), score=score),
        "features": Features(model, images, features=4),
        "walk": Walk(model.encode, model.decode, images[0], images[1], distances=lambda x: x.flatten(1).std(1)),
    }


KINDS = ("bottleneck", "repair", "field", "features", "walk")


@pytest.mark.parametrize("kind", KINDS)
class TestEvery:
    def test_pictures_are_a_pure_function_of_the_state(self, everything, kind):
        explorer, generator = everything[kind], torch.Generator().manual_seed(5)
        states = [explorer.state(), *(explorer.surprise(generator) for _ in range(4))]
        first = [explorer.frame(state) for state in states]
        again = [explorer.frame(state, False) for state in reversed(states)][::-1]
        for one, two in zip(first, again, strict=True):
            assert (one.readout, one.captions) == (two.readout, two.captions)
            assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))
            assert all(a.dtype == np.uint8 for a in one.pictures)

    def test_every_control_changes_the_pictures(self, everything, kind):
        explorer = everything[kind]
        start = {**explorer.state(), **({"share": 0.4, "sigma": 0.2} if kind == "repair" else {})}
        before = explorer.frame(start).pictures
        for control in explorer.controls:
            drawn = [control.draw(torch.Generator().manual_seed(seed)) for seed in range(8)]
            after = [explorer.frame({**start, control.name: value}).pictures for value in drawn]
            pairs = [pair for pictures in after for pair in zip(before, pictures, strict=True)]
            assert any(not np.array_equal(a, b) for a, b in pairs), control.name

    def test_wrong_states_are_named(self, everything, kind):
        explorer = everything[kind]
        for name in (control.name for control in explorer.controls if control.name != "closed"):
            for wrong in (1e9, "nonsense", float("nan"), None):
                with pytest.raises(ValueError, match=name):
                    explorer.frame({name: wrong})

    def test_a_page_without_a_kernel_gets_a_picture_and_words(self, everything, kind):
        explorer = everything[kind]
        data, metadata = explorer._repr_mimebundle_()
        sheet = Image.open(io.BytesIO(data["image/png"]))
        assert len(explorer.contact_states()) >= 3
        assert len(data["image/png"]) < 150_000
        assert np.asarray(sheet.convert("L")).std() > 5, "an empty sheet"
        assert metadata["image/png"]["alt"] == explorer.alt
        assert len(explorer.alt) > 80
        assert data["text/plain"].startswith(explorer.title)

    def test_python_and_the_page_set_the_same_state(self, everything, kind):
        explorer = everything[kind]
        view, wanted = explorer.view, explorer.surprise(torch.Generator().manual_seed(8))
        assert isinstance(view, Canvas)
        for name, value in wanted.items():
            setattr(view, name, value)
        assert view.value == wanted


class TestBottleneck:
    def test_the_errors_are_those_of_the_models(self, everything, images):
        explorer = everything["bottleneck"]
        for k in (1, 4, 16):
            wanted = float((Projection(k)(images) - images).square().mean())
            assert explorer.errors["autoencoder"][k] == pytest.approx(wanted, abs=1e-6)
            assert f"autoencoder {wanted:.4f}" in explorer.readout(explorer.state(size=k))
        assert "16 numbers → 4, compression 4 : 1" in explorer.readout(explorer.state(size=4))
        assert "PCA 0.1000" in explorer.readout(explorer.state(size=4))
        assert "PCA" not in explorer.readout(explorer.state(size=16))

    def test_the_grid_holds_the_reconstructions(self, everything, images):
        explorer = everything["bottleneck"]
        x, y, chart = explorer.frame(explorer.state(size=16)).pictures
        assert x.shape == y.shape == (19, 19)
        assert np.abs(x.astype(int) - y).max() <= 1, "a code of 16 keeps all of 16 numbers"
        assert chart.ndim == 3
        third = explorer.frame(explorer.state(size=1)).pictures[1][0:4, 10:14]
        wanted = (Projection(1)(images)[2, 0].clamp(0, 1) * 255).round()
        assert np.abs(third - wanted.detach().numpy()).max() <= 1

    def test_only_the_sizes_that_there_are(self, everything, images):
        with pytest.raises(ValueError, match=r"size = 5 is none of 1, 4, 16"):
            everything["bottleneck"].frame({"size": 5})
        with pytest.raises(ValueError, match="models"):
            Bottleneck({3: Projection(3)}, images)

    def test_training_on_does_not_move_the_pictures(self, images):
        models = {k: Projection(k) for k in (2, 5)}
        explorer = Bottleneck(models, images)
        before = explorer.frame({"size": 5}).pictures[1]
        with torch.no_grad():
            models[5].basis.zero_()
        assert np.array_equal(before, explorer.frame({"size": 5}).pictures[1])


class TestRepair:
    def numbers(self, explorer, state):
        x, seen = explorer.corrupted(state)
        return x, seen, explorer.repaired(state)

    def test_nothing_lost_and_no_noise_is_the_picture_itself(self, everything, images):
        explorer = everything["repair"]
        state = explorer.state(picture=7, by="all")
        x, seen, x_hat = self.numbers(explorer, state)
        assert torch.equal(seen, images[6])
        assert torch.allclose(x_hat, x, atol=1e-5)
        assert "0.000 → 0.000" in explorer.readout(state)
        assert "PSNR ∞ → " in explorer.readout(state)

    def test_the_readout_is_the_error_before_and_after(self, everything, images):
        explorer = everything["repair"]
        mask = torch.zeros(4, 4, dtype=torch.bool)
        mask[1, 2] = mask[3, 3] = True
        state = explorer.state(picture=3, sigma=0.3, holes=explorer.paint.of(mask))
        x = images[2]
        seen = torch.where(mask, torch.zeros(()), x + 0.3 * explorer.noise[2])
        after = Projection(8)(seen[None])[0]
        before, after = ((y - x).square().mean().item() for y in (seen, after))
        readout = explorer.readout(state)
        assert f"{math.sqrt(before):.3f} → {math.sqrt(after):.3f}" in readout
        assert f"{-10 * math.log10(before):.1f} dB → {-10 * math.log10(after):.1f} dB" in readout
        assert readout.endswith("2 of 16 pixels lost")

    def test_the_noise_has_its_size_and_holes_only_grow(self, everything):
        explorer = everything["repair"]
        x, seen = explorer.corrupted(explorer.state(sigma=0.5))
        assert torch.allclose((seen - x) / 0.5, explorer.noise[0], atol=1e-5)
        few, many = (explorer.holes(explorer.state(share=share)) for share in (0.2, 0.7))
        assert (few <= many).all()
        assert many.sum() > few.sum()
        share = torch.stack([explorer.holes(explorer.state(share=0.7, picture=i)) for i in range(1, 21)]).float().mean()
        assert abs(share - 0.7) < 0.1

    def test_holes_are_shown_in_colour_and_filled_with_lost(self, images):
        explorer = CorruptRepair(Projection(16), images, lost=0.5)
        paint = explorer.paint
        mask = torch.eye(4, dtype=torch.bool)
        state = explorer.state(holes=paint.of(mask))
        shown = explorer.frame(state).pictures[0]
        assert (shown[mask.numpy()] == np.array([232, 148, 84])).all()
        assert (shown[~mask.numpy()].max(-1) == shown[~mask.numpy()].min(-1)).all()
        assert (explorer.corrupted(state)[1][0][mask] == 0.5).all()

    def test_the_third_picture_is_the_difference_it_says(self, everything):
        explorer = everything["repair"]
        differences = {"still wrong: x − x̂": lambda x, s, y: x - y, "the move: x̂ − x̃": lambda x, s, y: y - s}
        for third, difference in differences.items():
            state = explorer.state(sigma=0.4, third=third)
            frame = explorer.frame(state)
            assert frame.captions[2] == third
            assert np.array_equal(frame.pictures[2], diverging(difference(*self.numbers(explorer, state))[0]))

    def test_one_picture_and_one_model_need_no_controls(self, images):
        names = [control.name for control in CorruptRepair(Projection(3), images[:1]).controls]
        assert names == ["sigma", "share", "holes", "third"]


class TestPaint:
    @pytest.mark.parametrize("shape", [(8, 8), (5, 7), (1, 1), (32, 32)])
    def test_masks_come_back(self, shape):
        paint = Paint("holes", shape=shape)
        for seed in range(4):
            mask = torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.3
            value = paint.of(mask)
            assert torch.equal(paint.mask(value), mask)
            assert len(value) in (0, math.ceil(shape[0] * shape[1] / 4))

    def test_bits_stand_row_by_row_the_highest_first(self):
        mask = torch.zeros(2, 4, dtype=torch.bool)
        mask[0, 0] = mask[1, 3] = True
        assert Paint("holes", shape=(2, 4)).of(mask) == "81"

    def test_nothing_painted_has_one_value(self):
        paint = Paint("holes", shape=(8, 8))
        assert paint.check("0" * 16) == paint.check("") == paint.of(paint.mask("")) == ""

    @pytest.mark.parametrize("wrong", ["f", "F" * 16, "g" * 16, 7, None, "0" * 17])
    def test_other_strings_are_refused(self, wrong, everything):
        paint = Paint("holes", shape=(8, 8))
        with pytest.raises(ValueError, match="holes"):
            paint.check(wrong)

    def test_the_trait_takes_masks_only(self, images):
        view = CorruptRepair(Projection(3), images).view
        view.holes = "8001"
        assert view.value["holes"] == "8001"
        with pytest.raises((ValueError, TraitError), match="holes"):
            view.holes = "80"

    def test_a_brush_needs_a_size(self):
        with pytest.raises(ValueError, match="brush"):
            Paint("holes", brush=0)


class TestStops:
    def test_only_stops(self):
        stops = Stops("k", stops=(1, 4, 16))
        assert (stops.value, stops.check(4.0), stops.check(16)) == (4, 4, 16)
        for wrong in (5, 0, float("nan"), "4", True * 2):
            with pytest.raises(ValueError, match="k"):
                stops.check(wrong)

    @pytest.mark.parametrize("stops", [(), (1,), (2, 1), (1, 1)])
    def test_impossible_stops(self, stops):
        with pytest.raises(ValueError, match="rising"):
            Stops("k", stops=stops)


class TestField:
    def test_the_best_denoiser_is_the_closed_form(self, everything):
        explorer = everything["field"]
        for sigma in explorer.sigmas:
            assert explorer.disagreement(explorer.state(sigma=sigma)) < 1e-4
            assert "differs from σ² ∇ log p by 0 %" in explorer.readout(explorer.state(sigma=sigma))

    def test_another_denoiser_is_told_from_it(self):
        explorer = DenoisingField(lambda x, sigma: x, CENTRES, sigma=[0.3], score=score)
        assert explorer.disagreement(explorer.state()) == pytest.approx(1.0)
        assert [control.name for control in explorer.controls] == ["start", "closed"]

    def test_the_path_repeats_the_denoiser(self, everything):
        explorer = everything["field"]
        path = explorer.path(explorer.state(sigma=0.3, start=(0.2, 0.1)))
        assert path.shape == (STEPS + 1, 2)
        assert torch.allclose(path[0], torch.tensor([0.2, 0.1]))
        assert torch.allclose(path[1:], denoised(path[:-1], 0.3))

    def test_the_readout_measures_the_way_to_the_data(self, everything):
        explorer = everything["field"]
        state = explorer.state(sigma=0.1, start=(0.5, 0.0))
        away = (explorer.points - torch.tensor([0.5, 0.0])).norm(dim=1).min()
        assert f"{away:.2f} away at the start" in explorer.readout(state)

    def test_a_model_for_each_sigma(self):
        models = {0.5: nn.Identity(), 0.1: nn.Linear(2, 2)}
        explorer = DenoisingField(models, CENTRES)
        x = torch.ones(1, 2)
        assert explorer.sigmas == (0.1, 0.5)
        assert torch.equal(explorer.denoise(x, 0.5), x)
        assert torch.equal(explorer.denoise(x, 0.1), models[0.1](x))

    def test_bad_arguments(self):
        for sigma in (None, (), (0.0, 0.1)):
            with pytest.raises(ValueError, match="sigma"):
                DenoisingField(denoised, CENTRES, sigma=sigma)
        with pytest.raises(ValueError, match="points"):
            DenoisingField(denoised, torch.zeros(4, 3), sigma=(0.1,))


class TestFeatures:
    def test_untouched_it_is_the_reconstruction(self, everything, images):
        explorer = everything["features"]
        state = explorer.state(picture=5)
        assert torch.allclose(explorer.code(state), Projection(16).encode(images[4:5])[0], atol=1e-6)
        assert np.abs(explorer.frame(state).pictures[1].astype(int) - explorer.frame(state).pictures[0]).max() <= 1

    def test_a_slider_multiplies_the_strongest_feature(self, everything):
        explorer = everything["features"]
        h = explorer.code(explorer.state())
        first = explorer.strongest(explorer.state())
        assert first == h.abs().argsort(descending=True)[:4].tolist()
        changed = explorer.code(explorer.state(feature_2=2.5))
        assert changed[first[1]] == pytest.approx(2.5 * h[first[1]].item())
        assert (changed != h).sum() == 1

    def test_contributions_of_a_linear_decoder_are_its_columns(self, everything):
        explorer = everything["features"]
        state = explorer.state(feature_1=2.0, feature_3=0.0)
        columns = Projection(16).basis[:, explorer.strongest(state)].T.unflatten(1, (1, 4, 4))
        activations = explorer.code(state)[explorer.strongest(state)]
        assert torch.allclose(explorer.contributions(state), activations[:, None, None, None] * columns, atol=1e-5)
        assert explorer.contributions(state)[2].abs().max() < 1e-6

    def test_the_readout_counts_active_features(self, everything, images):
        explorer = everything["features"]
        codes = Projection(16).encode(images).abs()
        wanted = int((codes[2] > 0.1 * codes.max()).sum())
        assert explorer.readout(explorer.state(picture=3)).startswith(f"{wanted} of 16 features active")

    def test_fewer_features_than_asked_and_none(self, images):
        assert Features(Projection(3), images).count == 3
        with pytest.raises(ValueError, match="features"):
            Features(Projection(3), images, features=0)


class TestWalk:
    def test_ends_and_middle(self, everything, images):
        explorer = everything["walk"]
        for t in (0.0, 0.25, 1.0):
            line, blend = (explorer.at(way, torch.tensor([t]))[0] for way in explorer.ways)
            assert torch.allclose(blend, torch.lerp(images[0], images[1], t), atol=1e-6)
            assert torch.allclose(line, blend, atol=1e-5), "a linear autoencoder without loss walks straight"

    def test_distances_are_those_of_the_pictures(self, everything):
        explorer = everything["walk"]
        for t in (0.0, 0.5, 1.0):
            for way in explorer.ways:
                wanted = explorer.at(way, torch.tensor([t])).std().item()
                assert explorer.distance(way, t) == pytest.approx(wanted, abs=1e-5)
                assert f"{wanted:.3f} on the {way}" in explorer.readout(explorer.state(t=t))

    def test_given_distances_and_other_models(self, images):
        small = Projection(2)
        table = {"line in the code": [0, 1, 0], "small": [0.2, 0.2], "blend of pixels": [0, 2]}
        explorer = Walk(nn.Flatten(), nn.Unflatten(1, (1, 4, 4)), images[0], images[1], distances=table,
                        others={"small": (small.encode, small.decode)})
        assert len(explorer.frame({}).pictures) == 4
        assert explorer.distance("line in the code", 0.25) == pytest.approx(0.5)
        assert explorer.captions(explorer.state(t=0.5))[1] == "small: 0.200 off"
        assert "moments of 3 ways" in explorer.alt
        assert "two codes (line in the code, small)" in explorer.alt
        with pytest.raises(ValueError, match="distances"):
            Walk(small.encode, small.decode, images[0], images[1], distances={"code": [0, 1]})

    def test_the_blend_may_join_the_reconstructions(self, images):
        model = Projection(2)
        explorer = Walk(model.encode, model.decode, images[0], images[1], rebuilt=True)
        assert torch.allclose(explorer.at("blend of pixels", torch.tensor([0.0])), model(images[:1]), atol=1e-6)
        assert "differ by 0.000" in explorer.readout(explorer.state(t=0.3))


def test_held_models_do_not_learn_and_functions_stay_functions():
    model = Projection(4)
    encode, whole, plain = held(model.encode), held(model), held(torch.sin)
    x = torch.ones(1, 1, 4, 4)
    before = encode(x), whole(x)
    with torch.no_grad():
        model.basis.mul_(2)
    assert torch.equal(encode(x), before[0])
    assert torch.equal(whole(x), before[1])
    assert plain is torch.sin
    with pytest.raises(TypeError, match="str"):
        held("model")


class TestChart:
    @pytest.mark.parametrize("most", [0.0123, 0.07, 1.0, 3.3, 980.0])
    def test_rules_stand_at_round_numbers(self, most):
        marks = round_numbers(most)
        assert marks[0] == 0
        assert 3 <= len(marks) <= 6
        assert marks[-1] <= most < marks[-1] + 1.001 * marks[1]
        assert float(f"{marks[1]:.0e}") == marks[1]

    def test_equal_ratios_take_equal_room(self):
        chart = Chart((300, 200), (1, 16), 1.0, log=True)
        places = [chart.at(x, 0)[0] for x in (1, 2, 4, 8, 16)]
        assert np.allclose(np.diff(places), np.diff(places)[0])
        assert chart.at(1, 0.2)[1] > chart.at(1, 0.6)[1] > chart.at(1, 5)[1] == chart.at(1, 1)[1]
