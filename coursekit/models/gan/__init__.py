"""Generative adversarial networks: the game, its losses, what steadies it, and the nets that play it."""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "attention": ["SelfAttention", "attentive_critic", "attentive_generator", "sagan"],
    "bricks": ["Centred", "Clamped", "Joined", "MinibatchSpread", "Noisy", "Packed", "Projected", "Unit", "normalised"],
    "conditional": ["ConditionalGenerator", "ConditionalNorm", "ProjectionCritic", "biggan"],
    "convolutional": ["dcgan", "dcgan_critic", "dcgan_generator", "wgan"],
    "game": ["GAN", "dense"],
    "growing": ["GrowingCritic", "GrowingGenerator", "grown", "progan"],
    "losses": ["HINGE", "LEAST_SQUARES", "MINIMAX", "NON_SATURATING", "RELATIVISTIC", "WASSERSTEIN", "Loss"],
    "penalties": ["GradientPenalty", "between", "on_fake", "on_real", "r1", "r2"],
    "priors": ["Codes", "Normal", "Prior", "Uniform"],
    "recovery": ["InfoCode", "Reconstructor"],
    "residual": ["r3gan", "residual_critic", "residual_generator"],
    "transformer": ["transformer_critic", "transformer_generator", "transgan"],
})  # fmt: skip
