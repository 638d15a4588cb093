"""Facts about the computer that the course runs on, for `coursekit doctor`. Nothing here judges or raises."""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

REQUIREMENT = re.compile(  # torch>=2.6   or   jupyterlab>=4.4; extra == "lab"
    r"""(?P<name>[\w.-]+)\s*>=\s*(?P<least>[\d.]+)(?:.*extra\s*==\s*["'](?P<extra>\w+)["'])?"""
)


def requirements() -> tuple[dict[str, str], dict[str, str]]:
    """The smallest version of each package: what the course needs, and what its extra `lab` adds."""
    try:
        lines = metadata.requires("coursekit") or []
    except metadata.PackageNotFoundError:
        return {}, {}
    found = [match for match in map(REQUIREMENT.match, lines) if match]
    by_extra = {
        extra: {match["name"]: match["least"] for match in found if match["extra"] == extra}
        for extra in (None, "lab")
    }
    return by_extra[None], by_extra["lab"]


def versions(names: Iterable[str]) -> dict[str, str | None]:
    """The installed version of each package, or None."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def vision_problem() -> str | None:
    """Why torchvision's compiled operators cannot be used, in one line, or None if they can."""
    try:
        import torch
        from torchvision.ops import nms

        nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0]
    return None


def device() -> str | None:
    """The name of the GPU that torch sees, or None."""
    try:
        import torch
    except (ImportError, OSError):
        return None
    if torch.cuda.is_available():
        return f"CUDA, {torch.cuda.get_device_name()}"
    return "Apple GPU (mps)" if torch.backends.mps.is_available() else None


def has_nvidia() -> bool:
    """Whether NVIDIA's driver is installed."""
    return shutil.which("nvidia-smi") is not None


def cores() -> int:
    """The number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> tuple[int | None, int | None]:
    """Bytes of memory, in all and available; a container's limit counts if it is lower. None for unknown."""
    total, available = _memory_of_machine()
    limit, used = _number(Path("/sys/fs/cgroup/memory.max")), _number(Path("/sys/fs/cgroup/memory.current"))
    if limit is None or (total is not None and limit >= total):
        return total, available
    left = limit - (used or 0)
    return limit, left if available is None else min(left, available)


def _memory_of_machine() -> tuple[int | None, int | None]:
    try:
        import psutil
    except ImportError:
        return _sysconf("SC_PHYS_PAGES"), _sysconf("SC_AVPHYS_PAGES")
    known = psutil.virtual_memory()
    return known.total, known.available


def _sysconf(name: str) -> int | None:
    try:
        return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf, macOS not every name
        return None


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # not Linux, or "max"
        return None


def disk() -> tuple[Path, int | None]:
    """The folder of the data sets, or the nearest above it that exists, and the bytes free there."""
    try:
        from coursekit.data.folders import wanted_folder
    except (ImportError, OSError):
        folder = Path.cwd()
    else:
        folder = wanted_folder()
    existing = next(place for place in (folder, *folder.parents, Path.cwd()) if place.exists())
    try:
        return folder, shutil.disk_usage(existing).free
    except OSError:
        return folder, None


def labextension_folders() -> list[Path]:
    """Where JupyterLab looks for front ends that are installed with pip or conda."""
    try:
        from jupyter_core.paths import jupyter_path
    except ImportError:
        return []
    return [Path(folder) for folder in jupyter_path("labextensions")]


def disabled_extensions() -> list[str]:
    """The front ends that are switched off in one of JupyterLab's settings."""
    try:
        from jupyter_core.paths import jupyter_config_path
    except ImportError:
        return []
    files = [Path(folder) / "labconfig" / "page_config.json" for folder in jupyter_config_path()]
    files.append(Path(sys.prefix) / "share" / "jupyter" / "lab" / "settings" / "page_config.json")
    return sorted({name for file in files for name in switched_off(file)})


def switched_off(file: Path) -> list[str]:
    """The names that a page_config.json disables: a list of names, or an object of name: bool."""
    try:
        entries = json.loads(file.read_text(encoding="utf-8")).get("disabledExtensions", {})
    except (OSError, ValueError, AttributeError):
        return []
    return [name for name in entries if not isinstance(entries, dict) or entries[name]]


def jupyter_prefix() -> Path | None:
    """The environment that the `jupyter` on the PATH belongs to, or None if there is none."""
    found = shutil.which("jupyter")
    return None if found is None else Path(found).absolute().parent.parent


def data_sets() -> list[tuple[str, bool, str, str]] | None:
    """The real data sets: name, whether here, where it belongs, how to get it. None without torch."""
    try:
        from coursekit import data
    except (ImportError, OSError):
        return None
    return [(entry.name, entry.present, entry.where, entry.how_to_get) for entry in data.status()]
