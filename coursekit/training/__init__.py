"""Training: the one loop for any number of players, and what goes along with it.

`fit` trains; averages, rates, checkpoints and pictures are companions, each in a file of its own. Plain
autoencoders in a stack are trained one by one by `pretrain`.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "average": ["EMA"],
    "batching": ["batches", "number_of_batches"],
    "checkpoints": ["Checkpoint"],
    "companions": ["Training"],
    "history": ["History"],
    "layerwise": ["pretrain"],
    "loop": ["NotFinite", "adam", "fit", "steps", "trainable_parameters"],
    "muon": ["Muon"],
    "precision": ["Autocast"],
    "processes": ["Processes", "launched"],
    "progress": ["Interrupted", "Progress"],
    "rates": ["Rate", "cosine", "linear", "scaled"],
    "coursekit.models.base": ["Model", "default_device", "device_of", "eval_mode", "seed_everything", "train_mode"],
})  # fmt: skip
