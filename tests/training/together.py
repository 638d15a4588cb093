"""What each of the processes of test_processes.py runs: `torchrun together.py OUT`; without a launcher one alone."""

import os
import signal
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from players import TinyGAN

from coursekit import training
from coursekit.models import vae

N = 43  # the last batch of an epoch is smaller, and an odd number: its parts differ in size


class ToldVAE(vae.VAE):
    """A VAE whose noise comes with its images: then a part of a batch has its part of the noise."""

    def loss(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        x, noise = batch
        terms = {name: term.mean() for name, term in self.elbo(x, noise=noise).items()}
        return {"loss": -terms["elbo"], **terms}


class ToldGAN(TinyGAN):
    """A game of two players whose noise comes with the points."""

    def turns(self, batch):
        x, z = batch
        fake = self.generator(z)
        yield "critic", {"loss": (self.critic(x) - 1).square().mean() + (self.critic(fake) + 1).square().mean()}
        yield "generator", {"loss": (self.critic(self.generator(z)) - 1).square().mean()}


def made(kind: str):
    """A model, and what it is trained on."""
    g = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    if kind != "vae":
        return ToldGAN(), (torch.randn(N, 2, generator=g), torch.randn(N, 2, generator=g))
    plain = vae.dense((1, 4, 4), 2, 16)
    told = ToldVAE(plain.encoder, plain.decoder, latent_size=2)
    return told, (torch.rand(N, 1, 4, 4, generator=g), torch.randn(N, 2, generator=g))


def unweighted(group: training.Processes, batch):
    """The typical mistake: every process weighs the same, however large its part is."""
    part = PART(group, batch)
    group.share = 1 / group.count
    return part


PART = training.Processes.part


def trained(kind: str, path: Path) -> dict[str, Tensor]:
    """Weights and history after ten steps, in two goes: the second one resumes from the file of the first."""
    training.Processes.part = unweighted if kind == "unweighted" else PART
    for steps in (5, 10):
        model, data = made(kind)
        if training.Processes().rank:  # what the first one has, all begin with
            torch.nn.init.zeros_(next(model.parameters()))
        along = [training.EMA(model, 0.9), training.Checkpoint(path, every=3)]
        history = training.fit(model, data, steps=steps, batch_size=10, lr=1e-2, along=along)
    series = {f"history/{name}": torch.tensor(values) for name, values in history.items()}
    return {**{f"model/{name}": tensor for name, tensor in model.state_dict().items()}, **series}


def stopped(group: training.Processes) -> int:
    """The steps after which all have stopped, when somebody has pressed Ctrl-C for the last one of them alone."""
    model, data = made("game")

    def press(step, terms):
        if step == 3 and group.rank == group.count - 1:
            os.kill(os.getpid(), signal.SIGINT)

    try:
        training.fit(model, data, steps=50, batch_size=10, along=[press])
    except training.Interrupted as stop:
        return stop.history.steps
    return 0


def main(out: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to Ctrl-C
    with training.launched("cpu"):
        group = training.Processes()
        for kind in ("vae", "game", "unweighted"):
            state = trained(kind, out / f"{kind}.run.safetensors")
            save_file(state, out / f"{kind} {group.rank}.safetensors")
        save_file({"steps": torch.tensor(stopped(group))}, out / f"stopped {group.rank}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
