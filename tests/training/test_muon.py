"""The optimizer that changes every direction of a matrix by about the same amount."""

import pytest
import torch
from players import model, same, x
from torch import nn

from coursekit import training
from coursekit.training.muon import VECTORS, Muon, orthogonalised


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (8, 8)])
def test_all_directions_get_about_the_same_length_and_stay_what_they_are(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inside = u.T @ orthogonalised(matrix) @ v.T  # diagonal, since the directions stay
    assert torch.allclose(inside, inside.diagonal().diag(), atol=1e-3)
    assert inside.diagonal().min() > 0.5
    assert inside.diagonal().max() < 1.3


def test_the_length_of_the_gradient_does_not_matter():
    matrix = torch.randn(5, 9, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(orthogonalised(matrix), orthogonalised(1000 * matrix), atol=1e-4)
    assert torch.equal(orthogonalised(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_a_step_of_a_matrix_is_about_as_long_as_one_of_adam():
    weight = nn.Parameter(torch.zeros(30, 50))
    weight.grad = torch.randn(30, 50, generator=torch.Generator().manual_seed(0))
    Muon([weight], lr=0.1).step()
    assert weight.square().mean().sqrt().item() == pytest.approx(0.2 * 0.1, rel=0.25)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has its own Muon since 2.9: pip install -U torch")
def test_matrices_move_as_by_the_optimizer_of_torch():
    start = torch.randn(12, 40, generator=torch.Generator().manual_seed(9))
    mine, theirs = (nn.Parameter(start.clone()) for _ in range(2))
    how = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.3}
    optimizers = Muon([mine], **how), torch.optim.Muon([theirs], adjust_lr_fn="match_rms_adamw", **how)
    for seed in range(4):
        for p, optimizer in zip((mine, theirs), optimizers, strict=True):
            p.grad = torch.randn(12, 40, generator=torch.Generator().manual_seed(seed))
            optimizer.step()
    assert (mine - theirs).norm() < 0.02 * (theirs - start).norm()  # torch orthogonalises in bfloat16


def test_what_is_no_matrix_moves_by_adam():
    mine, theirs = (nn.Parameter(torch.ones(4)) for _ in range(2))
    optimizers = Muon([mine], lr=0.1), torch.optim.Adam([theirs], lr=0.1 * VECTORS)
    for seed in range(5):
        for p, optimizer in zip((mine, theirs), optimizers, strict=True):
            p.grad = torch.randn(4, generator=torch.Generator().manual_seed(seed))
            optimizer.step()
    assert torch.allclose(mine, theirs, atol=1e-6)


def test_filters_are_matrices():
    conv, flat = nn.Parameter(torch.zeros(4, 2, 3, 3)), nn.Parameter(torch.zeros(4, 18))
    conv.grad = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    flat.grad = conv.grad.flatten(1)
    Muon([conv, flat]).step()
    assert torch.equal(conv.flatten(1), flat)


def test_weak_directions_are_learnt_sooner_than_by_adam():
    """Least squares whose inputs differ a hundredfold in size along hidden directions."""
    g = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(12, 12, generator=g))[0]
    inputs = torch.randn(200, 12, generator=g) * torch.logspace(0, -2, 12) @ turn
    wanted = inputs @ torch.randn(12, 12, generator=g)
    losses = []
    for make in (lambda p: Muon(p, lr=0.1), lambda p: torch.optim.Adam(p, lr=0.02)):
        weight = nn.Parameter(torch.zeros(12, 12))
        optimizer = make([weight])
        for step in range(200):
            optimizer.param_groups[0]["lr"] = (0.1 if isinstance(optimizer, Muon) else 0.02) * (1 - step / 200)
            optimizer.zero_grad()
            loss = (inputs @ weight - wanted).square().mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] < 0.5 * losses[1]


def test_orthogonalised_is_the_iteration_in_full():
    matrix = torch.randn(7, 30, generator=torch.Generator().manual_seed(0))
    x = matrix / matrix.norm()
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    assert torch.allclose(orthogonalised(matrix), x, atol=1e-4)


def test_weights_decay_and_biases_do_not():
    weight, bias = nn.Parameter(torch.ones(3, 3)), nn.Parameter(torch.ones(3))
    weight.grad, bias.grad = torch.zeros(3, 3), torch.zeros(3)
    Muon([weight, bias], lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(weight, torch.full((3, 3), 0.95))
    assert torch.equal(bias, torch.ones(3))


def test_it_is_resumed_bit_for_bit(tmp_path):
    path, how = tmp_path / "run.safetensors", {"optimizers": {"model": Muon}, "batch_size": 12}
    whole, part, again = model(), model(), model()
    training.fit(whole, x(), steps=9, **how)
    training.fit(part, x(), steps=4, along=[training.Checkpoint(path)], **how)
    training.fit(again, x(), steps=9, along=[training.Checkpoint(path)], **how)
    assert same(whole, again)
    assert not same(whole, model())


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="lr: want a positive number"):
        Muon([nn.Parameter(torch.zeros(2))], lr=0)
