"""Numerals whose nature is known: ten classes and the ways in which hands write them, drawn by differentiable code."""

from coursekit.data.numerals.factors import FACTORS, HAND, MEANINGS, RANGES, factors, sample_factors, ways
from coursekit.data.numerals.renderer import numerals, render, written

__all__ = [
    "FACTORS",
    "HAND",
    "MEANINGS",
    "RANGES",
    "factors",
    "numerals",
    "render",
    "sample_factors",
    "ways",
    "written",
]
