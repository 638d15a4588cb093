"""Checks: what judges the exercises, and gives the hint that a typical mistake needs.

One file for each chapter; `core` says what an exercise is. A check never raises for what a reader wrote.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "core": ["Exercise", "Verdict"],
    "adversarial": [
        "gradient_penalty", "one_round", "optimal_discriminator", "work_in_one_dimension",
    ],
    "autoencoders": ["binary_cross_entropy", "conv_size", "nearest_other"],
    "denoising": ["exact_denoiser", "linear_denoiser", "noise_walk"],
    "diagnoses": ["diagnosis"],
    "diffusion": ["ddim_step", "guided_noise", "one_jump", "posterior_mean"],
    "image_gans": ["labelled_input", "transposed_size", "transposed_stage_parameters", "truncated_normal"],
    "latent_space": ["analogy", "attribute_direction", "slerp"],
    "manifolds": ["left_out_error", "novelty", "oja_step", "principal_directions"],
    "regularised": ["coin_divergence", "contractive_penalty", "score_from_denoiser"],
    "translation": ["generators_loss", "receptive_field", "unseen_swap"],
    "variational": ["gaussian_kl", "log_mean_exp", "negative_elbo", "reparameterise"],
})  # fmt: skip
