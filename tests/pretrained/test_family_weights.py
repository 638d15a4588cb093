"""The family's recipes: alike in what they see; an optimizer for nets that grow; what their cards are measured with."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from coursekit import training
from coursekit.models import gan
from coursekit.pretrained import family, judged
from coursekit.pretrained.making import Pace

SIZES = ((3, 16, 16), (8, 6, 4))


def test_all_members_see_as_many_images():
    assert [recipe.name.removeprefix("family_") for recipe in family.RECIPES] == [
        "dcgan", "wgan", "sagan", "progan", "biggan", "transgan", "r3gan",
    ]  # fmt: skip
    assert {(recipe.epochs, recipe.data, recipe.measure) for recipe in family.RECIPES} == {
        (4, family.FACES, judged.of_family)
    }
    for recipe in family.RECIPES:
        assert judged.TRAINING % recipe.batch_size == 0
        assert recipe.batch_size % recipe.build().n_critic == 0  # no image is left over


def test_a_card_says_which_adam():
    dcgan = family.RECIPES[0]
    assert dcgan.settings()["optimizer"] == "Adam, betas (0.5, 0.999)"
    optimizer = dcgan.optimizer([nn.Parameter(torch.zeros(2))], lr=0.1, weight_decay=0.0)
    assert optimizer.defaults["betas"] == (0.5, 0.999)
    assert optimizer.defaults["lr"] == 0.1


def first_step_after_a_rest(optimizer_of) -> float:
    """How far a weight goes at its first gradient of 1, which comes after 50 of exactly 0, in learning rates."""
    weight = nn.Parameter(torch.zeros(3))
    optimizer = optimizer_of([weight], 0.01)
    for step in range(51):
        weight.grad = torch.zeros(3) if step < 50 else torch.ones(3)
        optimizer.step()
    return weight[0].item() / -0.01


def test_a_layer_that_wakes_does_not_jump():
    assert first_step_after_a_rest(family.waking) == pytest.approx(1, abs=1e-3)
    plain = first_step_after_a_rest(lambda parameters, lr: family.Betas(0.0, 0.99)(parameters, lr))
    assert plain == pytest.approx(math.sqrt((1 - 0.99**51) / (1 - 0.99)), rel=1e-3)
    assert plain > 6


def grown_for(steps: int, file: Path) -> gan.GAN:
    """A net that grows during twelve steps, trained so far."""
    torch.manual_seed(0)
    model, pace = gan.progan(*SIZES, latent_size=8), Pace(lambda model, done: gan.grown(model, done))
    start = pace.start

    def of_twelve(run: training.Training) -> None:
        start(run)
        pace.total = 12

    pace.start = of_twelve
    x = torch.rand(32, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    optimizers = dict.fromkeys(model.players(), lambda parameters: family.waking(parameters, 0.01))
    along = [pace, training.Checkpoint(file)]
    training.fit(model, x, steps=steps, batch_size=8, optimizers=optimizers, along=along, progress=False)
    return model


def test_a_growing_training_goes_on_as_if_it_had_not_been_broken_off(tmp_path):
    whole = grown_for(10, tmp_path / "a")
    part = grown_for(2, tmp_path / "b")
    assert 0 < part.generator.level < whole.generator.level == 2
    again = grown_for(10, tmp_path / "b")
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


@pytest.fixture
def few(monkeypatch):
    """Sixty training faces instead of 20,000, and 150 others instead of 2,000."""
    monkeypatch.setattr(judged, "JUDGED", 150)
    known = judged.small_faces(0, 60)
    monkeypatch.setattr(judged, "training_faces", lambda: known)
    return known


def test_a_copy_is_found(few):
    noise = 0.1 * torch.randn(few.images[:5].shape, generator=torch.Generator().manual_seed(0))
    assert judged.nearest(few.images[:5]).max() < 1e-3
    assert torch.allclose(judged.nearest(few.images[:5] + noise), torch.tensor(0.1), atol=0.005)
    assert judged.of_copies(few.images, 20)["nearest"] < 1e-3 < judged.of_copies(few.images, 20)["nearest_unseen"]


def test_the_judge_reads_small_faces_enlarged(few):
    given = judged.small_faces(judged.SEED_OF_TEST, 150)
    truth = given.factors[:, -4:] > 0.5
    assert (judged.attributes(given.images) == truth).float().mean() > 0.97
    assert judged.enlarged(given.images[:2]).shape == (2, 3, 64, 64)


def test_a_model_that_is_told_attributes_is_asked_for_what_occurs(few):
    torch.manual_seed(0)
    model, seen = gan.biggan((3, 16, 16), (8, 6, 4), latent_size=6), []
    model.generator.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    assert judged.drawn(model, 130).shape == (130, 3, 16, 16)
    told = torch.cat(seen)
    assert torch.equal(told, judged.asked(130))
    assert 0.1 < told.mean() < 0.5


def test_only_games_are_judged():
    with pytest.raises(TypeError, match="want a GAN, got Linear"):
        judged.of_family(nn.Linear(1, 1))
