"""Explorers: pictures that follow a slider, one file for each.

`explorer` is what they have in common, `widget/` what shows them in a page, `parts/` what several of them draw with.
"""

from coursekit.handing import hands_on

__getattr__, __dir__, __all__ = hands_on(__name__, {
    "arc": ["ArcDesk"],
    "arithmetic": ["Arithmetic"],
    "attractors": ["Attractors"],
    "bottleneck": ["Bottleneck"],
    "bound": ["BoundDesk"],
    "collapse": ["Collapse"],
    "components": ["Components"],
    "dimensions": ["Dimensions"],
    "dots": ["LiveDots"],
    "editdesk": ["EditDesk"],
    "elbo": ["ElboDesk"],
    "explorer": ["Explorer"],
    "facedesk": ["FaceDesk"],
    "features": ["Features"],
    "field": ["DenoisingField"],
    "film": ["Film"],
    "flowfield": ["FlowField"],
    "gandesk": ["GANDesk"],
    "game": ["Game"],
    "guidancedesk": ["GuidanceDesk"],
    "lines": ["BilinearGame", "TwoLines"],
    "live": ["LivePlane"],
    "nature": ["NaturesDesk"],
    "noise": ["NoiseDesk"],
    "numeraldesk": ["NumeralDesk"],
    "oja": ["OjaFilm"],
    "ownpicture": ["OwnPicture"],
    "paths": ["PathExplorer"],
    "plane": ["LatentPlane"],
    "repair": ["CorruptRepair"],
    "scrub": ["Scrub"],
    "translate": ["TranslateLive"],
    "walk": ["Walk"],
    "whichzebra": ["WhichZebra"],
    "coursekit.explore.parts.held": ["freeze"],
    "coursekit.explore.widget.controls": [
        "Choice", "Control", "Paint", "Play", "Point", "Slider", "State", "Stops", "Toggle",
    ],
    "coursekit.explore.widget.moves": ["Moves"],
    "coursekit.explore.widget.panel": ["Panel"],
})  # fmt: skip
