"""Checks for the exercises: `checks.NAME(your_function)` says whether it is right, and if not, why."""

from coursekit.checks.autoencoders import binary_cross_entropy, conv_size, nearest_other
from coursekit.checks.core import Exercise, Verdict
from coursekit.checks.latent_space import analogy, attribute_direction, slerp
from coursekit.checks.manifolds import left_out_error, novelty, oja_step, principal_directions
from coursekit.checks.regularised import coin_divergence, contractive_penalty, score_from_denoiser

__all__ = [
    "Exercise",
    "Verdict",
    "analogy",
    "attribute_direction",
    "binary_cross_entropy",
    "coin_divergence",
    "contractive_penalty",
    "conv_size",
    "left_out_error",
    "nearest_other",
    "novelty",
    "oja_step",
    "principal_directions",
    "score_from_denoiser",
    "slerp",
]
