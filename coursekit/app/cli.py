"""The command `coursekit`: check the installation, open the course, get data, train the models that it comes with.

A new subcommand is one function that adds its parser, listed in COMMANDS. Only the standard library is
imported here, so that `coursekit lab` and `--help` answer at once, and work where torch does not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from coursekit import __version__

INSTALL = 'pip install -c constraints.txt -e ".[lab]"'
START = "course/00_start_here.ipynb"
PROJECT = Path(__file__).resolve().parents[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit status. 0: done, 1: it could not be done, 2: not understood."""
    parser = _parser()
    args, unknown = parser.parse_known_args(argv)
    if unknown and not args.passes_on:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    args.unknown = unknown
    try:
        return args.run(args)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coursekit",
        description="The course on generative models, from the command line.",
        epilog="`coursekit COMMAND --help` says more about a command.",
    )
    parser.add_argument("--version", action="version", version=f"coursekit {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        command = add(subparsers)
        command.set_defaults(passes_on=command.get_default("passes_on") or False)
    return parser


# lab


def _add_lab(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "lab",
        help="open the course in JupyterLab",
        usage="coursekit lab [NOTEBOOK] [JupyterLab's own options]",
        description="Open JupyterLab, set up so that sliders answer fast and nothing is sent to the network. "
        f"Without a NOTEBOOK it opens {START}. Every other argument goes to JupyterLab, for example "
        "--no-browser or --port=9999.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_lab, passes_on=True)
    return parser


def _lab(args: argparse.Namespace) -> int:
    try:
        from coursekit.app.server import lab_command, lab_environment
    except ImportError as error:
        return _fail(f"JupyterLab is not installed here ({error}): {INSTALL}")
    try:
        extra = lab_extra(args.unknown, Path.cwd(), PROJECT)
    except FileNotFoundError as error:
        return _fail(str(error))
    command, environment = lab_command(extra), lab_environment()
    if os.name == "nt":  # there, exec would leave the terminal to two processes at once
        return subprocess.call(command, env=environment)
    os.execve(command[0], command, environment)


def lab_extra(given: Sequence[str], here: Path, project: Path) -> list[str]:
    """JupyterLab's arguments: the given ones, and the first notebook unless there is a path among them.

    The course is looked for in the current folder, then beside the package. Its whole checkout can be
    browsed, not only the notebook's folder. Raises FileNotFoundError if it is in neither.
    """
    if any(not word.startswith("-") and (here / word).exists() for word in given):
        return list(given)
    for root in (here, project):
        if (root / START).is_file():
            return [f"--ServerApp.root_dir={root}", f"--LabApp.default_url=/lab/tree/{START}", *given]
    raise FileNotFoundError(f"{START} is not in {here}, nor in {project}: go to the course's folder first")


# data


def _add_data(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "data",
        help="say which data sets are here, or get one",
        description="Data sets live in $COURSEKIT_DATA, or else in your cache folder. Nothing is downloaded "
        "unless you ask for it here.",
    )
    parser.set_defaults(run=_data_status)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("status", help="which sets are here, and where (the default)")
    get = actions.add_parser("get", help="bring one set here")
    get.add_argument("name", metavar="NAME", help="one of those that `coursekit data status` lists")
    get.set_defaults(run=_data_get)
    return parser


def _data_status(args: argparse.Namespace) -> int:
    try:
        from coursekit import data
    except (ImportError, OSError) as error:
        return _fail(f"{error}: `coursekit doctor` says what to do")
    for entry in data.status():
        print(f"{entry.name:<11} {'here   ' if entry.present else 'missing'} {entry.where}")
        if not entry.present:
            print(f"{'':<11} {entry.how_to_get}")
    return 0


def _data_get(args: argparse.Namespace) -> int:
    try:
        from coursekit import data

        folder = data.get(args.name)
    except (ImportError, OSError, ValueError) as error:
        return _fail(str(error))
    print(f"{args.name} is here: {folder or 'it comes with scikit-learn'}")
    return 0


# train, checkpoints


def _add_train(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "train",
        help="train one of the models that coursekit comes with anew, or for longer",
        description="Train by the recipe, on one CPU or GPU, or in several processes: "
        "torchrun --nproc-per-node 2 -m coursekit.app.cli train NAME. Stop it with Ctrl-C, and start it again with the "
        "same words to go on. Weights and card are written at the end: NAME.safetensors and NAME.json.",
    )
    known = "one of those that `coursekit checkpoints` lists, or celeba_dcgan or horse2zebra"
    parser.add_argument("name", metavar="NAME", help=known)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--steps", type=_positive, metavar="N", help="how many batches (default: as the recipe says)")
    amount.add_argument("--epochs", type=_positive, metavar="N", help="how many times through the data")
    parser.add_argument("--out", type=Path, default=Path("trained"), metavar="FOLDER", help="default: %(default)s")
    parser.add_argument("--device", metavar="DEVICE", help="cpu, cuda, mps … (default: the fastest that is here)")
    parser.set_defaults(run=_train)
    return parser


def _positive(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"want a positive whole number, got {word!r}")
    return int(word)


def _train(args: argparse.Namespace) -> int:
    try:
        from coursekit import pretrained

        recipe = pretrained.recipe(args.name)
        how = {"steps": args.steps, "epochs": args.epochs, "device": args.device}
        card = pretrained.make(recipe, args.out, **how)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        return _fail(str(error))
    if card is None:
        print(f"stopped; the same command goes on from {args.out}", file=sys.stderr)
        return 130
    if not card:  # another process than the first of several: that one speaks
        return 0
    print(f"{args.out / args.name}.safetensors: {_figures(card)}")
    print(f'pretrained.load("{args.name}", folder="{args.out}") loads it')
    return 0


def _add_checkpoints(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "checkpoints",
        help="list the trained models that coursekit comes with",
        description="Names, sizes and measured figures. `coursekit train NAME` makes one anew.",
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="list those that `coursekit train` wrote there")
    parser.set_defaults(run=_checkpoints)
    return parser


def _checkpoints(args: argparse.Namespace) -> int:
    try:
        from coursekit import pretrained

        cards = [pretrained.card(name, folder=args.out) for name in pretrained.names(args.out)]
    except (ImportError, OSError, ValueError) as error:
        return _fail(str(error))
    if not cards:
        return _fail(f"there is no trained model in {args.out or 'coursekit'}")
    for card in cards:
        print(f"{card['name']}: {card['about']}")
        print(f"    {card['bytes'] / 1e6:.2f} MB, {card['parameters']:,} parameters; {_figures(card)}")
    return 0


def _figures(card: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in card["figures"].items())


# doctor


def _add_doctor(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "doctor",
        help="check the installation, and say what to do about what is wrong",
        description="Look at versions, device, memory, data and widgets. "
        "Exit status 1 if the course cannot run.",
    )
    parser.set_defaults(run=_doctor)
    return parser


def _doctor(args: argparse.Namespace) -> int:
    from coursekit.app.doctor import examine, report, status

    findings = examine()
    print(report(findings))
    return status(findings)


def _fail(message: str) -> int:
    print(f"coursekit: {message}", file=sys.stderr)
    return 1


COMMANDS: tuple[
    Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], argparse.ArgumentParser], ...
] = (_add_lab, _add_doctor, _add_data, _add_train, _add_checkpoints)


if __name__ == "__main__":
    sys.exit(main())
