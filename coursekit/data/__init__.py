"""Data: worlds whose nature is known, embedded digits, and loaders of real sets.

Knows no model. Real sets are fetched only when asked for.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "faces": [],
    "horses": [],
    "numerals": [],
    "toy": [],
    "catalogue": ["get", "status"],
    "celebrities": ["celeba"],
    "datasets": ["Images", "Points"],
    "folders": ["data_folder"],
    "pairs": ["Unpaired", "image_folder_pair"],
    "real": ["digits", "image_folder", "mnist", "smiles"],
})  # fmt: skip
