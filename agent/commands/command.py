"""What a command is, and the kinds of arguments that several have."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `toolloop`."""

    name: str
    help: str
    """In the list of commands."""
    description: str
    arguments: Callable[[argparse.ArgumentParser], None]
    """Adds what it takes."""
    run: Callable[[argparse.Namespace], int]
    """Gives the exit code: 0 done, 1 failed, 2 a usage error, 130 interrupted."""


def folder(given: str) -> Path:
    """Read a folder that is there."""
    path = Path(given)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{given!r} is not a folder")
    return path


def positive(given: str) -> int:
    """Read a whole number of at least 1."""
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {given!r}")
    return int(given)


def data_dir(parser: argparse.ArgumentParser) -> None:
    """Add where sessions are kept."""
    parser.add_argument(
        "--data-dir",
        metavar="FOLDER",
        default=os.environ.get("TOOLLOOP_DATA_DIR"),
        help="where sessions are kept (default: $TOOLLOOP_DATA_DIR, or as XDG says)",
    )
