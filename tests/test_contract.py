"""What every model of the course promises. A new model is one more line in MEMBERS."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from players import Debate, TinyGAN
from torch import Tensor, nn
from torch.optim import SGD

from coursekit import training
from coursekit.models import diffusion, gan, translation, vae
from coursekit.models.autoencoders import binary_cross_entropy, dense, fast_convolutional, stacked, tied
from coursekit.models.base import Model
from coursekit.models.corruption import Gaussian, Masking, Patch
from coursekit.models.nets import mlp
from coursekit.models.penalties import L1, Contractive, ContractiveSigmoid, Sparsity
from coursekit.models.vae import BernoulliLikelihood, GaussianLikelihood


@dataclass(frozen=True)
class Member:
    """A model to hold to the contract: how to make it, a batch for it, the shape of a sample, and how it learns."""

    name: str
    make: Callable[[], Model]
    batch: Callable[[], Tensor | tuple[Tensor, ...]]
    item: tuple[int, ...]
    falls: str | None = "loss"  # the term that a few dozen steps lower; None for a game without one
    lr: float = 1e-2
    condition: int = 0  # how many numbers `sample` must be told for each item
    idle: tuple[str, ...] = ()  # parameters that the loss does not depend on
    translates: bool = False  # it has no `sample`: what it makes are translations of the batch's first half
    draws: bool = True  # whether chance has a part in what it makes

    def model(self) -> Model:
        torch.manual_seed(0)
        return self.make()

    def sample(self, model: Model, n: int, **how) -> Tensor:
        """A sample, from a conditional model under the condition (1, 0, …); a translator's are its translations."""
        if self.translates:
            return model.translate(self.batch()[0][:n], **(how if self.draws else {}))
        if self.condition:
            how["condition"] = (torch.arange(n * self.condition).view(n, -1) + 1) % 2.0
        return model.sample(n, **how)

    def optimizers(self, model: Model, lr: float = 0.1) -> dict[str, SGD]:
        return {player: SGD(parameters, lr) for player, parameters in training.trainable_parameters(model).items()}


def points(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def images(*shape: int) -> Callable[[], Tensor]:
    return lambda: torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def small(**variant) -> Model:
    """A dense autoencoder of 4×4 images with a code in (0, 1)."""
    return dense((1, 4, 4), 6, code=nn.Sigmoid(), **variant)


def autoencoder(name: str, make: Callable[[], Model], size: int = 4) -> Member:
    return Member(name, make, images(32, 1, size, size), (1, size, size))


def variational(name: str, make: Callable[..., Model], batch: Callable[[], Tensor] | None = None) -> Member:
    """A VAE of 4×4 images with a code of two numbers."""
    return Member(f"VAE, {name}", lambda: make((1, 4, 4), 2), batch or images(32, 1, 4, 4), (1, 4, 4))


def dense_vae(learnt: bool = False, **variant) -> Callable[..., Model]:
    return lambda *sizes: vae.dense(*sizes, 16, likelihood=GaussianLikelihood(0.5, learnt=learnt), **variant)


def mostly_black() -> Tensor:
    return (images(32, 1, 4, 4)() < 0.2).float()


def game(name: str, *, idle: tuple[str, ...] = (), **variant) -> Member:
    """A dense GAN of points in the plane."""

    def make() -> Model:
        return gan.dense((2,), 3, 16, **_made(variant))

    return Member(f"GAN, {name}", make, points(32, 2), (2,), falls=None, idle=idle)


def _made(variant: dict) -> dict:
    """The arguments, with new nets for each model."""
    return {name: value() if name == "recovery" else value for name, value in variant.items()}


def told(*shape: int) -> Callable[[], tuple[Tensor, ...]]:
    """Images, and two numbers about each: is it brighter than most, and a coin."""

    def batch() -> tuple[Tensor, ...]:
        x = images(*shape)()
        means = x.flatten(1).mean(1)
        coin = torch.rand(len(x), generator=torch.Generator().manual_seed(2))
        return x, torch.stack([means > means.median(), coin > 0.5], 1).float()

    return batch


def domains(*shape: int) -> Callable[[], tuple[Tensor, ...]]:
    """Two domains, the second one darker."""
    return lambda: (images(*shape)(), images(*shape)().flip(0) / 2)


def translator(name: str, make: Callable[[], Model], *, draws: bool = False, falls: str | None = None) -> Member:
    """A translator of images 8×8."""
    return Member(name, make, domains(16, 3, 8, 8), (3, 8, 8), falls=falls, translates=True, draws=draws)


def nets(count: int, **how) -> tuple[nn.Module, ...]:
    return tuple(translation.small_generator(width=4, blocks=1, start="free", **how) for _ in range(count))


def critics(count: int = 2, channels: int = 3) -> tuple[nn.Module, ...]:
    return tuple(translation.small_critic(channels, width=4) for _ in range(count))


def many_to_many() -> Model:
    """Domain b adds a code of two numbers, domain a none."""
    reader, judge = translation.code_reader(2, 8, width=4, hidden=8), translation.code_critic(2, width=8)
    return translation.AugmentedCycleGAN(
        *nets(1, latent=2), *nets(1), None, reader, *critics(), None, judge, latent=(0, 2)
    )


def of_points() -> Model:
    return translation.CycleGAN(mlp(2, 8, 2), mlp(2, 8, 2), mlp(2, 8, 1), mlp(2, 8, 1), pool=20)


class Timed(nn.Module):
    """A net for points in the plane that is told a time, and two more numbers if there are any."""

    def __init__(self, condition: int = 0) -> None:
        super().__init__()
        self.layers = mlp(3 + condition, 16, 2)

    def forward(self, x: Tensor, t: Tensor, condition: Tensor | None) -> Tensor:
        return self.layers(torch.cat([x, t[:, None], *([] if condition is None else [condition])], 1))


def diffused(name: str, schedule: diffusion.Schedule, predicts: diffusion.Target, condition: int = 0) -> Member:
    """A learnt denoiser of points that are far from N(0, I)."""

    def make() -> Model:
        return diffusion.Diffusion(Timed(condition), schedule, predicts=predicts, centre=1.0, scale=3.0, shape=(2,))

    def batch() -> Tensor | tuple[Tensor, ...]:
        x = points(32, 2)()
        return (x, (x > 0).float()) if condition else x

    return Member(f"diffusion, {name}", make, batch, (2,), condition=condition)


CODES = gan.Codes(2, classes=3, continuous=2)
ONLY_DIFFERENCES = ("critic.3.bias",)  # of scores count in some losses, and the critic's last bias drops out of them


def reader(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))


MEMBERS = [
    Member("linear autoencoder", lambda: dense((5,), 2), points(32, 5), (5,)),
    autoencoder("dense autoencoder", lambda: dense((1, 4, 4), 3, 16, out=nn.Sigmoid())),
    autoencoder("tied autoencoder", lambda: tied((1, 4, 4), 3)),
    autoencoder("stacked autoencoder", lambda: stacked(dense((1, 4, 4), 8, code=nn.Tanh()), dense((8,), 3))),
    autoencoder("cross-entropy", lambda: dense((1, 4, 4), 3, out=nn.Sigmoid(), reconstruction=binary_cross_entropy)),
    autoencoder("L1", lambda: small(penalty=L1(0.01))),
    autoencoder("sparse", lambda: small(penalty=Sparsity(0.1, 0.1))),
    autoencoder("sparse, running mean", lambda: small(penalty=Sparsity(0.1, 0.1, units=6))),
    autoencoder("contractive", lambda: small(penalty=Contractive(0.1))),
    autoencoder("contractive, closed form", lambda: small(penalty=ContractiveSigmoid(0.1))),
    autoencoder("denoising, noise", lambda: small(corruption=Gaussian(0.1))),
    autoencoder("denoising, masking", lambda: small(corruption=Masking(0.1))),
    autoencoder("denoising, patch", lambda: small(corruption=Patch(1))),
    autoencoder("convolutional, fast", lambda: fast_convolutional((1, 8, 8), 4, 4, 8), size=8),
    variational("dense, Gaussian", dense_vae(out=nn.Sigmoid())),
    variational("dense, Bernoulli", lambda *sizes: vae.dense(*sizes, likelihood=BernoulliLikelihood()), mostly_black),
    variational("learnt σ", dense_vae(learnt=True)),
    variational("full covariance", dense_vae(posterior=vae.full)),
    variational("β = 4", dense_vae(beta=4.0)),
    variational("convolutional", lambda *sizes: vae.convolutional(*sizes, 4, 8, hidden=16)),
    Member(
        "VAE, conditional", lambda: vae.dense((1, 4, 4), 2, 16, condition_size=2), told(32, 1, 4, 4), (1, 4, 4),
        condition=2,
    ),
    game("non-saturating"),
    game("packed", pack=2),
    game("WGAN-GP", loss=gan.WASSERSTEIN, penalties=[gan.GradientPenalty()], n_critic=3, idle=ONLY_DIFFERENCES),
    game("R1, R2, relativistic", loss=gan.RELATIVISTIC, penalties=[gan.r1(), gan.r2()], idle=ONLY_DIFFERENCES),
    game("VEEGAN", recovery=lambda: gan.Reconstructor(nn.Linear(2, 3))),
    Member(
        "GAN, InfoGAN", lambda: gan.dense((1, 4, 4), CODES, 16, recovery=gan.InfoCode(reader(16, 5), CODES)),
        images(32, 1, 4, 4), (1, 4, 4), falls=None,
    ),
    Member(
        "GAN, conditional", lambda: gan.dense((1, 4, 4), 3, 16, condition_size=2), told(32, 1, 4, 4), (1, 4, 4),
        falls=None, condition=2,
    ),
    Member(
        "GAN, DCGAN", lambda: gan.dcgan((1, 8, 8), (4,), latent_size=3, kernel=4), images(8, 1, 8, 8), (1, 8, 8),
        falls=None,
    ),
    Member(
        "CycleGAN, points", of_points, lambda: (points(32, 2)(), 1 + points(32, 2)()), (2,), falls=None,
        translates=True, draws=False,
    ),
    translator("CycleGAN, images", lambda: translation.CycleGAN(*nets(2), *critics(), identity=5.0, noise=0.1)),
    translator("Pix2Pix", lambda: translation.Pix2Pix(*nets(1), *critics(1, 6))),
    translator("Pix2Pix, L1 alone", lambda: translation.Pix2Pix(*nets(1), None), falls="loss"),
    translator("Augmented CycleGAN", many_to_many, draws=True),
    diffused("noise", diffusion.linear(50), diffusion.NOISE),
    diffused("v", diffusion.cosine(50), diffusion.V),
    diffused("straight flow", diffusion.Straight(logit_std=1.0), diffusion.VELOCITY),
    diffused("conditional", diffusion.Spread(5.0), diffusion.DATA, condition=2),
    Member("two players", TinyGAN, points(32, 2), (2,), falls=None),
    Member("two players, three turns of one", lambda: TinyGAN(n_critic=3), points(32, 2), (2,), falls=None),
    Member("three players", Debate, points(8, 1), (3,), falls=None),
]

member = pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)


@member
def test_players_share_the_parameters_among_them(member):
    model = member.model()
    owned = [id(p) for parameters in training.trainable_parameters(model).values() for p in parameters]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(p) for p in model.parameters() if p.requires_grad}


@member
def test_in_each_turn_its_player_alone_gets_gradients_and_moves(member):
    model = member.model()
    players, optimizers, x = training.trainable_parameters(model), member.optimizers(model), member.batch()
    turns = []
    for player, terms in model.turns(x):
        turns.append(player)
        model.zero_grad(set_to_none=True)
        before = {name: [p.clone() for p in parameters] for name, parameters in players.items()}
        terms["loss"].backward(inputs=players[player])
        optimizers[player].step()
        for name, parameters in players.items():
            mine = name == player
            assert all((p.grad is not None) == mine for p in parameters), (player, name)
            still = all(torch.equal(p, old) for p, old in zip(parameters, before[name], strict=True))
            assert still != mine, (player, name)
    assert set(turns) == set(players)


@member
def test_the_loop_does_the_same_as_those_turns(member):
    by_hand, by_loop = member.model(), member.model()
    x = member.batch()
    optimizers = member.optimizers(by_hand)
    torch.manual_seed(1)
    for player, terms in by_hand.turns(x):
        by_hand.zero_grad(set_to_none=True)
        terms["loss"].backward()  # the others' gradients too, and thrown away: the loop needs no such thing
        optimizers[player].step()
    torch.manual_seed(1)
    (report,) = training.steps(by_loop, [x], member.optimizers(by_loop))
    assert set(report) == set(by_loop.players())
    for a, b in zip(by_hand.parameters(), by_loop.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-7)


@member
def test_every_parameter_learns_in_a_step(member):
    model = member.model()
    before = {name: p.clone() for name, p in model.named_parameters()}
    list(training.steps(model, [member.batch()], member.optimizers(model)))
    still = [name for name, p in model.named_parameters() if p.requires_grad and torch.equal(p, before[name])]
    assert not set(still) - set(member.idle)


@member
def test_each_turn_reports_a_scalar_loss_and_scalar_terms(member):
    for _, terms in member.model().turns(member.batch()):
        assert terms["loss"].requires_grad
        assert all(term.ndim == 0 and term.isfinite() for term in terms.values())


@pytest.mark.parametrize("member", [m for m in MEMBERS if m.draws], ids=lambda member: member.name)
def test_the_same_generator_gives_the_same_sample(member):
    model = member.model()
    first, again, other = (member.sample(model, 6, generator=torch.Generator().manual_seed(s)) for s in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("member", [m for m in MEMBERS if not m.draws], ids=lambda member: member.name)
def test_what_draws_nothing_makes_the_same_of_the_same_whatever_its_mode(member):
    model = member.model()
    first, again, settled = member.sample(model, 6), member.sample(model, 6), member.sample(model.eval(), 6)
    assert torch.equal(first, again)
    assert torch.equal(first, settled)
    assert not torch.equal(first, member.sample(model, 12)[6:])


@member
def test_a_sample_leaves_other_randomness_alone(member):
    model, state = member.model(), torch.get_rng_state()
    member.sample(model, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)


@member
def test_samples_have_shape_dtype_device_and_no_gradient(member):
    model = member.model()
    sample = member.sample(model, 6)
    assert sample.shape == (6, *member.item)
    assert sample.dtype == torch.float32
    assert sample.device == training.device_of(model)
    assert not sample.requires_grad


@member
def test_sampling_keeps_each_modules_own_mode(member):
    model = member.model().train()
    frozen = list(model.modules())[-1].eval()
    member.sample(model, 2)
    assert not frozen.training
    assert all(module.training for module in model.modules() if module is not frozen)


@member
def test_state_dict_round_trips(member, tmp_path):
    trained, fresh = member.model(), member.model()
    training.fit(trained, member.batch(), steps=3, batch_size=8)
    missing = fresh.load_state_dict(trained.state_dict())
    assert not missing.missing_keys
    assert not missing.unexpected_keys
    one, two = (member.sample(m, 4, generator=torch.Generator().manual_seed(0)) for m in (trained, fresh))
    assert torch.equal(one, two)


@member
def test_training_again_from_the_same_seed_gives_the_same_weights(member):
    models = [member.model(), member.model()]
    for model in models:
        training.fit(model, member.batch(), steps=5, batch_size=8, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


@pytest.mark.parametrize("member", [m for m in MEMBERS if m.falls], ids=lambda member: member.name)
def test_a_few_dozen_steps_lower_the_loss(member):
    history = training.fit(member.model(), member.batch(), steps=60, batch_size=32, lr=member.lr)
    series = history[member.falls]
    assert sum(series[-5:]) < 0.95 * sum(series[:5])


def test_players_see_the_newest_of_each_other():
    model = Debate()
    optimizers = {name: SGD(module.parameters(), lr=0.5) for name, module in model.players().items()}
    list(training.steps(model, [torch.ones(4)], optimizers))
    values = [model.members[name].value.item() for name in Debate.names]
    assert values == pytest.approx([1.0, 1.5, 2.25])  # 1 + 0, 1 + 1/2, 1 + (1 + 3/2)/2


class Overheard(Debate):
    """Notes, when a player's turn has come, which parameters have a gradient by then."""

    def turns(self, x: Tensor):
        self.heard = []
        for player, terms in super().turns(x):
            self.heard.append({name for name in self.names if self.members[name].value.grad is not None})
            yield player, terms


def test_the_loop_gives_no_gradient_to_a_player_whose_turn_has_not_come():
    model = Overheard()
    list(training.steps(model, [torch.ones(4)], {n: SGD(m.parameters(), lr=0.1) for n, m in model.players().items()}))
    assert model.heard == [set(), {"first"}, {"first", "second"}]
