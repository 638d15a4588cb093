"""Every benchmark still runs and prints its figures: a short round of each. Limits are held by `make bench` alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from browser.lab import chromium

FOLDER = Path(__file__).parent
FIGURES = {  # a line that each must print
    "bench_card": r"no CUDA card here|dimensions, faces +card +[\d.]+ +CPU, one thread +[\d.]+",
    "bench_diffusion": r"training, .*ratio [\d.]+ [\d.]+\n  sampling, .*ratio [\d.]+ [\d.]+",
    "bench_explorers": r"grid 8×8, ours +\d+ \(\d+\) +\d+ \(\d+\)",
    "bench_faces": r"64 of 32×32 with gradient +\d+ +\d+ +[\d.]+ +[\d.]+",
    "bench_gans": r"DCGAN, 64×64 .*ratio [\d.]+\nMLP GAN, points .*ratio [\d.]+",
    "bench_numerals": r"numerals of 28×28 +\d+ +\d+[\s\S]*a numeral costs \d+ passes",
    "bench_horses": r"zebras of 32×32 +\d+ +\d+[\s\S]*one of 32×32 costs \d+ passes",
    "bench_threads": r"coursekit lab +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+",
    "bench_training": r"3072-256-16 .*ratio [\d.]+",
    "bench_translation": r"CycleGAN, small nets, 32×32 .*ratio [\d.]+ [\d.]+\nCycleGAN, ResNet-9 .*ratio [\d.]+",
}
FILES = sorted(FOLDER.glob("bench_*.py"))


def needs(name: str) -> None:
    """Skip what this machine has not got."""
    if name == "bench_diffusion":
        pytest.importorskip("diffusers", reason="needs `pip install diffusers`")
    if name == "bench_explorers":
        pytest.importorskip("playwright.sync_api", reason="needs `pip install playwright`")
        if chromium() is None:
            pytest.skip("needs Chromium: install it, or name it in COURSEKIT_CHROMIUM")


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_short_round_runs_through_and_prints_figures(file: Path) -> None:
    needs(file.stem)
    environment = {**os.environ, "PYTHONPATH": str(FOLDER.parents[1])}
    done = subprocess.run(
        [sys.executable, str(file), "--brief"], env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(FIGURES[file.stem], done.stdout), done.stdout
