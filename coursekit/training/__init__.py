"""Training: the one loop for any number of players, and what goes along with it.

`fit` trains; averages, rates, checkpoints and pictures are companions, each in a file of its own. Plain
autoencoders in a stack are trained one by one by `pretrain`.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "batching": ["batches", "number_of_batches"],
    "checkpoints": [],
    "history": ["History"],
    "layerwise": ["pretrain"],
    "loop": ["EMA", "NotFinite", "adam", "fit", "steps", "trainable_parameters"],
    "muon": ["Muon"],
    "progress": [],
    "rates": ["cosine"],
    "coursekit.models.base": ["Model", "default_device", "device_of", "eval_mode", "seed_everything", "train_mode"],
})  # fmt: skip
