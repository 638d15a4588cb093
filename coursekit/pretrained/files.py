"""Weights on disk: NAME.safetensors in half precision, and NAME.json, the card that vouches for it."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

HERE = Path(__file__).parent / "weights"
MOST_BYTES = 3_000_000
Card = dict[str, Any]


def weights_path(folder: Path, name: str) -> Path:
    """Where the weights are."""
    return folder / f"{name}.safetensors"


def card_path(folder: Path, name: str) -> Path:
    """Where their card is."""
    return folder / f"{name}.json"


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, floating-point ones as float16; OverflowError if one does not fit in it."""
    half = {k: (v.half() if v.is_floating_point() else v).detach().cpu().contiguous() for k, v in state.items()}
    for name, tensor in half.items():
        if not torch.isfinite(tensor).all():
            raise OverflowError(f"{name} holds numbers beyond float16's ±65,504, or NaN")
    return half


def write_weights(path: Path, model: nn.Module, *, most: int = MOST_BYTES) -> str:
    """Save the model in half precision, whole or not at all; the file's sha256. ValueError beyond `most` bytes."""
    content = save(halved(model.state_dict()))
    if len(content) > most:
        raise ValueError(f"model: its weights take {len(content):,} bytes, want at most {most:,}")
    replace(path, content)
    return hashlib.sha256(content).hexdigest()


def replace(path: Path, content: bytes) -> None:
    """Put the content where `path` is, so that nobody sees a half-written file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_weights(path: Path, sha256: str, advice: str) -> dict[str, Tensor]:
    """The tensors, floating-point ones as float32. Raises FileNotFoundError, or ValueError if they are not those
    of the card."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {advice}")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} is damaged: its sha256 is {found[:12]}…, its card says {sha256[:12]}…: {advice}")
    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ValueError(f"{path} is no safetensors file ({error}): {advice}") from error
    return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}


def write_card(path: Path, card: Card) -> None:
    """Save the card as JSON that a person can read."""
    replace(path, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())


def read_card(path: Path, advice: str) -> Card:
    """The card. Raises FileNotFoundError, or ValueError if it is no JSON or has no sha256."""
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path} is missing: {advice}") from error
    except ValueError as error:  # of JSON, or of UTF-8
        raise ValueError(f"{path} is damaged ({error}): {advice}") from error
    if not isinstance(card, dict) or "sha256" not in card:
        raise ValueError(f"{path} is no card, it has no sha256: {advice}")
    return card
