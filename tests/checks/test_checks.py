"""The checks: right answers pass, stubs are not attempted, typical mistakes get their own hint."""

import pytest
import torch

from coursekit import checks
from coursekit.checks import (
    adversarial,
    autoencoders,
    core,
    denoising,
    diffusion,
    image_gans,
    latent_space,
    manifolds,
    regularised,
    translation,
    variational,
)

MODULES = (
    manifolds, autoencoders, regularised, latent_space, variational, adversarial, image_gans, translation, denoising,
    diffusion,
)  # fmt: skip
EXERCISES = {
    f"{module.__name__.rsplit('.')[-1]}{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, core.Exercise)
}


@pytest.fixture(params=EXERCISES.values(), ids=EXERCISES.keys())
def exercise(request):
    return request.param


def test_reference_is_right(exercise):
    assert exercise(exercise.reference).status == "right"


@pytest.mark.parametrize("stub", [lambda *a: ..., lambda *a: None])
def test_stub_is_not_attempted(exercise, stub):
    assert exercise(stub).status == "untouched"


def test_not_implemented_is_not_attempted(exercise):
    def stub(*_):
        raise NotImplementedError

    assert exercise(stub).status == "untouched"


def test_every_typical_mistake_gets_its_own_hint(exercise):
    assert len(exercise.mistakes) >= 2
    for hint, mistake in exercise.mistakes.items():
        verdict = exercise(mistake)
        assert (verdict.status, verdict.message) == ("wrong", hint)


def test_other_errors_get_a_counterexample_in_numbers(exercise):
    verdict = exercise(lambda *case: exercise.reference(*case) * 3 + 1)
    assert verdict.status == "wrong"
    assert "yours is" in verdict.message


def test_exceptions_become_words():
    verdict = checks.oja_step(lambda w, x, rate: w @ torch.ones(77))
    assert verdict.status == "wrong"
    assert "RuntimeError" in verdict.message


def test_wrong_type_is_named():
    assert "str" in checks.oja_step(lambda w, x, rate: "w").message


def test_wrong_shape_is_named():
    assert "shape" in checks.oja_step(lambda w, x, rate: torch.ones(7)).message


def test_a_function_that_writes_into_its_input_is_still_judged_rightly():
    def in_place(w, x, rate):
        y = w @ x
        w += rate * y * (x - y * w)
        return w

    assert checks.oja_step(in_place).status == "right"


def test_public_checks_cover_every_exercise():
    assert sum(len(module.__all__) for module in MODULES) == len(EXERCISES)
