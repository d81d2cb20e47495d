"""Jobs and their events as JSON, as every store keeps them.

The rules that this file keeps:

- what comes out is what went in, half characters in a worker's error text included;
- nothing is guessed: a record of another version, with a field too many, too few or of another type
  is an error that names the job. Every record stands for itself, so the others stay usable;
- payload and result are kept beside the rest: they may be large, and a sign of life rewrites
  neither.
"""

import json
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import partial
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, JobEvent, Undecoded

_NULL: Final = b"null"

VERSION: Final = 1
"""Of the records; raised whenever a field comes, goes or changes its meaning."""

_APART: Final = frozenset({"given", "made"})


@dataclass(frozen=True, slots=True)
class Record:
    """A job in three parts of JSON."""

    body: bytes
    """Everything but the other two."""
    payload: bytes
    result: bytes


def name_bytes(name: str) -> bytes:
    """Give an id, a key or another name as bytes; one with half characters is a name too."""
    return name.encode("utf-8", "surrogatepass")


def name_of(name: bytes) -> str:
    """Give a name back from its bytes."""
    return name.decode("utf-8", "surrogatepass")


def record_of(job: Job) -> Record:
    """Give a job as a store keeps it.

    Raises:
        JobStoreError: something in it is no JSON.
    """
    return Record(body_of(job), part_of(job, job.given), part_of(job, job.made))


def body_of(job: Job) -> bytes:
    """Give everything of a job but its payload and its result; raises as `record_of` does."""
    return part_of(job, {"version": VERSION, **_plain(job, _APART)})


def part_of(job: Job, value: Any) -> bytes:
    """Give a payload or a result of a job; raises as `record_of` does."""
    if isinstance(value, Undecoded):
        return value.data
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise JobStoreError(f"job {job.id!r} cannot be stored: {error}") from error
    return text.encode("utf-8", "surrogatepass")


def event_record(job: Job, event: JobEvent) -> bytes:
    """Give an event of a job; raises as `record_of` does."""
    return part_of(job, {"version": VERSION, **_plain(event)})


def job_of(job: str, record: Record) -> Job:
    """Give the job of an id from its record.

    Raises:
        JobStoreError: the record is damaged, or of another version.
    """
    try:
        values = _versioned(record.body)
        values |= {"given": _apart(job, record.payload), "made": _apart(job, record.result)}
        found: Job = _checked(Job, values, "the record")
        if found.id != job:
            raise ValueError(f"it is the record of {found.id!r}")  # noqa: TRY301  (told as damage)
    except (ValueError, RecursionError) as error:
        raise JobStoreError(f"job {job!r} cannot be read: {error}") from error
    return found


def event_of(job: str, number: int, record: bytes) -> JobEvent:
    """Give a job's event of a number from its record; raises as `job_of` does."""
    try:
        found: JobEvent = _checked(JobEvent, _versioned(record), "the record")
        if found.number != number:
            raise ValueError(f"it has number {found.number}")  # noqa: TRY301  (told as damage)
    except (ValueError, RecursionError) as error:
        raise JobStoreError(f"event {number} of job {job!r} cannot be read: {error}") from error
    return found


def _plain(value: Any, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Give a dataclass by its fields, the dataclasses within it as well."""
    given = {each.name: getattr(value, each.name) for each in fields(value)}
    return {
        name: _plain(each) if is_dataclass(each) else each
        for name, each in given.items()
        if name not in without
    }


def _apart(job: str, data: bytes) -> Undecoded | None:
    """Give a payload or a result, to be decoded by whoever asks for it."""
    if not data:
        raise ValueError("its payload or its result is gone")
    return None if data == _NULL else Undecoded(data, partial(_decoded, job))


def _decoded(job: str, data: bytes) -> Any:
    try:
        return _loaded(data)
    except (ValueError, RecursionError) as error:
        raise JobStoreError(f"job {job!r} cannot be read: {error}") from error


def _loaded(data: bytes) -> Any:
    return json.loads(data.decode("utf-8", "surrogatepass"))


def _versioned(data: bytes) -> dict[str, Any]:
    values = _loaded(data)
    if not isinstance(values, dict):
        raise ValueError("the record is no object")  # noqa: TRY004  (told as damage, like the rest)
    version = values.pop("version", None)
    if version != VERSION:
        raise ValueError(
            f"it is of version {version!r}, and this program reads {VERSION}: "
            "use the program that wrote it, or a later one"
        )
    return values


def _checked(hint: Any, value: Any, where: str) -> Any:
    """Give a value of the type that a field declares.

    Raises:
        ValueError: it is of another one.
    """
    if hint is Any:
        return value
    if isinstance(hint, UnionType):
        return None if value is None else _checked(get_args(hint)[0], value, where)
    kind: type = get_origin(hint) or hint
    if is_dataclass(kind):
        return _built(kind, value, where)
    if issubclass(kind, StrEnum):
        return kind(value)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} is no {kind.__name__}")
    return value


def _built(kind: type, value: Any, where: str) -> Any:
    hints = _HINTS[kind]
    if not isinstance(value, dict) or value.keys() != hints.keys():
        raise ValueError(f"{where} has not the fields of a {kind.__name__}")
    return kind(**{name: _checked(hints[name], each, name) for name, each in value.items()})


_HINTS: Final = {
    kind: get_type_hints(kind) for kind in (Job, JobEvent, get_type_hints(Job)["terms"])
}
