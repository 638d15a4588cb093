"""A JupyterLab of our own, and a notebook in it, for the browser tests and the benchmark."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursekit.app.server import lab_command, lab_environment

CHROMIUM_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)
TOKEN = "local-test"
PATIENCE = 90_000  # ms: a slow machine may need long, a broken page for ever
COLD = "python3"  # the kernel that readers have
ROOM = ".jp-NotebookPanel:not(.lm-mod-hidden)"  # the notebook in front


def chromium() -> str | None:
    """The system's Chromium or Chrome."""
    named = os.environ.get("COURSEKIT_CHROMIUM")
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome", "chrome")]
    return named or next((path for path in found if path), None)


@dataclass
class Lab:
    """A running server: its address, the folder it serves, and the kernel that its notebooks ask for."""

    url: str
    folder: Path
    kernel: str = COLD

    def notebook(self, name: str, *cells: str, kernel: str = "") -> str:
        """Write a notebook of code cells and return the address that opens it alone."""
        made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "execution_count": None,
                 "id": f"cell{i}"} for i, cell in enumerate(cells)]
        spec = {"name": kernel or self.kernel, "display_name": kernel or self.kernel, "language": "python"}
        content = {"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
        (self.folder / name).write_text(json.dumps(content))
        return self.address(name)

    def address(self, name: str, workspace: str | None = None) -> str:
        """The address of a notebook, in a workspace of its own."""
        return f"{self.url}/lab/workspaces/{workspace or Path(name).stem}/tree/{name}?token={TOKEN}&reset"

    def ask(self, path: str) -> Any:
        """The server's JSON answer."""
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"token {TOKEN}"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def delete(self, path: str) -> None:
        """Have the server end something."""
        token = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(f"{self.url}{path}", method="DELETE", headers=token)
        with urllib.request.urlopen(request, timeout=60):
            pass

    def end_kernels(self) -> None:
        """End all kernels: one that has drawn a chapter keeps about a gigabyte for as long as the server runs."""
        late = time.monotonic() + PATIENCE / 1000
        while kernels := self.ask("/api/kernels"):  # again for one that was about to start, or has ended by itself
            if time.monotonic() > late:
                raise RuntimeError(f"kernels that do not end: {kernels}")
            for kernel in kernels:
                with suppress(urllib.error.HTTPError):
                    self.delete(f"/api/kernels/{kernel['id']}")


@contextmanager
def running_lab(folder: Path, *, ours: bool = True) -> Iterator[Lab]:
    """JupyterLab on a free port, started as `make lab` starts it (`ours=False`: with a stock server)."""
    port, home = free_port(), folder / "home"
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    extra = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={work}",
             f"--IdentityProvider.token={TOKEN}", "--ServerApp.ip=127.0.0.1", "--allow-root",
             "--LabApp.expose_app_in_browser=True"]
    command = lab_command(extra)
    if not ours:
        command = [part for part in command if "kernel_websocket_connection_class" not in part]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment(home, ours), stdout=log, stderr=log, cwd=work)
        try:
            lab = Lab(f"http://127.0.0.1:{port}", work)
            wait_for(lab, server, folder / "server.log")
            yield lab
        finally:
            stop(server)


def environment(home: Path, ours: bool) -> dict[str, str]:
    """Jupyter's and IPython's folders of our own, so that nobody's settings change what is tested."""
    base = {**os.environ, "JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "IPYTHONDIR": str(home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(home / "spaces")}
    return lab_environment(base) if ours else base


def wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    """Until the server answers; RuntimeError with its log if it ends or stays silent."""
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            lab.ask("/api/status")
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server, which ends its kernels."""
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_notebook(page: Any, address: str) -> None:
    """Open a notebook and wait for its kernel to be idle."""
    page.goto(address, timeout=PATIENCE)
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=PATIENCE)
    wait_idle(page)


def wait_idle(page: Any) -> None:
    """Until the status bar says that the kernel is connected and idle."""
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=PATIENCE)


def run_cell(page: Any, index: int) -> None:
    """Run one cell, by mouse and keyboard as a reader does; again if the page was not yet ready to listen."""
    cell = page.locator(f"{ROOM} .jp-CodeCell").nth(index)
    prompt = cell.locator(".jp-InputPrompt")
    before, late = prompt.inner_text(), time.monotonic() + PATIENCE / 1000
    while time.monotonic() < late:
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        for _ in range(60):
            if prompt.inner_text() != before:
                return
            time.sleep(0.05)
    raise RuntimeError(f"cell {index} does not run")


def wait_run(page: Any, index: int) -> None:
    """Until the cell has finished."""
    page.wait_for_function(
        """([room, i]) => /\\d/.test(
            document.querySelectorAll(`${room} .jp-CodeCell`)[i].querySelector(".jp-InputPrompt").innerText)""",
        arg=[ROOM, index], timeout=PATIENCE)


def said(page: Any, index: int) -> str:
    """What a cell prints when it is run now."""
    run_cell(page, index)
    wait_run(page, index)
    output = page.locator(f"{ROOM} .jp-CodeCell").nth(index).locator(".jp-OutputArea-output pre").last
    output.wait_for(timeout=PATIENCE)
    return str(output.inner_text()).strip()


def wait_drawn(page: Any, index: int = 0, more_than: int = 0, patience: int = PATIENCE) -> None:
    """Until the widget has drawn more than so many frames."""
    page.wait_for_function(
        "([i, n]) => Number(document.querySelectorAll('.ck')[i]?.dataset.frames ?? 0) > n",
        arg=[index, more_than], timeout=patience)


def wait_still(page: Any, turns: int = 40) -> None:
    """Until nothing moves by itself: no control and no frame in so many turns of the page's own clock.

    A morph takes its steps from the same clock, so a page that is slow is slow in both.
    """
    page.evaluate("""async (turns) => {
        const place = (dial) => dial.value ?? dial.getAttribute('aria-valuetext');
        const look = () => [...document.querySelectorAll('.ck')].map((box) => [box.dataset.frames, box.dataset.final,
            ...[...box.querySelectorAll('input, .ck-point')].map(place)]).join();
        for (let last = look(), same = 0; same < turns; last = look()) {
            await new Promise((go) => setTimeout(go, 30));
            same = look() === last ? same + 1 : 0;
        } }""", turns)
