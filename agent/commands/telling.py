"""What commands print: texts that are safe on a terminal, and what went wrong in one line."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from agent.errors import AgentError


def telling(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Make a command tell our own errors in a line, with exit code 1."""

    def told(terms: argparse.Namespace) -> int:
        try:
            return run(terms)
        except AgentError as error:
            return complain(str(error))

    return told


def complain(text: str) -> int:
    """Tell what went wrong; give the exit code for it."""
    sys.stderr.write(f"toolloop: {shown(text)}\n")
    return 1


def say(text: str = "") -> None:
    """Print a text; what could act on a terminal is shown as a symbol."""
    sys.stdout.write(f"{shown(text)}\n")


def shown(text: str, limit: int | None = None) -> str:
    """Give a text as it may be printed; with a limit, on one line of so many characters."""
    from tools.text import visible  # noqa: PLC0415  (compiles a pattern; only who prints needs it)

    if limit is None:
        return visible(text)
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def data_folder(terms: argparse.Namespace) -> Path:
    """Give the folder that sessions are kept in."""
    from agent.config import default_data_dir  # noqa: PLC0415  (imports what a client is made of)

    return Path(terms.data_dir or default_data_dir(os.environ)).expanduser().absolute()
