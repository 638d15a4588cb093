"""Claims G8-G10: DCGAN's layers, generators that do as they are told, and what a critic's features are good for."""

from itertools import pairwise

import pytest
import torch
from once import figures, model
from torch import nn
from torch.nn import functional as F

from coursekit import data, metrics, pretrained
from coursekit.data import toy
from coursekit.models import gan, layers
from coursekit.models.nets import mlp
from coursekit.pretrained import adversarial
from coursekit.training import adam, fit, seed_everything

LABELS = 10


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# -- G8: DCGAN


def published():
    """The two nets without numbers: shapes and counts are all that is asked for."""
    with torch.device("meta"):
        return gan.dcgan_generator(), gan.dcgan_critic()


def table(net, *shape):
    return layers.layer_table(net, torch.empty(2, *shape, device="meta"))


def test_G8_a_hundred_numbers_become_a_picture_by_the_published_maps():
    generator, critic = published()
    up = [line.shape for line in table(generator, 100) if line.name in ("Unflatten", "ConvTranspose2d")]
    assert up == [(1024, 4, 4), (512, 8, 8), (256, 16, 16), (128, 32, 32), (3, 64, 64)]
    down = [line.shape for line in table(critic, 3, 64, 64) if line.name in ("Conv2d", "Linear")]
    assert down == [(128, 32, 32), (256, 16, 16), (512, 8, 8), (1024, 4, 4), (1,)]


def test_G8_their_parameters_are_those_that_the_sizes_say():
    generator, critic = published()
    sizes, kernel = (1024, 512, 256, 128), 25
    between = kernel * sum(a * b for a, b in pairwise(sizes))
    outside = kernel * 128 * 3  # to or from the image
    normalised = 2 * sum(sizes)
    wanted = {
        "generator": 100 * 1024 * 16 + between + outside + 3 + normalised,
        "critic": outside + 128 + between + normalised - 2 * 128 + 1024 * 16 + 1,
    }
    counted = {"generator": generator, "critic": critic}
    assert {name: sum(p.numel() for p in net.parameters()) for name, net in counted.items()} == wanted


def broken(generator, critic):
    """Which of the published rules two nets do not keep to."""
    up, down = ([*net.modules()] for net in (generator, critic))
    pools = nn.MaxPool2d | nn.AvgPool2d
    ends = [part for part in generator[-1].modules() if isinstance(part, nn.BatchNorm2d)]
    starts = [part for part in critic[1].modules() if isinstance(part, nn.BatchNorm2d)]
    kept = {
        "strides instead of pooling": not any(isinstance(part, pools) for part in up + down),
        "transposed convolutions upwards": sum(isinstance(part, nn.ConvTranspose2d) for part in up) == 4,
        "batch normalisation in both": all(any(isinstance(p, nn.BatchNorm2d) for p in net) for net in (up, down)),
        "but not at the ends": not ends and not starts,
        "no dense hidden layer": all(sum(isinstance(part, nn.Linear) for part in net) == 1 for net in (up, down)),
        "ReLU in the generator": not any(isinstance(part, nn.LeakyReLU) for part in up),
        "LeakyReLU(0.2) in the critic": {p.negative_slope for p in down if isinstance(p, nn.LeakyReLU)} == {0.2}
        and not any(isinstance(part, nn.ReLU) for part in down),
    }
    return [rule for rule, holds in kept.items() if not holds]


def test_G8_the_nets_keep_to_the_rules_and_other_nets_do_not():
    generator, critic = published()
    assert broken(generator, critic) == []
    with torch.device("meta"):
        leaky, plain = gan.dcgan_generator(), gan.dcgan_critic(normalise=False)
        deep = nn.Sequential(*gan.dcgan_critic(), nn.Linear(1, 1))
    pooled = nn.Sequential(*critic[:3], nn.MaxPool2d(1), *critic[3:])
    for stage in leaky[:-1]:
        stage[-1] = nn.LeakyReLU(0.2)  # as the lecture's general scheme has it
    assert broken(leaky, critic) == ["ReLU in the generator"]
    assert broken(generator, plain) == ["batch normalisation in both"]
    assert broken(generator, deep) == ["no dense hidden layer"]
    assert broken(generator, pooled) == ["strides instead of pooling"]


def test_G8_a_unit_draws_the_pattern_that_it_looks_for_and_no_inverse_comes_of_it():
    overlapping, apart = torch.rand(1, 1, 4, 4, generator=seeded()), torch.rand(1, 1, 2, 2, generator=seeded())
    for kernel, padding, inverse in ((overlapping, 1, False), (apart, 0, True)):
        kernel = kernel / kernel.norm()
        h = torch.zeros(1, 1, 6, 6)
        h[0, 0, 2, 3] = 1
        x = F.conv_transpose2d(h, kernel, stride=2, padding=padding)
        side = kernel.shape[-1]
        print_at = x[0, 0, 4 - padding : 4 - padding + side, 6 - padding : 6 - padding + side]
        assert torch.allclose(print_at, kernel[0, 0])
        assert x.count_nonzero() == side**2
        back = F.conv2d(x, kernel, stride=2, padding=padding)
        assert torch.allclose(back, h, atol=1e-6) == inverse


# -- G9: told, and not told


class Deaf(nn.Module):
    """A critic that does not hear what was asked for."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, m):
        return self.net(x)


def obeyed(critic):
    """The share of points on the mode of the ring that was asked for, after a brief game."""
    seed_everything(0)
    ring = toy.ring_of_gaussians(2000, generator=seeded())
    net = gan.GAN(
        gan.Joined(mlp(2 + 8, 64, 64, 2)), critic(), latent=2, condition_size=8,
        loss=gan.RELATIVISTIC, penalties=[gan.r1(0.3), gan.r2(0.3)],
    )  # fmt: skip
    players = {name: lambda p: adam(p, 2e-3, betas=(0.5, 0.999)) for name in ("critic", "generator")}
    told = F.one_hot(ring.labels, 8).float()
    fit(net, (ring.points, told), steps=500, batch_size=128, optimizers=players, progress=False)
    asked = torch.arange(8).repeat(50)
    drawn = net.sample(400, condition=F.one_hot(asked, 8).float(), generator=seeded())
    return (torch.cdist(drawn, toy.ring_centres(8)).argmin(1) == asked).float().mean().item()


def test_G9_a_generator_obeys_if_the_critic_is_told_and_not_if_only_the_generator_is():
    assert obeyed(lambda: gan.Joined(mlp(2 + 8, 64, 64, 1))) > 0.95
    assert obeyed(lambda: Deaf(mlp(2, 64, 64, 1))) < 0.4


def test_G9_numerals_are_of_the_class_asked_for():
    found = figures("numerals_cgan")
    assert found["as_asked"] >= 0.95
    assert min(found[f"as_asked_{digit}"] for digit in range(10)) >= 0.85


def test_G9_it_is_the_condition_that_decides_and_not_the_code():
    """The negative control: the same codes with another class asked for are read as that one."""
    writer, judge = model("numerals_cgan"), model("numerals_reader")
    h = writer.prior.draw(300, like=writer, generator=seeded(5))
    asked = torch.arange(300) % 10
    read = judge.digits(writer.generate(h, F.one_hot((asked + 3) % 10, 10).float()))
    assert (read == asked).float().mean() < 0.1
    assert (read == (asked + 3) % 10).float().mean() > 0.9


def test_G9_infogan_finds_classes_and_a_factor_without_labels():
    """The pen, and classes that are much purer than chance. No second factor: the chapter and the card say so."""
    found = figures("numerals_infogan")
    factors = {name: value for name, value in found.items() if name.startswith("r_")}
    assert max(factors, key=factors.__getitem__) == "r_pen"
    assert factors["r_pen"] >= 0.8
    assert found["purity"] > PURITY


def test_G9_an_untrained_net_reads_neither():
    """The negative control: of so many numbers some correlate with some factor by chance."""
    blank = pretrained.recipe("numerals_infogan").build()
    given = data.numerals.numerals(1000, seed=1)
    kind, u = adversarial.codes_read(blank, given.images)
    assert adversarial.purity(kind, given.labels) < PURITY - 0.1
    r = metrics.cross_correlations(u, given.factors[:, : len(adversarial.HAND)]).abs().amax(0)
    assert r.max() < 0.7


PURITY = 0.45

# -- G10: the critic's features


def accuracy(h, labels, test_h, test_labels):
    """Of ridge regression on the one-hot class, with the best of seven penalties."""
    middle, scale = h.mean(0), h.std()
    h, test_h = (h - middle) / scale, (test_h - middle) / scale
    y = F.one_hot(labels, 10).float() - 0.1
    found = []
    for penalty in 10.0 ** torch.arange(-2, 5):
        weights = h.T @ torch.linalg.solve(h @ h.T + penalty * torch.eye(len(h)), y)
        found.append(((test_h @ weights).argmax(1) == test_labels).float().mean())
    return max(found).item()


@pytest.fixture(scope="module")
def spaces():
    """Accuracy with ten labels a class, five draws of them each: by the critic's features, of the same net untrained,
    by pixels."""
    pool, test = data.numerals.numerals(1500, seed=5), data.numerals.numerals(1500, seed=6)
    blank = pretrained.recipe("numerals_infogan").build()
    views = {
        "critic": model("numerals_infogan").critic[0],
        "untrained": blank.critic[0].eval(),
        "pixels": nn.Flatten(),
    }
    with torch.no_grad():
        seen = {name: [net(part.images) for part in (pool, test)] for name, net in views.items()}
    found = {name: [] for name in views}
    for seed in range(5):
        order = torch.randperm(len(pool), generator=seeded(seed))
        i = torch.cat([order[pool.labels[order] == digit][:LABELS] for digit in range(10)])
        for name, (h, test_h) in seen.items():
            found[name].append(accuracy(h[i], pool.labels[i], test_h, test.labels))
    return {name: torch.tensor(values) for name, values in found.items()}


def test_G10_features_of_the_critic_beat_pixels_where_labels_are_few(spaces):
    assert (spaces["critic"] > spaces["pixels"]).all()
    assert spaces["critic"].mean() > spaces["pixels"].mean() + 0.03


def test_G10_it_is_what_the_critic_has_learnt_not_its_shape(spaces):
    """The negative control: the same net before its training."""
    assert spaces["critic"].mean() > spaces["untrained"].mean() + 0.03
