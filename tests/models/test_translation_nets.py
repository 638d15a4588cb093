"""The nets of translators: published sizes, what a critic sees, where a translator starts, what a code does."""

import pytest
import torch
from torch import nn

from coursekit.models import translation
from coursekit.models.gan import Joined
from coursekit.models.translation import Images, ReflectedConv, instance_norm
from coursekit.models.translation.bricks import ConditionalBlock


def images(n=4, channels=3, side=16, seed=0):
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(seed))


def parameters(make, **how):
    """How many there are, without making them."""
    with torch.device("meta"):
        return sum(p.numel() for p in make(**how).parameters())


def kinds(net, kind):
    return [module for module in net.modules() if isinstance(module, kind)]


# --- published sizes


@pytest.mark.parametrize(
    ("make", "how", "millions"),
    [
        (translation.resnet_generator, {}, 11.378),
        (translation.resnet_generator, {"blocks": 6}, 7.838),
        (translation.unet_generator, {}, 54.414),
        (translation.patch_critic, {}, 2.765),
        (translation.patch_critic, {"channels": 6, "norm": nn.BatchNorm2d}, 2.769),
    ],
)
def test_published_nets_have_their_published_numbers_of_parameters(make, how, millions):
    assert round(parameters(make, **how) / 1e6, 3) == millions


def test_the_resnet_has_the_published_layers():
    """c7s1-64, d128, d256, R256 × 9, u128, u64, c7s1-3: from an image to a quarter of its side and back."""
    net = translation.resnet_generator(width=4)
    convs = kinds(net, nn.Conv2d | nn.ConvTranspose2d)
    found = [(c.in_channels, c.out_channels, c.kernel_size[0], c.stride[0]) for c in convs]
    assert found[:3] == [(3, 4, 7, 1), (4, 8, 3, 2), (8, 16, 3, 2)]
    assert found[3:-3] == [(16, 16, 3, 1)] * 18
    assert found[-3:] == [(16, 8, 3, 2), (8, 4, 3, 2), (4, 3, 7, 1)]
    assert len(kinds(net, nn.GroupNorm)) == len(convs) - 1
    assert len(kinds(net, ReflectedConv)) == 20  # all but the strided ones
    y = net(images())
    assert y.shape == (4, 3, 16, 16)
    assert y.min() > 0
    assert y.max() < 1


def test_the_unet_has_the_published_layers():
    net = translation.unet_generator(1, 3, width=2)
    seen = []
    for layer in kinds(net, nn.Conv2d | nn.ConvTranspose2d):
        layer.register_forward_hook(lambda layer, _, out: seen.append((out.shape[1], out.shape[2])))
    assert net(images(channels=1, side=256)).shape == (4, 3, 256, 256)
    down = [(2, 128), (4, 64), (8, 32), (16, 16), (16, 8), (16, 4), (16, 2), (16, 1)]
    up = [(16, 2), (16, 4), (16, 8), (16, 16), (8, 32), (4, 64), (2, 128), (3, 256)]
    assert seen == down + up
    convs = kinds(net, nn.ConvTranspose2d)
    assert [c.in_channels for c in convs] == [16, 32, 32, 32, 32, 16, 8, 4]  # joined: twice what comes from below
    assert len(kinds(net, nn.Dropout)) == 3
    assert len(kinds(net, nn.BatchNorm2d)) == 6 + 7


@pytest.mark.parametrize(("halvings", "dropouts"), [(2, 0), (4, 0), (5, 0), (6, 1), (8, 3)])
def test_dropout_stands_where_the_way_up_is_widest(halvings, dropouts):
    net = translation.unet_generator(width=1, halvings=halvings)
    assert len(kinds(net, nn.Dropout)) == dropouts
    side = 2**halvings
    assert net(images(side=side)).shape == (4, 3, side, side)


def test_a_unets_output_depends_on_its_input_through_skips():
    """Two neighbouring pixels in the input tell in the output at their place, with the innermost map cut off."""
    torch.manual_seed(0)
    net = translation.unet_generator(width=2, halvings=4).eval()
    inner = kinds(net, nn.Conv2d)[-1]
    inner.register_forward_hook(lambda *_: torch.zeros_like(_[2]))
    x, changed = images(1), images(1)
    changed[0, :, 5, 5] = 1 - changed[0, :, 5, 5]
    assert not torch.allclose(net(x)[..., 5, 5], net(changed)[..., 5, 5], atol=1e-7)


@pytest.mark.parametrize("make", [translation.resnet_generator, translation.unet_generator, translation.patch_critic])
def test_published_nets_start_with_small_weights(make):
    torch.manual_seed(0)
    net = make(width=16)
    weights = torch.cat([c.weight.flatten() for c in kinds(net, nn.Conv2d | nn.ConvTranspose2d)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert abs(weights.mean().item()) < 1e-3
    assert all(c.bias is None or not c.bias.any() for c in kinds(net, nn.Conv2d | nn.ConvTranspose2d))


# --- what a critic sees

FIELDS = {1: 16, 2: 34, 3: 70, 4: 142, 5: 286}


@pytest.mark.parametrize(("layers", "field"), FIELDS.items())
def test_the_receptive_field_is_where_a_score_has_a_gradient(layers, field):
    """With plain positive weights, none of which cancel, and fixed statistics."""
    net = translation.patch_critic(layers, 1, 1, norm=nn.BatchNorm2d).eval()
    for conv in kinds(net, nn.Conv2d):
        nn.init.constant_(conv.weight, 0.1)
    assert translation.receptive_field(net) == field
    x = torch.ones(1, 1, 2 * field, 2 * field, requires_grad=True)
    scores = net(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    rows = x.grad[0, 0].any(1)
    assert rows.sum().item() == field
    assert x.grad[0, 0, rows].any(0).sum().item() == field


def test_strides_count_in_a_receptive_field():
    convs = [nn.Conv2d(1, 1, 4, stride=2), nn.Conv2d(1, 1, 3, dilation=2), nn.Conv2d(1, 1, 1)]
    assert translation.receptive_field(nn.Sequential(*convs)) == 4 + 2 * 2 * 2
    assert translation.receptive_field(nn.Sequential(nn.PixelUnshuffle(4), nn.Conv2d(16, 1, 3))) == 12
    assert translation.receptive_field(nn.ReLU()) == 1
    assert translation.receptive_field(translation.small_critic()) == 22


def test_instance_normalisation_sees_the_whole_image():
    """So the field is that of the convolutions."""
    torch.manual_seed(0)
    net, x = translation.patch_critic(1, 4), images(1, side=64).requires_grad_()
    scores = net(x)
    scores[0, 0, 0, 0].backward()
    assert x.grad.abs().sum(1)[0].count_nonzero() > 60 * 60
    assert translation.receptive_field(net) == 16


def test_fields_of_other_nets_are_refused():
    with pytest.raises(ValueError, match="net: want convolutions that make maps smaller, got ConvTranspose2d"):
        translation.receptive_field(translation.resnet_generator(width=1))
    with pytest.raises(ValueError, match="net: want square kernels"):
        translation.receptive_field(nn.Conv2d(1, 1, (3, 5)))


# --- small nets


def small(**how):
    torch.manual_seed(0)
    return translation.small_generator(width=8, blocks=2, **how)


def test_small_nets_are_small():
    assert parameters(translation.small_generator) == 134_844
    assert parameters(translation.small_critic) == 77_617
    assert translation.small_critic()(images(side=32)).shape == (4, 1, 7, 7)


@pytest.mark.parametrize("how", [{}, {"latent": 2}, {"times": 4}])
def test_a_translator_starts_at_the_identity_exactly(how):
    x, z = images(), [torch.randn(4, 2)] if "latent" in how else []
    assert torch.equal(small(**how)(x, *z), x)
    assert not torch.allclose(small(**how, start="free")(x, *z), x, atol=0.1)


def test_one_that_starts_at_the_identity_learns_what_to_change():
    net, x = small(), images()
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    first = (net(x) - x.flip(1)).square().mean().item()
    for _ in range(60):
        loss = (net(x) - x.flip(1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.3 * first


def test_pixels_are_cut_off_in_eval_mode_alone():
    net, x = small(), 3 * images() - 1
    assert torch.equal(net(x), x)
    assert torch.equal(net.eval()(x), x.clamp(0, 1))


def test_a_code_changes_the_translation_of_its_own_image_alone():
    net, x, z = small(latent=2, start="free"), images(), torch.randn(4, 2)
    other = z.clone()
    other[1] += 1
    apart = (net(x, z) - net(x, other)).flatten(1).abs().amax(1)
    assert apart[1] > 1e-3
    assert apart[[0, 2, 3]].max() < 1e-6


@pytest.mark.parametrize(
    ("latent", "z", "words"),
    [
        (2, None, r"z: want \[4, 2\], got none"),
        (2, torch.zeros(4, 3), r"z: want \[4, 2\], got \[4, 3\]"),
        (0, torch.zeros(4, 3), r"z: want no code, got \[4, 3\]"),
    ],
)
def test_codes_that_do_not_fit_are_refused(latent, z, words):
    with pytest.raises(ValueError, match=words):
        small(latent=latent)(images(), z)


def test_there_are_two_ways_to_start():
    with pytest.raises(ValueError, match="start: want 'identity' or 'free', got 'zero'"):
        translation.small_generator(start="zero")


def test_a_block_is_told_by_gain_and_bias_of_each_normalisation():
    torch.manual_seed(0)
    block, x, z = ConditionalBlock(4, 2), torch.randn(3, 4, 6, 6), torch.randn(3, 2)
    norm = nn.InstanceNorm2d(4)
    gain, bias, gain_2, bias_2 = block.told(z)[:, :, None, None].split(4, 1)
    y = ((1 + gain) * norm(block.first(x)) + bias).relu()
    assert torch.allclose(block(x, z), x + (1 + gain_2) * norm(block.second(y)) + bias_2, atol=1e-5)
    plain = ConditionalBlock(4)
    plain.load_state_dict(block.state_dict(), strict=False)
    assert torch.allclose(block(x, torch.zeros(3, 2)), plain(x), atol=1e-6)
    assert not torch.allclose(block(x, z), plain(x), atol=0.1)


def rank(net, x):
    """How many directions of the input the output follows."""
    jacobian = torch.autograd.functional.jacobian(lambda y: net(y).flatten(), x)
    return torch.linalg.matrix_rank(jacobian.flatten(1).double(), rtol=1e-5).item()


def test_nothing_passes_a_narrow_code_but_its_numbers():
    torch.manual_seed(0)
    narrow, x = translation.narrow_generator(5, 8, 1, width=4), images(1, 1, 8)
    wide = translation.small_generator(1, width=8, blocks=1, start="free")
    assert rank(narrow, x) == 5
    assert rank(wide, x) > 40


def test_a_narrow_translator_starts_grey():
    x = images(side=32)
    y = translation.narrow_generator()(x)
    assert y.shape == x.shape
    assert (y - 0.5).abs().max() < 0.2


def test_nets_of_codes():
    reader = translation.code_reader(2, 16, 3, width=4)
    assert reader(images(), images(seed=1)).shape == (4, 2)
    assert isinstance(reader, Joined)
    assert translation.code_critic(2)(torch.randn(5, 2)).shape == (5, 1)
    with pytest.raises(ValueError, match=r"\[n, 6, H, W\] with H = W = 16, got torch.float32 \[4, 6, 8, 8\]"):
        reader(images(side=8), images(side=8))


# --- bricks


def test_instance_normalisation_is_torchs():
    x = 3 * torch.randn(2, 5, 6, 7) + 2
    assert torch.allclose(instance_norm(5)(x), nn.InstanceNorm2d(5)(x), atol=1e-5)


@pytest.mark.parametrize("kernel", [3, 7])
def test_reflected_convolutions_are_torchs(kernel):
    mine, theirs = ReflectedConv(2, 3, kernel), nn.Conv2d(2, 3, kernel, padding=kernel // 2, padding_mode="reflect")
    theirs.load_state_dict(mine.state_dict())
    x = torch.randn(2, 2, 9, 8)
    assert torch.allclose(mine(x), theirs(x), atol=1e-6)
    zeros = nn.Conv2d(2, 3, kernel, padding=kernel // 2)
    zeros.load_state_dict(mine.state_dict())
    assert not torch.allclose(mine(x), zeros(x), atol=1e-2)


def test_a_reflected_convolution_stays_in_half_precision():
    conv, kinds = ReflectedConv(2, 3), []
    conv.register_forward_pre_hook(lambda _, inputs: kinds.append(inputs[0].dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = conv(conv.weight.new_ones(1, 2, 4, 4).bfloat16())
    assert kinds == [torch.bfloat16]
    assert y.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("make", "bad", "words"),
    [
        (translation.resnet_generator, images(side=18), "H and W multiples of 4, at least 8"),
        (translation.unet_generator, images(side=64), "H and W multiples of 256"),
        (translation.patch_critic, images(side=16), "H and W multiples of 1, at least 24"),
        (translation.small_critic, images(side=18), "H and W multiples of 4, at least 8"),
        (translation.narrow_generator, images(), "with H = W = 32"),
        (translation.small_generator, images(channels=1), r"\[n, 3, H, W\]"),
        (translation.small_generator, images()[0], r"got torch.float32 \[3, 16, 16\]"),
        (translation.small_generator, images().long(), "want images of floats"),
    ],
)
def test_every_net_says_what_it_takes(make, bad, words):
    how = (
        {}
        if make in (translation.small_generator, translation.small_critic, translation.narrow_generator)
        else {"width": 2}
    )
    with pytest.raises(ValueError, match=f"x: .*{words}"):
        make(**how)(bad)


@pytest.mark.parametrize(
    ("make", "least"),
    [(translation.resnet_generator, 8), (translation.small_generator, 4), (translation.small_critic, 8)],
)
def test_the_smallest_images_pass(make, least):
    assert make(width=2)(images(side=least)).isfinite().all()


@pytest.mark.parametrize("layers", [1, 3])
def test_the_smallest_images_of_a_patch_critic_have_one_score(layers):
    net = translation.patch_critic(layers, 2)
    assert net(images(side=3 * 2**layers)).shape == (4, 1, 1, 1)
    net[0] = Images(3)
    with pytest.raises((RuntimeError, ValueError)):
        net(images(1, side=2**layers))


def test_nets_of_nothing_are_refused():
    with pytest.raises(ValueError, match="layers: want at least 1, got 0"):
        translation.patch_critic(0)
    with pytest.raises(ValueError, match="halvings: want at least 2, got 1"):
        translation.unet_generator(halvings=1)


def test_a_fine_generator_starts_at_the_identity_and_keeps_sizes():
    torch.manual_seed(0)
    net = translation.FineGenerator(1, width=8, blocks=1, fine=4)
    x = images(2, 1)
    assert torch.equal(net(x), x)
    net.last.weight.data.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    assert net(x).shape == x.shape
    assert (net(x) - x).abs().max() > 0.01
    assert net.eval()(x).min() >= 0
    assert net(x).max() <= 1


def test_a_fine_generator_listens_to_its_code_and_says_when_one_is_missing():
    torch.manual_seed(0)
    net = translation.FineGenerator(width=8, blocks=1, fine=4, latent=2)
    net.last.weight.data.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    x = images(side=16)
    assert (net(x, torch.zeros(4, 2)) - net(x, torch.ones(4, 2))).abs().max() > 1e-3
    with pytest.raises(ValueError, match=r"z: want \[4, 2\], got none"):
        net(x)
    with pytest.raises(ValueError, match="z: want no code"):
        translation.FineGenerator(width=8, blocks=1, fine=4)(x, torch.zeros(4, 2))
    with pytest.raises(ValueError, match="multiples of 4"):
        net(images(side=18), torch.zeros(4, 2))
