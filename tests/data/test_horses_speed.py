"""Horses and zebras are drawn fast enough, measured against a fixed amount of elementwise work in the same process."""

from __future__ import annotations

import pytest
from benchmarks import bench_horses
from benchmarks.bench_faces import calibration, interleaved


@pytest.mark.alone
def test_a_zebra_costs_no_more_than_1900_passes_over_its_pixels() -> None:
    """As many as there is time for at 2,000 a second on a core that makes 3.8 million passes over 32×32 pixels."""
    drawing, passes = interleaved(bench_horses.drawing(1024, 32, striped=True), calibration(1024, 32, passes=500))
    assert min(drawing) < 3.8 * min(passes)
