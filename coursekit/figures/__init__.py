"""Figures: the course's plots, each with the words for those who do not see it.

One quiet style, colours that colour-blind eyes tell apart; PNG files that keep a notebook small.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "diffusing": ["pull", "walks"],
    "family": ["Stages", "attention", "balls", "cross_table", "feature_maps", "scoreboard", "with_error"],
    "gallery": ["trainings"],
    "game": ["architecture", "clouds", "square"],
    "mapping": ["correspondence", "kept"],
    "plots": [
        "BLUE", "COLOURS", "FAINT", "GREEN", "INK", "ORANGE", "PINK", "RED", "SIGNED", "SKY", "Picture",
        "Strip", "arrow", "axes", "bars", "curves", "draw", "heatmaps", "images", "to_array",
    ],
    "png": [],
    "sampling": ["beside", "chain"],
    "translating": ["cyclegan", "pix2pix"],
    "watch": ["Watch"],
})  # fmt: skip
