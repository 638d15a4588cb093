"""Laws of the world of faces."""

from __future__ import annotations

import pytest
import torch

from coursekit.data import faces


def draw(n: int, seed: int = 0) -> torch.Tensor:
    return faces.sample_factors(n, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [16, 32, 65, 128])
def test_pictures_lie_in_the_unit_cube(size: int) -> None:
    x = faces.render(draw(5), size)
    assert x.shape == (5, 3, size, size)
    assert x.dtype == torch.float32
    assert 0 <= x.min()
    assert x.max() <= 1


@pytest.mark.parametrize("name", faces.FACTORS)
def test_a_factor_outside_its_range_is_named(name: str) -> None:
    h = draw(3)
    for value in (1.5, -1.5, float("nan")):
        h[1, faces.FACTORS.index(name)] = value
        with pytest.raises(ValueError, match=rf"'{name}' is .*\(face 1\).*\[-?[01], 1\]"):
            faces.render(h)
        with pytest.raises(ValueError, match=f"'{name}' is "):
            faces.factors(**{name: value})
