"""The exercises on translation: other ways to be right, and maps that no loss objects to."""

from itertools import permutations

import pytest
import torch
from torch import nn

from coursekit import checks
from coursekit.data import toy
from coursekit.models import translation

MOVED = {"centre": (0.6, 0.3), "scale": 0.8}


def field_of(layers):
    """The package's answer, for a net of such convolutions."""
    return translation.receptive_field(nn.Sequential(*(nn.Conv2d(1, 1, k, s, p) for k, s, p in layers)))


def forwards(layers):
    """Also right: from the image on, with the product of the strides before."""
    side, step = 1, 1
    for kernel, stride, _ in layers:
        side += (kernel - 1) * step
        step *= stride
    return side


@pytest.mark.parametrize("function", [field_of, forwards])
def test_both_ways_of_counting_are_right(function):
    assert checks.receptive_field(function).status == "right"


def carried(order):
    """Each heap carried whole to another corner, and back: neither a turn nor a mirror for most orders."""
    corners, goals = toy.square_corners(), toy.square_corners(**MOVED)[list(order)]

    def there(x):
        k = torch.cdist(x, corners).argmin(1)
        return goals[k] + 0.8 * (x - corners[k])

    def back(y):
        k = torch.cdist(y, goals).argmin(1)
        return corners[k] + (y - goals[k]) / 0.8

    return there, back


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_all_24_orders_are_judged_by_who_is_at_home(order):
    verdict = checks.unseen_swap(*carried(order))
    stays = any(k == end for k, end in enumerate(order))
    assert verdict.status == ("wrong" if stays else "right")
    assert ("still at home" in verdict.message) == stays


def test_a_squeezed_turn_is_seen_by_the_critic():
    there, back = carried((1, 2, 3, 0))
    middle = torch.tensor(MOVED["centre"])
    verdict = checks.unseen_swap(lambda x: there(x) + 0.2, lambda y: back(y - 0.2))
    assert "critic of B would see it" in verdict.message
    flat = checks.unseen_swap(lambda x: middle + 0 * there(x), back)
    assert flat.status == "wrong"


@pytest.mark.parametrize("answer", [None, ...])
def test_either_stub_of_a_swap_is_not_attempted(answer):
    there, back = carried((1, 2, 3, 0))
    assert checks.unseen_swap(lambda x: answer, back).status == "untouched"
    assert checks.unseen_swap(there, lambda y: answer).status == "untouched"


def test_a_swap_of_another_shape_becomes_words():
    there, back = carried((1, 2, 3, 0))
    assert r"want points [n, 2]" in checks.unseen_swap(lambda x: there(x)[0], back).message
    assert r"want points [n, 2]" in checks.unseen_swap(there, lambda y: "y").message


def planted(a, b, a_to_b, b_to_a, critic_a, critic_b):
    fake_b, fake_a = a_to_b(a), b_to_a(b)
    fooled = (critic_b(fake_b) - 1).square().mean() + (critic_a(fake_a) - 1).square().mean()
    cycle = (b_to_a(fake_b.detach()) - a).abs().mean() + (a_to_b(fake_a.detach()) - b).abs().mean()
    identity = (fake_b - a).abs().mean() + (fake_a - b).abs().mean()
    return fooled + 10 * cycle + 5 * identity


def repaired(a, b, a_to_b, b_to_a, critic_a, critic_b):
    fake_b, fake_a = a_to_b(a), b_to_a(b)
    fooled = (critic_b(fake_b) - 1).square().mean() + (critic_a(fake_a) - 1).square().mean()
    cycle = (b_to_a(fake_b) - a).abs().mean() + (a_to_b(fake_a) - b).abs().mean()
    identity = (a_to_b(b) - b).abs().mean() + (b_to_a(a) - a).abs().mean()
    return fooled + 10 * cycle + 5 * identity


def test_the_planted_faults_are_both_seen_and_the_repair_is_right():
    assert "Nothing is repaired" in checks.generators_loss(planted).message
    assert checks.generators_loss(repaired).status == "right"


def test_the_package_s_loss_is_the_exercise_s():
    """Its least squares have half of the square."""

    def of_the_package(a, b, a_to_b, b_to_a, critic_a, critic_b):
        game = translation.CycleGAN(a_to_b, b_to_a, critic_a, critic_b, cycle=5.0, identity=2.5, pool=0)
        return 2 * next(iter(game.turns((a, b))))[1]["loss"]

    assert checks.generators_loss(of_the_package).status == "right"


def test_a_loss_without_a_graph_is_no_right_answer():
    assert checks.generators_loss(lambda *a: repaired(*a).detach()).status == "wrong"
