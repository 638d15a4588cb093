"""Models: what a chapter is about, one file for each family, and what they are composed of.

The contract that all keep is in `base`, the bricks are in `nets`. Nothing here knows training, a widget or a plot.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "autoencoders": ["Autoencoder"],
    "base": ["Model", "default_device", "device_of", "eval_mode", "seed_everything", "train_mode"],
    "classical": ["GaussianGenerator", "MixtureGenerator"],
    "corruption": ["Masking", "Patch"],
    "diffusion": [],
    "estimators": [],
    "gan": [],
    "gaussians": ["LinearGaussian", "gaussian_kl", "standard_normal"],
    "games": ["TwoLines", "bilinear", "invariant"],
    "latent": [],
    "layers": [],
    "linear": ["PCA", "Oja", "Sanger"],
    "losses": ["binary_cross_entropy", "squared_error"],
    "nets": [],
    "penalties": ["L1", "Contractive", "ContractiveSigmoid", "Sparsity"],
    "readers": ["DigitReader", "FactorReader"],
    "score": ["smoothed_denoiser", "smoothed_score"],
    "translation": [],
    "vae": ["VAE", "BernoulliLikelihood", "GaussianLikelihood"],
})  # fmt: skip
