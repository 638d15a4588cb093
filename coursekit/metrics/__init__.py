"""Metrics: what the claims are measured with.

Angles and dimensions, distances to a manifold and between distributions, entropies, scores of codes, what a translation
keeps. They take tensors and functions, and know no model.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "adversarial": ["ModeCount", "jensen_shannon", "mmd", "mode_count", "optimal_discriminator", "wasserstein_1d"],
    "disentanglement": ["DCI", "dci", "factor_matrix", "mig"],
    "fidelity": ["density_coverage", "frechet_distance", "latent_normality", "precision_recall"],
    "geometry": ["intrinsic_dimension", "jacobian", "jacobian_rank", "local_pca", "principal_angles"],
    "information": ["cross_entropy", "entropy", "kl_divergence"],
    "manifold": ["Manifold", "distance_to_manifold", "face_gallery", "face_manifold"],
    "quality": ["checkerboard_energy", "psnr", "validity"],
    "ranking": ["auroc"],
    "representation": ["Activity", "activity", "cross_correlations", "linear_probe", "precision_at_k"],
    "translation": [
        "HiddenMessage", "correlations", "diversity", "hidden_message", "masked_error", "structure_error",
    ],
})  # fmt: skip
