"""The image nets: DCGAN's published sizes, attention, growing, conditions, transformers, residual nets."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from coursekit import training
from coursekit.models import gan
from coursekit.models.gan import attention, conditional, growing, transformer
from coursekit.models.layers import layer_table

SMALL = ((3, 32, 32), (128, 64, 32))
FAMILY = {
    "dcgan": lambda: gan.dcgan(*SMALL, kernel=4), "wgan": gan.wgan, "sagan": gan.sagan, "progan": gan.progan,
    "biggan": gan.biggan, "transgan": gan.transgan, "r3gan": gan.r3gan,
}  # fmt: skip
members = pytest.mark.parametrize("name", FAMILY)


def made(name: str, seed: int = 0) -> gan.GAN:
    torch.manual_seed(seed)
    return FAMILY[name]()


def numbers(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def told(model: gan.GAN, n: int):
    """A batch for the model, with a condition if it wants one."""
    x = some(n, 3, 32, 32)
    return (x, (some(n, model.condition_size) > 0.5).float()) if model.condition_size else x


# DCGAN: sizes by hand

MAPS = [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]


def shapes(net: nn.Module, x: torch.Tensor, *kinds: str) -> list[tuple[int, ...]]:
    return [line.shape for line in layer_table(net, x) if line.name in kinds]


def test_the_published_generator_has_the_published_shapes_and_counts():
    net, h = gan.dcgan_generator(), some(1, 100)
    assert shapes(net, h, "Linear") == [(1024 * 4 * 4,)]
    assert shapes(net, h, "BatchNorm2d") == MAPS[:-1]
    assert shapes(net, h, "ConvTranspose2d") == MAPS[1:]
    project = 100 * 16_384 + 2 * 1024  # no bias: batch normalisation has one; and it has a gain
    up = 25 * (1024 * 512 + 512 * 256 + 256 * 128) + 2 * (512 + 256 + 128)
    image = 25 * 128 * 3 + 3
    assert numbers(net) == project + up + image == 18_855_043


def test_the_published_critic_is_its_mirror():
    net, x = gan.dcgan_critic(), some(1, 3, 64, 64)
    assert shapes(net, x, "Conv2d") == MAPS[-2::-1]
    assert shapes(net, x, "BatchNorm2d") == MAPS[-3::-1]  # not on the layer that sees the image
    assert shapes(net, x, "Linear") == [(1,)]
    first = 25 * 3 * 128 + 128
    down = 25 * (128 * 256 + 256 * 512 + 512 * 1024) + 2 * (256 + 512 + 1024)
    assert numbers(net) == first + down + 1024 * 4 * 4 + 1 == 17_232_897


def test_with_the_later_kernel_of_four_the_shapes_are_the_same_and_the_counts_are_not():
    net = gan.dcgan_generator(kernel=4)
    assert shapes(net, some(1, 100), "ConvTranspose2d") == MAPS[1:]
    assert numbers(net) == 100 * 16_384 + 2 * 1024 + 16 * 688_128 + 2 * 896 + 16 * 384 + 3


def test_batch_normalisation_leaves_the_generators_output_and_the_critics_input_alone():
    model = gan.dcgan(*SMALL, kernel=4)
    *stages, last = model.generator
    assert all(any(isinstance(layer, nn.BatchNorm2d) for layer in stage) for stage in stages)
    assert [type(layer) for layer in last] == [nn.ConvTranspose2d, gan.Unit]
    assert [type(layer) for layer in model.critic[1]] == [nn.Conv2d, nn.LeakyReLU]
    assert {layer.negative_slope for layer in model.critic.modules() if isinstance(layer, nn.LeakyReLU)} == {0.2}
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in gan.wgan().critic.modules())


def test_dcgans_weights_start_as_published():
    torch.manual_seed(0)
    model = gan.dcgan(*SMALL, kernel=4)
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            few = layer.weight.numel() < 3000
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1 if few else 0.03)
            assert layer.bias is None or not layer.bias.any()
    assert nn.Linear(100, 2048).weight.std().item() > 0.05  # torch's own is not


def test_dcgans_codes_are_uniform():
    h = gan.dcgan(*SMALL, kernel=4).prior.draw(2000, like=nn.Linear(1, 1), generator=torch.Generator().manual_seed(0))
    assert h.shape == (2000, 100)
    assert h.abs().max() <= 1
    assert h.var().item() == pytest.approx(1 / 3, rel=0.02)


@pytest.mark.parametrize(("shape", "channels"), [((1, 28, 28), (16, 8)), ((3, 32, 32), (16, 8, 4)), ((1, 8, 8), (4,))])
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_the_same_function_makes_small_ones(shape, channels, kernel):
    model = gan.dcgan(shape, channels, latent_size=7, kernel=kernel)
    x = model.sample(3)
    assert x.shape == (3, *shape)
    assert model.score(x).shape == (3,)


@pytest.mark.parametrize(("shape", "channels"), [((1, 28, 28), (4, 4, 4)), ((3, 32, 16), (4,)), ((3, 32, 32), ())])
def test_a_shape_that_cannot_be_halved_so_is_refused(shape, channels):
    with pytest.raises(ValueError, match="shape, channels: want a square"):
        gan.dcgan_generator(10, shape, channels)
    with pytest.raises(ValueError, match="shape, channels: want a square"):
        gan.dcgan_critic(shape, channels)


# self-attention


def test_each_place_spreads_one_unit_of_attention():
    block, x = gan.SelfAttention(16), 3 * normal(2, 16, 4, 4)
    weights = block.weights(x)
    assert weights.shape == (2, 16, 16)
    assert torch.allclose(weights.sum(2), torch.ones(2, 16))
    assert not torch.allclose(weights.sum(1), torch.ones(2, 16), atol=0.1)  # the other axis does not sum to 1


def test_attention_is_what_its_equations_say():
    torch.manual_seed(0)
    block, x = gan.SelfAttention(8), normal(1, 8, 2, 3)
    nn.init.constant_(block.gamma, 0.7)
    q, k, v, out = (layer.weight.flatten(1) for layer in (block.query, block.key, block.value, block.out))
    places = x.flatten(2)[0]  # [8, 6]
    y = block(x).flatten(2)[0]
    for j in range(6):
        beta = torch.stack([(q @ places[:, j]) @ (k @ places[:, i]) for i in range(6)]).softmax(0)
        o = out @ sum(beta[i] * (v @ places[:, i]) for i in range(6))
        assert torch.allclose(y[:, j], places[:, j] + 0.7 * o, atol=1e-5)


def test_attention_starts_as_the_identity_and_learns_how_much():
    block, x = gan.SelfAttention(16), normal(2, 16, 4, 4)
    assert torch.equal(block(x), x)
    block(x).square().sum().backward()
    assert block.gamma.grad.abs() > 0


def test_attention_has_no_idea_of_places():
    block, x, order = gan.SelfAttention(8), normal(2, 8, 3, 3), torch.tensor([3, 1, 8, 0, 2, 7, 6, 5, 4])
    nn.init.ones_(block.gamma)
    mixed = x.flatten(2)[:, :, order].unflatten(2, (3, 3))
    assert torch.allclose(block(mixed).flatten(2), block(x).flatten(2)[:, :, order], atol=1e-5)
    conv = nn.Conv2d(8, 8, 3, padding=1)
    assert not torch.allclose(conv(mixed).flatten(2), conv(x).flatten(2)[:, :, order], atol=1e-2)


def test_sagans_layers_stretch_by_about_one_and_dcgans_do_not():
    model = made("sagan").train()
    for layer in (net := model.critic).modules():
        if hasattr(layer, "parametrizations"):
            with torch.no_grad():
                layer.weight.add_(1.0)  # far from orthogonal
    for _ in range(30):
        net(some(1, 3, 32, 32))
    first = net[1][0].weight.flatten(1)
    assert torch.linalg.matrix_norm(first, 2).item() == pytest.approx(1, abs=0.05)
    plain = made("dcgan").critic[1][0].weight.flatten(1)
    assert torch.linalg.matrix_norm(plain, 2).item() < 0.5


# growing


def both(levels: int = 3) -> tuple[gan.GrowingGenerator, gan.GrowingCritic]:
    torch.manual_seed(0)
    return gan.GrowingGenerator(8, 3, (8, 6, 4)[:levels]), gan.GrowingCritic(3, (8, 6, 4)[:levels])


def enlarged(x: torch.Tensor) -> torch.Tensor:
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def pooled(x: torch.Tensor, times: int) -> torch.Tensor:
    return nn.functional.avg_pool2d(x, times)


@pytest.mark.parametrize("k", [1, 2])
def test_a_new_size_is_faded_in(k):
    generator, _ = both()
    h = normal(4, 8)
    old, new, half = generator.draw(h, k - 1), generator.draw(h, k), generator.draw(h, k, 0.5)
    assert old.shape == new.shape == (4, 3, 16, 16)
    assert torch.equal(generator.draw(h, k, 0.0), old)
    assert torch.equal(generator.draw(h, k, 1.0), new)
    assert torch.allclose(half, (old + new) / 2, atol=1e-6)
    assert not torch.allclose(old, new, atol=1e-2)


def test_a_level_is_as_coarse_as_its_size():
    generator, _ = both()
    coarse = generator.draw(normal(2, 8), 0)
    assert torch.equal(enlarged(enlarged(coarse[:, :, ::4, ::4])), coarse)
    fine = generator.draw(normal(2, 8), 2)
    assert not torch.allclose(enlarged(fine[:, :, ::2, ::2]), fine, atol=1e-2)


@pytest.mark.parametrize("k", [1, 2])
def test_the_critics_score_is_continuous_where_a_size_comes(k):
    _, critic = both()
    x = some(4, 3, 16, 16)
    before = critic.judge(x, k - 1)
    assert torch.allclose(critic.judge(x, k, 0.0), before, atol=1e-5)
    gaps = [(critic.judge(x, k, alpha) - before).abs().max().item() for alpha in (0.01, 0.1, 1.0)]
    assert gaps[0] < 0.3 * gaps[1] < 0.3 * gaps[2] * 3
    assert gaps[2] > 1e-3


def test_a_critic_that_is_small_sees_no_details():
    _, critic = both()
    x = some(4, 3, 16, 16)
    soft = enlarged(enlarged(pooled(x, 4)))
    assert torch.allclose(critic.judge(x, 0), critic.judge(soft, 0), atol=1e-5)
    assert not torch.allclose(critic.judge(x, 2), critic.judge(soft, 2), atol=1e-3)


def test_the_training_grows_both_nets_step_by_step():
    model = gan.progan((3, 16, 16), (8, 6, 4), latent_size=8)
    levels = []
    for done in torch.linspace(0, 1, 201).tolist():
        gan.grown(model, done)
        assert model.generator.level == model.critic.level
        levels.append(model.generator.level.item())
    rises = [b - a for a, b in pairwise(levels)]
    assert levels[0] == 0
    assert levels[-1] == 2
    assert min(rises) >= 0
    assert max(rises) < 0.15
    assert levels.count(0.0) > 8
    assert levels.count(1.0) > 8


def test_a_checkpoint_knows_how_far_the_nets_are_grown():
    model, other = (gan.progan((3, 16, 16), (8, 6, 4), latent_size=8) for _ in range(2))
    gan.grown(model, 0.07)
    other.load_state_dict(model.state_dict())
    assert other.generator.stage() == pytest.approx((1, 0.4))
    h = normal(2, 8)
    assert torch.equal(other.generator(h), model.generator(h))


def test_layers_that_are_not_at_work_yet_get_no_gradient_but_a_zero():
    model = gan.progan((3, 16, 16), (8, 6, 4), latent_size=8)
    gan.grown(model, 0.0)
    for _, terms in model.turns(some(4, 3, 16, 16)):
        terms["loss"].backward()
    late, early = model.generator.levels[2][0].layer.weight.grad, model.generator.levels[0][1].layer.weight.grad
    assert not late.any()
    assert early.any()


@pytest.mark.parametrize("level", [-0.1, 2.1])
def test_nets_grow_no_further_than_they_reach(level):
    with pytest.raises(ValueError, match="level: want a number from 0 to 2"):
        both()[0].grow(level)


def test_growing_wants_nets_that_grow_and_a_fitting_shape():
    with pytest.raises(TypeError, match="want nets that grow"):
        gan.grown(gan.dense((2,), 2, 4), 0.5)
    with pytest.raises(ValueError, match="shape: want"):
        gan.progan((3, 64, 64))


@pytest.mark.parametrize(
    "layer", [nn.Linear(300, 50), nn.Conv2d(64, 32, 3), nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.Conv2d(64, 32, 4, 2, 1)]
)
def test_equalised_layers_keep_the_scale_whatever_their_size(layer):
    torch.manual_seed(0)
    one = growing.Equalised(layer, gain=1.0)
    x = normal(40, 300, seed=1) if isinstance(layer, nn.Linear) else normal(4, 64, 16, 16, seed=1)
    y = one(x)
    inner = y if y.ndim == 2 else y[:, :, 2:-2, 2:-2]  # at the edge there are fewer inputs
    assert inner.std().item() == pytest.approx(1, rel=0.1)
    assert layer.weight.std().item() == pytest.approx(1, rel=0.05)
    assert layer(x).std().item() > 5  # the same weights without the scale


def test_pixel_norm_makes_each_place_one_long():
    y = growing.PixelNorm()(5 * normal(2, 6, 3, 3))
    assert torch.allclose(y.square().mean(1), torch.ones(2, 3, 3), atol=1e-4)


# told what to draw


def small_biggan() -> gan.GAN:
    torch.manual_seed(0)
    return gan.biggan((3, 16, 16), (16, 12, 8), latent_size=12, condition_size=2)


def test_conditional_normalisation_is_batch_normalisation_with_told_gain_and_bias():
    norm = gan.ConditionalNorm(3, 2)
    x, c = 4 * normal(6, 3, 5, 5) + 1, normal(6, 2)
    hat = (x - x.mean((0, 2, 3), keepdim=True)) / (x.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    gain, bias = c @ norm.gain.weight.T, c @ norm.bias.weight.T
    wanted = (1 + gain)[:, :, None, None] * hat + bias[:, :, None, None]
    assert torch.allclose(norm(x, c), wanted, atol=1e-4)
    assert torch.allclose(norm(x, 0 * c), nn.BatchNorm2d(3)(x), atol=1e-5)


def test_the_condition_and_each_part_of_the_code_change_the_image():
    model = small_biggan()
    h, m = normal(4, 12), torch.tensor([[1.0, 0.0]]).repeat(4, 1)
    image = model.generate(h, m)
    assert not torch.allclose(model.generate(h, 1 - m), image, atol=1e-4)
    for start in (0, 4, 8):
        other = h.clone()
        other[:, start : start + 4] += 1
        assert not torch.allclose(model.generate(other, m), image, atol=1e-4)


def test_a_later_part_of_the_code_enters_later():
    model = small_biggan().eval()
    net, m = model.generator, torch.zeros(2, 2)
    first, last = normal(2, 12), normal(2, 12, seed=1)
    last[:, :8] = first[:, :8]  # alike but for the last block's part
    seen = []
    net.blocks[0].register_forward_hook(lambda *given: seen.append(given[2]))
    images = [net(h, m) for h in (first, last)]
    assert torch.equal(*seen)
    assert not torch.allclose(*images, atol=1e-4)


def test_the_projection_is_linear_in_the_condition():
    critic = small_biggan().critic.eval()
    x = some(3, 3, 16, 16)
    none, one, two, both = (
        critic(x, torch.tensor([m]).repeat(3, 1)) for m in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))
    )
    assert torch.allclose(both - none, (one - none) + (two - none), atol=1e-5)
    phi = critic.pooled(x)
    assert torch.allclose(none, critic.real(phi), atol=1e-5)
    assert torch.allclose((one - none)[:, 0], phi @ critic.fits.weight[:, 0], atol=1e-5)
    assert (one - none).abs().min() > 1e-6


def test_pooling_stretches_by_no_more_than_one():
    critic = small_biggan().critic
    critic.features = nn.Identity()
    x = normal(5, 16, 4, 4)
    assert (critic.pooled(x).norm(dim=1) <= x.flatten(1).norm(dim=1)).all()
    alike = torch.ones(1, 16, 4, 4)
    assert torch.allclose(critic.pooled(alike).norm(), alike.norm())
    assert alike.sum((2, 3)).norm() > 3 * alike.norm()  # the plain sum


def test_truncation_makes_samples_alike():
    model = small_biggan()
    m = torch.zeros(200, 2)

    def spread(**how):
        return model.sample(200, condition=m, generator=torch.Generator().manual_seed(0), **how).std(0).mean().item()

    plain, some_less, little = spread(), spread(truncation=1.0), spread(truncation=0.1)
    assert little < 0.3 * some_less
    assert some_less < 0.8 * plain


def test_sizes_that_biggan_cannot_reach_are_refused():
    with pytest.raises(ValueError, match="shape: want"):
        gan.biggan((3, 64, 64))
    with pytest.raises(ValueError, match="latent_size: want a multiple of 3"):
        gan.ConditionalGenerator(10, 2, 3, (16, 12, 8))


def test_one_transposed_convolution_is_copies_of_pixels_and_a_convolution():
    x, w = normal(2, 3, 5, 5), normal(4, 3, 3, 3, seed=1)
    copied = nn.functional.conv2d(enlarged(x), w, padding=1)
    four = sum(nn.functional.pad(w.flip(2, 3), (i, 1 - i, j, 1 - j)) for i in (0, 1) for j in (0, 1)).transpose(0, 1)
    assert torch.allclose(nn.functional.conv_transpose2d(x, four, stride=2, padding=1), copied, atol=1e-5)


def test_one_convolution_is_a_convolution_and_means_of_pixels():
    x, w = normal(2, 3, 8, 8), normal(4, 3, 3, 3, seed=1)
    meant = pooled(nn.functional.conv2d(x, w, padding=1), 2)
    four = sum(nn.functional.pad(w, (i, 1 - i, j, 1 - j)) for i in (0, 1) for j in (0, 1)) / 4
    assert torch.allclose(nn.functional.conv2d(x, four, stride=2, padding=1), meant, atol=1e-5)


def test_orthogonal_weights_have_orthogonal_rows():
    net = nn.Conv2d(4, 8, 3)
    attention.orthogonal(net)
    w = net.weight.flatten(1)
    assert torch.allclose(w @ w.T, torch.eye(8), atol=1e-5)
    v = nn.Conv2d(4, 8, 3).weight.flatten(1)
    assert not torch.allclose(v @ v.T, torch.eye(8), atol=0.1)  # torch's own start
    assert conditional.orthogonal is attention.orthogonal


# transformers


def test_attention_written_out_is_torchs():
    torch.manual_seed(0)
    ours = transformer.Attention(12, 3, written_out=True)
    theirs = transformer.Attention(12, 3)
    theirs.load_state_dict(ours.state_dict())
    library = nn.MultiheadAttention(12, 3, batch_first=True)
    library.in_proj_weight.data, library.in_proj_bias.data = ours.enter.weight.data, ours.enter.bias.data
    library.out_proj.load_state_dict(ours.leave.state_dict())
    x = normal(2, 5, 12)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)
    assert torch.allclose(ours(x), library(x, x, x)[0], atol=1e-6)
    single = transformer.Attention(12, 1, written_out=True)
    single.load_state_dict(ours.state_dict())
    assert not torch.allclose(single(x), ours(x), atol=1e-3)  # heads matter


def test_a_penalty_passes_through_the_transformer_critic():
    torch.manual_seed(0)
    critic = gan.transformer_critic((3, 8, 8), 16, 1)
    gan.r1()(critic, some(2, 3, 8, 8), some(2, 3, 8, 8)).backward()
    entered = critic[5][0].body[1].enter.weight.grad
    assert entered.isfinite().all()
    assert entered.any()


def test_tokens_are_maps_in_rows():
    x = normal(2, 3, 4, 4)
    tokens = transformer.Tokens()(x)
    assert torch.equal(tokens[:, 5], x[:, :, 1, 1])
    assert torch.equal(transformer.Maps()(tokens), x)


def test_transformers_know_places_by_their_vectors_alone():
    torch.manual_seed(0)
    block, places = transformer.encoder_block(16), transformer.Places(9, 16)
    x, order = normal(2, 9, 16), torch.tensor([3, 1, 8, 0, 2, 7, 6, 5, 4])
    assert torch.allclose(block(x[:, order]), block(x)[:, order], atol=1e-5)
    assert not torch.allclose(block(places(x[:, order])), block(places(x))[:, order], atol=1e-2)


def test_a_transformers_grid_grows_to_the_image():
    net = gan.transformer_generator(8, (3, 32, 32), (16, 8, 4), (1, 1, 1))
    tokens = [line.shape for line in layer_table(net, normal(2, 8)) if line.name == "Places"]
    assert tokens == [(16, 16), (64, 8), (256, 4)]
    assert net(normal(2, 8)).shape == (2, 3, 32, 32)


def test_sizes_that_grids_and_patches_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="shape, widths, depths: want a square"):
        gan.transformer_generator(8, (3, 28, 28), (16, 8, 4), (1, 1, 1))
    with pytest.raises(ValueError, match="shape, widths, depths"):
        gan.transformer_generator(8, (3, 32, 32), (16, 8, 4), (1, 1))
    with pytest.raises(ValueError, match="shape: want sides that are multiples of 4"):
        gan.transformer_critic((3, 30, 30))


# residual nets


def test_residual_blocks_start_as_the_identity():
    net = gan.residual_critic((3, 32, 32), 16, 8, 4)
    block = net[3]
    x = normal(2, 4, 5, 5)
    assert torch.equal(block(x), x)
    nn.init.normal_(block.body[-1].weight)
    assert not torch.allclose(block(x), x, atol=1e-2)


@pytest.mark.parametrize(
    ("shape", "channels", "smallest", "last"),
    [((3, 32, 32), (8, 6, 4), 4, 16), ((3, 64, 64), (8, 6, 4), 4, 16), ((1, 28, 28), (8, 6), 7, 14)],
)  # fmt: skip
def test_residual_nets_fit_each_other(shape, channels, smallest, last):
    generator, critic = gan.residual_generator(5, shape, *channels), gan.residual_critic(shape, *channels)
    x = generator(normal(2, 5))
    assert x.shape == (2, *shape)
    assert critic(x).shape == (2, 1)
    sides = [line.shape[1] for line in layer_table(generator, normal(2, 5)) if len(line.shape) == 3]
    assert min(sides) == smallest
    assert sorted(set(sides))[-2 if last < shape[1] else -1] == last
    assert not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in generator.modules())


@pytest.mark.parametrize("shape", [(3, 32, 28), (3, 22, 22), (3, 2, 2)])
def test_other_squares_are_refused(shape):
    with pytest.raises(ValueError, match="shape: want a square"):
        gan.residual_generator(5, shape, 8)


@pytest.mark.parametrize("channels", [(), (8, 8, 8, 8, 8)])
def test_channels_for_maps_that_there_are_not_are_refused(channels):
    with pytest.raises(ValueError, match="channels: want"):
        gan.residual_critic((3, 32, 32), *channels)


# what all have in common


@members
def test_members_of_the_family_are_of_one_size(name):
    assert 450_000 <= numbers(made(name)) <= 750_000


@members
def test_every_parameter_has_a_gradient_in_its_players_turn(name):
    model = made(name)
    optimizers = {k: training.adam(p, 1e-3) for k, p in training.trainable_parameters(model).items()}
    before = [p.clone() for p in model.parameters()]
    batch = told(model, 5 if name == "wgan" else 4)
    report = next(training.steps(model, [batch], optimizers))  # raises for a parameter without one
    assert set(report) == {"critic", "generator"}
    moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
    assert sum(moved) / len(moved) > 0.5


@members
def test_samples_are_images_and_the_same_for_one_seed(name):
    model = made(name)
    how = {"condition": torch.zeros(2, 4)} if model.condition_size else {}
    first, again, other = (model.sample(2, generator=torch.Generator().manual_seed(seed), **how) for seed in (0, 0, 1))
    assert first.shape == (2, 3, 32, 32)
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@members
def test_a_net_is_made_the_same_for_one_seed(name):
    a, b, c = made(name), made(name), made(name, seed=1)
    one, two, three = (torch.cat([p.flatten() for p in net.parameters()]) for net in (a, b, c))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
