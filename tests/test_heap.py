"""Memory that is free again goes back to the system."""

import ctypes
import sys

import psutil
import pytest

from coursekit import heap


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="needs glibc, which has the call"
)
def test_what_small_survivors_hold_back_is_given_back():
    """Five hundred blocks of 100 kB, too small for a mapping each; every fiftieth stays alive, the last too."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    blocks = [libc.malloc(100_000) for _ in range(500)]
    for block in blocks:
        ctypes.memset(block, 1, 100_000)
    survivors = blocks[49::50]
    for block in set(blocks) - set(survivors):
        libc.free(block)
    before = psutil.Process().memory_info().rss
    heap.give_back()
    freed = before - psutil.Process().memory_info().rss
    for block in survivors:
        libc.free(block)
    assert freed > 30e6


def test_where_there_is_no_such_call_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)
    heap.give_back()
