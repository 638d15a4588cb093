"""What a code pays: closed forms, autograd, and finite differences must agree."""

import math

import pytest
import torch
from torch import nn

from coursekit import training
from coursekit.models import penalties
from coursekit.models.autoencoders import dense, tied
from coursekit.models.penalties import L1, Contractive, ContractiveSigmoid, Sparsity, bernoulli_kl, encoder_jacobian


def test_bernoulli_kl_by_hand():
    wanted = 0.05 * math.log(0.05 / 0.2) + 0.95 * math.log(0.95 / 0.8)
    assert bernoulli_kl(0.05, torch.tensor(0.2)).item() == pytest.approx(wanted, rel=1e-5)


def test_bernoulli_kl_of_a_unit_that_never_fires_is_finite():
    assert bernoulli_kl(0.05, torch.tensor([0.0, 1.0])).isfinite().all()


def test_l1_sums_over_units_and_averages_over_items():
    h = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    assert L1(0.5)(None, None, h)["l1"].item() == pytest.approx(0.5 * (3 + 3) / 2)


def test_sparsity_is_the_kl_of_the_batchs_mean_summed_over_units():
    h = torch.tensor([[0.1, 0.6], [0.3, 0.2]])
    wanted = 2.0 * bernoulli_kl(0.1, torch.tensor([0.2, 0.4])).sum()
    assert Sparsity(0.1, 2.0)(None, None, h)["sparsity"].item() == pytest.approx(wanted.item())


def test_a_running_mean_has_the_running_value_and_the_batchs_gradient_direction():
    penalty = Sparsity(0.1, 1.0, units=2, momentum=0.9)
    h = torch.full((4, 2), 0.5, requires_grad=True)
    term = penalty(None, None, h)["sparsity"]
    mean = 0.9 * 0.1 + 0.1 * 0.5
    assert penalty.running.tolist() == pytest.approx([mean, mean])
    assert term.item() == pytest.approx(2 * bernoulli_kl(0.1, torch.tensor(mean)).item(), rel=1e-5)
    term.backward()
    slope = -0.1 / mean + 0.9 / (1 - mean)  # of the KL at the running mean; a batch of four shares it
    assert h.grad.flatten().tolist() == pytest.approx([slope / 4] * 8, rel=1e-4)


def test_a_running_mean_rests_outside_training_and_is_saved():
    model = dense((4,), 3, code=nn.Sigmoid(), penalty=Sparsity(0.1, 1.0, units=3)).eval()
    before = model.penalty.running.clone()
    model.loss(torch.randn(8, 4))
    assert torch.equal(model.penalty.running, before)
    model.train().loss(torch.randn(8, 4))
    assert not torch.equal(model.penalty.running, before)
    assert "penalty.running" in model.state_dict()


def test_a_long_running_mean_finds_the_mean_over_the_whole_set():
    h = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)) ** 2
    penalty = Sparsity(0.05, 1.0, units=3, momentum=0.99)
    for batch in h.split(4):
        penalty(None, None, batch)
    assert torch.allclose(penalty.running, h.mean(0), atol=0.05)


def by_differences(model, x, step=1e-5):
    """∂h/∂x by central differences: [n, M_h, M]."""
    moves = step * torch.eye(x[0].numel(), dtype=x.dtype).reshape(-1, *x.shape[1:])
    slopes = [(model.encode(x + move) - model.encode(x - move)) / (2 * step) for move in moves]
    return torch.stack(slopes, 2)


NETS = {
    "one sigmoid layer": lambda: tied((5,), 3),
    "more units than inputs": lambda: dense((3,), 7, code=nn.Sigmoid()),
    "deep": lambda: dense((1, 2, 3), 4, 8, activation=nn.Tanh),
}


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
def test_the_encoders_jacobian_agrees_with_differences(make):
    torch.manual_seed(0)
    model = make().double()
    x = torch.randn(6, *_item(model), dtype=torch.float64)
    with torch.no_grad():
        wanted = by_differences(model, x)
    assert torch.allclose(encoder_jacobian(model, x), wanted, atol=1e-8)


def _item(model):
    return model.decode(torch.zeros(1, model.latent_size, dtype=torch.float64)).shape[1:]


@pytest.mark.parametrize("make", [lambda: tied((5,), 3), lambda: dense((1, 2, 2), 9, code=nn.Sigmoid())])
def test_the_closed_form_of_a_sigmoid_layer_equals_the_exact_penalty_and_its_gradient(make):
    torch.manual_seed(0)
    model = make().double()
    x = torch.randn(6, *_item(model), dtype=torch.float64)
    terms, gradients = [], []
    for penalty in (Contractive(0.7), ContractiveSigmoid(0.7)):
        term = penalty(model, x, model.encode(x))["contraction"]
        terms.append(term.item())
        gradients.append(torch.autograd.grad(term, list(model.encoder.parameters())))
    assert terms[0] == pytest.approx(terms[1], rel=1e-10)
    assert all(torch.allclose(a, b, atol=1e-10) for a, b in zip(*gradients, strict=True))


def test_the_closed_form_refuses_other_encoders():
    model = dense((4,), 2, 8, penalty=ContractiveSigmoid(1.0))
    with pytest.raises(TypeError, match="Linear"):
        model.loss(torch.randn(3, 4))


def test_terms_are_added_to_the_loss_and_reported():
    torch.manual_seed(0)
    plain = dense((4,), 2, code=nn.Sigmoid())
    x = torch.randn(8, 4)
    base = plain.loss(x)["loss"].item()
    plain.penalty = lambda model, x, h: {**L1(0.3)(model, x, h), **Contractive(0.2)(model, x, h)}
    terms = plain.loss(x)
    assert terms["loss"].item() == pytest.approx(base + terms["l1"].item() + terms["contraction"].item(), rel=1e-6)
    assert set(terms) == {"loss", "mse", "l1", "contraction"}


def test_wrong_arguments_are_named():
    for kind, arguments, name in ((L1, (-1,), "weight"), (Sparsity, (0, 1), "rho"), (Contractive, (-1,), "weight")):
        with pytest.raises(ValueError, match=name):
            kind(*arguments)
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        Sparsity(0.1, 1.0)(None, None, torch.tensor([[1.5]]))


def test_a_penalty_that_is_a_module_moves_with_the_model_and_owns_no_parameter():
    model = dense((4,), 3, code=nn.Sigmoid(), penalty=penalties.Sparsity(0.1, 1.0, units=3)).double()
    assert model.penalty.running.dtype == torch.float64
    assert len(training.trainable_parameters(model)["model"]) == 4
