"""Pretrained: weights that took longer than a reader wants to wait, a card for each, and the recipe that makes it anew.

    model = pretrained.load("mnist_conv_autoencoder")
    pretrained.card("mnist_conv_autoencoder")["figures"]

`coursekit checkpoints` lists them, `coursekit train NAME` makes one anew.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "catalogue": ["RECIPES", "card", "load", "names", "recipe"],
    "making": ["make"],
    "recipes": ["Recipe"],
    "attributes": [],
    "files": [],
    "handwriting": [],
    "measured": [],
    "photographs": [],
    "portraits": [],
    "reading": [],
})  # fmt: skip
