"""Build the course's notebooks from their text: sync, execute, scrub, store.

    python tools/notebooks.py                 the notebooks whose text has changed; executed if it was the code
    python tools/notebooks.py --all           every notebook (after a change in the package)
    python tools/notebooks.py 01              those whose name contains "01"
    python tools/notebooks.py --check         change nothing; exit status 1 if a pair is out of sync
    python tools/notebooks.py --to-text course/01_….ipynb    write an edited notebook back to its text
    python tools/notebooks.py --html build/html              every notebook as a web page, as stored

The text under course/text/ is what is edited and reviewed; the notebook is made here and never by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import jupytext
import nbformat
import psutil
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from coursekit.app.saved import VIEW as WIDGET_VIEW
from coursekit.app.saved import WAITING

ROOT = Path(__file__).resolve().parent.parent
COURSE, TEXT = ROOT / "course", ROOT / "course" / "text"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
NORMAL = 0.05  # seconds that `calibrate` takes on the computer whose times the texts state
MACHINE_PATH = re.compile(r"(?<![\w./:])(?:/(?:home|root|Users|work|tmp|opt|usr|var)/|[A-Z]:\\\\?Users)[\w./\\-]+")


def texts() -> list[Path]:
    """The text of every notebook, in the order of the course, labs last."""
    return sorted(TEXT.rglob("*.md"), key=lambda p: (p.parent != TEXT, p.name))


def notebook_path(text: Path) -> Path:
    """Where the notebook made from `text` is stored."""
    return COURSE / text.relative_to(TEXT).with_suffix(".ipynb")


def from_text(text: Path) -> NotebookNode:
    """The notebook that `text` describes: no outputs; cell ids that depend on the content alone."""
    nb = jupytext.read(text, fmt="md:myst")
    seen: dict[str, int] = {}
    for cell in nb.cells:
        key = hashlib.sha256(f"{cell.cell_type}{cell.source}".encode()).hexdigest()[:12]
        seen[key] = seen.get(key, 0) + 1
        cell.id = key if seen[key] == 1 else f"{key}-{seen[key]}"
    nb.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    nb.nbformat, nb.nbformat_minor = 4, 5
    return nb


def sources(nb: NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    """What must agree between a text and its notebook: kind, source and tags of every cell."""
    return [(c.cell_type, c.source, tuple(c.metadata.get("tags", ()))) for c in nb.cells]


def executed(text: Path) -> NotebookNode | None:
    """The stored notebook, if there is one and all of it was executed."""
    path = notebook_path(text)
    nb = nbformat.read(path, as_version=4) if path.exists() else None
    if nb is None or not all(c.execution_count for c in code_of(nb) if c.source.strip()):
        return None
    return nb


def code_of(nb: NotebookNode) -> list[NotebookNode]:
    """Its code cells."""
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def in_sync(text: Path) -> bool:
    """Whether the stored notebook has exactly the cells of its text, executed."""
    stored = executed(text)
    return stored is not None and sources(stored) == sources(from_text(text))


def reworded(text: Path) -> NotebookNode | None:
    """The notebook with the outputs stored, if its code is still what made them; else None."""
    stored, nb = executed(text), from_text(text)
    if stored is None or [s for s in sources(stored) if s[0] == "code"] != [s for s in sources(nb) if s[0] == "code"]:
        return None
    for new, old in zip(code_of(nb), code_of(stored), strict=True):
        new.outputs, new.execution_count = old.outputs, old.execution_count
    nb.metadata = stored.metadata
    return nb


def calibrate(rounds: int = 9) -> float:
    """Processor seconds (median) of a fixed piece of work: matrix products, element-wise work and Python."""
    a = torch.linspace(-1, 1, 512 * 512).reshape(512, 512)
    b = torch.linspace(0, 1, 1_000_000)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(10):
            (a @ a).sum()
            (b.sin() * b + b).sum()
        sum(i * i for i in range(100_000))
        times.append(time.process_time() - start)
    return statistics.median(times)


def normal_seconds(cost: dict[str, float]) -> float:
    """What a measured notebook would take on the computer whose times the texts state, in processor seconds."""
    return cost["seconds"] * NORMAL / cost["calibration_seconds"]


class Watch:
    """Context that samples the child processes born in it: `memory` (bytes) and `seconds` (of a processor), each of
    the largest.

    Processor time, unlike the clock's, hardly depends on what else the machine does. With one thread a process
    that has the machine to itself takes as long by the clock.
    """

    def __init__(self, period: float = 0.1):
        self.period, self.memory, self.seconds = period, 0, 0.0
        self._older = {child.pid for child in psutil.Process().children(recursive=True)}
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(self.period):
            for child in psutil.Process().children(recursive=True):
                if child.pid in self._older:
                    continue
                try:
                    times = child.cpu_times()
                    self.seconds = max(self.seconds, times.user + times.system)
                    self.memory = max(self.memory, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()


def execute(nb: NotebookNode, folder: Path) -> NotebookNode:
    """Run every cell in `folder`, without the user's data folder; note processor seconds, calibration, memory."""
    before = calibrate()
    with tempfile.TemporaryDirectory() as empty, Watch() as watch:
        env = {**os.environ, "COURSEKIT_DATA": empty, "PYTHONHASHSEED": "0"}
        client = NotebookClient(nb, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
        client.execute(env=env)
    nb.metadata["coursekit"] = {
        "seconds": plain(round(watch.seconds, 1)),
        "calibration_seconds": round((before + calibrate()) / 2, 4),
        "memory_mb": round(watch.memory / 1e6),
    }
    return nb


def plain(number: float) -> float:
    """The number as a page writes it: 11, not 11.0. A notebook that is only looked at keeps its bytes."""
    return int(number) if number == int(number) else number


def scrub(nb: NotebookNode) -> NotebookNode:
    """Drop what belongs to one run only: widget views and state, time stamps."""
    nb.metadata.pop("widgets", None)
    nb.metadata["language_info"] = {"name": "python"}
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
            for key in (WIDGET_VIEW, WAITING):
                output.get("metadata", {}).pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = [o for o in cell.outputs if o.output_type == "stream" or "data" not in o or o.data]
    return nb


def faults(nb: NotebookNode) -> list[str]:
    """What a stored notebook must not hold: errors, stderr, machine paths, pictures without words."""
    found = []
    for i, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        if cell.source.strip() and not cell.execution_count:
            found.append(f"cell {i} was not executed")
        for output in cell.outputs:
            found += [f"cell {i}: {fault}" for fault in _output_faults(output)]
    return found


def _output_faults(output: NotebookNode) -> list[str]:
    data, metadata = output.get("data", {}), output.get("metadata", {})
    text = output.get("text", "") + str({k: v for k, v in data.items() if not k.startswith("image/")})
    checks = {
        "an error": output.output_type == "error",
        "output on stderr": output.get("name") == "stderr",
        "a widget's state or view": WIDGET_VIEW in data or WAITING in metadata,
        "a picture without an alt text": "image/png" in data and not metadata.get("image/png", {}).get("alt"),
        f"a path of a machine ({(MACHINE_PATH.search(text) or [''])[0]})": bool(MACHINE_PATH.search(text)),
    }
    return [what for what, wrong in checks.items() if wrong]


def build(text: Path, *, run: bool = True) -> list[str]:
    """Make one notebook and store it; returns the faults that kept it from being stored.

    Without `run` it is executed only if its code has changed: new words leave the outputs as they are.
    """
    path = notebook_path(text)
    print(f"{path.relative_to(ROOT)} … ", end="", flush=True)
    if not run and (nb := reworded(text)):
        nbformat.write(nb, path)
        print("only words have changed")
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        nb = scrub(execute(from_text(text), path.parent))
    except CellExecutionError as error:
        print(f"a cell failed\n{error}")
        return ["a cell failed"]
    wrong = faults(nb)
    if not wrong:
        nbformat.write(nb, path)
    cost = nb.metadata["coursekit"]
    size = path.stat().st_size / 1e6 if path.exists() else 0
    print(f"{cost['seconds']} s, {cost['memory_mb']} MB of memory, {size:.2f} MB", *wrong, sep="\n  ")
    return wrong


def to_text(path: Path) -> None:
    """Write a notebook that was edited in JupyterLab back to its text (outputs and ids are left out)."""
    nb = nbformat.read(path, as_version=4)
    target = TEXT / path.resolve().relative_to(COURSE).with_suffix(".md")
    nb.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    target.parent.mkdir(parents=True, exist_ok=True)
    jupytext.write(nb, target, fmt="md:myst")
    print(f"wrote {target.relative_to(ROOT)}")


def to_html(path: Path, folder: Path) -> Path:
    """One stored notebook as a web page in `folder`, each picture with its alt text; returns the page's path."""
    exporter = HTMLExporter(template_name="coursekit", extra_template_basedirs=[str(ROOT / "tools" / "templates")])
    body, _ = exporter.from_filename(str(path))
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"{path.stem}.html"
    page.write_text(body, encoding="utf-8")
    return page


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of notebook names (default: all that are out of date)")
    parser.add_argument("--all", action="store_true", help="every notebook, also those in sync")
    parser.add_argument("--check", action="store_true", help="only say which are out of sync")
    parser.add_argument("--to-text", type=Path, metavar="NOTEBOOK", help="write a notebook back to its text")
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="export the stored notebooks as web pages")
    args = parser.parse_args(argv)
    if args.to_text:
        to_text(args.to_text)
        return 0
    if args.html:
        print(*(to_html(notebook_path(t), args.html) for t in texts()), sep="\n")
        return 0
    chosen = [t for t in texts() if not args.names or any(n in str(t.relative_to(TEXT)) for n in args.names)]
    stale = [t for t in chosen if args.all or (args.names and not args.check) or not in_sync(t)]
    if args.check:
        print(*(f"out of sync: {notebook_path(t).relative_to(ROOT)}" for t in stale), sep="\n")
        return int(bool(stale))
    wrong = [build(t, run=args.all or bool(args.names)) for t in stale]
    return int(any(wrong))


if __name__ == "__main__":
    sys.exit(main())
