"""What ran together in a session: its calls as bars, reply by reply.

Only calls of one reply can run together, and next to a model's answers they are short: so each
reply is drawn for itself, as wide as it took.
"""

from collections.abc import Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from agent.session.looking import find
from agent.session.past import PastTurn
from agent.session.turns import turns
from agent.terminal.lines import call_title
from scheduler.records import CallRecord
from scheduler.timeline import draw, span

WIDTH: Final = 36
"""Columns of a bar."""

TITLE: Final = 24
"""Characters of what a call was given."""

LEGEND: Final = "What ran together (= runs, . waits for a call before it):"


def drawn(folder: Path, session: str) -> str:
    """Draw the calls of a session of a data folder; blocks.

    Raises:
        AgentError: there is no such session, or it is damaged.
    """
    past = turns(find(folder, session).intact())
    parts = [part for turn in past for part in _replies(turn)]
    verdicts = [str(turn.certificate or f"not known: {turn.unknown}") for turn in past]
    return "\n".join([LEGEND, *parts, *dict.fromkeys(verdicts)])


def _replies(turn: PastTurn) -> list[str]:
    inputs = {call.key: call.input for call in turn.calls}

    def reply(record: CallRecord) -> int:
        return int(turn.keys[record.id].partition(".")[0])

    def label(record: CallRecord) -> str:
        given = inputs.get(turn.keys[record.id]) or {}
        return call_title(record.name, dict(islice(given.items(), 1)), TITLE)

    labels = {record.id: label(record) for record in turn.records}
    found = groupby(sorted(turn.records, key=lambda each: each.id), key=reply)
    return [_reply(number, list(records), labels) for number, records in found]


def _reply(number: int, records: Sequence[CallRecord], labels: dict[int, str]) -> str:
    took = span(records)
    head = f"reply {number + 1}: {took.one_by_one:.2f} s of work in {took.under_way:.2f} s"
    lines = draw(records, WIDTH, labels).splitlines()
    return "\n".join([head, *(f"  {line}" for line in lines)])
