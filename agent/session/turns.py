"""A session's entries read as turns, for whoever looks back. Pure; nothing of it goes to a model.

The rules that this file keeps:

- a turn begins with the first message or request after the turn before was over, and is over at its
  `turn` entry, or at its `calls` entry where a crash took the last one;
- a message belongs to the turn whose request carried it, whenever it was sent;
- what shows that a process ended in the middle ends a turn too: a reply that was closed afterwards
  (nothing is known of its message), answers that were made up, a tail that was set aside;
- what is not known is said, never guessed: a turn without the records of its calls has no
  certificate, and a call that ran without one stands outside of it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from agent.errors import SessionError
from agent.session.entries import (
    Blocks,
    Calls,
    Entry,
    Message,
    ReplyEnd,
    Request,
    Result,
    SetAside,
    TurnEnd,
    from_json,
)
from agent.session.past import PastCall, PastReply, PastTurn
from scheduler.certificate import Certificate, certify
from scheduler.record_json import from_json as record_from_json
from scheduler.records import CallRecord

Json: TypeAlias = dict[str, Any]

CUT = "it did not come to its end, and when its calls were where was not written down"
UNRECORDED = "when its calls were where was not written down"
LOST = "a damaged end of the file was set aside during this turn: entries of it may be missing"

DATE = re.compile(r"\(Today is [-\d]+\.\)")
"""A block that the runtime puts before a person's text."""


def turns(entries: Iterable[Json]) -> list[PastTurn]:
    """Read a session's entries as turns.

    Raises:
        SessionError: they are no session's.
    """
    reading = _Reading()
    try:
        for members in entries:
            entry = from_json(members)
            if entry is not None:
                reading.take(entry)
        return reading.turns()
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise SessionError(f"these entries are no session's: {error}") from error


# -- reading -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reply:
    number: int
    blocks: dict[int, Json] = field(default_factory=dict)
    results: dict[int, Result] = field(default_factory=dict)
    end: ReplyEnd | None = None

    def value(self) -> PastReply:
        text = "".join(str(block.get("text") or "") for _, block in self._kept("text"))
        end = self.end
        return PastReply(
            self.number, text, end.stop_reason if end else None, end.why if end else ""
        )

    def calls(self) -> list[PastCall]:
        return [
            _call(f"{self.number}.{place}", block, self.results.get(place))
            for place, block in self._kept("tool_use")
        ]

    def _kept(self, kind: str) -> list[tuple[int, Json]]:
        """Give the blocks of a kind that stand in the conversation, or may yet."""
        kept = [*self.blocks] if self.end is None else range(self.end.kept)
        blocks = [(place, self.blocks.get(place, {})) for place in sorted(kept)]
        return [(place, block) for place, block in blocks if block.get("type") == kind]


def _call(key: str, block: Json, result: Result | None) -> PastCall:
    seconds = None
    if result is not None and result.started is not None and result.ended is not None:
        seconds = result.ended - result.started
    status = None if result is None else result.status
    return PastCall(key, str(block.get("name")), block.get("input"), status, seconds)


@dataclass(slots=True)
class _Draft:
    """A turn as far as it has been read."""

    messages: list[int] = field(default_factory=list)
    replies: list[_Reply] = field(default_factory=list)
    records: list[tuple[str, CallRecord]] | None = None
    unread: str = ""
    """Why its records cannot be read."""
    has_lost_entries: bool = False
    end: TurnEnd | None = None
    began: float | None = None


class _Reading:
    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._replies: dict[int, _Reply] = {}
        self._drafts: list[_Draft] = []
        self._open: _Draft | None = None

    def take(self, entry: Entry) -> None:
        match entry:
            case Message():
                self._messages.append(entry)
                self._current(entry.at)
            case Request():
                self._request(entry)
            case Blocks():
                self._replies[entry.reply].blocks.update(dict(entry.blocks))
            case Result():
                self._replies[entry.reply].results.setdefault(entry.block, entry)
            case ReplyEnd():
                self._reply_end(entry)
            case Calls():
                self._calls(entry)
            case TurnEnd():
                self._draft().end = entry
                self._open = None
            case SetAside():
                self._draft().has_lost_entries = True
                self._open = None

    def _draft(self) -> _Draft:
        """Give the turn that goes on, or a new one."""
        if self._open is None:
            self._open = _Draft()
            self._drafts.append(self._open)
        return self._open

    def _current(self, at: float) -> _Draft:
        """Give the turn of a message or a request: never one whose calls are all told."""
        if self._open is not None and self._open.records is not None:
            self._open = None
        draft = self._draft()
        draft.began = draft.began or at or None
        return draft

    def _request(self, entry: Request) -> None:
        is_begun = self._open is not None and bool(self._open.replies)
        if entry.answers and is_begun:
            self._open = None
        draft = self._current(entry.at)
        draft.messages += entry.messages
        reply = self._replies[entry.reply] = _Reply(entry.reply)
        draft.replies.append(reply)

    def _reply_end(self, entry: ReplyEnd) -> None:
        reply = self._replies[entry.reply]
        reply.end = entry
        was_closed_afterwards = not entry.message and entry.stop_reason is None
        if was_closed_afterwards and self._open is not None and reply in self._open.replies:
            self._open = None

    def _calls(self, entry: Calls) -> None:
        draft = self._draft()
        draft.records = []
        for number, members in enumerate(entry.records):
            try:
                draft.records.append((str(members.get("key", "")), record_from_json(members)))
            except ValueError as error:
                draft.unread = f"record {number} of its calls cannot be read: {error}"

    # -- what was read -------------------------------------------------------------------------

    def turns(self) -> list[PastTurn]:
        recorded = {key for draft in self._drafts for key, _ in draft.records or ()}
        return [self._turn(number, draft, recorded) for number, draft in enumerate(self._drafts)]

    def _turn(self, number: int, draft: _Draft, recorded: set[str]) -> PastTurn:
        calls = tuple(call for reply in draft.replies for call in reply.calls())
        missing = [call for call in calls if call.seconds is not None and call.key not in recorded]
        records = draft.records or []
        unknown = _unknown(draft, missing)
        certificate = None if unknown else _certificate(records, missing, draft)
        return PastTurn(
            number,
            self._text(draft),
            tuple(reply.value() for reply in draft.replies),
            calls,
            tuple(record for _, record in records),
            {record.id: key for key, record in records},
            certificate,
            unknown,
            draft.end,
            draft.began,
        )

    def _text(self, draft: _Draft) -> str:
        """Give what the person wrote; of a turn that sent nothing, what it was to send."""
        said = [self._messages[each] for each in draft.messages]
        if not draft.replies and draft is self._drafts[-1]:
            carried = {each for other in self._drafts for each in other.messages}
            said = [each for place, each in enumerate(self._messages) if place not in carried]
        return "\n\n".join(_written(each) for each in said if each.by == "person")


def _written(message: Message) -> str:
    blocks = message.content
    texts = (str(block.get("text") or f"({block.get('type')})") for block in blocks)
    return "\n".join(text for text in texts if not DATE.fullmatch(text))


def _unknown(draft: _Draft, missing: Sequence[PastCall]) -> str:
    """Say why a turn's certificate is not known; empty when it is."""
    if draft.unread or draft.records is not None:
        return draft.unread
    if draft.end is None:
        return CUT
    return UNRECORDED if missing else ""


def _certificate(
    records: Sequence[tuple[str, CallRecord]], missing: Sequence[PastCall], draft: _Draft
) -> Certificate:
    """Certify a turn; its calls are named with their keys, which tell two of one tool apart."""
    certificate = certify(replace(record, name=f"{key} {record.name}") for key, record in records)
    told = [f"call {call.key} ({call.name}) ran, and has no record" for call in missing]
    told += [LOST] if draft.has_lost_entries else []
    return replace(certificate, outside=(*certificate.outside, *told))
