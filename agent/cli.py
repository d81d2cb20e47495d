"""The command line: `toolloop`."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version

from agent.commands import (
    chat,
    checks,
    doctor,
    replay,
    run,
    sessions,
    start,
    timeline,
    verify,
    worker,
)
from agent.commands.command import Command

COMMANDS: dict[str, Command] = {
    each.name: each
    for each in (
        start.COMMAND,
        run.COMMAND,
        chat.COMMAND,
        sessions.COMMAND,
        replay.COMMAND,
        timeline.COMMAND,
        verify.COMMAND,
        worker.COMMAND,
        checks.COMMAND,
        doctor.COMMAND,
    )
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give the exit code: 0 done, 1 it failed, 2 a usage error."""
    terms = _parser().parse_args(arguments)
    return COMMANDS[terms.command].run(terms)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="toolloop",
        description="Tools in parallel where it is safe, equal to the serial run always.",
    )
    parser.add_argument("--version", action="version", version=f"toolloop {version('toolloop')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS.values():
        command.arguments(
            commands.add_parser(command.name, help=command.help, description=command.description)
        )
    return parser
