"""Interactive course on generative models: the package that its notebooks import."""

__version__ = "0.1.0"
