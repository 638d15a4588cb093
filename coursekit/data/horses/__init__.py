"""Horses and zebras whose nature is known: eleven factors that both have, three of the stripes, one renderer."""

from coursekit.data.horses.factors import (
    CONTINUOUS,
    FACTORS,
    MEANINGS,
    RANGES,
    STRIPES,
    factors,
    sample_factors,
    sample_stripes,
)
from coursekit.data.horses.renderer import horses, landscape, pairs, render, silhouette, zebras

__all__ = [
    "CONTINUOUS",
    "FACTORS",
    "MEANINGS",
    "RANGES",
    "STRIPES",
    "factors",
    "horses",
    "landscape",
    "pairs",
    "render",
    "sample_factors",
    "sample_stripes",
    "silhouette",
    "zebras",
]
