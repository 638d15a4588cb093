"""What every model is, and the devices, modes and randomness that models and training share."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Terms = dict[str, Tensor]
Device = str | torch.device


class Model(nn.Module):
    """A model owns its objective and its sampling; `training.fit` trains it, however many players it has.

    A model of one player defines `loss` and `sample`. One with several overrides `turns` and `players`:

        def turns(self, x):
            yield "critic", self.critic_loss(x)        # the critic has moved before the next line runs
            yield "generator", self.generator_loss(x)

    One that remembers more than its weights (earlier fakes, say) hands it over in `memories`.
    """

    def loss(self, x: Any) -> Terms:
        """{"loss": the scalar to minimise, and further terms to report}."""
        raise NotImplementedError(f"{type(self).__name__} has no loss(x)")

    def sample(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """n new items, without gradients, in eval mode (restored after), on the model's device."""
        raise NotImplementedError(f"{type(self).__name__} has no sample(n)")

    def turns(self, x: Any) -> Iterator[tuple[str, Terms]]:
        """The players' turns for one batch, in order: (player, its loss and terms)."""
        yield "model", self.loss(x)

    def players(self) -> dict[str, nn.Module]:
        """{player: the module whose parameters are its own}."""
        return {"model": self}

    def memories(self) -> Mapping[str, Any]:
        """{name: what checkpoints keep beside the weights}, each with `state_dict` and `load_state_dict`."""
        return {}


def default_device() -> torch.device:
    """The fastest device here: CUDA, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_of(module: nn.Module) -> torch.device:
    """Where the module's parameters (or, without any, its buffers) live; the CPU if it has neither."""
    tensor = next(itertools.chain(module.parameters(), module.buffers()), None)
    return torch.device("cpu") if tensor is None else tensor.device


def seed_everything(seed: int, *, device: Device = "cpu") -> torch.Generator:
    """Seed torch's global generators (weights, dropout) and return a fresh generator with the same seed."""
    torch.manual_seed(seed)
    return torch.Generator(device).manual_seed(seed)


def eval_mode(model: nn.Module) -> AbstractContextManager[nn.Module]:
    """Evaluation mode inside, and each submodule's own mode back afterwards, whatever happened."""
    return _mode(model, False)


def train_mode(model: nn.Module) -> AbstractContextManager[nn.Module]:
    """Training mode inside, and each submodule's own mode back afterwards, whatever happened."""
    return _mode(model, True)


@contextmanager
def _mode(model: nn.Module, training: bool) -> Iterator[nn.Module]:
    modes = {module: module.training for module in model.modules()}
    try:
        model.train(training)
        yield model
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def settling(model: nn.Module) -> Iterator[bool]:
    """Inside, batch normalisation measures its statistics anew: the mean over the batches that pass, all alike.

    Train mode without gradients; what is given says whether there is such a layer. Modes and momenta come back.
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    kept = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # an even mean
        with torch.no_grad(), train_mode(model):
            yield bool(layers)
    finally:
        for layer, momentum in zip(layers, kept, strict=True):
            layer.momentum = momentum


def noise(*shape: int, like: nn.Module, generator: torch.Generator | None = None) -> Tensor:
    """Standard normal numbers of that shape, drawn where the generator lives, moved to where `like` is."""
    source = generator.device if generator is not None else device_of(like)
    return torch.randn(shape, generator=generator, device=source).to(device_of(like))


@contextmanager
def own_randomness(seed: int, device: torch.device) -> Iterator[None]:
    """torch's global generators seeded inside, and as they were afterwards."""
    kind = device.type if device.type != "cpu" else "cuda"
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices, device_type=kind):
        torch.manual_seed(seed)
        yield
