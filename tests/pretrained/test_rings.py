"""Games on the ring: what each cure adds, what a recipe measures, and a critic that rehearses."""

import pytest
import torch

from coursekit.data import toy
from coursekit.models import gan
from coursekit.pretrained import rings
from coursekit.pretrained.making import make
from coursekit.pretrained.recipes import Recipe


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class Ideal(gan.GAN):
    """Draws from the data itself."""

    def __init__(self, modes=range(8)):
        game = rings.plain()
        super().__init__(game.generator, game.critic, latent=rings.LATENT)
        self.modes = list(modes)

    def sample(self, n, *, generator=None, **how):
        centres = toy.ring_centres()[self.modes]
        return centres.repeat(-(-n // len(centres)), 1)[:n] + rings.STD * torch.randn(n, 2, generator=generator)


def test_figures_of_the_data_and_of_two_modes():
    figures = rings.of_ring(Ideal())
    assert figures["modes"] == 8
    assert figures["share"] == pytest.approx(0.989, abs=0.005)
    assert all(figures[f"share_{k}"] == pytest.approx(figures["share"] / 8, abs=0.005) for k in range(1, 9))
    assert all(figures[f"std_{k}"] == pytest.approx(0.0487, abs=0.004) for k in range(1, 9))  # cut off at three σ
    two = rings.of_ring(Ideal([1, 4]))
    assert two["modes"] == 2
    assert two["share_2"] == pytest.approx(two["share"] / 2, abs=0.01)
    assert two["share_1"] == two["std_1"] == 0


def test_a_rehearsing_critic_sees_half_old_fakes(monkeypatch):
    game, shown = rings.rehearsing(), []
    monkeypatch.setattr(gan.GAN, "critic_loss", lambda self, deal: shown.append(deal.fake) or {})
    first = game.deal(rings.ring(n=8))
    game.critic_loss(first)
    assert torch.equal(shown[0][:4], first.fake[:4])
    with torch.no_grad():
        game.generator[0].weight.add_(1)  # the generator moves on
    later = game.deal(rings.ring(n=8))
    game.critic_loss(later)
    new, old = shown[1].split(4)
    assert torch.equal(new, later.fake[:4])
    assert all((first.fake == item).all(1).any() for item in old)
    assert not any((later.fake == item).all(1).any() for item in old)
    assert not shown[1].requires_grad


def test_a_pack_and_a_batchs_spread_are_what_the_critic_sees():
    packed, told = rings.CURES["packs of two"](gan.NON_SATURATING), rings.spread()
    assert packed.score(torch.randn(10, 2)).shape == (5,)
    x = torch.randn(10, 2, generator=seeded())
    alike = x[:1].expand(10, 2)
    assert not torch.allclose(told.score(x)[0], told.score(alike)[0])  # the same point in other company
    plain = rings.plain()
    assert torch.allclose(plain.score(x)[0], plain.score(alike)[0])


@pytest.mark.parametrize("recipe", rings.RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_makes_a_small_net_and_its_card(recipe: Recipe, tmp_path):
    card = make(recipe, tmp_path, steps=2, device="cpu", progress=False)
    assert card["bytes"] < 120_000
    assert set(card["figures"]) == {"modes", "share", *(f"{w}_{k}" for w in ("share", "std") for k in range(1, 9))}
    assert card["recipe"]["optimizer"] == "half_momentum"
