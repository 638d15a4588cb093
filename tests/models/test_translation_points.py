"""Nets of points side by side: each game is played as if it were alone."""

import pytest
import torch

from coursekit.models import translation
from coursekit.models.translation.points import PointNets, SideBySide
from coursekit.training import adam, fit


def points(n, games, seed=0):
    return torch.randn(n, 1, 2, generator=torch.Generator().manual_seed(seed)).repeat(1, games, 1)


def taken(net: PointNets, game: int) -> PointNets:
    """One game of several, as a net of its own."""
    alone = PointNets(1, 2, net.layers[0].weight.shape[2], net.layers[-1].weight.shape[2], changes=net.changes)
    for mine, layer in zip(alone.layers, net.layers, strict=True):
        mine.weight.data, mine.bias.data = (p.data[game : game + 1].clone() for p in (layer.weight, layer.bias))
    return alone


def nets(games):
    return [translation.point_generator(games, width=8) for _ in range(2)] + [
        translation.point_critic(games, width=8) for _ in range(2)
    ]


def trained(players):
    game = translation.CycleGAN(*players, cycle=3.0, pool=0)
    games = players[0].shape[0]
    optimizers = dict.fromkeys(game.players(), lambda parameters: adam(parameters, 1e-2, betas=(0.5, 0.999)))
    fit(game, (points(64, games, 1), points(64, games, 2)), steps=20, batch_size=64, optimizers=optimizers,
        progress=False)  # fmt: skip
    return game.translate(points(50, games, 3))


def test_a_game_among_several_is_the_game_alone():
    torch.manual_seed(0)
    several = nets(3)
    single = [[taken(net, game) for net in several] for game in range(3)]
    together = trained(several)
    for game, players in enumerate(single):
        assert torch.allclose(trained(players)[:, 0], together[:, game], atol=1e-3)
    assert (together[:, 0] - together[:, 1]).abs().mean() > 0.1  # they are not all the same game


def test_layers_are_affine_maps():
    layer = SideBySide(2, 3, 4)
    x = torch.randn(2, 5, 3)
    for game in range(2):
        assert torch.allclose(layer(x)[game], x[game] @ layer.weight[game] + layer.bias[game], atol=1e-6)


def test_the_identity_start_is_the_identity():
    x = points(20, 4)
    assert torch.equal(translation.point_generator(4, start="identity")(x), x)
    free = translation.point_generator(4)(x)
    assert (free - x).abs().mean() > 0.1
    assert (free[:, 0] - free[:, 1]).abs().mean() > 0.01
    assert translation.point_critic(4)(x).shape == (20, 4, 1)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="games: want at least 1, got 0"):
        translation.point_critic(0)
    with pytest.raises(ValueError, match="start: want 'identity' or 'free', got 'zero'"):
        translation.point_generator(start="zero")
    with pytest.raises(ValueError, match=r"x: want \[n, 8, 2\], got \[5, 2\]"):
        translation.point_generator()(torch.zeros(5, 2))
