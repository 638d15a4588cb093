"""A line of the explorers' own from the page to the kernel, where both are on one machine.

A frame that travels as a widget's message passes Jupyter's server, and for each one JupyterLab shows that the kernel is
busy, then idle: on a slow machine that costs the page several times what the picture costs. So the page opens a
WebSocket straight to the kernel, which answers from a thread of its own, beside a cell that still trains. Where the
page cannot reach it (a remote server, Colab, VS Code), widget messages carry the frames.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import struct
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import Future
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

HOST = "127.0.0.1"  # no other machine reaches it
NEAR = ("localhost", HOST, "::1")  # where a page comes from that may use it

Content = Mapping[str, Any]
Answer = tuple[dict[str, Any], list[bytes]]


class Answering(Protocol):
    """Who is asked: a widget."""

    def answer(self, content: Content) -> Answer:
        """The words and the pictures that answer a question."""


class Line:
    """A server of WebSockets for this machine alone, in a thread of its own.

    Whoever gets an `address` from it is asked there, for as long as somebody else holds it. An address contains 128
    secret bits, which is what keeps other users of the machine out; pages of other sites are refused by their origin.
    Raises OSError where no port can be opened.
    """

    def __init__(self) -> None:
        self.asked: MutableMapping[str, Answering] = WeakValueDictionary()
        port: Future[int] = Future()
        threading.Thread(target=lambda: asyncio.run(self._serve(port)), name="line", daemon=True).start()
        self.port = port.result()

    async def _serve(self, port: Future[int]) -> None:
        try:
            sockets = bind_sockets(0, HOST)
        except OSError as error:
            port.set_exception(error)
            return
        HTTPServer(Application([(r"/(\w+)", Socket, {"asked": self.asked})])).add_sockets(sockets)
        port.set_result(sockets[0].getsockname()[1])
        await asyncio.Event().wait()  # for ever: the thread ends with the process

    def address(self, asked: Answering) -> str:
        """The URL under which `asked` is asked."""
        key = secrets.token_hex(16)
        self.asked[key] = asked
        return f"ws://{HOST}:{self.port}/{key}"


class Socket(WebSocketHandler):
    """One page's end: every message is a question as JSON, every answer one binary message (`packed`)."""

    def initialize(self, asked: Mapping[str, Answering]) -> None:
        """What tornado passes on from the application."""
        self.asked = asked

    def check_origin(self, origin: str) -> bool:
        """Only pages of this machine."""
        return urlsplit(origin).hostname in NEAR

    def open(self, key: str) -> None:  # type: ignore[override]  # tornado passes on what the address holds
        """Refuse an address that nobody was given, or whose owner is gone."""
        self.set_nodelay(True)
        self.key = key
        if key not in self.asked:
            self.close()

    def on_message(self, message: str | bytes) -> None:
        """Answer."""
        if asked := self.asked.get(self.key):
            self.write_message(packed(*asked.answer(json.loads(message))), binary=True)
        else:
            self.close()


def packed(content: Content, buffers: Sequence[bytes]) -> bytes:
    """One message: the length of the words (uint32, little-endian), the words as JSON, the buffers one by one.

    The words say how long each buffer is, in `lengths`.
    """
    words = json.dumps({**content, "lengths": [len(buffer) for buffer in buffers]}).encode()
    return b"".join([struct.pack("<I", len(words)), words, *buffers])


line: Callable[[], Line] = cache(Line)  # one for each process


def address_of(asked: Answering) -> str:
    """Where a page may ask directly; "" outside a kernel, and where no port can be opened."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:
        return ""
    try:
        return line().address(asked)
    except OSError:
        return ""
