"""The recipe whose weights do not come with coursekit: what it is trained on, and what its figures can tell."""

from dataclasses import replace

import pytest
import torch
from PIL import Image

from coursekit.models import gan
from coursekit.pretrained import catalogue, files, large, making


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
