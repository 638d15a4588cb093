"""An explorer: a pure function from a few controls to pictures, which can be tested without a browser."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from coursekit.explore.parts.handles import with_handles
from coursekit.explore.parts.held import one_thread
from coursekit.explore.parts.inks import DARK, LIGHT, drawn_with
from coursekit.explore.parts.sheet import WIDTH, contact_sheet
from coursekit.explore.widget.canvas import Canvas
from coursekit.explore.widget.controls import Control, State, complete
from coursekit.explore.widget.panel import Frame, Panel, Picture, check_pictures


class Explorer:
    """Pictures that follow controls.

    A subclass sets `title`, `alt`, `controls` and `panels` and defines `render`; the rest has defaults.
    Display an explorer as the last line of a cell, or use `explorer.view`, an ipywidget with one trait for each
    control. Without a running kernel the stored contact sheet of `contact_states()` stands in its place.
    """

    title: str = "Explorer"
    alt: str = ""
    controls: tuple[Control, ...] = ()
    panels: tuple[Panel, ...] = (Panel(),)
    sheet_panels: tuple[int, ...] | None = None  # which panels the contact sheet shows; None: all
    sheet_columns: int = 3
    device: str = "cpu"

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._view: Canvas | None = None

    def render(self, state: State, final: bool = True) -> Picture | tuple[Picture, ...]:
        """The picture or pictures of a complete state; `final=False` may be cheaper (the reader still drags)."""
        raise NotImplementedError

    def readout(self, state: State) -> str:
        """One short line in words and rounded numbers below the pictures."""
        return ""

    def captions(self, state: State) -> tuple[str, ...]:
        """A caption for each panel."""
        return tuple(panel.caption for panel in self.panels)

    def contact_states(self) -> list[tuple[str, State]]:
        """Labelled states for the still picture that stands for the explorer on a page without a kernel."""
        return [("start", self.state())]

    def surprise(self, generator: torch.Generator | None = None) -> State:
        """A random state."""
        return {control.name: control.draw(generator) for control in self.controls}

    def state(self, **named: Any) -> State:
        """The complete state with the named controls set and all others at their start; ValueError if wrong."""
        return complete(self.controls, named)

    def frame(self, state: Mapping[str, Any], final: bool = True, dark: bool = False) -> Frame:
        """Pictures, captions and readout of a state, charts in a light or a dark page's colours.

        One caller at a time: cells and sliders may be two threads.
        """
        whole = complete(self.controls, state)
        with self._lock, torch.inference_mode(), one_thread(), drawn_with(DARK if dark else LIGHT):
            pictures = self.render(whole, final)
            shown = pictures if isinstance(pictures, tuple) else (pictures,)
            check_pictures(shown, len(self.panels))
            return Frame(shown, self.captions(whole), self.readout(whole))

    def sheet(self) -> bytes:
        """The contact sheet as a PNG: every labelled state of `contact_states()` with its pictures."""
        chosen = range(len(self.panels)) if self.sheet_panels is None else self.sheet_panels
        cells = [
            (label, [(self.panels[i], pictures[i], captions[i]) for i in chosen])
            for label, pictures, captions in (self._still(*labelled) for labelled in self.contact_states())
        ]
        return contact_sheet(self.title, cells, columns=self.sheet_columns)

    def _still(self, label: str, state: State) -> tuple[str, tuple[Picture, ...], tuple[str, ...]]:
        """A labelled state with its pictures as the page shows them, handles of points included."""
        frame = self.frame(state)
        return label, with_handles(frame.pictures, self.panels, self.controls, state), frame.captions

    @property
    def view(self) -> Canvas:
        """The explorer as an ipywidget (one for all places where it is displayed)."""
        if self._view is None or self._view.comm is None:
            self._view = Canvas(self)
        return self._view

    def spec(self) -> dict[str, Any]:
        """What the front end has to know, as JSON."""
        return {
            "title": self.title,
            "alt": self.alt,
            "device": self.device,
            "controls": [control.to_json() for control in self.controls],
            "panels": [asdict(panel) for panel in self.panels],
        }

    def __repr__(self) -> str:
        names = ", ".join(control.to_json()["label"] for control in self.controls)
        return f"{self.title}: explorer with {names}"

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live widget where there is a kernel, the contact sheet elsewhere, and a line of text."""
        bundle: dict[str, Any] = {"text/plain": repr(self), "image/png": self.sheet()}
        live = self.view._repr_mimebundle_()
        if live is not None:
            widget = "application/vnd.jupyter.widget-view+json"
            bundle[widget] = live[0][widget]
        return bundle, {"image/png": {"alt": self.alt, "width": WIDTH}}
