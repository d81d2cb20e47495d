"""`toolloop timeline`: who ran beside whom in a turn, and who waited for whom."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from agent.commands.command import Command, data_dir, positive
from agent.commands.telling import complain, data_folder, say, shown, telling
from agent.errors import AgentError

if TYPE_CHECKING:
    from agent.session.looking import Looked
    from agent.session.past import PastCall, PastTurn

Json: TypeAlias = dict[str, Any]

WIDTH = 60
LINE = 100
"""Characters of a message or an input that are shown."""


def turn_number(given: str) -> int:
    """Read a turn's number."""
    if not given.isdecimal():
        raise argparse.ArgumentTypeError(f"a turn's number, from 0, not {given!r}")
    return int(given)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("session", metavar="SESSION", help="its name or its id")
    parser.add_argument(
        "--turn", type=turn_number, metavar="N", help="counted from 0 (default: the last)"
    )
    parser.add_argument(
        "--trace",
        type=Path,
        metavar="FILE",
        help="write a trace too, for ui.perfetto.dev or chrome://tracing",
    )
    parser.add_argument(
        "--width", type=positive, default=WIDTH, metavar="N", help=f"of the bars (default {WIDTH})"
    )
    parser.add_argument("--json", action="store_true", help="print the turn as JSON")
    data_dir(parser)


@telling
def _run(terms: argparse.Namespace) -> int:
    from agent.session.looking import find  # noqa: PLC0415  (imports what a journal is made of)
    from agent.session.turns import turns  # noqa: PLC0415  (as above)

    looked = find(data_folder(terms), terms.session)
    past = turns(looked.intact())
    number = len(past) - 1 if terms.turn is None else terms.turn
    if not past:
        return complain(f"the session {looked.name!r} has no turns yet")
    if number >= len(past):
        count = "1 turn" if len(past) == 1 else f"{len(past)} turns, from 0 to {len(past) - 1}"
        return complain(f"there is no turn {number}: the session {looked.name!r} has {count}")
    turn = past[number]
    if terms.trace is not None and not _write_trace(terms.trace, looked, turn):
        return 1
    say(json.dumps(_as_json(turn), indent=2) if terms.json else _as_text(looked, turn, terms.width))
    return 0


def last_turn(folder: Path, session: str, width: int = WIDTH) -> str:
    """Draw the last turn of a session of a data folder, or say why it cannot be drawn."""
    from agent.session.looking import find  # noqa: PLC0415  (imports what a journal is made of)
    from agent.session.turns import turns  # noqa: PLC0415  (as above)

    try:
        looked = find(folder, session)
        past = turns(looked.intact())
    except AgentError as error:
        return shown(str(error))
    if not past:
        return f"the session {shown(looked.name)!r} has no turns yet"
    return shown(_as_text(looked, past[-1], width))


# -- as text -----------------------------------------------------------------------------------


def _as_text(looked: "Looked", turn: "PastTurn", width: int) -> str:
    parts = [_header(looked, turn)]
    if turn.records:
        from scheduler.timeline import draw  # noqa: PLC0415  (imported with the records already)

        parts.append(draw(turn.records, width, _labels(turn)))
    if turn.calls:
        parts.append("\n".join(_call_line(call) for call in turn.calls))
    return "\n\n".join(parts)


def _header(looked: "Looked", turn: "PastTurn") -> str:
    message = shown(turn.message, LINE) or "(no message)"
    seconds = "" if turn.seconds is None else f", {turn.seconds:.2f} s"
    counts = f"{_count(len(turn.replies), 'reply', 'replies')}, {_count(len(turn.calls), 'call')}"
    end = "not ended" if turn.end is None else f"ended by {turn.end.why}"
    lines = [f"turn {turn.number} of {looked.name}: {message}", f"{counts}{seconds}, {end}"]
    if turn.records:
        lines.append(_gain(turn))
    verdict = f"not known: {turn.unknown}" if turn.certificate is None else str(turn.certificate)
    return "\n".join([*lines, verdict])


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _gain(turn: "PastTurn") -> str:
    from scheduler.timeline import span  # noqa: PLC0415  (imported with the records already)

    took = span(turn.records)
    gain = f"{took.speedup or 1:.1f} times faster than one by one"
    if took.speedup is None or took.speedup <= 1:
        gain = "no faster than one by one"
    return f"calls: {took.under_way:.3f} s for {took.one_by_one:.3f} s of work ({gain})"


def _labels(turn: "PastTurn") -> dict[int, str]:
    """Name each call with its key, since several may be of one tool."""
    return {record.id: f"{turn.keys[record.id]} {record.name}".strip() for record in turn.records}


def _call_line(call: "PastCall") -> str:
    seconds = "" if call.seconds is None else f", {call.seconds:.3f} s"
    return f"{call.key} {call.name} {_input(call)}: {call.status or 'no result'}{seconds}"


def _input(call: "PastCall") -> str:
    return shown(json.dumps(call.input, ensure_ascii=False), LINE)


# -- for programs ------------------------------------------------------------------------------


def _as_json(turn: "PastTurn") -> Json:
    from agent.session.past import certificate_json  # noqa: PLC0415  (imported with the turns)
    from scheduler.record_json import to_json  # noqa: PLC0415  (as above)
    from scheduler.timeline import span  # noqa: PLC0415  (as above)

    took = span(turn.records)
    return {
        "turn": turn.number,
        "message": turn.message,
        "seconds": turn.seconds,
        "ended_by": None if turn.end is None else turn.end.why,
        "replies": [
            {"reply": each.number, "text": each.text, "stop_reason": each.stop_reason}
            for each in turn.replies
        ],
        "calls": [
            {
                "key": each.key,
                "name": each.name,
                "input": each.input,
                "status": each.status,
                "seconds": each.seconds,
            }
            for each in turn.calls
        ],
        "records": [{"key": turn.keys[each.id], **to_json(each)} for each in turn.records],
        "under_way": took.under_way,
        "one_by_one": took.one_by_one,
        "speedup": took.speedup,
        "certificate": certificate_json(turn),
    }


def _write_trace(path: Path, looked: "Looked", turn: "PastTurn") -> bool:
    """Write a trace; tell when there is nothing to trace, or it cannot be written."""
    from scheduler.trace import Naming, as_trace  # noqa: PLC0415  (only for who wants a trace)

    if not turn.records:
        complain(f"no trace of turn {turn.number}: {turn.unknown or 'it has no calls'}")
        return False
    inputs = {each.key: _input(each) for each in turn.calls}
    naming = Naming(
        {looked.id: looked.name},
        _labels(turn),
        {number: inputs[key] for number, key in turn.keys.items() if key in inputs},
    )
    try:
        path.write_text(json.dumps(as_trace(turn.records, naming)))
    except OSError as error:
        complain(f"the trace {str(path)!r} cannot be written: {error.strerror}")
        return False
    return True


COMMAND = Command(
    "timeline",
    "who ran beside whom in a turn, and who waited for whom",
    "Draw the calls of a turn: when each waited and ran, for whom it waited, how long it all took "
    "against one call after the other, and whether it was serial-equivalent. The session may be "
    "open elsewhere.",
    _arguments,
    _run,
)
