"""On a CUDA card: explorers make their pictures there, and these are the CPU's; a recipe trains there."""

import numpy as np
import pytest
import torch

from coursekit import explore, pretrained
from coursekit.data import faces, numerals
from coursekit.explore.parts.held import held
from coursekit.models import vae
from coursekit.models.base import device_of
from coursekit.pretrained import making

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

STEP = 2  # grey levels of 255 that sums in another order may change


@pytest.fixture(scope="module")
def bank():
    return faces.faces(24, size=64, seed=5)


@pytest.fixture(scope="module")
def ways():
    models = {"autoencoder": pretrained.load("faces_autoencoder"), "VAE": pretrained.load("faces_vae")}
    return {name: (model.encode, model.decode) for name, model in models.items()}


def plane():
    model, x = pretrained.load("mnist_vae_2d"), torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    return explore.LatentPlane(model.decode, model.encode(x).mean.detach())


def balance():
    torch.manual_seed(0)
    nets = {(beta, 0.2): vae.dense((1, 4, 4), 2, 8) for beta in (0.5, 1.0)}
    return explore.ElboDesk(nets, torch.rand(30, 1, 4, 4, generator=torch.Generator().manual_seed(3)))


@pytest.mark.parametrize("name", ["desk", "sum", "dimensions", "walk", "plane", "balance"])
def test_an_explorer_shows_the_same_on_the_card_and_on_the_cpu(name, bank, ways, monkeypatch):
    make = {
        "desk": lambda: explore.FaceDesk(ways, bank.images),
        "sum": lambda: explore.Arithmetic(ways, bank.images, [f"face {i}" for i in range(24)]),
        "dimensions": lambda: explore.Dimensions(pretrained.load("faces_vae"), bank.images),
        "walk": lambda: explore.Walk(*ways["autoencoder"], bank.images[0], bank.images[1]),
        "plane": plane,
        "balance": balance,
    }[name]
    on_card = make()
    with monkeypatch.context() as hidden:
        hidden.setattr(torch.cuda, "is_available", lambda: False)
        on_cpu = make()
    assert (torch.device(on_card.device).type, on_cpu.device) == ("cuda", "cpu")
    pictures = (explorer.frame(explorer.state()).pictures for explorer in (on_card, on_cpu))
    for card, cpu in zip(*pictures, strict=True):
        assert np.abs(card.astype(int) - cpu).max() <= STEP


def test_tensors_come_back_to_where_they_were_and_the_model_stays(bank):
    model = pretrained.load("faces_autoencoder")
    encode = held(model.encode)
    assert (encode.device.type, device_of(model).type) == ("cuda", "cpu")
    assert encode(bank.images).device.type == "cpu"
    assert encode(bank.images.cuda()).device.type == "cuda"


def test_the_plane_of_a_training_follows_its_model_to_the_card():
    model, x = vae.dense((1, 4, 4), 2, 8), torch.rand(30, 1, 4, 4)
    live = explore.LivePlane(model, x)
    model.cuda()
    live.after(1, {})
    assert live.codes().shape == (30, 2)


def test_a_recipe_trains_on_the_card(tmp_path):
    card = making.make(pretrained.recipe("digits_vae_2d"), tmp_path, steps=20, progress=False)
    assert torch.cuda.get_device_name() in card["trained"]["machine"]


def test_numerals_are_the_same_on_the_card_and_on_the_cpu():
    on_card, on_cpu = (numerals.numerals(300, seed=4, device=device) for device in ("cuda", "cpu"))
    assert on_card.images.device.type == on_card.labels.device.type == "cuda"
    assert torch.equal(on_card.factors.cpu(), on_cpu.factors)
    assert torch.allclose(on_card.images.cpu(), on_cpu.images, atol=1e-3)
