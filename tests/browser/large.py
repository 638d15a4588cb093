"""The explorers as large as chapters show them, of models that have learnt nothing: what has to fit on a screen."""

import torch
from torch import nn

from coursekit import explore
from coursekit.data import faces
from coursekit.models import DigitReader, FactorReader, diffusion, gan, translation, vae
from coursekit.models.horse_reader import HorseReader
from coursekit.models.linear import PCA


class Blurred(nn.Module):
    """A code of so many numbers, each a wave over the picture: no training, and all of them are seen."""

    def __init__(self, shape, size):
        super().__init__()
        self.shape = shape
        waves = torch.randn(size, shape.numel(), generator=torch.Generator().manual_seed(0))
        self.waves = nn.Parameter(torch.linalg.qr(waves.T).Q.T, requires_grad=False)

    def encode(self, x):
        return x.flatten(1) @ self.waves.T

    def decode(self, h):
        return (0.5 + h @ self.waves).unflatten(1, self.shape)

    def forward(self, x):
        return self.decode(self.encode(x))


def half_way(x, sigma):
    """A denoiser that goes half-way to the middle, and further with more noise."""
    return x * (1 - sigma) / 2


def far(x):
    """A judge of faces that looks at one pixel."""
    return x[:, 0, 0, 0] / 10


def small_vae(shape, size, **options):
    """A VAE as it starts."""
    torch.manual_seed(0)
    return vae.dense(shape, size, 8, out=nn.Sigmoid(), **options)


def small_gan(shape, prior):
    """A GAN as it starts."""
    torch.manual_seed(0)
    return gan.dense(shape, prior, 8, out=gan.Unit())


def translator(side=32):
    """A translator as it starts."""
    make = translation.small_generator if side == 32 else translation.FineGenerator
    return translation.Translator(make(), make())


def many_to_many(latent):
    """An augmented CycleGAN as it starts."""
    critics = (translation.small_critic() for _ in range(2))
    return translation.AugmentedCycleGAN(
        translation.small_generator(latent=latent), translation.small_generator(), None,
        translation.code_reader(latent), *critics, None, translation.code_critic(latent), latent=(0, latent),
    )


def told():
    """A diffusion of faces, told four attributes, as it starts."""
    net = diffusion.UNet(3, (8, 16), condition=4, depth=1)
    return diffusion.Diffusion(net, diffusion.Straight(), predicts=diffusion.VELOCITY, centre=0.5, scale=0.5,
                               shape=(3, 32, 32))


chance = torch.Generator().manual_seed(1)
people = faces.faces(12, size=64, seed=1)
digit = torch.rand(32, 1, 8, 8, generator=chance)
shape, dots = people.images.shape[1:], torch.randn(600, 2, generator=chance)
way, other = Blurred(shape, 16), Blurred(shape, 32)
ways = {"autoencoder": (way.encode, way.decode), "VAE": (other.encode, other.decode)}
traits = ("glasses", "sunglasses", "beard", "long hair", "smile", "light")
moves = {t: {"pixels": 0.1 * way.waves[i].view(shape), "autoencoder": torch.eye(16)[i], "VAE": torch.eye(32)[i]}
         for i, t in enumerate(traits)}
ends = faces.sample_factors(2, generator=chance)
pca = PCA(32).fit(torch.rand(80, 1, 8, 8, generator=chance))
rates = {(b, s): small_vae((1, 8, 8), 2, beta=b, likelihood=vae.GaussianLikelihood(s))
         for b in (0.25, 1.0, 4.0) for s in (0.1, 0.4)}
kinds = ("convolutional", "narrow code", "identity start")
names = ["man with glasses", "man", "woman", "boy", "boy with sunglasses", "girl"]

EVERY = {
    "ArcDesk": lambda: explore.ArcDesk(),
    "Arithmetic": lambda: explore.Arithmetic(ways, people.images[:6], names),
    "Attractors": lambda: explore.Attractors(torch.rand(10, 3, 32, 32, generator=chance),
                                             others=torch.rand(3, 3, 32, 32, generator=chance)),
    "Bottleneck": lambda: explore.Bottleneck({k: Blurred(digit.shape[1:], k) for k in (1, 2, 4, 8, 16, 32)}, digit),
    "BilinearGame": lambda: explore.BilinearGame(),
    "BoundDesk": lambda: explore.BoundDesk(),
    "Collapse": lambda: explore.Collapse(still=25),
    "Components": lambda: explore.Components(PCA(32).fit(torch.rand(80, 3, 32, 32, generator=chance)),
                                             torch.rand(8, 3, 32, 32, generator=chance)),
    "ComponentsOfDigits": lambda: explore.Components(pca, digit),
    "CorruptRepair": lambda: explore.CorruptRepair(Blurred(digit.shape[1:], 20), digit, sigma=0.5),
    "DenoisingField": lambda: explore.DenoisingField(half_way, dots, sigma=(0.3, 0.5, 0.8)),
    "Dimensions": lambda: explore.Dimensions(small_vae(shape, 20), people.images, factors=people.factors,
                                             factor_names=faces.FACTORS, nothing=0.005),
    "EditDesk": lambda: explore.EditDesk(told(), torch.rand(8, 3, 32, 32, generator=chance), reader=FactorReader(8, 8)),
    "ElboDesk": lambda: explore.ElboDesk(rates, digit, torch.arange(32) % 10),
    "FaceDesk": lambda: explore.FaceDesk(ways, people.images, directions=moves, judge=far),
    "Features": lambda: explore.Features(Blurred(digit.shape[1:], 60), digit),
    "Film": lambda: explore.Film(list(people.images[:4])),
    "FlowField": lambda: explore.FlowField(),
    "Game": lambda: explore.Game(stages=(("start", ""), ("later", "60D"))),
    "GANDesk": lambda: explore.GANDesk(small_gan(people.images.shape[1:], 32), directions=6, training=people.images),
    "GANDeskOfDigits": lambda: explore.GANDesk(small_gan((1, 28, 28), gan.Codes(32, 10, 3)),
                                               reader=DigitReader().digits),
    "GuidanceDesk": lambda: explore.GuidanceDesk(told(), reader=FactorReader(8, 8)),
    "LatentPlane": lambda: explore.LatentPlane(small_vae((1, 8, 8), 2).decode, dots, torch.arange(600) % 10),
    "NaturesDesk": lambda: explore.NaturesDesk(64, among=60),
    "NumeralDesk": lambda: explore.NumeralDesk(2, reader=DigitReader().read),
    "NoiseDesk": lambda: explore.NoiseDesk(pca, digit),
    "OjaFilm": lambda: explore.OjaFilm(dots),
    "OwnPicture": lambda: explore.OwnPicture({"CycleGAN": translator(64), "another": translator(64)}),
    "PathExplorer": lambda: explore.PathExplorer(ends[:1], ends[1:], distances={"pixels": torch.rand(9),
                                                                                "factors": torch.rand(9)}),
    "Scrub": lambda: explore.Scrub(told(), attributes=faces.ATTRIBUTES),
    "TranslateLive": lambda: explore.TranslateLive({f"{net}, {loss} the cycle": translator() for net in kinds
                                                    for loss in ("with", "without")}, reader=HorseReader().read),
    "TwoLines": lambda: explore.TwoLines(),
    "Walk": lambda: explore.Walk(way.encode, way.decode, people.images[0], people.images[1], name="VAE",
                                 others={"autoencoder": ways["autoencoder"]}, distances=far),
    "WhichZebra": lambda: explore.WhichZebra(many_to_many(3), reader=HorseReader().read),
}
