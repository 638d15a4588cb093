"""Checks for the exercises: `checks.NAME(your_function)` says whether it is right, and if not, why."""

from coursekit.checks.core import Exercise, Verdict
from coursekit.checks.manifolds import left_out_error, novelty, oja_step, principal_directions

__all__ = ["Exercise", "Verdict", "left_out_error", "novelty", "oja_step", "principal_directions"]
