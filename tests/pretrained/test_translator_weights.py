"""Recipes of translators: what they train on, what is kept of a training, and what their cards are measured with."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import nn

from coursekit import data
from coursekit.data import horses
from coursekit.models import translation
from coursekit.pretrained import animals, translators
from coursekit.pretrained.making import make

BY_NAME = {recipe.name: recipe for recipe in translators.RECIPES}
CASES = [recipe for recipe in translators.CASES if not recipe.name.endswith("noise")]


class Drawn(nn.Module):
    """A generator that draws these images, whatever it is given."""

    def __init__(self, images):
        super().__init__()
        self.register_buffer("images", images)

    def forward(self, x):
        return self.images[: len(x)]


class Identity(nn.Module):
    """What comes in."""

    def forward(self, x):
        return x


@pytest.fixture
def few(monkeypatch):
    """Fifty unseen pairs instead of 500: as many as are translated at once."""
    small = {size: animals.truth(size, 50) for size in (32, 64)}
    for room in (animals, translators):
        monkeypatch.setattr(room, "truth", lambda size, n=50: small[size])
    monkeypatch.setattr(animals, "FEW", 20)
    return small[32]


def test_the_compared_cases_differ_in_their_generators_and_the_cycle_alone():
    assert len(CASES) == 6
    settings = [recipe.settings() | {"name": ""} for recipe in CASES]
    assert all(one == settings[0] for one in settings)
    assert len({(recipe.epochs, recipe.data) for recipe in CASES}) == 1
    for recipe in CASES:
        games = recipe.build().games()
        assert list(games) == ["0", "1", "2"]
        assert {game.cycle for game in games.values()} == {0.0 if recipe.name.endswith("alone") else 10.0}


def test_no_zebra_is_a_horse_s_own():
    pair = translators.unpaired(32, 40)
    assert isinstance(pair, data.Unpaired)
    a, b = horses.horses(40, size=32, seed=0), horses.zebras(40, size=32, seed=1)
    assert torch.equal(pair.a.images, a.images)
    assert torch.equal(pair.b.images, b.images)
    assert torch.cdist(a.factors, b.factors[:, : len(horses.FACTORS)]).min() > 0.1


def test_the_truth_scores_as_the_truth(few):
    found = animals.of_pictures(few.zebras, 32)
    assert found["striped"] == 1
    assert found["facing"] > 0.98
    assert found["ground"] == 0
    assert found["structure"] == pytest.approx(0, abs=1e-5)
    assert found["sharpness"] == 1
    assert 0.75 < found["outline"] < 0.85  # the shadow on the ground is a spot as well
    assert min(found[f"r_{name}"] for name in ("place", "size", "gait", "neck", "sky", "ground", "light")) > 0.9


def test_a_translator_that_does_nothing_closes_the_cycle_and_paints_no_stripes(few):
    found = animals.of_translator(translation.Translator(Identity(), Identity()), 32)
    assert found["cycle"] == 0
    assert found["gain"] == pytest.approx(1, abs=0.01)
    assert found["cycle_after_noise"] == pytest.approx(animals.HIDDEN, rel=0.02)
    assert found["striped"] < 0.05
    assert found["plain"] < 0.05
    assert found["facing"] > 0.98


def test_a_translator_that_draws_one_herd_keeps_nothing(few):
    other = horses.zebras(50, size=32, seed=7).images
    found = animals.of_translator(translation.Translator(Drawn(other), Drawn(few.horses)), 32)
    assert found["striped"] > 0.98
    assert found["gain"] == found["cycle"] == 0  # the way back knows them all by heart
    assert found["plain"] == 1
    assert abs(found["facing"] - 0.5) < 0.25
    assert all(abs(found[f"r_{name}"]) < 0.4 for name in ("place", "size", "gait", "neck"))
    assert found["outline"] < 0.5
    assert found["ground"] > 0.005


def test_spreads_of_true_zebras_and_of_one_zebra(few):
    class Deaf(translation.AugmentedCycleGAN):
        def translate(self, x, to="b", *, h=None, generator=None):
            return few.zebras[:1].expand(len(x), -1, -1, -1)

    game = translators.many_game()
    game.__class__ = Deaf
    found = animals.of_many(game)
    for name in ("phase", "width", "tint", "pose"):
        assert found[f"{name}_spread"] == pytest.approx(0, abs=1e-4)
    assert found["differ_on"] == found["differ_outside"] == 0
    assert found["true_phase_spread"] > 0.4
    assert found["true_tint_spread"] > 0.8
    assert found["true_width_spread"] > 0.6
    assert found["true_pose_spread"] < 0.3
    assert found["true_differ_outside"] < 0.02 < found["true_differ_on"]


def test_a_studio_shows_no_landscape():
    h = horses.sample_factors(6, generator=torch.Generator().manual_seed(0))
    there = animals.studio(h)
    named = [horses.FACTORS.index(name) for name in animals.LANDSCAPE]
    rest = [k for k in range(len(horses.FACTORS)) if k not in named]
    assert (there[:, named] == 0).all()
    assert torch.equal(there[:, rest], h[:, rest])
    assert not (h[:, named] == 0).any()


def test_who_keeps_by_heart_what_is_not_shown_is_found_by_noise(few):
    """The way back amplifies: with noise the landscape is lost, and without it is not."""

    class Hidden(nn.Module):
        def forward(self, x):
            return 0.5 + 0.01 * (x - 0.5)

    class Read(nn.Module):
        def forward(self, x):
            return 0.5 + 100 * (x - 0.5)

    found = animals.of_studio(translation.Translator(Hidden(), Read()))
    assert found["cycle"] < 1e-4
    assert found["gain"] == pytest.approx(100, rel=0.02)
    assert found["cycle_after_0.02"] > 1
    assert found["back_ground"] > 0.9 > 0.5 > found["back_ground_after_0.1"]


def test_only_their_own_models_are_measured():
    plain = nn.Linear(1, 1)
    for measure, wanted in (
        (partial(animals.of_translator, size=32), "Translator"), (animals.of_many, "AugmentedCycleGAN"),
        (animals.of_studio, "Translator"), (translators.of_runs, "Runs"), (translators.of_smiles, "Translator"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=f"want (an? )?{wanted}, got Linear"):
            measure(plain)


def test_what_is_kept_of_a_training_are_the_generators(few, tmp_path):
    herd = data.Unpaired(horses.horses(16, size=32, seed=0), horses.zebras(16, size=32, seed=1), ("horse", "zebra"))
    recipe = replace(BY_NAME["horses_free"], examples=lambda: herd)
    card = make(recipe, tmp_path, steps=2, device="cpu", progress=False)
    kept, whole = recipe.blank(), recipe.build()
    assert not any("critic" in name for name in kept.state_dict())
    assert sum(p.numel() for p in kept.parameters()) == card["parameters"]
    assert sum(p.numel() for p in kept.parameters()) < sum(p.numel() for p in whole.parameters())
    assert {name.partition("_")[0] for name in card["figures"]} == {"0", "1", "2"}


def test_the_landscape_alone_has_no_outline_and_a_blurred_truth_is_not_sharp(few):
    assert animals.of_pictures(few.landscapes, 32)["outline"] == 0
    blurred = nn.functional.avg_pool2d(few.zebras, 3, 1, 1)
    assert animals.of_pictures(blurred, 32)["sharpness"] < 0.7
    assert animals.of_pictures(few.zebras, 32)["sharpness"] == 1
