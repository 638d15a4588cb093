"""What a CUDA card gives the explorers: `python tests/benchmarks/bench_card.py` times frames on it and on the CPU.

The same models, pictures and states in turns in one process; a frame is what a moved slider costs the kernel, pictures
as arrays included, without the browser. Exit status 1 if a frame on the card takes over 1 ms longer (medians). With
--brief it draws three frames of each and holds nothing; without a card it says that there is none.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from unittest import mock

import torch

from coursekit import explore, pretrained
from coursekit.data import faces
from coursekit.explore import Explorer

FRAMES, WARM_UP, AT_MOST = 200, 20, 1.0  # AT_MOST in milliseconds


def explorers() -> dict[str, Callable[[], Explorer]]:
    bank = faces.faces(24, size=64, seed=5).images
    vae, autoencoder = map(pretrained.load, ("faces_vae", "faces_autoencoder"))
    ways = {"autoencoder": (autoencoder.encode, autoencoder.decode), "VAE": (vae.encode, vae.decode)}
    photographs = pretrained.load("smiles_vae")
    grey = torch.rand(24, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    plane = pretrained.load("mnist_vae_2d")
    return {
        "latent plane": lambda: explore.LatentPlane(plane.decode, torch.randn(2000, 2)),
        "face desk": lambda: explore.FaceDesk(ways, bank),
        "arithmetic": lambda: explore.Arithmetic(ways, bank, [f"face {i}" for i in range(24)]),
        "dimensions, faces": lambda: explore.Dimensions(vae, bank),
        "dimensions, photographs": lambda: explore.Dimensions(photographs, grey),
    }


def seconds(explorer: Explorer, generator: torch.Generator) -> float:
    state = explorer.surprise(generator)
    start = time.perf_counter()
    explorer.frame(state, final=False)
    return time.perf_counter() - start


def main(brief: bool = False) -> int:
    if not torch.cuda.is_available():
        print("no CUDA card here: nothing to compare")
        return 0
    frames, warm_up = (3, 1) if brief else (FRAMES, WARM_UP)
    worst = 0.0  # milliseconds that the card needs more
    print(f"milliseconds a frame, median of {frames}: {torch.cuda.get_device_name()}")
    for name, make in explorers().items():
        card = make()
        with mock.patch("torch.cuda.is_available", return_value=False):
            cpu = make()
        generator = torch.Generator().manual_seed(0)
        pairs = [(seconds(card, generator), seconds(cpu, generator)) for _ in range(frames + warm_up)][warm_up:]
        on_card, on_cpu = (1000 * statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"{name:24} card {on_card:6.1f}   CPU, one thread {on_cpu:6.1f}   {on_cpu / on_card:.1f} times as fast")
        worst = max(worst, on_card - on_cpu)
    return int(worst > AT_MOST and not brief)


if __name__ == "__main__":
    sys.exit(main("--brief" in sys.argv))
