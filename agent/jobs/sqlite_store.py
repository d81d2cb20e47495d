"""Jobs in a SQLite file, for the processes of one machine.

The rules that this file keeps, beside those of `store`:

- the file is the store's own, and says which version wrote it; one of a later version is left
  alone, whoever opened it first;
- a job's payload and result are in a table of their own, so that a sign of life writes a few
  hundred bytes;
- what is looked for is found by an index: jobs that have ended cost nothing to those that have not.

Decisions are asked in the file's own thread. Not for a network file system: its locks do not hold.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agent.database import Database, DatabaseError
from agent.jobs.codec import (
    Record,
    body_of,
    event_of,
    event_record,
    job_of,
    name_bytes,
    name_of,
    part_of,
    record_of,
)
from agent.jobs.errors import JobStoreError
from agent.jobs.job import Job, JobEvent, State
from agent.jobs.store import Decision, forget_time
from agent.jobs.transitions import Change

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")

log = logging.getLogger(__name__)

VERSION: Final = 1
"""Of the tables."""

TABLES: Final = (
    """
    create table jobs (
        id blob primary key,
        kind blob not null,
        key blob,
        session blob not null,
        state text not null,
        created real not null,
        ended real,
        forget real,
        body blob not null
    )
    """,
    "create unique index jobs_by_key on jobs (kind, key) where key is not null",
    "create index jobs_by_state on jobs (state, created, id)",
    "create index jobs_by_session on jobs (session, state, created, id)",
    "create index jobs_to_forget on jobs (forget) where forget is not null",
    "create table contents (job blob primary key, payload blob not null, result blob not null)",
    """
    create table events (
        job blob not null,
        number integer not null,
        body blob not null,
        primary key (job, number)
    ) without rowid
    """,
)

_SELECT: Final = "select id, body, payload, result from jobs left join contents on job = id"


class SqliteJobStore:
    """A `JobStore` in a file; opened at first use, usable by several processes at once."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, ())
        self._path = path
        self._told: set[str] = set()
        """The jobs that are known to be damaged."""

    def __repr__(self) -> str:
        return f"<SqliteJobStore {self._database!r}>"

    async def add(self, change: Change) -> Job:
        """Keep a new job: see `JobStore`."""
        record = record_of(change.job)
        return await self._run(lambda file: _add(file, change, record))

    async def get(self, job: str) -> Job | None:
        """Give a job: see `JobStore`."""
        return await self._run(lambda file: _find(file, job))

    async def change(self, job: str, decide: Decision) -> tuple[Job | None, bool]:
        """Have something become of a job: see `JobStore`."""
        return await self._run(lambda file: _change(file, job, decide))

    async def events(self, job: str, after: int = 0, most: int = 1_000) -> Sequence[JobEvent]:
        """Give a job's events: see `JobStore`."""
        rows = await self._run(
            lambda file: file.execute(
                "select number, body from events where job = ? and number > ? "
                "order by number limit ?",
                (name_bytes(job), after, max(most, 0)),
            ).fetchall()
        )
        return [event_of(job, number, body) for number, body in rows]

    async def jobs(
        self, states: Collection[State] = tuple(State), *, session: str | None = None
    ) -> Sequence[Job]:
        """List jobs: see `JobStore`. One that cannot be read is left out, and logged once."""
        return await self._run(lambda file: self._readable(_list(file, states, session)))

    async def forget(self, now: float) -> Sequence[str]:
        """Remove the jobs that have been remembered long enough: see `JobStore`."""
        forgotten = await self._run(lambda file: _forget(file, now))
        self._told.difference_update(forgotten)
        return forgotten

    async def close(self) -> None:
        """Close the file; harmless twice."""
        await self._database.close()

    async def _run(self, work: "Callable[[sqlite3.Connection], T]") -> T:
        def checked(file: "sqlite3.Connection") -> T:
            _be_of_this_version(file, self._path)
            return work(file)

        try:
            return await self._database.run(checked)
        except DatabaseError as error:
            raise JobStoreError(str(error)) from error

    def _readable(self, rows: Sequence[Sequence[Any]]) -> list[Job]:
        found = []
        for row in rows:
            try:
                found.append(_job(row))
            except JobStoreError as error:
                name = name_of(row[0])
                if name not in self._told:
                    self._told.add(name)
                    log.error("%s: left out of lists: %s", self._path, error)  # noqa: TRY400  (said whole)
        return found


def _be_of_this_version(file: "sqlite3.Connection", path: Path) -> None:
    """Make the tables of a new file; refuse the file of a later program."""
    [(version,)] = file.execute("pragma user_version").fetchall()
    if version == VERSION:
        return
    if version != 0:
        raise JobStoreError(
            f"{path} is of version {version}, and this program knows {VERSION}: "
            "use the program that wrote it, or a later one"
        )
    for table in TABLES:
        file.execute(table)
    file.execute(f"pragma user_version = {VERSION}")


def _add(file: "sqlite3.Connection", change: Change, record: Record) -> Job:
    job = change.job
    key = None if job.key is None else name_bytes(job.key)
    found = file.execute(
        "select id from jobs where kind = ? and key = ? union all select id from jobs where id = ?",
        (name_bytes(job.kind), key, name_bytes(job.id)),
    ).fetchone()
    known = None if found is None else _find(file, name_of(found[0]))
    if known is not None:
        return known
    file.execute(
        "insert into jobs values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(name_bytes(job.id), name_bytes(job.kind), key, name_bytes(job.session)),
            *(job.state.value, job.created, job.ended, forget_time(job), record.body),
        ),
    )
    file.execute(
        "insert into contents values (?, ?, ?)",
        (name_bytes(job.id), record.payload, record.result),
    )
    _tell(file, change)
    return job


def _change(file: "sqlite3.Connection", name: str, decide: Decision) -> tuple[Job | None, bool]:
    stored = _find(file, name)
    change = None if stored is None else decide(stored)
    if stored is None or change is None:
        return stored, False
    job = change.job
    file.execute(
        "update jobs set state = ?, ended = ?, forget = ?, body = ? where id = ?",
        (job.state.value, job.ended, forget_time(job), body_of(job), name_bytes(name)),
    )
    if job.made is not stored.made:
        file.execute(
            "update contents set result = ? where job = ?",
            (part_of(job, job.made), name_bytes(name)),
        )
    _tell(file, change)
    return job, True


def _tell(file: "sqlite3.Connection", change: Change) -> None:
    file.executemany(
        "insert into events values (?, ?, ?)",
        [
            (name_bytes(change.job.id), each.number, event_record(change.job, each))
            for each in change.events
        ],
    )


def _find(file: "sqlite3.Connection", name: str) -> Job | None:
    row = file.execute(f"{_SELECT} where id = ?", (name_bytes(name),)).fetchone()
    return None if row is None else _job(row)


def _list(
    file: "sqlite3.Connection", states: Collection[State], session: str | None
) -> list[Sequence[Any]]:
    marks = ", ".join("?" for _ in states)
    whose, of = ("", ()) if session is None else ("session = ? and ", (name_bytes(session),))
    return file.execute(
        f"{_SELECT} where {whose}state in ({marks}) order by created, id",
        (*of, *(each.value for each in states)),
    ).fetchall()


def _forget(file: "sqlite3.Connection", now: float) -> list[str]:
    rows = file.execute("delete from jobs where forget <= ? returning id", (now,)).fetchall()
    file.executemany("delete from contents where job = ?", rows)
    file.executemany("delete from events where job = ?", rows)
    return [name_of(job) for (job,) in rows]


def _job(row: Sequence[Any]) -> Job:
    return job_of(name_of(row[0]), Record(*(b"" if part is None else part for part in row[1:])))
