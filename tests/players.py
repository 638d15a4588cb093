"""Small models with several players, to hold the training loop to its contract."""

import numpy as np
import torch
from torch import Tensor, nn

from coursekit.explore.parts.draw import picture
from coursekit.models import translation
from coursekit.models.autoencoders import dense
from coursekit.models.base import Model, eval_mode, noise
from coursekit.models.nets import mlp


class TinyGAN(Model):
    """A generator against a critic on points [n, 2]; the critic may move several times a batch."""

    def __init__(self, n_critic: int = 1) -> None:
        super().__init__()
        self.generator, self.critic = mlp(2, 8, 2), mlp(2, 8, 1)
        self.n_critic = n_critic

    def turns(self, x: Tensor):
        for _ in range(self.n_critic):
            yield "critic", self.critic_loss(x)
        yield "generator", self.generator_loss(len(x))

    def players(self) -> dict[str, nn.Module]:
        return {"critic": self.critic, "generator": self.generator}

    def critic_loss(self, x: Tensor) -> dict[str, Tensor]:
        real, fake = self.critic(x), self.critic(self.generator(noise(len(x), 2, like=self)))
        gap = real.mean() - fake.mean()
        return {"loss": (real - 1).square().mean() + (fake + 1).square().mean(), "gap": gap}

    def generator_loss(self, n: int) -> dict[str, Tensor]:
        return {"loss": (self.critic(self.generator(noise(n, 2, like=self))) - 1).square().mean()}

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        with eval_mode(self):
            return self.generator(noise(n, 2, like=self, generator=generator))


class Debate(Model):
    """Three players whose losses all depend on one another's only parameter; every one is solved in closed form.

    Player i minimises (θ_i − (θ_j + θ_k) / 2 − mean x)² with respect to θ_i alone, so after its turn with
    plain gradient descent of rate ½ it is exactly at its optimum, given the *newest* values of the others.
    """

    names = ("first", "second", "third")

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleDict({name: _Value() for name in self.names})

    def turns(self, x: Tensor):
        for name in self.names:
            others = [self.members[other].value for other in self.names if other != name]
            yield name, {"loss": (self.members[name].value - sum(others) / 2 - x.mean()).square()}

    def players(self) -> dict[str, nn.Module]:
        return dict(self.members.items())

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        return torch.stack([self.members[name].value for name in self.names]) + noise(
            n, 3, like=self, generator=generator
        )


class _Value(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.0))


class Regulariser(nn.Module):
    """Dropout, batch normalisation and a frozen part: what modes and randomness must come through."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 4))
        self.frozen = nn.BatchNorm1d(4).eval()

    def turns(self, x: Tensor):
        yield "model", {"loss": (self.body(self.frozen(x)) - x).square().mean()}

    def players(self) -> dict[str, nn.Module]:
        return {"model": self}


class Scripted(Model):
    """One weight; its turns are given as a function of the step."""

    def __init__(self, script):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.script, self.count = script, 0

    def turns(self, x):
        self.count += 1
        yield from self.script(self, self.count)


def x(n=40, d=4, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def model(seed=0):
    torch.manual_seed(seed)
    return dense((4,), 2, 6)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(p, q) for p, q in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def cyclegan(seed=0, channels=3):
    """A CycleGAN that has not learnt: a little off the identity."""
    torch.manual_seed(seed)
    nets = [translation.small_generator(channels, width=8, blocks=1) for _ in range(2)]
    critics = [translation.small_critic(channels, width=8) for _ in range(2)]
    with torch.no_grad():
        for net in nets:
            for parameter in net.last.parameters():
                parameter.normal_(std=0.05)
    return translation.CycleGAN(*nets, *critics)


def shows(shown, images, levels: int = 1) -> bool:
    """Whether a panel shows the first of the images, to so many grey levels: another batch is rounded otherwise."""
    return np.abs(shown.astype(int) - picture(images[0])).max() <= levels
