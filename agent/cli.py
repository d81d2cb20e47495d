"""The command line: `toolloop`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from agent import checks


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give the exit code: 0 done, 1 a check failed, 2 a usage error."""
    terms = _parser().parse_args(arguments)
    return asyncio.run(_checks(terms))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="toolloop",
        description="Tools in parallel where it is safe, equal to the serial run always.",
    )
    parser.add_argument("--version", action="version", version=f"toolloop {version('toolloop')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    check = commands.add_parser(
        "checks",
        help="git status, git diff, formatting and tests of a project, at the same time",
        description=(
            "Run git status, git diff, the formatting check and the tests of a project at the "
            "same time, and show who ran beside whom. The tests execute the project's code."
        ),
    )
    check.add_argument("project", nargs="?", default=".", type=_folder, help="its folder")
    check.add_argument("--no-format", action="store_true", help="leave the formatting check out")
    check.add_argument("--no-tests", action="store_true", help="leave the tests out")
    check.add_argument("--json", action="store_true", help="print the results as JSON")
    check.add_argument("--jobs", type=_positive, default=4, help="how many at a time (default 4)")
    return parser


def _folder(given: str) -> Path:
    path = Path(given)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{given!r} is not a folder")
    return path


def _positive(given: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1, not {given!r}")
    return int(given)


async def _checks(terms: argparse.Namespace) -> int:
    report = await checks.run(
        terms.project, run_format=not terms.no_format, run_tests=not terms.no_tests, jobs=terms.jobs
    )
    text = json.dumps(report.results, indent=2) if terms.json else str(report)
    sys.stdout.write(f"{text}\n")
    return 0 if report.is_good else 1
