"""A call's record as plain JSON, and back.

The rules that this file keeps:

- `from_json(to_json(record)) == record`, also after a trip through a file;
- the same record always gives the same bytes: sets are sorted;
- members that are not known here are passed over, and one that may be absent has its default: a
  newer version, or whoever stores records, may add some;
- a wrong shape is told with its member, what was found, and what should be there.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from scheduler.access import Access, Resource
from scheduler.records import CallRecord, Outcome, Wait, WaitKind

Json: TypeAlias = dict[str, Any]

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


def to_json(record: CallRecord) -> Json:
    """Give a record as a JSON object; what few records have is left out where there is none."""
    access = record.access
    members: Json = {
        "id": record.id,
        "name": record.name,
        "owner": record.owner,
        "lane": record.lane,
        "priority": record.priority,
        "parent": record.parent,
        "access": {"reads": _resources(access.reads), "writes": _resources(access.writes)},
        "submitted": record.submitted,
        "ready": record.ready,
        "started": record.started,
        "finished": record.finished,
        "stopped": record.stopped,
        "outcome": record.outcome.value,
        "start_tick": record.start_tick,
        "stop_tick": record.stop_tick,
    }
    if record.waits:
        members["waits"] = [_wait(wait) for wait in record.waits]
    if record.after:
        members["after"] = list(record.after)
    if record.rekeyed_tick is not None:
        members["rekeyed_tick"] = record.rekeyed_tick
    if record.left_running is not None:
        members["left_running"] = record.left_running
    return members


def _resources(given: Iterable[Resource]) -> list[list[str]]:
    return [list(resource) for resource in sorted(given)]


def _wait(wait: Wait) -> Json:
    members: Json = {
        "kind": wait.kind.value,
        "since": wait.since,
        "until": wait.until,
        "call": wait.call,
    }
    if wait.owner:
        members["owner"] = wait.owner
    return members


def from_json(members: object) -> CallRecord:
    """Read a record.

    Raises:
        ValueError: a member is missing, or is not what it should be.
    """
    return CallRecord(**_read("a call's record", members, RECORD, fields(CallRecord)))


# -- members -----------------------------------------------------------------------------------

Reader: TypeAlias = Callable[[str, object], Any]
"""Takes a member's name and value; gives the value as a record has it."""


def _read(
    name: str, given: object, readers: Mapping[str, Reader], known: Iterable[Field[Any]]
) -> Json:
    """Read the known members of an object."""
    if not isinstance(given, dict):
        raise _wrong(name, given, "an object")
    values = {}
    for each in known:
        if each.name in given:
            values[each.name] = readers[each.name](each.name, given[each.name])
        elif each.default is MISSING and each.default_factory is MISSING:
            raise ValueError(f"{name} has no member {each.name!r}; it has {sorted(given)}")
    return values


def _wrong(name: str, given: object, wanted: str) -> ValueError:
    return ValueError(f"{name} is {given!r:.80}; it should be {wanted}")


def _text(name: str, given: object) -> str:
    if not isinstance(given, str):
        raise _wrong(name, given, "a string")
    return given


def _whole(name: str, given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        raise _wrong(name, given, "a whole number")
    return given


def _seconds(name: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise _wrong(name, given, "a finite number of seconds")
    return given


def _or_none(read: Callable[[str, object], T]) -> Callable[[str, object], T | None]:
    def optional(name: str, given: object) -> T | None:
        return None if given is None else read(name, given)

    return optional


def _list(name: str, given: object) -> list[Any]:
    if not isinstance(given, list | tuple):
        raise _wrong(name, given, "a list")
    return list(given)


def _one_of(kinds: type[E]) -> Callable[[str, object], E]:
    def choice(name: str, given: object) -> E:
        for kind in kinds:
            if kind.value == given:
                return kind
        raise _wrong(name, given, f"one of {', '.join(kinds)}")

    return choice


def _resource_set(name: str, given: object) -> frozenset[Resource]:
    return frozenset(
        tuple(_text(f"a part of a resource in {name}", part) for part in _list(name, resource))
        for resource in _list(name, given)
    )


def _access(name: str, given: object) -> Access:
    return Access(**_read(name, given, ACCESS, fields(Access)))


def _waits(name: str, given: object) -> list[Wait]:
    known = fields(Wait)
    return [Wait(**_read(f"a wait in {name}", each, WAIT, known)) for each in _list(name, given)]


def _numbers(name: str, given: object) -> tuple[int, ...]:
    return tuple(_whole(f"a number in {name}", each) for each in _list(name, given))


ACCESS: Mapping[str, Reader] = {"reads": _resource_set, "writes": _resource_set}

WAIT: Mapping[str, Reader] = {
    "kind": _one_of(WaitKind),
    "since": _seconds,
    "until": _or_none(_seconds),
    "call": _or_none(_whole),
    "owner": _text,
}

RECORD: Mapping[str, Reader] = {
    "id": _whole,
    "name": _text,
    "owner": _text,
    "lane": _text,
    "priority": _whole,
    "parent": _or_none(_whole),
    "access": _access,
    "submitted": _seconds,
    "ready": _or_none(_seconds),
    "started": _or_none(_seconds),
    "finished": _or_none(_seconds),
    "stopped": _or_none(_seconds),
    "outcome": _one_of(Outcome),
    "waits": _waits,
    "after": _numbers,
    "start_tick": _or_none(_whole),
    "stop_tick": _or_none(_whole),
    "rekeyed_tick": _or_none(_whole),
    "left_running": _or_none(_text),
}
"""How each member of a record is read."""
