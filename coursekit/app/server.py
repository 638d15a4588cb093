"""JupyterLab as the course starts it: the same server, with small replies sent at once.

A stock Jupyter server leaves Nagle's algorithm on. Together with the browser's delayed acknowledgements it holds every
small message after the first back for about 40 ms. Here the kernel's websocket gets TCP_NODELAY. It matters where
pictures pass the server, because the browser is on another machine; on one machine they have a line of their own
(line.py). Nothing of torch is imported: this module runs in the server.

torch's threads wait for each other several times a millisecond. As delivered they spin while they wait; once a browser
wants the same cores, most of the time goes into that. `SPINNING` lets them spin for a moment and then sleep
(measured by tests/benchmarks/bench_threads.py).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

SETTINGS = str(Path(__file__).parent / "jupyter")
CONNECTION = "coursekit.app.server.NoDelayConnection"
IDLE = 3600  # seconds after which a kernel that no page is connected to, and that computes nothing, is ended

SPINNING = {  # binder/start, the Makefile and the first cell of every notebook say the same
    "GOMP_SPINCOUNT": "1000",  # libgomp, which torch's wheels for Linux bring: turns
    "KMP_BLOCKTIME": "0",  # libomp, on macOS, on Windows and with conda's MKL: milliseconds; one is far too long
}
SPINNING_OF_READERS = {"OMP_WAIT_POLICY", *SPINNING}  # whoever sets one of these has decided


class NoDelayConnection(ZMQChannelsWebsocketConnection):
    """A kernel's websocket that does not wait for more before it sends (TCP_NODELAY)."""

    def connect(self) -> Any:  # a future, a coroutine or nothing, as the server's releases have it
        """Connect to the kernel, with Nagle's algorithm off."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()


def lab_arguments() -> list[str]:
    """What JupyterLab is started with, besides what the caller adds."""
    return [
        f"--ServerApp.kernel_websocket_connection_class={CONNECTION}",
        f"--MappingKernelManager.cull_idle_timeout={IDLE}",  # a closed tab's kernel keeps up to a gigabyte
        "--LabApp.news_url=None",  # nothing is fetched from the network
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def lab_command(extra: Sequence[str] = ()) -> list[str]:
    """The command that opens JupyterLab, followed by the caller's arguments (a notebook, a port …)."""
    return [sys.executable, "-m", "jupyterlab", *lab_arguments(), *extra]


def spinning(given: Mapping[str, str]) -> dict[str, str]:
    """What to add to an environment so that torch's threads leave busy cores to others; nothing if it has a say."""
    return {} if SPINNING_OF_READERS & given.keys() else dict(SPINNING)


def lab_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for `lab_command`: the given one (default: this process's) with our defaults.

    The defaults (no news, widgets' messages in a subshell of their own, `spinning`) give way to a reader's own
    settings.
    """
    given = dict(os.environ if base is None else base)
    path = [SETTINGS, *filter(None, [given.get("JUPYTER_CONFIG_PATH")])]
    return {**given, **spinning(given), "JUPYTER_CONFIG_PATH": os.pathsep.join(path)}
