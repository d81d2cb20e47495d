"""`toolloop doctor`: what is configured, what is missing, and what to do about it."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands.command import Command, data_dir

if TYPE_CHECKING:
    from agent.doctor.finding import Finding


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workspace", type=Path, default=Path(), metavar="FOLDER", help="(default: here)"
    )
    parser.add_argument(
        "--connect", action="store_true", help="see whether the server accepts a connection"
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    data_dir(parser)


def _run(terms: argparse.Namespace) -> int:
    from agent.config import default_data_dir  # noqa: PLC0415  (imports what a client is made of)
    from agent.doctor import examine  # noqa: PLC0415  (as above)
    from agent.doctor.finding import Level, Surroundings  # noqa: PLC0415  (as above)

    around = Surroundings(
        os.environ,
        Path.cwd(),
        terms.workspace.expanduser().absolute(),
        Path(terms.data_dir or default_data_dir(os.environ)).expanduser().absolute(),
    )
    found = examine(around, connects=terms.connect)
    text = _as_json(found) if terms.json else "\n".join(_line(each) for each in found)
    sys.stdout.write(f"{text}\n")
    return 1 if any(each.level is Level.MISSING for each in found) else 0


def _as_json(found: "list[Finding]") -> str:
    return json.dumps(
        [
            {"level": each.level, "name": each.name, "text": each.text, "fix": each.fix}
            for each in found
        ],
        indent=2,
    )


def _line(found: "Finding") -> str:
    fix = f"\n{' ' * 9}{_printable(found.fix)}" if found.fix else ""
    return f"{found.level:<8} {found.name}: {_printable(found.text)}{fix}"


def _printable(text: str) -> str:
    """Show what could act on a terminal as question marks; `tools.text` may not be ours here."""
    return "".join(each if each.isprintable() else "?" for each in text)


COMMAND = Command(
    "doctor",
    "what is configured, what is missing, and what to do about it",
    "Look at the installation, the configuration and the folders, and say what is missing and how "
    "to mend it. Nothing is changed, and no secret is shown. Exit code 0 when all that is needed "
    "is there, 1 otherwise.",
    _arguments,
    _run,
)
