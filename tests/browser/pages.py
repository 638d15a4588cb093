"""What makes browser tests quick: kernels that are born warm, and one page in which notebooks open and close."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import COLD, PATIENCE, ROOM, TOKEN, Lab, environment, wait_idle

WARM = Path(__file__).parent / "warm.py"
OPEN = """(path) => {
    window.opened = null;
    window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' })
        .then((panel) => Promise.all([panel.context.ready, panel.sessionContext.ready]))
        .then(() => { window.opened = path; });
}"""
CLOSE = """() => {
    for (const widget of [...window.jupyterapp.shell.widgets('main')]) if (widget.context) widget.dispose();
}"""
LEFT = """async () => {
    const { shell, serviceManager } = window.jupyterapp;
    await serviceManager.sessions.refreshRunning();
    await serviceManager.kernels.refreshRunning();
    const count = (iterable) => [...iterable].length;
    return { explorers: document.querySelectorAll('.ck').length, cells: document.querySelectorAll('.jp-Cell').length,
             dialogs: document.querySelectorAll('.jp-Dialog').length,
             notebooks: [...shell.widgets('main')].filter((widget) => widget.context).length,
             sessions: count(serviceManager.sessions.running()), kernels: count(serviceManager.kernels.running()) };
}"""


@contextmanager
def warm_kernels(home: Path) -> Iterator[str]:
    """The name of a kernel that is born warm (warm.py), for labs with this home; the cold one where there is none."""
    if not sys.platform.startswith("linux"):
        yield COLD
        return
    with tempfile.TemporaryDirectory(prefix="ck") as short:  # a socket's path has at most 107 letters
        address = f"{short}/kernels"
        argv = [sys.executable, "-IS", str(WARM), "kernel", address, "{connection_file}"]
        spec = {"argv": argv, "display_name": "warm", "language": "python", "interrupt_mode": "message"}
        (home / "data/kernels/warm").mkdir(parents=True)
        (home / "data/kernels/warm/kernel.json").write_text(json.dumps(spec))
        serve = [sys.executable, str(WARM), "serve", address]
        quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
        parent = subprocess.Popen(serve, env=environment(home, True), **quiet)
        try:
            while not Path(address).exists():
                if parent.poll() is not None:
                    raise RuntimeError("the process that kernels are forked from has ended")
                time.sleep(0.05)
            yield "warm"
        finally:
            parent.communicate()  # closes its stdin and waits for it


def new_page(browser: Any) -> Any:
    """A page in a context of its own, which notes the errors of its scripts."""
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    return page


class SharedPage:
    """One page with JupyterLab in it, in which notebooks are opened and closed again, one after the other."""

    def __init__(self, browser: Any, lab: Lab) -> None:
        self.browser, self.lab, self.page = browser, lab, None

    def take(self, patience: float = 30.0) -> Any:
        """The page, empty; RuntimeError if anything of an earlier notebook is left in it after so many seconds."""
        if self.page is None:
            self.page = new_page(self.browser)
            enter(self.page, self.lab)
        if left := left_in(self.page, patience):
            raise RuntimeError(f"the page is not empty: {left}")
        self.page.errors.clear()
        return self.page

    def give_back(self, page: Any, well: bool) -> None:
        """Close the page's notebooks and end their kernels; a page that something went wrong in is not used again."""
        if well:
            page.evaluate(CLOSE)
        else:
            self.close()
        self.lab.end_kernels()

    def close(self) -> None:
        """Close the page."""
        if self.page is not None:
            self.page.context.close()
        self.page = None


def left_in(page: Any, patience: float) -> dict[str, int]:
    """What of a notebook is still in the page after so many seconds, counted; {} if nothing is."""
    late = time.monotonic() + patience
    while (left := page.evaluate(LEFT)) and any(left.values()) and time.monotonic() < late:
        time.sleep(0.2)  # the server may still list a kernel that has just been ended
    return {name: count for name, count in left.items() if count}


def enter(page: Any, lab: Lab) -> None:
    """JupyterLab without any notebook."""
    page.goto(f"{lab.url}/lab/workspaces/empty?token={TOKEN}&reset", timeout=PATIENCE)
    page.wait_for_function("() => window.jupyterapp?.shell", timeout=PATIENCE)
    page.evaluate("() => window.jupyterapp.restored.then(() => null)")


def open_cells(page: Any, lab: Lab, name: str, *cells: str, kernel: str = "") -> None:
    """Write a notebook of these cells, open it in a page and wait for its kernel to be idle."""
    lab.notebook(name, *cells, kernel=kernel)
    open_file(page, lab, name)


def open_file(page: Any, lab: Lab, name: str) -> None:
    """Open a notebook that is there, and wait for its kernel to be idle."""
    if not page.evaluate("() => Boolean(window.jupyterapp)"):
        enter(page, lab)
    page.evaluate(OPEN, name)
    page.wait_for_function("path => window.opened === path", arg=name, timeout=PATIENCE)
    page.wait_for_selector(f"{ROOM} .jp-Cell", timeout=PATIENCE)
    wait_idle(page)


def open_until_found(page: Any, lab: Lab, name: str) -> None:
    """Open a notebook whose kernel runs already; again where JupyterLab does not find the widget.

    On a slow page its widget manager sometimes takes itself for restored before it has the models that the kernel
    tells it, and says "model not found" for good (in most tries with a page slowed down twelve times, else hardly
    ever). A reader opens the notebook again, and so does this; a widget that is found and draws nothing is a fault.
    """
    for _ in range(10):
        open_file(page, lab, name)
        page.wait_for_function(
            "() => document.querySelector('.ck') || document.body.innerText.includes('Error displaying widget')"
        )
        if page.locator(".ck").count():
            return
        page.evaluate(CLOSE)
    raise AssertionError("JupyterLab has not found the widget in any of ten tries")


def comes(page: Any, condition: str, arg: Any, patience: int = PATIENCE) -> bool:
    """Whether a condition in the page comes true."""
    from playwright.sync_api import TimeoutError as Late  # here: the tests are skipped where there is no playwright

    try:
        page.wait_for_function(condition, arg=arg, timeout=patience, polling=100)
    except Late:
        return False
    return True
