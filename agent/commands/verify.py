"""`toolloop verify`: was each turn equal to the serial run, and is the journal whole?"""

import argparse
import json
from typing import Any, TypeAlias

from agent.commands.command import Command, data_dir
from agent.commands.telling import complain, data_folder, say, telling
from agent.commands.timeline import turn_number

Json: TypeAlias = dict[str, Any]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", metavar="SESSION", nargs="?", help="its name or its id")
    parser.add_argument("--turn", type=turn_number, metavar="N", help="only this one, from 0")
    parser.add_argument("--all", action="store_true", help="every session of the data folder")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    data_dir(parser)


@telling
def _run(terms: argparse.Namespace) -> int:
    from agent.session.looking import find, look_around  # noqa: PLC0415  (imports what journals are)
    from agent.verification import SCOPE, verify  # noqa: PLC0415  (as above)

    if bool(terms.session) is terms.all:
        return _usage("name one SESSION, or say --all")
    if terms.all and terms.turn is not None:
        return _usage("--turn is of one SESSION, not of --all")
    folder = data_folder(terms)
    sessions = list(look_around(folder)) if terms.all else [find(folder, terms.session)]
    reports = [verify(each, terms.turn) for each in sessions]
    if terms.json:
        told = {"scope": SCOPE, "sessions": [report.as_json() for report in reports]}
        say(json.dumps(told, indent=2))
    else:
        texts = [str(report) for report in reports] or [f"there are no sessions in {folder}"]
        say("\n\n".join([*texts, f"Scope: {SCOPE}"]))
    return 0 if all(report.holds for report in reports) else 1


def _usage(text: str) -> int:
    complain(text)
    return 2


COMMAND = Command(
    "verify",
    "was each turn of a session equal to the serial run, and is its journal whole?",
    "Check a session's journal: checksums and sequence numbers, that every call is answered "
    "exactly once, and that the calls of each turn were serial-equivalent in request order. "
    "Exit code 0 when all of it holds, 1 when something does not or is not known. The session "
    "may be open elsewhere; nothing is repaired.",
    _arguments,
    _run,
)
