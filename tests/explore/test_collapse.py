"""The explorer of mode collapse without a browser: trained as far as was asked, counted rightly, the same each time."""

import numpy as np
import pytest
import torch
from torch import nn

from coursekit import explore
from coursekit.data import toy
from coursekit.explore.collapse import COUNTED, LEFT, RIGHT, ROW, SCENE, TOP, Collapse, history, plane, ring, scene
from coursekit.explore.parts.draw import FINE
from coursekit.explore.parts.inks import LIGHT
from coursekit.models import gan
from coursekit.pretrained import rings


def small(**options):
    """Forty steps of the real nets."""
    return Collapse(**{"steps": 40, "stride": 10, "still": 40} | options)


def on_modes(*modes, n=COUNTED):
    """Points in the middle of these modes, as many on each."""
    return toy.ring_centres()[list(modes)].repeat(n // len(modes), 1)


def share_of(picture, colour):
    return (picture == colour).all(-1).mean()


def test_pictures_are_a_function_of_the_state_however_it_was_reached():
    one, other = small(), small()
    last = one.state(step=4, cure="gradient penalty", loss="Wasserstein", seed=3)
    for step in (1, 4, 2):
        one.frame({**last, "step": step})
    torch.manual_seed(5)  # nothing hangs on torch's own randomness
    for a, b in zip(one.frame(last).pictures, other.frame(last).pictures, strict=True):
        assert np.array_equal(a, b)
    assert one.frame(last).readout == other.frame(last).readout


def test_looking_does_not_touch_torchs_own_randomness():
    explorer = small()
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    explorer.frame(explorer.state(step=2))
    assert torch.equal(torch.rand(3), wanted)


def test_the_seed_the_loss_and_the_rate_make_another_training():
    explorer = small()
    base = explorer.state(step=4)
    x = explorer.of(base).samples[4]
    for change in ({"seed": 1}, {"loss": "hinge"}, {"rate": 2e-4}, {"cure": "packs of two"}):
        assert not torch.equal(explorer.of({**base, **change}).samples[4], x), change
    assert torch.equal(small().of(base).samples[4], x)


@pytest.mark.parametrize("loss", rings.LOSSES)
@pytest.mark.parametrize("cure", rings.CURES)
def test_any_cure_goes_with_any_loss(loss, cure):
    explorer = small(steps=2, stride=1)
    frame = explorer.frame(explorer.state(loss=loss, cure=cure, step=2))
    assert frame.captions[0].startswith("step 2: ")
    assert frame.readout.startswith(loss)


def test_training_goes_no_further_than_was_asked():
    explorer = small()
    explorer.frame(explorer.state(step=2))
    chosen = explorer.of(explorer.state())
    assert len(chosen.samples) == 3
    explorer.frame(explorer.state(step=1), final=False)
    assert len(chosen.samples) == 3


class Broken(nn.Module):
    """A critic whose second step is no number."""

    def __init__(self):
        super().__init__()
        self.weight, self.calls = nn.Parameter(torch.ones(())), 0

    def forward(self, x):
        self.calls += 1
        return x[:, :1] * self.weight / (self.calls < 12)


def test_a_training_that_breaks_off_says_so_and_keeps_its_last_samples():
    broken = lambda loss: gan.GAN(rings.plain().generator, Broken(), latent=16, loss=loss)  # noqa: E731
    explorer = small(cures={"none": broken}, stride=2)
    frame = explorer.frame(explorer.state(step=20))
    assert "stopped: step" in frame.readout
    chosen = explorer.of(explorer.state())
    assert torch.equal(chosen.at(20)[0], chosen.samples[-1])


def test_a_covered_mode_has_a_green_circle():
    ground = ring()
    bare, whole = (scene(ground, on_modes(*modes)[:0], rings.covered(on_modes(*modes))) for modes in ([2], range(8)))
    assert share_of(whole, LIGHT.green) == pytest.approx(8 * share_of(bare, LIGHT.green), rel=0.05)
    x, y = plane().pixels(toy.ring_centres()[2].numpy()) / FINE
    ys, xs = np.nonzero((bare == LIGHT.green).all(-1))
    assert (xs.mean(), ys.mean()) == pytest.approx((x, y), abs=1)


def test_samples_are_orange_where_they_lie_and_those_outside_are_left_out():
    far = torch.tensor([[9.0, 9.0], [0.0, 0.0]])
    drawn = scene(ring(), far, rings.covered(far))
    ys, xs = np.nonzero((drawn == LIGHT.orange).all(-1))
    assert (xs.mean(), ys.mean()) == pytest.approx((SCENE / 2, SCENE / 2), abs=1)


def test_a_row_is_coloured_when_samples_are_on_its_mode_and_the_future_is_grey():
    counts = [rings.covered(on_modes(k)) for k in (0, 5)]
    drawn, wide = history(counts, 4, 25), SCENE - LEFT - RIGHT
    middle = lambda mode, stage: drawn[TOP + ROW * mode + ROW // 2, LEFT + round((stage + 0.5) * wide / 5)]  # noqa: E731
    assert (middle(0, 0) == LIGHT.orange).all()
    assert (middle(5, 1) == LIGHT.orange).all()
    assert (middle(5, 0) == LIGHT.paper).all()
    assert (middle(0, 3) == LIGHT.line).all()


def test_words_count_modes():
    explorer = small()
    chosen = explorer.of(explorer.state())
    chosen.samples[0], chosen.counts[0] = on_modes(0, 1), rings.covered(on_modes(0, 1))
    frame = explorer.frame(explorer.state())
    assert frame.captions == ("step 0: 2 of 8 modes covered", "which modes the samples are on")
    assert frame.readout == (
        "non-saturating, no cure, rate 0.001: 2 of 8 modes have at least 2 % of the samples · 100 % lie on a mode"
    )


def test_the_sheet_shows_collapse_beside_cures():
    explorer = small()
    assert [label for label, _ in explorer.contact_states()] == [
        "non-saturating, no cure, 40 steps", "Wasserstein, gradient penalty, 40 steps",
        "non-saturating, packs of two, 40 steps", "non-saturating, minibatch spread, 40 steps",
    ]  # fmt: skip
    assert explorer.sheet().startswith(b"\x89PNG")
    assert explore.Collapse is Collapse


def test_too_few_steps_are_refused():
    with pytest.raises(ValueError, match="steps: want at least one stride"):
        Collapse(steps=10, stride=25)
