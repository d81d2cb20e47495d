"""Was this run equal to the serial one? A pure function from records to an answer.

It shares nothing with the scheduler's index: it looks only at when each call started and stopped
(by tick) and at what it had declared. The rules that it checks:

- two calls of one session (and parent) that conflict ran in request order, the first one stopped
  before the second one started;
- two calls of one parent, of whatever sessions, that conflict did not overlap in time;
- a nested call ran while its parent did, and touched nothing that its parent had not asked for;
- a call started after those that it was told to wait for had stopped.

For each resource only the latest stop among its readers and writers, and below it, has to be known,
so the time is linear in the number of resources times their depth; calls whose keys another session
moved are compared with every call of their session.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from scheduler.access import Access, Resource
from scheduler.records import CallRecord

ASKED_EARLIER = "they conflict, and the one that was asked for later did not wait for the other"


@dataclass(frozen=True, slots=True)
class Violation:
    """Two calls that did not run one after the other as they had to."""

    earlier: CallRecord
    later: CallRecord
    rule: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whether a run was serial-equivalent, within the scope that `outside` limits."""

    violation: Violation | None
    """The first pair in request order; calls that overlapped come after calls out of order."""
    outside: tuple[str, ...]
    """What the answer does not speak of, each in a sentence."""
    unordered_from: int | None
    """The id of the first call that left something running: the workspace is unordered after it."""

    @property
    def is_serial(self) -> bool:
        """Whether results and final state are those of the calls run one by one."""
        return self.violation is None

    def __str__(self) -> str:
        if self.violation is None:
            answer = "serial-equivalent in request order"
        else:
            one, two = self.violation.earlier, self.violation.later
            answer = (
                f"NOT serial-equivalent: call {two.id} ({two.name}) of session {two.owner!r} and "
                f"call {one.id} ({one.name}) of session {one.owner!r}: {self.violation.rule}"
            )
        return "\n".join([answer, *(f"outside: {sentence}" for sentence in self.outside)])


def certify(records: Iterable[CallRecord]) -> Certificate:
    """Say whether a run was serial-equivalent in request order, and what the answer leaves out.

    `records` may come in any order and from several sessions; calls that did not run are skipped.
    A call that has not stopped counts as running for ever.
    """
    known = sorted(records, key=lambda record: record.id)
    ran = [record for record in known if record.ran]
    scopes: dict[int | None, list[CallRecord]] = defaultdict(list)
    for record in ran:
        scopes[record.parent].append(record)
    found = [each for scope in scopes.values() for each in _out_of_order(scope)]
    found += [*_too_early(ran), *_outside_parent(ran)]
    found = found or [each for scope in scopes.values() for each in _overlapping(scope)]
    first = min(found, key=lambda each: (each.later.id, each.earlier.id), default=None)
    left = next((record.id for record in ran if record.left_running), None)
    return Certificate(first, tuple(_outside(known)), left)


def _out_of_order(scope: Sequence[CallRecord]) -> list[Violation]:
    sessions: dict[str, list[CallRecord]] = defaultdict(list)
    for record in scope:
        sessions[record.owner].append(record)
    found = []
    for calls in sessions.values():
        moved = [call for call in calls if call.rekeyed_tick is not None]
        settled = [call for call in calls if call.rekeyed_tick is None]
        found += _first_pair(settled, ASKED_EARLIER)
        for call in moved:
            found += _around_a_move(call, calls)
    return found


def _overlapping(scope: Sequence[CallRecord]) -> list[Violation]:
    return _first_pair(sorted(scope, key=_start), "they conflict and ran at the same time")


def _first_pair(calls: Sequence[CallRecord], rule: str) -> list[Violation]:
    """Find the first call that started before a conflicting one in front of it had stopped."""
    latest = _Latest()
    for number, call in enumerate(calls):
        last = latest.conflicting(call.access)
        if last is not None and _stop(last) > _start(call):
            first = next(other for other in calls[:number] if _is_hurt(other, call))
            return [Violation(first, call, rule)]
        latest.add(call)
    return []


def _is_hurt(earlier: CallRecord, later: CallRecord) -> bool:
    return _stop(earlier) > _start(later) and earlier.access.conflicts_with(later.access)


def _around_a_move(moved: CallRecord, calls: Sequence[CallRecord]) -> list[Violation]:
    """Check a call whose keys another session moved: what started before that does not count."""
    for call in calls:
        one, two = (call, moved) if call.id < moved.id else (moved, call)
        if one is not two and _is_hurt(one, two) and (one.rekeyed_tick or 0) < _start(two):
            return [Violation(one, two, ASKED_EARLIER)]
    return []


def _outside_parent(ran: Sequence[CallRecord]) -> list[Violation]:
    known = {record.id: record for record in ran}
    found = []
    for record in ran:
        parent = None if record.parent is None else known.get(record.parent)
        if parent is None:
            continue
        if not (_start(parent) < _start(record) and _stop(record) <= _stop(parent)):
            found.append(Violation(parent, record, "it ran while its parent did not"))
        elif not parent.access.covers(record.access):
            found.append(Violation(parent, record, "its parent had not asked for what it touches"))
    return found


def _too_early(ran: Sequence[CallRecord]) -> list[Violation]:
    known = {record.id: record for record in ran}
    return [
        Violation(known[first], record, "it was told to wait for it")
        for record in ran
        for first in record.after
        if first in known and _stop(known[first]) > _start(record)
    ]


def _outside(known: Sequence[CallRecord]) -> list[str]:
    ran = [record for record in known if record.ran]
    missing = known[-1].id - known[0].id + 1 - len(known) if known else 0
    told = [f"{missing} calls whose records are not among these"] if missing > 0 else []
    told += [
        f"call {record.id} ({record.name}) left {record.left_running} running; "
        "from there on what it touches is unordered"
        for record in ran
        if record.left_running
    ]
    told += [
        f"call {record.id} ({record.name}) has not stopped yet"
        for record in ran
        if record.stop_tick is None
    ]
    told += [
        f"another session moved what call {record.id} ({record.name}) works on while it waited"
        for record in ran
        if record.rekeyed_tick is not None
    ]
    return [*told, *_others(ran)]


def _others(ran: Sequence[CallRecord]) -> list[str]:
    """Name the sessions that had the same resources meanwhile, and whose calls are not among these.

    Their calls ran between these, one at a time; what they changed is not in the serial run.
    """
    seen = {record.owner for record in ran}
    first: dict[str, CallRecord] = {}
    for record in ran:
        for wait in record.waits:
            if wait.owner and wait.owner not in seen:
                first.setdefault(wait.owner, record)
    return [
        f"session {owner!r} had what call {record.id} ({record.name}) touches before it did"
        for owner, record in first.items()
    ]


def _start(record: CallRecord) -> float:
    return record.start_tick or 0


def _stop(record: CallRecord) -> float:
    return math.inf if record.stop_tick is None else record.stop_tick


def _later(one: CallRecord | None, other: CallRecord | None) -> CallRecord | None:
    if one is None or other is None:
        return one or other
    return other if _stop(other) > _stop(one) else one


@dataclass(slots=True)
class _Point:
    """Who stops last among those that touch one resource, or something below it."""

    reader: CallRecord | None = None
    writer: CallRecord | None = None
    reader_below: CallRecord | None = None
    writer_below: CallRecord | None = None
    parts: "dict[str, _Point]" = field(default_factory=dict)


class _Latest:
    """For each resource, who of the records seen so far stops last."""

    def __init__(self) -> None:
        self._root = _Point()

    def add(self, record: CallRecord) -> None:
        for resource in record.access.reads:
            above, point = self._reach(resource)
            point.reader = _later(point.reader, record)
            for higher in above:
                higher.reader_below = _later(higher.reader_below, record)
        for resource in record.access.writes:
            above, point = self._reach(resource)
            point.writer = _later(point.writer, record)
            for higher in above:
                higher.writer_below = _later(higher.writer_below, record)

    def conflicting(self, access: Access) -> CallRecord | None:
        """Give the one that stops last among those that conflict with an access."""
        last: CallRecord | None = None
        for resource in access.reads:
            for higher, here in self._way(resource):
                last = _later(last, higher.writer)
                last = _later(last, higher.writer_below) if here else last
        for resource in access.writes:
            for higher, here in self._way(resource):
                last = _later(_later(last, higher.writer), higher.reader)
                if here:
                    last = _later(_later(last, higher.writer_below), higher.reader_below)
        return last

    def _reach(self, resource: Resource) -> tuple[list[_Point], _Point]:
        """Give the points above a resource and its own, made where they were missing."""
        above, point = [], self._root
        for part in resource:
            above.append(point)
            point = point.parts.setdefault(part, _Point())
        return above, point

    def _way(self, resource: Resource) -> Iterator[tuple[_Point, bool]]:
        """Give the points on the way to a resource, and whether each is its own."""
        point = self._root
        for part in resource:
            yield point, False
            if part not in point.parts:
                return
            point = point.parts[part]
        yield point, True
