"""Data of the course: worlds whose nature is known, embedded digits, and loaders of real sets."""

from coursekit.data.datasets import Images, Points

__all__ = ["Images", "Points"]
