"""A picture that a training redraws: generated points among the data, now and before."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from coursekit import training
from coursekit.data import toy
from coursekit.explore import LiveDots, dots
from coursekit.models import gan
from coursekit.training import adam

DATA = toy.ring_of_gaussians(400, generator=torch.Generator().manual_seed(0)).points
RATES = {"critic": lambda p: adam(p, 5e-3, betas=(0.5, 0.99)), "generator": lambda p: adam(p, 2e-3, betas=(0.5, 0.99))}


def small(seed=0, **game):
    torch.manual_seed(seed)
    return gan.dense((2,), 2, 32, 32, activation=nn.LeakyReLU, **game)


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would be asked to show."""
    made = []

    class Handle:
        def update(self, still):
            made.append(still)

    monkeypatch.setattr(dots, "display", lambda still, display_id: made.append(still) or Handle())
    return made


def size(still):
    return Image.open(io.BytesIO(still.data)).size


def test_a_training_redraws_it_and_keeps_stages(shown):
    model = small()
    live = LiveDots(model, DATA, every=10)
    history = training.fit(model, DATA, steps=55, batch_size=64, optimizers=RATES, along=[live], progress=False)
    assert history.steps == 55
    assert len(shown) == 1 + 5 + 1, "after step 1, every ten, and at the end"
    assert [step for step, _ in live.stages] == [0, 10, 20, 30, 40, 50, 55]
    assert shown[-1] is live.latest
    assert "at step 55, and at the earlier steps 0, 10," in live.latest.alt
    assert size(shown[-1])[0] > size(LiveDots(model, DATA).latest)[0], "earlier stages stand beside it"


def test_the_alt_text_says_how_far_the_points_are(shown):
    model = small()
    live = LiveDots(model, DATA, every=50)
    training.fit(model, DATA, steps=150, batch_size=128, optimizers=RATES, along=[live], progress=False)
    first, last = live.distances[0], live.distances[150]
    assert sum(last) < 0.5 * sum(first), "it has learnt something"
    apart = torch.cdist(live.fake(), DATA[:320]).amin(1).mean()
    assert f"now {apart:.2f} on average, at first {first[0]:.2f}" in live.latest.alt


def test_it_changes_nothing_in_the_training(shown):
    alone, watched = small(), small()
    training.fit(alone, DATA, steps=12, batch_size=32, progress=False)
    live = LiveDots(watched, DATA, every=1)
    training.fit(watched, DATA, steps=12, batch_size=32, along=[live], progress=False)
    for a, b in zip(alone.parameters(), watched.parameters(), strict=True):
        assert torch.equal(a, b)
        assert b.requires_grad
    assert watched.training


def test_it_is_seen_where_the_generator_has_moved():
    """Orange where the generated points are, and nowhere else."""
    model = small()
    live = LiveDots(model, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), shown=50)
    with torch.no_grad():
        for place in (-0.9, 0.9):
            model.generator[-2].weight.zero_()
            model.generator[-2].bias.fill_(place)
            picture = np.asarray(live.picture(200)).astype(int)
            orange = np.argwhere(picture[..., 0] - picture[..., 2] > 120)
            x = (2 * orange[:, 1].mean() / 200 - 1) * live.world.reach
            y = (1 - 2 * orange[:, 0].mean() / 200) * live.world.reach
            assert (x, y) == pytest.approx((place, place), abs=0.1)


@pytest.mark.parametrize("loss", [gan.RELATIVISTIC, gan.WASSERSTEIN, gan.HINGE, gan.LEAST_SQUARES, gan.MINIMAX])
def test_every_loss_can_be_shown(loss):
    live = LiveDots(small(loss=loss), DATA, shown=20)
    assert size(live.latest)[1] > 400
    assert live.push(live.fake()).isfinite().all()
    assert live.push(live.fake()).abs().sum() > 0


def test_what_it_does_not_take_is_named():
    with pytest.raises(ValueError, match="every, shown"):
        LiveDots(small(), DATA, every=0)
    with pytest.raises(ValueError, match="data: want"):
        LiveDots(small(), DATA[:, :1])
    with pytest.raises(ValueError, match="a score for each point"):
        LiveDots(small(pack=2), DATA)
