"""The line from the page to the kernel: who may use it, and what an answer looks like."""

import gc
import json
import socket
import struct

import pytest
import websocket

from coursekit.explore.widget import line as module
from coursekit.explore.widget.line import HOST, Line, address_of, packed

HERE = "http://localhost:8888"


class Echo:
    def answer(self, content):
        return {"heard": content}, [b"one", b"", b"three"]


@pytest.fixture(scope="module")
def line():
    return Line()


def connect(address, origin=HERE):
    return websocket.create_connection(address, origin=origin, timeout=10)


def unpacked(data):
    (length,) = struct.unpack_from("<I", data)
    words, start = json.loads(data[4 : 4 + length]), 4 + length
    ends = [start + sum(words["lengths"][: i + 1]) for i in range(len(words["lengths"]))]
    return words, [data[end - n : end] for end, n in zip(ends, words["lengths"], strict=True)]


def test_an_answer_keeps_its_words_and_buffers():
    words, buffers = unpacked(packed({"ä": [1, None]}, [b"", b"\x00\xff", b"x" * 70_000]))
    assert words["ä"] == [1, None]
    assert buffers == [b"", b"\x00\xff", b"x" * 70_000]


def test_questions_are_answered_in_order_however_many_pages_ask(line):
    echo = Echo()
    wires = [connect(line.address(echo)) for _ in range(2)]
    for i in range(5):
        for j, wire in enumerate(wires):
            wire.send(json.dumps({"id": [i, j]}))
    for j, wire in enumerate(wires):
        for i in range(5):
            words, buffers = unpacked(wire.recv())
            assert words["heard"] == {"id": [i, j]}
            assert buffers == [b"one", b"", b"three"]
        wire.close()


@pytest.mark.parametrize("origin", ["https://example.org", "http://localhost.example.org", "null"])
def test_pages_of_other_sites_are_refused(line, origin):
    echo = Echo()
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        connect(line.address(echo), origin)
    assert refused.value.status_code == 403


def test_addresses_cannot_be_guessed_and_each_is_its_own(line):
    echo = Echo()
    keys = {line.address(echo).rsplit("/", 1)[1] for _ in range(20)}
    assert len(keys) == 20
    assert {len(key) for key in keys} == {32}
    wire = connect(f"ws://{HOST}:{line.port}/{'0' * 32}")
    assert wire.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
    with pytest.raises(websocket.WebSocketBadStatusException):
        connect(f"ws://{HOST}:{line.port}/")


def test_who_is_gone_is_not_kept_alive(line):
    echo = Echo()
    wire = connect(line.address(echo))
    del echo
    gc.collect()
    wire.send("{}")
    assert wire.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE


def test_no_other_machine_reaches_it(line):
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {HOST}
    for address in own | {"127.0.0.2"}:  # which a server on all addresses would answer, too
        with pytest.raises(OSError), socket.create_connection((address, line.port), timeout=2):  # noqa: PT011
            pass
    with socket.create_connection((HOST, line.port), timeout=2):
        pass


def test_there_is_none_outside_a_kernel():
    assert address_of(Echo()) == ""


def test_without_a_port_there_is_none(monkeypatch):
    def full(*_):
        raise OSError("no port")

    monkeypatch.setattr(module, "bind_sockets", full)
    with pytest.raises(OSError, match="no port"):
        Line()
    shell = type("IPython", (), {"get_ipython": staticmethod(lambda: type("Shell", (), {"kernel": 1}))})
    monkeypatch.setitem(module.sys.modules, "IPython", shell)
    monkeypatch.setattr(module, "line", Line)
    assert address_of(Echo()) == ""
