"""Memory that is free again, and whose it is."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Have the C library return free memory to the system; nothing happens where it has no such call.

    glibc keeps the room of large temporary arrays for as long as something small lives above them: in a chapter up to
    200 MB. The call (`malloc_trim`) takes some milliseconds.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
