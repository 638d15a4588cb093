"""The exercises on adversarial nets: other ways to be right, and mistakes that need more than a table."""

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot, softplus

from coursekit import checks
from coursekit.models import gan
from coursekit.models.gan.convolutional import dcgan_generator


def repaired(generator, critic, for_generator, for_critic, x, h):
    fake = generator(h)
    loss = softplus(-critic(x)).mean() + softplus(critic(fake.detach())).mean()
    for_critic.zero_grad()
    loss.backward()
    for_critic.step()

    for_generator.zero_grad()
    softplus(-critic(fake)).mean().backward()
    for_generator.step()


def planted(generator, critic, for_generator, for_critic, x, h):
    for_generator.zero_grad()
    fake = generator(h)
    loss = softplus(-critic(x)).mean() + softplus(critic(fake)).mean()
    loss.backward(retain_graph=True)
    for_critic.step()

    softplus(-critic(fake)).mean().backward()
    for_generator.step()


def undetached(generator, critic, for_generator, for_critic, x, h):
    """Costs time, but is right: the generator's gradients are cleared before its own loss."""
    fake = generator(h)
    loss = softplus(-critic(x)).mean() + softplus(critic(fake)).mean()
    for_critic.zero_grad()
    loss.backward(retain_graph=True)
    for_critic.step()

    for_generator.zero_grad()
    softplus(-critic(fake)).mean().backward()
    for_generator.step()


def by_the_loop(generator, critic, for_generator, for_critic, x, h):
    fake = generator(h)
    weights = list(critic.parameters())
    for_critic.zero_grad()
    (softplus(-critic(x)).mean() + softplus(critic(fake)).mean()).backward(inputs=weights, retain_graph=True)
    for_critic.step()
    weights = list(generator.parameters())
    for_generator.zero_grad()
    softplus(-critic(fake)).mean().backward(inputs=weights)
    for_generator.step()


@pytest.mark.parametrize("function", [repaired, undetached, by_the_loop])
def test_a_sound_round_is_right(function):
    assert checks.one_round(function).status == "right"


def test_the_planted_faults_are_both_seen():
    verdict = checks.one_round(planted)
    assert verdict.status == "wrong"
    assert "Nothing is repaired" in verdict.message


def second_backward(generator, critic, for_generator, for_critic, x, h):
    fake = generator(h)
    for_critic.zero_grad()
    softplus(critic(fake)).mean().backward()
    softplus(-critic(fake)).mean().backward()


def test_a_graph_used_twice_becomes_words():
    assert "RuntimeError" in checks.one_round(second_backward).message


@pytest.mark.parametrize("answer", [None, ...])
def test_a_round_that_moves_nobody_is_not_attempted(answer):
    assert checks.one_round(lambda *_: answer).status == "untouched"


def test_the_package_s_penalty_is_the_exercise_s():
    def with_the_package(critic, real, fake, u):
        generator = torch.Generator().manual_seed(0)
        drawn = torch.rand(len(real), 1, 1, 1, generator=torch.Generator().manual_seed(0))
        known = gan.GradientPenalty(
            weight=1.0, at=lambda x, y, _: u.reshape(drawn.shape) * x + (1 - u.reshape(drawn.shape)) * y
        )
        return known(critic, real, fake, generator=generator)

    assert checks.gradient_penalty(with_the_package).status == "right"


def test_a_detached_penalty_is_told():
    def cut_off(critic, real, fake, u):
        u = u.reshape(-1, 1, 1, 1)
        points = (u * real + (1 - u) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean().detach()

    assert "create_graph" in checks.gradient_penalty(cut_off).message


def test_layers_agree_with_the_formulas():
    for n, kernel, stride, padding in ((4, 4, 2, 1), (7, 5, 2, 2), (3, 3, 1, 0)):
        layer = nn.ConvTranspose2d(1, 1, kernel, stride, padding)
        size = layer(torch.zeros(1, 1, n, n)).shape[-1]
        assert (n - 1) * stride - 2 * padding + kernel == size

    def counted(inputs, outputs, kernel):
        stage = nn.Sequential(nn.ConvTranspose2d(inputs, outputs, kernel, bias=False), nn.BatchNorm2d(outputs))
        return sum(p.numel() for p in stage.parameters())

    assert checks.transposed_stage_parameters(counted).status == "right"
    stages = dcgan_generator()[1:-1]
    sizes = [sum(p.numel() for p in stage.parameters()) for stage in stages]
    assert sizes == [counted(a, b, 5) for a, b in ((1024, 512), (512, 256), (256, 128))]


def test_labels_by_hand():
    def joined(x, labels, classes):
        planes = torch.zeros(len(x), classes, *x.shape[2:])
        planes[torch.arange(len(x)), labels] = 1
        return torch.cat([x, planes], 1)

    assert checks.labelled_input(joined).status == "right"
    flat = checks.labelled_input(lambda x, labels, classes: one_hot(labels, classes))
    assert "shape" in flat.message


def test_truncation_by_either_way_is_right():
    class Here(nn.Module):
        pass

    by_formula = checks.truncated_normal(lambda n, size, limit: gan.Normal(size).draw(n, like=Here(), truncation=limit))
    by_torch = checks.truncated_normal(
        lambda n, size, limit: nn.init.trunc_normal_(torch.empty(n, size), a=-limit, b=limit)
    )
    assert by_formula.status == by_torch.status == "right"


@pytest.mark.parametrize("round_", range(5))
def test_truncation_is_judged_the_same_each_time(round_):
    assert "Clamped" in checks.truncated_normal(lambda n, size, t: torch.randn(n, size).clamp(-t, t)).message
