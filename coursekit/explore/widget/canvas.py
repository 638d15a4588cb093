"""The one widget of the course: controls and pictures in the page, the explorer behind them in the kernel.

The page keeps one request in flight and sends the newest state when the frame has come, so nothing ever queues.
Each control is a synced trait: `view.smile = 0.4`, `link((view, "smile"), (other, "value"))`, `VBox([view, ...])`,
`interactive(function, state=view)`.
"""

from __future__ import annotations

import io
import pathlib
import threading
import time
import uuid
import zlib
from collections.abc import Collection, Mapping
from typing import Any, Protocol

import anywidget
import numpy as np
import traitlets
from ipywidgets import ValueWidget
from PIL import Image

from coursekit.explore.widget.controls import Choice, Control, Paint, Play, Point, Slider, State, Stops
from coursekit.explore.widget.line import address_of
from coursekit.explore.widget.moves import Moves
from coursekit.explore.widget.panel import Frame, Picture
from coursekit.explore.widget.upload import Upload

HERE = pathlib.Path(__file__).parent
SCRIPTS = (  # one module, in this order
    "theme.js", "field.js", "pick.js", "dials.js", "brush.js", "palette.js", "upload.js", "point.js", "turns.js",
    "source.js", "gate.js", "history.js", "session.js", "save.js", "foot.js", "groups.js", "plan.js", "fit.js",
    "fill.js", "view.js", "canvas.js",
)  # fmt: skip
STYLES = ("canvas.css", "fields.css")
EXACT, NEARLY = "=", "~"  # how the token of a PNG ends, and that of a JPEG
PREVIEW_JPEG = 96 * 96  # pixels: smaller pictures stay exact while dragging, they are short anyway


class Pictured(Protocol):
    """Who is shown: an explorer."""

    controls: tuple[Control, ...]

    def state(self, **named: Any) -> State:
        """A complete state."""

    def surprise(self) -> State:
        """A random one."""

    def frame(self, state: Mapping[str, Any], final: bool = True, dark: bool = False) -> Frame:
        """What a state looks like, in a light or a dark page."""

    def spec(self) -> dict[str, Any]:
        """What the page has to know."""


class Canvas(anywidget.AnyWidget, ValueWidget):
    """The live view of an explorer.

    `value` is the complete state as a dict; every control is a trait of its own name.
    Raises ValueError if a control has the name of something that every widget has.
    """

    _esm = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in STYLES)
    _spec = traitlets.Dict().tag(sync=True)
    _key = traitlets.Unicode().tag(sync=True)
    _first = traitlets.Dict().tag(sync=True)
    _line = traitlets.Unicode().tag(sync=True)
    value = traitlets.Dict()

    def __init__(self, explorer: Pictured, **options: Any) -> None:
        self.explorer = explorer
        self._names = tuple(control.name for control in explorer.controls)
        self._guard = threading.RLock()
        self.add_traits(**{control.name: trait_of(control) for control in explorer.controls})
        state = explorer.state()
        content, buffers = encode(explorer.frame(state), final=True)
        first = {**content, "buffers": buffers, "state": as_json(state)}
        spoken = {"_spec": explorer.spec(), "_key": uuid.uuid4().hex, "_first": first, "_line": address_of(self)}
        super().__init__(**spoken, value=state, **options)
        self.observe(self._moved, names=list(self._names))
        self.on_msg(self._asked)
        follow_the_page(self.comm)

    def _moved(self, change: Mapping[str, Any]) -> None:
        """Keep `value` in step with the traits, wherever they were set."""
        self.value = {**self.value, change["name"]: change["new"]}

    def _asked(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        """Answer a request of the page that came as a widget's message; all pages hear the answer."""
        reply, pictures = self._reply(content)
        self.send(reply, buffers=pictures)

    def answer(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer a request that came over the line; the other pages hear where the controls rest."""
        reply, pictures = self._reply(content)
        if reply.get("final") and not reply["following"]:
            self.send({name: reply[name] for name in ("kind", "client", "state", "final")})
        return reply, pictures

    def _reply(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """The answer to a request, picture or error; it is the request's acknowledgement."""
        reply = {name: content.get(name) for name in ("id", "client", "following")}
        try:
            if content.get("kind") == "surprise":
                return {**reply, "kind": "state", "state": self.explorer.surprise()}, []
            started, final, dark = time.perf_counter(), bool(content.get("final")), bool(content.get("dark"))
            state = self._take(content["state"]) if content.get("state") else self.explorer.state(**self.value)
            head, pictures = encode(self.explorer.frame(state, final, dark), final, content.get("have", ()))
        except Exception as error:  # whatever an explorer raises belongs in front of the reader, not in a log
            return {**reply, "kind": "error", "error": f"{type(error).__name__}: {error}"}, []
        took = round(1000 * (time.perf_counter() - started), 1)
        return {**reply, "kind": "frame", "state": state, "final": final, "ms": took, **head}, pictures

    def _take(self, state: Mapping[str, Any]) -> State:
        """Set the traits to the page's state without sending them back to it."""
        whole = self.explorer.state(**state)
        with self._guard, self._lock_property(**as_json(whole)):
            self.value = whole
        return whole

    @traitlets.validate("value")
    def _checked(self, proposal: Mapping[str, Any]) -> State:
        """Only complete states of this explorer."""
        return self.explorer.state(**proposal["value"])

    @traitlets.observe("value")
    def _spread(self, change: Mapping[str, Any]) -> None:
        """Setting `value` sets the traits."""
        for name, value in change["new"].items():
            if getattr(self, name) != value:
                setattr(self, name, value)


def as_json(state: State) -> State:
    """A state as it comes back from a page."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in state.items()}


def trait_of(control: Control) -> traitlets.TraitType[Any, Any]:
    """The synced trait that stands for a control."""
    if hasattr(Canvas, control.name):
        raise ValueError(f"a control cannot be called {control.name!r}: every widget has that name already")
    if isinstance(control, Slider):
        kind: Any = traitlets.CInt if control.whole else traitlets.CFloat
        return kind(control.value, min=control.low, max=control.high, help=control.help).tag(sync=True)
    if isinstance(control, Play):
        return traitlets.CInt(control.value, min=0, max=control.frames - 1, help=control.help).tag(sync=True)
    if isinstance(control, Stops):
        number: Any = traitlets.CInt if all(float(stop).is_integer() for stop in control.stops) else traitlets.CFloat
        return number(control.value, help=control.help).tag(sync=True)
    if isinstance(control, Paint | Moves | Upload):
        return traitlets.Unicode(control.value, help=control.help).tag(sync=True)
    if isinstance(control, Point):
        x, y = (traitlets.CFloat(min=low, max=high) for low, high in control.sides)
        return traitlets.Tuple(x, y, default_value=control.value, help=control.help).tag(sync=True)
    if isinstance(control, Choice):
        return traitlets.Enum(control.options, control.value, help=control.help).tag(sync=True)
    return traitlets.Bool(control.value, help=control.help).tag(sync=True)


def encode(frame: Frame, final: bool, have: Collection[str] = ()) -> tuple[dict[str, Any], list[bytes]]:
    """A frame as a message: words in the content, one encoded picture in each buffer.

    `have`: tokens of pictures that the page keeps; in the place of one of these stands an empty buffer.
    """
    packed = [pack(picture, final, have) for picture in frame.pictures]
    sizes = [[picture.shape[1], picture.shape[0]] for picture in frame.pictures]
    content = {"captions": list(frame.captions), "readout": frame.readout, "sizes": sizes}
    kinds = ["image/png" if token.endswith(EXACT) else "image/jpeg" for token, _ in packed]
    return {**content, "types": kinds, "tokens": [token for token, _ in packed]}, [data for _, data in packed]


def pack(picture: Picture, final: bool, have: Collection[str] = ()) -> tuple[str, bytes]:
    """A token and the picture as PNG, or as JPEG while the reader drags and the picture is large.

    Two pictures with one token are the same; an exact one that the page has serves as a preview too.
    """
    name = f"{zlib.crc32(np.ascontiguousarray(picture).data):08x}-{'x'.join(map(str, picture.shape))}"
    if name + EXACT in have:
        return name + EXACT, b""
    buffer, image = io.BytesIO(), Image.fromarray(picture)
    if final or picture.shape[0] * picture.shape[1] <= PREVIEW_JPEG:
        image.save(buffer, "PNG", compress_level=1)
        return name + EXACT, buffer.getvalue()
    if name + NEARLY in have:
        return name + NEARLY, b""
    image.save(buffer, "JPEG", quality=88)
    return name + NEARLY, buffer.getvalue()


def follow_the_page(comm: Any) -> None:
    """Let requests run where the page sends them: in its subshell, beside a cell that still trains.

    ipykernel ≥ 7.4 routes them instead to where the widget was last spoken to from, the main shell for a widget
    made in a cell; there they would wait until the cell ends.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default
