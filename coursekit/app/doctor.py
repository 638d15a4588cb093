"""What `coursekit doctor` looks at: each check is a small function from facts to findings.

The facts themselves (what is installed, which device, how much memory) are gathered in `examine` and in
`coursekit.app.surroundings`; the smallest versions are read from the package's own metadata.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from coursekit.app import surroundings

Level = Literal["ok", "note", "warning", "error"]
MARKS: dict[Level, str] = {"ok": "ok  ", "note": "-   ", "warning": "WARN", "error": "FAIL"}
INSTALL = 'pip install -c constraints.txt -e ".[lab]"'
START = "nothing to do if you start with `make lab` or `coursekit lab`; else activate the environment first"
OLDEST_PYTHON = (3, 11)
WIDGETS = {"@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets", "anywidget": "anywidget"}
GIB = 2**30


class Finding(NamedTuple):
    """One line of the report: how bad, what was found, and what to do about it ('' if nothing)."""

    level: Level
    what: str
    remedy: str = ""


def examine() -> list[Finding]:
    """All findings about this computer, the essential ones first."""
    required, optional = surroundings.requirements()
    installed = surroundings.versions([*required, *optional])
    return [
        python(sys.version_info[:3]),
        *packages(required, installed, optional={}),
        *([vision(surroundings.vision_problem())] if _pair(installed) else []),
        *packages(optional, installed, optional=ABSENT),
        device(surroundings.device(), nvidia=surroundings.has_nvidia()),
        cores(surroundings.cores()),
        memory(*surroundings.memory()),
        disk(*surroundings.disk()),
        *widgets(surroundings.labextension_folders(), surroundings.disabled_extensions()),
        jupyter(surroundings.jupyter_prefix(), Path(sys.prefix)),
        *data_sets(surroundings.data_sets()),
    ]


def report(findings: Sequence[Finding]) -> str:
    """The findings as text (ASCII marks: some terminals have nothing else), each remedy under its finding."""
    lines = [f"coursekit doctor, on {platform.system()} {platform.machine()}", ""]
    for found in findings:
        lines.append(f"{MARKS[found.level]}  {found.what}")
        if found.remedy:
            lines.append(f"      -> {found.remedy}")
    return "\n".join([*lines, "", verdict(findings)])


def verdict(findings: Sequence[Finding]) -> str:
    """The last line of the report."""
    errors, warnings = (sum(f.level == level for f in findings) for level in ("error", "warning"))
    if errors:
        return f"The course cannot run yet: {errors} to put right, marked {MARKS['error']}."
    if warnings:
        return f"The course runs. {warnings} to look at, marked {MARKS['warning']}."
    return "All is well."


def status(findings: Sequence[Finding]) -> int:
    """The exit status: 1 if the course cannot run, else 0."""
    return int(any(found.level == "error" for found in findings))


# versions


def python(version: tuple[int, int, int]) -> Finding:
    """Whether Python itself is new enough."""
    words = "Python " + ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        return Finding("error", words, "install Python 3.11 or newer and make the environment again with it")
    return Finding("ok", words)


ABSENT = {  # what is lost without a package that the course can do without
    "jupyterlab": "`coursekit lab` needs it; VS Code and Colab do not",
    "ipykernel": "notebooks need it in JupyterLab and in VS Code",
}
OLD = {
    "jupyterlab": "from 4.4 on, with ipykernel 7, sliders answer while a cell is busy",
    "ipykernel": "from 7 on, with JupyterLab 4.4, sliders answer while a cell is busy",
}


def packages(
    needed: Mapping[str, str], installed: Mapping[str, str | None], *, optional: Mapping[str, str]
) -> list[Finding]:
    """Whether each package is there and not older than needed; those in `optional` (name: loss) only warn."""
    if not needed and not optional:
        return [Finding("error", "coursekit itself is not installed here", f"in its folder, run {INSTALL}")]
    return [_package(name, installed.get(name), least, optional) for name, least in needed.items()]


def _package(name: str, version: str | None, least: str, optional: Mapping[str, str]) -> Finding:
    bad: Level = "warning" if name in optional else "error"
    if version is None:
        return Finding(bad, f"{name} is missing", "; ".join(filter(None, [optional.get(name), INSTALL])))
    if _numbers(version) < _numbers(least):
        advice = "; ".join(filter(None, [OLD.get(name), INSTALL]))
        return Finding(bad, f"{name} {version} is older than {least}", advice)
    return Finding("ok", f"{name} {version}")


def _numbers(version: str) -> tuple[int, ...]:
    """'2.12.1+cpu' → (2, 12, 1); what follows the plain release does not count."""
    release = re.match(r"[\d.]*", version)
    return tuple(int(part) for part in (release.group() if release else "").split(".") if part)


def _pair(installed: Mapping[str, str | None]) -> bool:
    return all(installed.get(name) for name in ("torch", "torchvision"))


def vision(problem: str | None) -> Finding:
    """Whether torchvision's compiled part fits this torch."""
    if problem is None:
        return Finding("ok", "torch and torchvision fit together")
    remedy = "pip install --force-reinstall -c constraints.txt torch torchvision (both, from one source)"
    return Finding("error", f"torchvision does not work with this torch ({problem})", remedy)


# the machine


def device(name: str | None, *, nvidia: bool) -> Finding:
    """Where models run: a GPU's name, None for the CPU (`nvidia`: its driver is here)."""
    if name is not None:
        return Finding("ok", f"device: {name}")
    if nvidia:
        remedy = "install a CUDA build of torch that fits the driver (see pytorch.org, Get started)"
        return Finding("warning", "device: CPU, though there is an NVIDIA driver", remedy)
    return Finding("ok", "device: CPU (enough for every chapter)")


def cores(count: int) -> Finding:
    """How many cores torch may use; the chapters' times are measured on two."""
    if count < 2:
        return Finding("note", "1 core: chapters take about twice the time that they name")
    return Finding("ok", f"{count} cores")


def memory(total: int | None, available: int | None) -> Finding:
    """Bytes of memory in all and free; None for unknown. A chapter needs up to 1.5 GB."""
    if total is None:
        return Finding("note", "memory: unknown")
    free = total if available is None else available
    words = f"memory: {total / GIB:.1f} GiB" + ("" if available is None else f", {free / GIB:.1f} GiB free")
    if free < 1.5 * GIB:
        return Finding("warning", words, "close other programs, and the kernels of other notebooks")
    return Finding("ok", words)


def disk(folder: Path, free: int | None) -> Finding:
    """Bytes free where data sets are kept; None for unknown."""
    if free is None:
        return Finding("note", f"disk: unknown ({folder})")
    words = f"disk: {free / GIB:.1f} GiB free for data"
    if free < GIB:
        return Finding("warning", words, "free some, or set COURSEKIT_DATA to a folder on a larger disk")
    return Finding("ok", words)


# widgets and data


def widgets(folders: Sequence[Path], disabled: Sequence[str]) -> list[Finding]:
    """Whether each widget front end is in one of the folders where JupyterLab looks, and not switched off."""
    return [_widget(name, package, folders, disabled) for name, package in WIDGETS.items()]


def _widget(name: str, package: str, folders: Sequence[Path], disabled: Sequence[str]) -> Finding:
    if any(name == entry or entry.startswith(f"{name}:") for entry in disabled):
        remedy = f"jupyter labextension enable {name}, then reload the page"
        return Finding("warning", f"the widget front end {name} is switched off", remedy)
    for folder in folders:
        if (folder / name / "package.json").is_file():
            return Finding("ok", f"widget front end {name}")
    remedy = (
        f"pip install --force-reinstall --no-deps {package} in the environment that JupyterLab runs from, "
        "restart JupyterLab, reload the page (VS Code and Colab bring their own)"
    )
    words = f"the widget front end {name} is not where JupyterLab looks: sliders show as text"
    return Finding("warning", words, remedy)


def jupyter(found: Path | None, here: Path) -> Finding:
    """Whether the `jupyter` on the PATH (its prefix; None: there is none) is the one of this environment."""
    if found is None:
        return Finding("note", "no `jupyter` on the PATH", START)
    if found != here:
        return Finding("note", f"the `jupyter` on the PATH belongs to another environment ({found})", START)
    return Finding("ok", "`jupyter` is the one of this environment")


def data_sets(entries: Sequence[tuple[str, bool, str, str]] | None) -> list[Finding]:
    """The real data sets (name, present, where, how to get); none is needed by the chapters."""
    if entries is None:
        return [Finding("note", "data sets: not looked at, because the package does not import")]
    return [
        Finding("ok", f"data: {name}, {where}")
        if present
        else Finding("note", f"data: {name} is not here (only labs need it)", advice)
        for name, present, where, advice in entries
    ]
