"""What tests of several explorers ask of them."""

import numpy as np
import torch


def known_ones_are_as_fresh_ones(make):
    """Seven states by chance, shown again in the opposite order, look and sound as in an explorer made anew."""
    made, chance = make(), torch.Generator().manual_seed(0)
    states = [made.surprise(chance) for _ in range(7)]
    frames = [made.frame(state) for state in states]
    for state, frame in reversed(list(zip(states, frames, strict=True))):
        for again in (made.frame(state), make().frame(state)):
            assert (again.captions, again.readout) == (frame.captions, frame.readout)
            assert all(np.array_equal(a, b) for a, b in zip(again.pictures, frame.pictures, strict=True))


def each_control_moves_a_picture(desk, base, other):
    """From the state `base`, each control's value in `other` changes some picture; `other` has all controls."""
    assert set(other) == set(base)
    for name, value in other.items():
        pairs = zip(desk.render(base), desk.render({**base, name: value}), strict=True)
        assert not all(np.array_equal(a, b) for a, b in pairs), name
