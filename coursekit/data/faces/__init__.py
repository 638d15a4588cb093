"""Faces whose nature is known: ten continuous factors and four attributes, drawn by differentiable code."""

from coursekit.data.faces.captions import captions
from coursekit.data.faces.factors import (
    ATTRIBUTES,
    CONTINUOUS,
    FACTORS,
    MEANINGS,
    RANGES,
    factors,
    sample_factors,
)
from coursekit.data.faces.renderer import faces, render

__all__ = [
    "ATTRIBUTES",
    "CONTINUOUS",
    "FACTORS",
    "MEANINGS",
    "RANGES",
    "captions",
    "faces",
    "factors",
    "render",
    "sample_factors",
]
