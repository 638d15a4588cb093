"""The autoencoder and its variants: what each minimises, and how they are put together."""

import copy

import pytest
import torch
from torch import nn

from coursekit.models.autoencoders import (
    Autoencoder,
    binary_cross_entropy,
    convolutional,
    dense,
    fast_convolutional,
    squared_error,
    tied,
)
from coursekit.models.corruption import Gaussian, Masking


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(*shape):
    return torch.rand(*shape, generator=seeded())


MAKERS = {
    "linear": (lambda **v: dense((1, 4, 4), 3, **v), (1, 4, 4)),
    "dense": (lambda **v: dense((1, 4, 4), 3, 8, out=nn.Sigmoid(), **v), (1, 4, 4)),
    "tied": (lambda **v: tied((1, 4, 4), 3, out=nn.Sigmoid(), **v), (1, 4, 4)),
    "fast convolutional": (lambda **v: fast_convolutional((3, 8, 8), 5, 4, 6, **v), (3, 8, 8)),
    "the lecture's": (lambda **v: convolutional(**v), (1, 28, 28)),
}
each = pytest.mark.parametrize(("make", "shape"), MAKERS.values(), ids=MAKERS)


@each
def test_codes_and_reconstructions_have_their_shapes(make, shape):
    model = make().eval()
    x = images(3, *shape)
    assert model.encode(x).shape == (3, model.latent_size)
    assert model(x).shape == x.shape
    assert torch.equal(model(x), model.decode(model.encode(x)))


@each
def test_the_loss_is_the_mean_over_items_of_the_sum_over_pixels(make, shape):
    model = make().eval()
    x = images(3, *shape)
    terms = model.loss(x)
    assert terms["loss"].item() == pytest.approx((model(x) - x).square().sum().item() / 3, rel=1e-5)
    assert terms["mse"].item() == pytest.approx((model(x) - x).square().mean().item(), rel=1e-5)


def test_another_reconstruction_term_is_a_function():
    model = dense((1, 4, 4), 3, out=nn.Sigmoid(), reconstruction=binary_cross_entropy)
    x = images(5, 1, 4, 4)
    assert model.loss(x)["loss"].item() == pytest.approx(binary_cross_entropy(model(x), x).mean().item())
    model.reconstruction = squared_error
    assert model.loss(x)["loss"].item() == pytest.approx(squared_error(model(x), x).mean().item())


def test_a_denoising_autoencoder_sees_the_damage_and_is_to_give_the_original():
    damage = Gaussian(0.5)
    model = dense((1, 4, 4), 3, corruption=damage)
    x = images(5, 1, 4, 4)
    wanted = (model(damage(x, generator=seeded())) - x).square().flatten(1).sum(1).mean()
    assert model.loss(x, generator=seeded())["loss"].item() == pytest.approx(wanted.item(), rel=1e-6)


def test_the_penalty_is_for_the_code_of_what_was_seen():
    seen = []

    def penalty(model, x, h):
        seen.extend([x, h, model.encode(x)])
        return {"none": h.sum() * 0}

    model = dense((4,), 2, penalty=penalty, corruption=Masking(1.0))
    model.loss(images(3, 4))
    x, h, again = seen
    assert (x == 0).all()
    assert torch.equal(h, again)


def test_tied_weights_are_one_set():
    model = tied((4,), 3)
    layer, back = model.encoder[1], model.decoder[0]
    assert sum(p.numel() for p in model.parameters()) == 4 * 3 + 3 + 4
    assert set(model.state_dict()) == {"encoder.1.weight", "encoder.1.bias", "decoder.0.bias"}
    h = torch.randn(5, 3)
    assert torch.allclose(model.decode(h), h @ layer.weight + back.bias)


def test_tied_weights_stay_tied_in_a_copy_and_in_another_precision():
    model = copy.deepcopy(tied((4,), 3)).double()
    model.encoder[1].weight.data.fill_(0)
    assert model.decode(torch.randn(2, 3).double()).abs().max() == 0


def test_the_gradient_of_tied_weights_is_the_sum_of_both_uses():
    model, x = tied((4,), 3).double(), images(6, 4).double()
    weight = model.encoder[1].weight
    model.loss(x)["loss"].backward()
    step = torch.zeros_like(weight)
    step[1, 2] = 1e-6
    with torch.no_grad():
        weight += step
        up = model.loss(x)["loss"]
        weight -= 2 * step
        down = model.loss(x)["loss"]
    assert weight.grad[1, 2].item() == pytest.approx(((up - down) / 2e-6).item(), rel=1e-5)


def test_the_pixel_shuffling_decoder_and_the_encoder_hold_no_more_than_asked():
    model = fast_convolutional((3, 32, 32), 32)
    assert isinstance(model, Autoencoder)
    assert 300_000 < sum(p.numel() for p in model.parameters()) < 500_000
