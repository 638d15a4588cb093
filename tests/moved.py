"""For nbval: after a notebook's last cell, a hand on every control of every explorer that the notebook shows.

A notebook is run once, by nbval, and at its end the real explorers are alive, with the models that it has trained. One
more cell then moves each control away from where it stands, by the questions that the page asks and the answers that
it gets, and prints what brings no new picture. That cell's own time and memory are not the notebook's: what the
notebook has used before is written to the file that the variable MOVED_COST names.

    python -m pytest -p tests.nearly -p tests.moved --nbval course/02_autoencoders.ipynb
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

GOOD = "every control moves its picture"
MARK = ": explorer with "  # in the text that stands for an explorer
BASES = 4  # states by chance from which a control is tried that moves nothing from where it stands
COST = "MOVED_COST"


def pytest_configure() -> None:
    """Have nbval run one more cell."""
    from nbval.plugin import IPyNbCell, IPyNbFile  # here: the kernel imports this module too

    plain = IPyNbFile.collect

    def collect(self: IPyNbFile) -> Iterator[IPyNbCell]:
        cells = list(plain(self))
        yield from cells
        options = defaultdict(bool, check=True)
        yield IPyNbCell.from_parent(self, name=GOOD, cell_num=len(cells), cell=last_cell(self.nb), options=options)

    IPyNbFile.collect = collect


def last_cell(nb: Any) -> Any:
    """The cell that moves everything, stored as if all had moved."""
    from nbformat.v4 import new_code_cell, new_output

    source = f"import sys\nsys.path.append({str(Path(__file__).parent)!r})\nimport moved\nmoved.tell({shown(nb)!r})"
    output = new_output("stream", name="stdout", text=GOOD + "\n")
    return new_code_cell(source, outputs=[output], execution_count=1)


def shown(nb: Any) -> list[str]:
    """The texts that stand for the explorers of a stored notebook."""
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    texts = ["".join(output.get("data", {}).get("text/plain", "")) for output in outputs]
    return sorted({text for text in texts if MARK in text})


def tell(texts: Sequence[str]) -> None:
    """Print what does not move in the notebook that runs; `texts`: the explorers that have to be there."""
    if os.environ.get(COST):
        cost = {"seconds": time.process_time(), "memory": peak()}
        Path(os.environ[COST]).write_text(json.dumps(cost), encoding="utf-8")
    views = alive()
    missing = sorted(set(texts) - {repr(view.explorer) for view in views})
    found = [f"not there: {text}" for text in missing] + [fault for view in views for fault in faults(view)]
    print("\n".join(found) or GOOD)


def peak() -> int | None:
    """The most memory, in bytes, that this process has had at once; None where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def alive() -> list[Any]:
    """The widgets of all explorers that have been shown."""
    canvas = sys.modules.get("coursekit.explore.widget.canvas")
    kind = getattr(canvas, "Canvas", None)
    return [] if kind is None else [thing for thing in gc.get_objects() if issubclass(type(thing), kind) and thing.comm]


def faults(view: Any) -> list[str]:
    """What is wrong with an explorer's controls, by name: [] if each of them brings new pictures."""
    found, stand = [], dict(view.value)
    for control in view.explorer.controls:
        try:
            if not moves(view, control, stand):
                found.append(f"{view.explorer.title}: {control.name} moves nothing")
        except (RuntimeError, ValueError) as error:
            found.append(f"{view.explorer.title}: {control.name}: {error}")
    ask(view, stand)
    return found


def moves(view: Any, control: Any, stand: dict[str, Any]) -> bool:
    """Whether other values of a control bring other pictures, from where all stand or from some other state."""
    import torch

    chance = torch.Generator().manual_seed(0)
    for base in (stand, *(view.explorer.surprise(chance) for _ in range(BASES))):
        before = ask(view, base)
        for value in elsewhere(control, base[control.name], chance):
            if ask(view, {**base, control.name: value}) != before:
                return True
    return False


def elsewhere(control: Any, value: Any, chance: Any) -> Iterator[Any]:
    """Other values of a control than this: its ends, then some by chance."""
    stops = getattr(control, "stops", None) or (getattr(control, "low", None), getattr(control, "high", None))
    options = getattr(control, "options", ())
    drawn = (control.draw(chance) for _ in range(6))
    for other in (stops[0], stops[-1], *options, *drawn):
        if other is not None and other != value:
            yield other


def ask(view: Any, state: dict[str, Any]) -> list[str]:
    """The tokens of a state's pictures, as a page gets them: a preview first, then the full ones.

    Raises RuntimeError for an answer that is no frame, and for pictures, traits or a state that are not as asked.
    """
    from PIL import Image

    for final in (False, True):
        question = {"kind": "frame", "id": 1, "client": "hand", "state": state, "final": final, "have": []}
        reply, pictures = view.answer(json.loads(json.dumps(question)))
        if reply["kind"] != "frame":
            raise RuntimeError(reply.get("error", reply["kind"]))
        json.dumps(reply)
        sizes = [list(Image.open(io.BytesIO(data)).size) for data in pictures]
        there = {name: getattr(view, name) for name in state}
        if sizes != reply["sizes"] or there != reply["state"] or view.value != reply["state"]:
            raise RuntimeError(f"asked for {state}, got pictures of {sizes} and a widget at {there}")
    return list(reply["tokens"])
