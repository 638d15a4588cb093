"""Any animation that was computed before, frame by frame under the reader's hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from coursekit.explore.explorer import Explorer
from coursekit.explore.parts.draw import picture
from coursekit.explore.widget.controls import Play, State
from coursekit.explore.widget.panel import Panel, Picture


class Film(Explorer):
    """Frames in a row with a play button.

    `frames`: a tensor [n, C, H, W] in [0, 1], or n uint8 arrays [H, W(, 3)]; `captions`: a readout for each frame.
    Raises ValueError for fewer than two frames or another number of captions.
    """

    def __init__(self, frames: Tensor | Sequence[Picture], captions: Sequence[str] = (), *, title: str = "Film",
                 alt: str = "", width: int = 360, smooth: bool = True, fps: float = 15, autoplay: bool = True,
                 loop: bool = False) -> None:
        super().__init__()
        if len(frames) < 2 or (captions and len(captions) != len(frames)):
            raise ValueError(f"want two frames or more, with a caption each: got {len(frames)} and {len(captions)}")
        self.title, self.alt, self.words = title, alt or title, tuple(captions)
        self.shown = [picture(frame) if isinstance(frame, Tensor) else np.asarray(frame) for frame in frames]
        self.panels = (Panel("", width, smooth),)
        self.controls = (Play("frame", frames=len(frames), fps=fps, autoplay=autoplay, loop=loop, label="film"),)

    def render(self, state: State, final: bool = True) -> Picture:
        return self.shown[state["frame"]]

    def readout(self, state: State) -> str:
        return self.words[state["frame"]] if self.words else f"frame {state['frame'] + 1} of {len(self.shown)}"

    def contact_states(self) -> list[tuple[str, State]]:
        last = len(self.shown) - 1
        marks = sorted({0, last // 3, 2 * last // 3, last})
        return [(self.readout({"frame": i}), self.state(frame=i)) for i in marks]
