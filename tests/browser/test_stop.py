"""The stop button, pressed while a model trains in the midst of *Run All*."""

from __future__ import annotations

from typing import Any

from lab import COLD, PATIENCE, ROOM, Lab, said, wait_idle
from pages import open_cells

TRAIN = """
import sys
import torch
from coursekit import training
from coursekit.models import autoencoders
torch.manual_seed(0)
model, x = autoencoders.dense((4,), 2, 8), torch.randn(64, 4)
history = training.fit(model, x, epochs=1_000_000)
"""
LATER = "print('the next cell')"
AFTER = """
told = sys.last_value.history
print(len(told["loss"]) == told.steps > 0, model(x).isfinite().all().item(), training.fit(model, x, steps=2).steps)
"""


def cell(page: Any, number: int) -> Any:
    return page.locator(f"{ROOM} .jp-CodeCell").nth(number)


def test_the_model_stays_whole_and_the_cells_that_wait_do_not_run(lab: Lab, page: Any) -> None:
    open_cells(page, lab, "stop.ipynb", TRAIN, LATER, LATER, AFTER, kernel=COLD)
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    cell(page, 0).get_by_text("step/s").wait_for(timeout=PATIENCE)
    page.locator(f"{ROOM} [data-jp-item-name=interrupt]").click()
    cell(page, 0).get_by_text("Stopped by hand after").wait_for(timeout=PATIENCE)
    wait_idle(page)
    shown = cell(page, 0).locator(".jp-OutputArea").inner_text()
    assert "The model is whole" in shown
    assert "Traceback" not in shown
    assert "loop.py" not in shown
    for number in (1, 2, 3):
        assert not cell(page, number).locator(".jp-OutputArea-output").count()
    assert said(page, 3) == "True True 2"
