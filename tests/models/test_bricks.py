"""Residual blocks, up-sampling, convolutional encoders and decoders."""

import pytest
import torch
from torch import nn

from coursekit.models import nets


def test_a_residual_block_adds_its_body_and_starts_as_the_identity_with_zero():
    x = torch.randn(4, 3)
    body = nn.Linear(3, 3)
    assert torch.allclose(nets.Residual(body)(x), x + body(x))
    assert torch.equal(nets.Residual(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3), zero=True)(x), x)


@pytest.mark.parametrize("zero", [True, False])
def test_a_convolutional_residual_block_keeps_the_shape(zero):
    x = torch.randn(2, 6, 5, 7)
    y = nets.residual_conv(6, zero=zero)(x)
    assert y.shape == x.shape
    assert torch.equal(x, y) == zero


UPSAMPLE = {
    "transposed": nets.transposed, "enlarged": nets.enlarged, "shuffled": nets.shuffled,
    "transposed 2": lambda i, o: nets.transposed(i, o, kernel=2),
    "transposed 3": lambda i, o: nets.transposed(i, o, kernel=3),
    "transposed 5": lambda i, o: nets.transposed(i, o, kernel=5),
}  # fmt: skip


@pytest.mark.parametrize("make", UPSAMPLE.values(), ids=UPSAMPLE)
def test_upsampling_doubles_height_and_width(make):
    assert make(3, 5)(torch.randn(2, 3, 4, 6)).shape == (2, 5, 8, 12)


@pytest.mark.parametrize("make", [nets.transposed, nets.enlarged, nets.shuffled])
def test_upsampling_threefold(make):
    assert make(2, 1, times=3)(torch.randn(2, 2, 4, 4)).shape == (2, 1, 12, 12)


def test_enlarging_is_copying_and_convolving():
    layer = nets.enlarged(1, 1)
    nn.init.dirac_(layer[1].weight)
    nn.init.zeros_(layer[1].bias)
    x = torch.rand(1, 1, 3, 3)
    assert torch.allclose(layer(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


@pytest.mark.parametrize("upsample", [nets.transposed, nets.enlarged, nets.shuffled])
def test_encoder_and_decoder_are_mirrors(upsample):
    shape = (3, 16, 24)
    x = torch.rand(2, *shape)
    h = nets.conv_encoder(shape, 7, 8, 12)(x)
    assert h.shape == (2, 7)
    assert nets.conv_decoder(7, shape, 8, 12, upsample=upsample, out=nn.Sigmoid())(h).shape == x.shape


def test_steps_may_divide_by_any_factors():
    shape = (3, 16, 24)
    h = nets.conv_encoder(shape, 7, 8, 12, times=(4, 2))(torch.rand(2, *shape))
    assert h.shape == (2, 7)
    decoder = nets.conv_decoder(7, shape, 8, 12, times=(4, 1))
    assert decoder(h).shape == (2, *shape)
    assert [m.upscale_factor for m in decoder.modules() if isinstance(m, nn.PixelShuffle)] == [1, 4]


@pytest.mark.parametrize(("channels", "times"), [((), 2), ((8, 8), (2,))])
def test_each_step_wants_its_factor(channels, times):
    with pytest.raises(ValueError, match="one factor for each"):
        nets.conv_encoder((1, 8, 8), 4, *channels, times=times)


def test_a_side_that_cannot_be_halved_is_refused():
    with pytest.raises(ValueError, match="multiples of 8"):
        nets.conv_encoder((1, 28, 28), 4, 8, 8, 8)
