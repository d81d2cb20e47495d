"""`toolloop checks`: a project's checks, side by side."""

import argparse
import asyncio
import json
import sys

from agent.commands.command import Command, folder, positive


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project", nargs="?", default=".", type=folder, help="its folder")
    parser.add_argument("--no-format", action="store_true", help="leave the formatting check out")
    parser.add_argument("--no-tests", action="store_true", help="leave the tests out")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--jobs", type=positive, default=4, help="how many at a time (default 4)")


def _run(terms: argparse.Namespace) -> int:
    return asyncio.run(_checks(terms))


async def _checks(terms: argparse.Namespace) -> int:
    from agent import checks  # noqa: PLC0415  (imports what runs programs)

    report = await checks.run(
        terms.project, run_format=not terms.no_format, run_tests=not terms.no_tests, jobs=terms.jobs
    )
    text = json.dumps(report.results, indent=2) if terms.json else str(report)
    sys.stdout.write(f"{text}\n")
    return 0 if report.is_good else 1


COMMAND = Command(
    "checks",
    "git status, git diff, formatting and tests of a project, at the same time",
    "Run git status, git diff, the formatting check and the tests of a project at the same time, "
    "and show who ran beside whom. The tests execute the project's code.",
    _arguments,
    _run,
)
