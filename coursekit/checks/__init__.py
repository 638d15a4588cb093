"""Checks for the exercises: `checks.NAME(your_function)` says whether it is right, and if not, why."""

from coursekit.checks.autoencoders import binary_cross_entropy, conv_size, nearest_other
from coursekit.checks.core import Exercise, Verdict
from coursekit.checks.latent_space import analogy, attribute_direction, slerp
from coursekit.checks.manifolds import left_out_error, novelty, oja_step, principal_directions
from coursekit.checks.regularised import coin_divergence, contractive_penalty, score_from_denoiser
from coursekit.checks.variational import gaussian_kl, log_mean_exp, negative_elbo, reparameterise

__all__ = [
    "Exercise",
    "Verdict",
    "analogy",
    "attribute_direction",
    "binary_cross_entropy",
    "coin_divergence",
    "contractive_penalty",
    "conv_size",
    "gaussian_kl",
    "left_out_error",
    "log_mean_exp",
    "nearest_other",
    "negative_elbo",
    "novelty",
    "oja_step",
    "principal_directions",
    "reparameterise",
    "score_from_denoiser",
    "slerp",
]
