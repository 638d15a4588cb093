"""Numerals are written fast enough, measured against a fixed amount of elementwise work in the same process."""

from __future__ import annotations

import pytest
from benchmarks import bench_numerals
from benchmarks.bench_faces import calibration, interleaved


@pytest.mark.alone
def test_a_numeral_costs_no_more_than_2400_passes_over_its_pixels() -> None:
    """As many as there is time for at 4,000 a second on two cores that make 7.5 million passes over 32×32 pixels."""
    writing, passes = interleaved(bench_numerals.writing(1024), calibration(1024, 32, passes=500))
    assert min(writing) < 2400 / bench_numerals.PIXELS / 500 * min(passes)
