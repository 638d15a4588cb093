"""Small pictures below a slider that picks one of them."""

from __future__ import annotations

import base64
import io

from PIL import Image
from torch import Tensor

from coursekit.explore.parts.shelf import thumb
from coursekit.explore.widget.picking import Thumbs

MOST = 64  # pictures: the slider reaches further ones
SIDE = 56  # pixels, twice as fine as they are shown


def thumbs(images: Tensor) -> Thumbs:
    """Images [n, C, H, W] in [0, 1] as small pictures to click on, the first 64."""
    shown = images[:MOST]
    row = Image.new("RGB", (len(shown) * SIDE, SIDE))
    for i, image in enumerate(shown):
        row.paste(thumb(image, SIDE), (i * SIDE, 0))
    data = io.BytesIO()
    row.save(data, "JPEG", quality=88)
    return Thumbs(len(shown), f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}")
