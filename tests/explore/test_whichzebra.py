"""One horse and its many zebras, without a browser: which panel shows what, and what the words say of a strip."""

import numpy as np
import pytest
import torch
from players import shows

from coursekit.data import horses
from coursekit.explore import WhichZebra
from coursekit.explore.parts.draw import picture
from coursekit.explore.parts.shelf import thumb
from coursekit.explore.whichzebra import along
from coursekit.models import translation
from coursekit.models.horse_reader import POSE, Reading


class Striped(torch.nn.Module):
    """The true zebras of the desk's horses: h are phase, width and tint, clipped to what they are."""

    def __init__(self, herd):
        super().__init__()
        self.latent, self.herd = {"a": 0, "b": 3}, herd

    def translate(self, x, to="b", *, h):
        i = [int((self.herd.images - image).square().flatten(1).sum(1).argmin()) for image in x]
        return horses.render(self.herd.factors[i], 32, stripes=h.clamp(-1, 1))


class Glowing(torch.nn.Module):
    """A wrong model: its number changes the whole picture, landscape and all."""

    latent = property(lambda self: {"a": 0, "b": 1})

    def translate(self, x, to="b", *, h):
        return x * (1 + 0.3 * h[:, :1, None, None])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    nets = [translation.small_generator(width=8, blocks=1, latent=k) for k in (2, 0)]
    with torch.no_grad():
        for parameter in nets[0].last.parameters():
            parameter.normal_(std=0.05)
    critics = [translation.small_critic(width=8) for _ in range(2)]
    codes = translation.code_reader(2, width=4), translation.code_critic(2)
    return translation.AugmentedCycleGAN(*nets, None, codes[0], *critics, None, codes[1], latent=(0, 2))


@pytest.fixture(scope="module")
def which(model):
    return WhichZebra(model, animals=3)


def tile(drawn, i):
    """The i-th picture of a strip."""
    return drawn[10:160, 11 + 158 * i : 161 + 158 * i]


class TestWhichZebra:
    def test_the_zebra_is_the_models_for_the_sliders_numbers(self, which, model):
        state = which.state(horse=2, h_1=1.25, h_2=-0.5)
        shown, x = which.render(state), which.herd.images[1:2]
        assert shows(shown[0], x)
        assert shows(shown[1], model.translate(x, "b", h=torch.tensor([[1.25, -0.5]])))
        assert not shows(shown[1], model.translate(x, "b", h=torch.tensor([[-0.5, 1.25]])))

    @pytest.mark.parametrize(("name", "axis"), [("h₁", 0), ("h₂", 1)])
    def test_the_middle_of_the_strip_is_the_number_at_0_and_its_ends_at_2(self, which, name, axis):
        state = which.state(h_1=1.25, h_2=-0.5, along=name)
        line = which.line(*which.where(state))
        for place, value in ((0, -2.0), (3, 0.0), (6, 2.0)):
            moved = which.state(**{**state, f"h_{axis + 1}": value})
            assert np.abs(which.render(moved)[1].astype(int) - picture(line[place])).max() <= 1
        drawn = which.render(state)[4]
        assert all(np.array_equal(tile(drawn, i), np.asarray(thumb(line[i], 150))) for i in range(7))

    def test_the_strip_stays_while_its_own_number_moves(self, which):
        one, two, other = ({**which.state(along="h₁"), **more} for more in ({}, {"h_1": 1.0}, {"h_2": 1.0}))
        assert torch.equal(which.line(*which.where(one)), which.line(*which.where(two)))
        assert not torch.equal(which.line(*which.where(one)), which.line(*which.where(other)))
        assert which.captions(one)[4] == "along h₁"

    def test_a_handful_is_drawn_from_the_prior_and_the_true_zebras_from_nature(self, which, model):
        state = which.state(horse=3, others=5)
        codes = torch.randn(9, 2, generator=torch.Generator().manual_seed(5))
        x = which.herd.images[2:3].expand(9, -1, -1, -1)
        assert torch.equal(which.handful(2, 5), model.translate(x, "b", h=codes))
        stripes = horses.sample_stripes(9, generator=torch.Generator().manual_seed(5))
        true = horses.render(which.herd.factors[2:3].expand(9, -1), 32, stripes=stripes)
        shown = which.render(state)[3]
        assert np.array_equal(shown[:32, :32], picture(true[0]))
        assert np.array_equal(shown[-32:, -32:], picture(true[8]))

    def test_words_tell_a_change_of_the_stripes_from_one_of_the_whole_picture(self):
        herd = horses.horses(8, seed=300)
        good, bad = WhichZebra(Striped(herd)), WhichZebra(Glowing())
        inside, outside = good.changed(good.line(*good.where(good.state(along="h₃"))), 0)
        assert inside > 0.05
        assert outside == pytest.approx(0, abs=1e-6)
        assert bad.changed(bad.line(*bad.where(bad.state())), 0)[1] > 0.05
        assert "0.00 on the landscape" in good.readout(good.state())

    def test_words_of_a_reader_say_what_the_strip_changes(self):
        stripes = torch.stack([torch.tensor([0.7, 0.9, -0.9, -0.7]), torch.linspace(-0.8, 0.6, 4), torch.zeros(4)], 1)
        pose = torch.zeros(4, len(POSE))
        pose[2, 3] = -0.25
        words = along(Reading(pose, torch.zeros(4), torch.ones(4), torch.ones(4), stripes))
        assert words == (
            "stripes’ width −0.80 → +0.60, tint +0.00 → +0.00, phase by 0.30 of a period; the pose by 0.25 at most"
        )

    def test_one_number_needs_no_choice(self):
        desk = WhichZebra(Glowing())
        assert set(desk.state()) == {"horse", "h_1", "others"}
        assert [label for label, _ in desk.contact_states()] == ["h₁ at 1.5"]
        assert len(desk.frame({}).pictures) == 5

    def test_models_without_codes_are_named(self):
        with pytest.raises(TypeError, match=r"AugmentedCycleGAN .* got Sequential"):
            WhichZebra(translation.small_critic())
        none = Glowing()
        none.__class__ = type("None_", (Glowing,), {"latent": {"a": 0, "b": 0}})
        with pytest.raises(ValueError, match=r"latent\['b'\] = 0"):
            WhichZebra(none)

    def test_pictures_are_a_pure_function_of_the_state(self, which):
        states = [which.surprise(torch.Generator().manual_seed(seed)) for seed in range(4)]
        first = [which.frame(state, final=False) for state in states]
        for one, two in zip(first, [which.frame(state) for state in states[::-1]][::-1], strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(one.pictures, two.pictures, strict=True))
