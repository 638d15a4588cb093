"""The failure gallery: each fault shows its own symptom and no other's, repairing it heals; diagnoses are judged."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import nn

from coursekit import checks, data, figures, metrics
from coursekit.checks import failures
from coursekit.checks.failures import DIGITS, FAULTS, PATIENTS, RING
from coursekit.data import toy
from coursekit.models import gan
from coursekit.training import steps

CENTRES = toy.ring_centres(radius=failures.RADIUS)
NAMES = sorted(FAULTS)
train = cache(failures.train)  # a setting is trained once


def late(run, name):
    """A curve's second half."""
    values = run.curves[name]
    return values[len(values) // 2 :]


def apart(run):
    return (late(run, "real") - late(run, "generated")).mean().item()


def travelled(run):
    """How far the samples have come from where they started, on average."""
    return (run.samples - run.stages[0]).flatten(1).norm(dim=1).mean().item()


def largest_score(run):
    return max(run.curves[name].abs().max().item() for name in ("real", "generated", "generated, generator's turn"))


def all_alike(run):
    return run.samples.flatten(1).std(0).mean().item() < 0.03


def within_unit(run):
    scores = torch.cat([run.curves[name] for name in ("real", "generated")])
    return bool((scores >= 0).all() and (scores <= 1).all())


def two_minds(run):
    """How much the scores of generated items differ between the critic's turn and the generator's."""
    return (late(run, "generated, generator's turn") - late(run, "generated")).mean().abs().item()


def low(run, player):
    return late(run, f"{player} loss").abs().max().item() < 0.2


SYMPTOMS = {
    "critic too strong": lambda run: low(run, "generator") and apart(run) > 8,
    "batch normalisation": lambda run: two_minds(run) > 4 and largest_score(run) < 50,
    "penalty's norm": lambda run: (
        all_alike(run) and late(run, "slope").median() > 3 and not low(run, "critic") and largest_score(run) < 50
    ),
    "no detach": lambda run: late(run, "critic loss").max() < 1.1 and 2 < apart(run) < 8 and travelled(run) > 1,
    "sigmoid twice": within_unit,
    "mode collapse": lambda run: all_alike(run) and (late(run, "slope") - 1).abs().max() < 0.3,
    "labels swapped": lambda run: low(run, "critic") and low(run, "generator") and apart(run) < -5,
    "learning rate": lambda run: largest_score(run) > 50,
}


def seen(run):
    return {name for name in NAMES if SYMPTOMS[name](run)}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_shows_its_symptom_and_no_other(name):
    assert seen(train(FAULTS[name].broken)) == {name}


@pytest.mark.parametrize("name", NAMES)
def test_repaired_it_shows_none(name):
    assert len(FAULTS[name].change) == 1
    assert not seen(train(FAULTS[name].healthy))


def covered(run):
    return metrics.mode_count(run.samples, CENTRES, failures.STD, least=4)


ON_RING = [name for name in NAMES if FAULTS[name].broken.latent == RING.latent]


@pytest.mark.parametrize("name", ON_RING)
def test_repairing_it_covers_the_ring(name):
    broken, healthy = covered(train(FAULTS[name].broken)), covered(train(FAULTS[name].healthy))
    assert healthy.modes >= 7
    assert healthy.share > 0.1
    assert broken.modes <= 2
    assert broken.share < 0.05


def variety(images):
    return images.flatten(1).std(0).mean().item()


def nearest(images):
    """The mean distance to the nearest real digit."""
    return torch.cdist(images.flatten(1), data.digits().images.flatten(1)).min(1).values.mean().item()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ON_RING])
def test_repairing_it_brings_different_digits(name):
    broken, healthy = train(FAULTS[name].broken).samples, train(FAULTS[name].healthy).samples
    real = variety(data.digits().images)
    assert variety(healthy) > 0.5 * real
    assert variety(broken) < 0.15 * real
    assert nearest(healthy) < 0.85 * nearest(broken)


def test_adam_hides_saturation():
    """It divides by the gradient's size: the saturated generator arrives all the same, which plain descent does not."""
    starving = FAULTS["critic too strong"].broken
    assert travelled(train(starving)) < 0.5
    assert travelled(train(replace(starving, descent=None))) > 2


def test_batches_apart_do_not_make_batch_normalisation_sound_for_dots():
    """Normalised by itself, a batch does not show where it lies."""
    separate = train(replace(FAULTS["batch normalisation"].broken, judge=failures.apart))
    assert two_minds(separate) < 1
    assert covered(separate).share < 0.1


def test_with_more_turns_of_the_critic_the_wrong_norm_shows_in_the_slope_alone():
    strong = replace(DIGITS, critic_turns=3, rate=3e-3, steps=150)
    sound, wrong = train(strong), train(replace(strong, penalty=failures.columnwise_penalty))
    assert late(wrong, "slope").median() > 3 * late(sound, "slope").median()
    assert variety(wrong.samples) > 0.5 * variety(sound.samples)
    assert nearest(wrong.samples) < 1.2 * nearest(sound.samples)


class Attached(gan.GAN):
    """A GAN that forgets to detach."""

    def critic_loss(self, deal):
        scores = self.score(deal.real), self.score(deal.fake)
        return {"loss": self.objective.critic(*scores)}

    def turns(self, x):
        yield "critic", self.critic_loss(self.deal(x))
        yield "generator", self.generator_loss(self.deal(x))


class Detached(Attached):
    def critic_loss(self, deal):
        scores = self.score(deal.real), self.score(deal.fake.detach())
        return {"loss": self.objective.critic(*scores)}


def test_in_the_course_s_loop_a_missing_detach_moves_nobody():
    """It asks for the gradient with respect to the player's own weights alone."""
    weights = []
    for kind in (Attached, Detached):
        torch.manual_seed(0)
        game = kind(nn.Linear(2, 2), nn.Linear(2, 1), latent=2)
        optimizers = {name: torch.optim.SGD(player.parameters(), 0.1) for name, player in game.players().items()}
        for _ in steps(game, [torch.randn(16, 2) for _ in range(5)], optimizers):
            pass
        weights.append(nn.utils.parameters_to_vector(game.parameters()).detach())
    assert torch.equal(*weights)


def test_a_training_is_decided_by_its_seed_and_disturbs_no_other_randomness():
    brief = replace(RING, steps=20)
    state = torch.random.get_rng_state()
    first, again, other = failures.train(brief), failures.train(brief), failures.train(brief, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first.samples, again.samples)
    assert not torch.equal(first.samples, other.samples)
    assert first.stages.keys() == {0, 5, 10, 20}
    assert first.steps.tolist() == [10, 20]


def test_every_fault_has_a_letter():
    assert sorted(PATIENTS.values()) == NAMES
    with pytest.raises(ValueError, match="letters"):
        failures.gallery("AZ")


@pytest.mark.parametrize("answer", [..., None, {}, {"A": ""}, {"A": None, "B": ...}])
def test_an_empty_diagnosis_is_not_attempted(answer):
    assert checks.diagnosis(lambda: answer).status == "untouched"


def test_the_right_diagnosis_is_right():
    assert checks.diagnosis(lambda: PATIENTS).status == "right"
    loose = {letter.lower(): f" {name.capitalize()} ".replace("'", "’") for letter, name in PATIENTS.items()}
    assert checks.diagnosis(lambda: loose).status == "right"


@pytest.mark.parametrize("letter", PATIENTS)
def test_a_wrong_diagnosis_says_where_to_look(letter):
    wrong = next(name for name in NAMES if name != PATIENTS[letter])
    verdict = checks.diagnosis(lambda: PATIENTS | {letter: wrong})
    assert verdict.status == "wrong"
    looks = {name for name in NAMES if FAULTS[name].look in verdict.message}
    assert looks == {PATIENTS[letter]}
    assert PATIENTS[letter] not in FAULTS[PATIENTS[letter]].look  # a hint, not the answer


def test_a_part_of_a_diagnosis_is_judged():
    verdict = checks.diagnosis(lambda: {"A": PATIENTS["A"], "B": PATIENTS["A"]})
    assert verdict.status == "wrong"
    assert "Right so far: A." in verdict.message
    assert "B:" in verdict.message
    assert "C:" not in verdict.message


def raises():
    raise KeyError("A")


@pytest.mark.parametrize(
    ("function", "word"),
    [(lambda: ["A"], "list"), (lambda: {"A": "flu"}, "'flu'"), (lambda: {"X": NAMES[0]}, "'X'"), (raises, "KeyError")],
)
def test_what_is_no_diagnosis_is_named(function, word):
    verdict = checks.diagnosis(function)
    assert verdict.status == "wrong"
    assert word in verdict.message


def not_written():
    raise NotImplementedError


def test_a_diagnosis_not_written_is_not_attempted():
    assert checks.diagnosis(not_written).status == "untouched"


def test_charts_show_every_curve_and_the_samples():
    runs = {"A": failures.train(replace(RING, steps=20)), "B": failures.train(replace(DIGITS, steps=20))}
    picture = figures.trainings(runs, centres=CENTRES, alt="Two trainings.")
    grid = picture.figure.axes
    assert [len(ax.get_lines()) for ax in grid[:6]] == [3, 3, 2, 2, 1, 1]
    assert grid[6].collections
    assert grid[7].images
    assert picture.png().startswith(b"\x89PNG")


def test_charts_of_a_wild_training_show_its_small_numbers_too():
    run = failures.train(replace(RING, steps=20))
    wild = replace(run, curves={name: 1e5 * values for name, values in run.curves.items()})
    scales = [figures.trainings({"": r}, centres=CENTRES, alt="One.").figure.axes[0].get_yscale() for r in (run, wild)]
    assert scales == ["linear", "symlog"]
