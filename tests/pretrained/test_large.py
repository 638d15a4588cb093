"""The recipes whose weights do not come with coursekit: what they are trained on, and what their figures can tell."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from coursekit.data import horses
from coursekit.models import gan, translation
from coursekit.pretrained import catalogue, files, large, making
from coursekit.training import batches


@pytest.fixture
def pictures(data_root, monkeypatch):
    """Random grey pictures in the place of the smiles: bright ones for training, and others to test with."""
    g = torch.Generator().manual_seed(0)
    for split, n in (("train", 70), ("test", 20)):
        for kind in ("neutral", "smiling"):
            folder = data_root / "smiles" / split / kind
            folder.mkdir(parents=True)
            for i in range(n):
                level = torch.rand(16, 16, generator=g).mul(255).byte().numpy()
                Image.fromarray(level).resize((64, 64)).save(folder / f"{i}.png")
    monkeypatch.setattr(large, "COMPONENTS", 10)
    large.axes.cache_clear()
    yield
    large.axes.cache_clear()


def test_grey_photographs_are_given_three_channels(pictures):
    x = large.photographs("train", 30)
    assert x.shape == (30, 3, 64, 64)
    assert torch.equal(x[:, 0], x[:, 2])


def test_it_is_the_published_net_with_the_published_optimizer():
    recipe = catalogue.recipe("celeba_dcgan")
    assert sum(p.numel() for p in recipe.build().parameters()) == sum(p.numel() for p in gan.dcgan().parameters())
    assert (recipe.batch_size, recipe.lr, recipe.settings()["optimizer"]) == (128, 2e-4, "Adam, betas (0.5, 0.999)")


def test_figures_tell_photographs_from_black(pictures, monkeypatch):
    model = gan.dcgan()

    def figures(images):
        monkeypatch.setattr(large, "drawn", lambda *_: images)
        return large.figures(model)

    right, black = figures(large.photographs("test", 40)[20:]), figures(torch.zeros(20, 3, 64, 64))
    assert right["frechet"] == pytest.approx(right["frechet_floor"], abs=1e-4)
    assert right["recall"] == pytest.approx(1, abs=0.3)
    assert black["frechet"] > 2 * black["frechet_floor"]
    assert black["recall"] == 0


def test_large_weights_are_kept_if_they_are_not_shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    small = replace(large.CELEBA_DCGAN, net=lambda: gan.dcgan((3, 16, 16), (8, 4)), measure=lambda _: {"n": 1.0})
    card = making.keep(small, small.build(), tmp_path, {})
    assert card["bytes"] > 1000
    with pytest.raises(ValueError, match="want at most 1,000"):
        making.keep(replace(small, shipped=True), small.build(), tmp_path, {})


@pytest.fixture
def animals(data_root, monkeypatch):
    """Rendered horses and zebras in the place of the photographs, at 32×32."""
    for split, n in (("train", 6), ("test", 3)):
        for domain, world in zip("AB", (horses.horses, horses.zebras), strict=True):
            folder = data_root / "horse2zebra" / f"{split}{domain}"
            folder.mkdir(parents=True)
            for i, x in enumerate(world(n + (domain == "B"), size=48, seed=len(split)).images):
                Image.fromarray(x.mul(255).byte().permute(1, 2, 0).numpy()).save(folder / f"{i}.jpg")
    monkeypatch.setattr(large, "SIDE", 32)


def small():
    generators = (translation.small_generator(width=8, blocks=1) for _ in range(2))
    return translation.CycleGAN(*generators, *(translation.small_critic(width=4) for _ in range(2)))


def test_translators_are_the_published_nets_with_the_published_settings():
    recipe = catalogue.recipe("horse2zebra")
    parts = [sum(p.numel() for p in net.parameters()) for net in recipe.build().players().values()]
    assert parts == [2 * 11_378_179, 2_764_737, 2_764_737]
    assert translation.receptive_field(recipe.build().critic_a) == 70
    wanted = {"batch_size": 1, "lr": 2e-4, "optimizer": "Adam, betas (0.5, 0.999)", "schedule": "linear", "hold": 0.5}
    assert recipe.settings().items() >= wanted.items()
    assert recipe.epochs == 200


def test_the_weights_of_the_losses_are_the_authors():
    """Their losses, for images in [−1, 1] and without the ½ of the squares, are twice ours."""
    model, g = large.published_cyclegan(), torch.Generator().manual_seed(0)
    model.a_to_b, model.b_to_a, model.critic_a, model.critic_b = (torch.nn.Identity() for _ in range(4))
    a, b, fake_a, fake_b = torch.rand(4, 2, 3, 8, 8, generator=g)
    theirs = (fake_a - 1).square().mean() + (fake_b - 1).square().mean()
    wide = {name: 2 * x - 1 for name, x in {"a": a, "b": b, "fake_a": fake_a, "fake_b": fake_b}.items()}
    theirs += 10 * ((wide["fake_b"] - wide["a"]).abs().mean() + (wide["fake_a"] - wide["b"]).abs().mean())
    ours = model.generators_loss(a, b, fake_a, fake_b)["loss"]  # an identity leaves nothing of the identity term
    assert 2 * ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_translators_train_from_the_folders_and_go_on_where_they_stopped(animals, tmp_path):
    recipe = replace(catalogue.recipe("horse2zebra"), net=small)
    assert repr(recipe.examples()) == "Unpaired(horse 6×3×32×32, zebra 7×3×32×32)"
    assert len(list(batches(recipe.examples(), batch_size=1))) == 7  # an epoch: every zebra once
    steady, cards = replace(recipe, hold=None), []  # a rate that falls does so within one call
    for folder, steps in (("whole", 9), ("halves", 4), ("halves", 9)):
        cards.append(making.make(steady, tmp_path / folder, steps=steps, device="cpu", progress=False))
    assert [card["trained"]["steps"] for card in cards] == [9, 4, 9]
    assert cards[0]["sha256"] == cards[2]["sha256"] != cards[1]["sha256"]
    assert cards[0]["parameters"] == sum(p.numel() for p in small().players()["generators"].parameters())  # no critics


def test_figures_tell_a_net_that_changes_nothing_from_one_that_hides(animals):
    """An identity changes nothing, closes and amplifies nothing; a steganographer closes too, and amplifies."""

    class Map(torch.nn.Module):
        def __init__(self, change):
            super().__init__()
            self.change = change

        def forward(self, x):
            return self.change(x)

    def figures(there, back):
        return large.of_both_ways(translation.Translator(Map(there), Map(back)))

    same = figures(lambda x: x, lambda y: y)
    assert [same[name] for name in ("changed_a", "cycle_a", "changed_b", "cycle_b")] == [0, 0, 0, 0]
    assert same["gain_a"] == pytest.approx(1, rel=0.05)
    hiding = figures(lambda x: 0.5 + 0.05 * x, lambda y: (y - 0.5) / 0.05)
    assert hiding["changed_a"] > 0.1
    assert hiding["cycle_a"] < 1e-5
    assert hiding["gain_a"] == pytest.approx(20, rel=0.05)
    assert hiding["gain_b"] == pytest.approx(0.05, rel=0.05)


def test_without_the_folders_the_recipe_says_what_is_wanted(data_root):
    with pytest.raises(FileNotFoundError, match="horse2zebra/trainA"):
        catalogue.recipe("horse2zebra").examples()
