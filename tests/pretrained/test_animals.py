"""What cards say of translations: the truth itself scores best, and what is wrong with others shows where it should."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from coursekit.data import horses
from coursekit.models.translation import Translator
from coursekit.pretrained import animals, translators


@pytest.fixture(scope="module")
def true():
    return animals.truth(32, 60)


def scores(made, true, monkeypatch):
    monkeypatch.setattr(animals, "truth", lambda size: true)
    return animals.of_pictures(made, 32)


def test_the_truth_scores_best(true, monkeypatch):
    found = scores(true.zebras, true, monkeypatch)
    assert found["striped"] == 1
    assert found["facing"] == 1
    assert found["ground"] < 1e-12
    assert found["sharpness"] == 1
    assert found["outline"] > 0.7  # the shadow's pixels under the hooves count as landscape, soft rims do not
    assert min(found[f"r_{name}"] for name in ("place", "size", "gait", "neck")) > 0.9


def test_a_horse_as_it_is_has_no_stripes_and_the_rest(true, monkeypatch):
    found = scores(true.horses, true, monkeypatch)
    assert found["striped"] == 0
    assert found["facing"] == 1
    assert found["ground"] < 1e-12
    assert found["sharpness"] < 0.5


def test_another_horse_s_zebra_fails_but_for_its_stripes(true, monkeypatch):
    found = scores(true.zebras.roll(1, 0), true, monkeypatch)
    assert found["striped"] == 1
    assert abs(found["r_place"]) < 0.4
    assert found["ground"] > 0.01
    assert found["outline"] < 0.4


def test_the_landscape_alone_has_no_outline_and_a_blurred_truth_is_not_sharp(true, monkeypatch):
    assert scores(true.landscapes, true, monkeypatch)["outline"] == 0
    blurred = avg_pool2d(true.zebras, 3, 1, 1)
    assert scores(blurred, true, monkeypatch)["sharpness"] < 0.7


def test_spreads_are_those_of_the_truth_for_the_truth_and_nothing_for_copies(true):
    n = 20
    h = true.factors[:n].repeat_interleave(animals.DRAWS, 0)
    drawn = horses.render(h, 32, stripes=horses.sample_stripes(len(h), generator=torch.Generator().manual_seed(0)))
    found, still = (animals.spreads(x, true.outlines[:n]) for x in (drawn, horses.render(h, 32)))
    assert found["phase_spread"] > 0.5
    assert found["width_spread"] > 0.8
    assert found["tint_spread"] > 0.8
    assert found["differ_outside"] == pytest.approx(0, abs=1e-6)
    assert still["phase_spread"] == pytest.approx(0, abs=1e-5)
    assert still["differ_on"] == pytest.approx(0, abs=1e-6)


def test_the_studio_changes_the_landscape_alone():
    h = horses.sample_factors(4, generator=torch.Generator().manual_seed(0))
    there = animals.studio(h)
    same = [name not in animals.LANDSCAPE for name in horses.FACTORS]
    assert torch.equal(there[:, same], h[:, same])
    assert (there[:, [not one for one in same]] == 0).all()
    assert (horses.landscape(there) - horses.landscape(there[:1])).abs()[:, :, :8].max() == 0  # one sky for all


def test_what_is_kept_of_runs_are_their_translators():
    runs = translators.seeds(lambda: translators.game(translators.MAKERS["free"][1]), 2)
    kept = translators.translators(runs)
    assert len(kept) == 2
    assert isinstance(kept[1], Translator)
    assert kept[1].a_to_b is runs[1].a_to_b
    assert not any("critic" in name for name in kept.state_dict())
    assert set(runs.players()) == {f"{k} {name}" for k in "01" for name in ("generators", "critic_a", "critic_b")}
    assert set(runs.memories()) == {f"{k} pool_{side}" for k in "01" for side in "ab"}


@pytest.mark.parametrize(
    "measure", [animals.of_reader, animals.of_many, animals.of_studio, translators.of_runs, translators.of_smiles]
)
def test_figures_want_their_kind_of_model(measure):
    with pytest.raises(TypeError, match="model: want"):
        measure(translators.generators(translators.Runs({})) if measure is not translators.of_runs else torch.nn.ReLU())
