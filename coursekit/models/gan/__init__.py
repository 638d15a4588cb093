"""Generative adversarial networks: the game, its losses, what steadies it, and the nets that play it."""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "bricks": ["Centred", "Joined", "MinibatchSpread", "Packed", "Unit", "normalised"],
    "game": ["GAN", "dense"],
    "losses": ["HINGE", "LEAST_SQUARES", "MINIMAX", "NON_SATURATING", "RELATIVISTIC", "WASSERSTEIN", "Loss"],
    "penalties": ["GradientPenalty", "between", "on_fake", "on_real", "r1", "r2"],
    "priors": ["Codes", "Normal", "Prior", "Uniform"],
    "recovery": ["InfoCode", "Reconstructor"],
    "residual": ["residual_critic", "residual_generator"],
})  # fmt: skip
