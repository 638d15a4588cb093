"""Kernels that are born warm: each is forked from one process that has imported what notebooks import.

    python warm.py serve SOCKET          the process that is forked; it ends when its stdin does
    python warm.py kernel SOCKET FILE    what Jupyter starts in a kernel's place, and kills to kill the kernel

To import torch takes a kernel two seconds of a processor, and each browser test wants a kernel in which nothing has
run. A forked one is as new as any other: what it shares with the next is what was imported before, and nothing else.
Only for Linux: elsewhere a process that has loaded torch is not safely forked.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import threading

ANSWER = 1.0  # seconds between two looks for kernels that have ended


def serve(address: str) -> None:
    """Fork a kernel for each one that connects, until stdin ends; then wait for the last of them."""
    load()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen()
        while sys.stdin not in (ready := select.select([door, sys.stdin], [], [], ANSWER)[0]):
            if door in ready:
                caller, _ = door.accept()
                if os.fork() == 0:
                    door.close()
                    become_kernel(caller)
                caller.close()
            reap(os.WNOHANG)
    reap(0)


def load() -> None:
    """Import what a kernel and the explorers need, and start no thread: none but the one that forks lives on."""
    import anywidget  # noqa: F401
    import ipykernel.kernelapp  # noqa: F401
    import torch  # noqa: F401

    from coursekit import explore

    for name in explore.__all__:
        getattr(explore, name)
    if threading.active_count() > 1:
        raise RuntimeError(f"importing has started threads: {threading.enumerate()}")


def become_kernel(caller: socket.socket) -> None:
    """Be the kernel that the caller asks for, in its folder, for as long as it stays connected."""
    import ipywidgets
    from ipykernel.kernelapp import IPKernelApp

    asked = json.loads(caller.makefile().readline())
    os.chdir(asked["folder"])
    sys.path[0] = ""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=lambda: caller.recv(1) or os._exit(1), daemon=True).start()
    try:
        app = IPKernelApp.instance()
        app.initialize(["-f", asked["file"], "--IPKernelApp.log_level=ERROR"])
        ipywidgets.register_comm_target()  # as it does itself where it is imported in a kernel
        app.start()
    finally:
        os._exit(0)


def reap(flags: int) -> None:
    """Take note of the kernels that have ended, so that their processor time is counted; with 0 wait for all."""
    try:
        while os.waitpid(-1, flags)[0]:
            pass
    except ChildProcessError:  # there is none
        pass


def kernel(address: str, file: str) -> None:
    """Ask for a kernel and live exactly as long as it does."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        line.sendall(json.dumps({"file": file, "folder": os.getcwd()}).encode() + b"\n")
        line.recv(1)


if __name__ == "__main__":
    {"serve": serve, "kernel": kernel}[sys.argv[1]](*sys.argv[2:])
