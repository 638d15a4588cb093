"""Diffusion: schedules of noise, denoisers exact and learnt, samplers that walk from noise to data, guidance."""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "denoisers": ["Denoiser", "FiniteDenoiser", "GaussianDenoiser", "LinearDenoiser", "MixtureDenoiser"],
    "guidance": ["ClassifierGuided", "Guided"],
    "jacobian": ["leading_gains", "local_jacobian", "local_rank", "spectrum"],
    "learnt": ["Diffusion"],
    "nets": ["PointNet", "UNet"],
    "samplers": ["DDIM", "DDPM", "Euler", "Heun", "Sampler", "SmallSteps", "path", "run"],
    "schedules": ["Discrete", "Schedule", "Spread", "Straight", "cosine", "linear"],
    "targets": ["DATA", "NOISE", "V", "VELOCITY", "Target"],
})  # fmt: skip
