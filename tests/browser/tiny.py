"""Every explorer at its smallest, mostly on pictures of sixteen pixels: a notebook's first cell, and a module."""

import torch
from torch import nn

from coursekit import explore
from coursekit.data import faces
from coursekit.models import diffusion, gan, vae
from coursekit.models.horse_reader import HorseReader
from coursekit.models.linear import PCA


class Turned(nn.Module):
    """Pictures of 4×4 pixels in other axes: nothing is lost, and each number of the code is seen in each pixel."""

    def __init__(self, size=16):
        super().__init__()
        turn = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(0))).Q[:, :size]
        self.turn = nn.Parameter(turn, requires_grad=False)

    def encode(self, x):
        return x.flatten(1) @ self.turn

    def decode(self, h):
        return (h @ self.turn.T).unflatten(1, (1, 4, 4))

    def forward(self, x):
        return self.decode(self.encode(x))


def small_vae(size, beta=1.0):
    """A VAE as it starts, with the loudest weights that its pictures bear."""
    torch.manual_seed(round(10 * beta))
    model = vae.dense((1, 4, 4), size, 8, beta=beta, out=nn.Sigmoid())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def small_gan(prior):
    """A GAN as it starts, with the loudest weights."""
    torch.manual_seed(0)
    model = gan.dense((1, 4, 4), prior, 8, out=gan.Unit())
    with torch.no_grad():
        for parameter in model.generator.parameters():
            parameter.mul_(3)
    return model


def half_way(x, sigma):
    """A denoiser that goes half-way to the middle, and further with more noise."""
    return x * (1 - sigma) / 2


class Asked(nn.Module):
    """A net for diffusion: half of the picture it sees, and another picture for each thing that is asked for."""

    def __init__(self, k=2):
        super().__init__()
        self.asked = nn.Parameter(torch.randn(k, 1, 4, 4, generator=torch.Generator().manual_seed(0)))

    def forward(self, x, t, condition=None):
        asked = 0.0 if condition is None else torch.einsum("nk,k...->n...", condition, self.asked)
        return 0.5 * x + 0.3 * asked


def told():
    """A diffusion of pictures, told two things."""
    return diffusion.Diffusion(Asked(), diffusion.Straight(), predicts=diffusion.DATA, centre=0.5, scale=0.3,
                               shape=(1, 4, 4))


def seen(x):
    """A reader of two factors and two chances: the means of the four quarters."""
    quarters = x.unflatten(3, (2, 2)).unflatten(2, (2, 2)).mean((1, 3, 5)).flatten(1)  # [n, 4]
    return quarters * torch.tensor([2, 2, 1, 1]) - torch.tensor([1, 1, 0, 0])


class Tinted(nn.Module):
    """Pictures that two numbers make more red and more blue."""

    def __init__(self):
        super().__init__()
        self.latent = {"a": 0, "b": 2}

    def translate(self, x, to="b", *, h):
        return x * 0.5 + 0.1 + 0.1 * torch.stack([h[:, 0], 0 * h[:, 0], h[:, 1]], 1)[:, :, None, None]


def by_ink(x):
    """A reader of numerals that counts their ink: the more there is, the more it takes them for an 8."""
    return torch.where(torch.arange(10) == 8, 2, -0.1) * x.mean((1, 2, 3))[:, None] + 0.1


chance = torch.Generator().manual_seed(1)
images, labels = torch.rand(9, 1, 4, 4, generator=chance), torch.arange(9) % 3
points = torch.randn(40, 2, generator=chance) * torch.tensor([1.5, 0.5])
ends, model, pair = faces.sample_factors(2, generator=chance), Turned(), (Turned().encode, Turned().decode)
pca, names = PCA(6).fit(images), [f"number {i}" for i in range(9)]
spread = torch.full_like(points, 0.2)
step = {"pixels": images[0] - images[1], "turned": model.encode(images[:1] - images[1:2])[0]}

paler, darker = (lambda x: 0.9 * x + 0.1), (lambda x: 0.95 * x)
mild = {"paler": (paler, darker), "darker": (darker, paler)}
torch.manual_seed(0)
reader = HorseReader(4, features=16)

EVERY = {
    "ArcDesk": lambda: explore.ArcDesk(),
    "Arithmetic": lambda: explore.Arithmetic({"turned": pair}, images, names),
    "Attractors": lambda: explore.Attractors(images[:5], others=images[5:7], sigma=(0.1, 0.5, 5.0), steps=8),
    "Bottleneck": lambda: explore.Bottleneck({k: Turned(k) for k in (1, 4, 16)}, images),
    "BilinearGame": lambda: explore.BilinearGame(),
    "BoundDesk": lambda: explore.BoundDesk(),
    "Collapse": lambda: explore.Collapse(steps=12, stride=4, still=12),
    "Components": lambda: explore.Components(pca, images),
    "CorruptRepair": lambda: explore.CorruptRepair({"some": Turned(8), "all": model}, images, sigma=0.2, share=0.2),
    "DenoisingField": lambda: explore.DenoisingField(half_way, points, sigma=(0.1, 0.3, 0.8)),
    "Dimensions": lambda: explore.Dimensions(small_vae(3), images, nothing=0.0),
    "EditDesk": lambda: explore.EditDesk(told(), images[:3], attributes=("top", "light"), reader=seen, steps=5),
    "ElboDesk": lambda: explore.ElboDesk({(b, 0.3): small_vae(2, b) for b in (0.5, 1.0, 4.0)}, images, labels, grid=3),
    "FaceDesk": lambda: explore.FaceDesk({"turned": pair}, images, directions={"brighter": step}),
    "Features": lambda: explore.Features(model, images, features=3),
    "Film": lambda: explore.Film(images[:4]),
    "FlowField": lambda: explore.FlowField({"points": points}, particles=30),
    "Game": lambda: explore.Game(hidden=(8,), batch=16, stages=(("start", ""), ("later", "2D1G3R"))),
    "GANDesk": lambda: explore.GANDesk(small_gan(gan.Codes(2, 7, 1)), directions=1, samples=4),
    "GuidanceDesk": lambda: explore.GuidanceDesk(told(), attributes=("top", "light"), reader=seen, samples=4),
    "LatentPlane": lambda: explore.LatentPlane(small_vae(2).decode, points, spread=spread, grid=3),
    "NaturesDesk": lambda: explore.NaturesDesk(16, among=20),
    "NoiseDesk": lambda: explore.NoiseDesk(pca, images),
    "NumeralDesk": lambda: explore.NumeralDesk(3, reader=by_ink),
    "OjaFilm": lambda: explore.OjaFilm(points, frames=11),
    "OwnPicture": lambda: explore.OwnPicture(mild, size=16),
    "PathExplorer": lambda: explore.PathExplorer(ends[:1], ends[1:], size=16),
    "Scrub": lambda: explore.Scrub(told(), attributes=("top", "light"), steps=(3, 6)),
    "TranslateLive": lambda: explore.TranslateLive(mild, reader=reader.read),
    "TwoLines": lambda: explore.TwoLines(),
    "Walk": lambda: explore.Walk(*pair, images[0], images[1]),
    "WhichZebra": lambda: explore.WhichZebra(Tinted(), size=16, animals=3),
}
