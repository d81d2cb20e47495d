"""Jobs in Redis, for workers on several machines.

The rules that this file keeps, beside those of `store`:

- a change is a script that compares the job's version: what another wrote meanwhile has the
  decision asked again. A change whose answer was lost is sent again as it was, and leaves a note of
  its own in the same step, so that it is made once and it is known that it was;
- a list names the jobs at one moment, and reads them a few at a time; one that has changed its
  state meanwhile is left out;
- what is looked for is in a sorted set of its own: jobs that have ended cost nothing to the others.

What Redis has said, it keeps only as it is set: `appendonly yes` and `appendfsync always` hold what
`store` promises even when the machine loses power; with `everysec` a second may be lost, and with
neither everything. `maxmemory-policy noeviction`, or Redis removes jobs as it likes. One Redis,
with replicas or without; a replica that takes over may lack what was said last. No Redis Cluster.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, TypeAlias
from weakref import WeakValueDictionary

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
from agent.jobs.redis_connection import Argument, RedisConnection
from agent.jobs.redis_scripts import ADD, CHANGE, FORGET
from agent.jobs.store import Decision, forget_time
from agent.jobs.transitions import Change

log = logging.getLogger(__name__)

MOST_TURNS: Final = 100
"""How often something is tried while others are quicker, each time."""

READ_TOGETHER: Final = 50
"""Jobs of a list that are asked for in one go."""

FORGET_TOGETHER: Final = 200
"""Jobs that are removed in one step, for which everybody waits."""

Fields: TypeAlias = Sequence[bytes | None]
"""Version, body, payload and result; None for what is not there."""


class RedisJobStore:
    """A `JobStore` in Redis; it connects at first use.

    Args:
        url: `redis://[user:password@]host:port/number`, `rediss://` or `unix://`.
        prefix: what its keys begin with.
        seconds: within which each step is answered, or is a `JobStoreError`.
    """

    def __init__(self, url: str, prefix: str = "toolloop:", *, seconds: float = 5.0) -> None:
        self._redis = RedisConnection(url, seconds)
        self._prefix = name_bytes(prefix)
        self._told: set[str] = set()
        """The jobs that are known to be damaged."""
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of those who change a job from here: only others are in each other's way."""

    def __repr__(self) -> str:
        return f"<RedisJobStore {self._redis!r} {self._prefix.decode(errors='replace')!r}>"

    async def add(self, change: Change) -> Job:
        """Keep a new job: see `JobStore`."""
        job = change.job
        record = record_of(job)
        for _ in range(MOST_TURNS):
            known, is_new = await self._script(
                ADD,
                *(name_bytes(job.id), _key_field(job), *_placed(job)),
                *(record.body, record.payload, record.result, *_told(change)),
            )
            found = job if is_new else await self.get(name_of(known))
            if found is not None:
                return found
        raise JobStoreError(f"job {job.id!r}: the one of its key comes and goes; try again")

    async def get(self, job: str) -> Job | None:
        """Give a job: see `JobStore`."""
        return _job(job, await self._fields(job))

    async def change(self, job: str, decide: Decision) -> tuple[Job | None, bool]:
        """Have something become of a job: see `JobStore`."""
        async with self._turns.setdefault(job, asyncio.Lock()):
            for _ in range(MOST_TURNS):
                fields = await self._fields(job)
                stored = _job(job, fields)
                change = None if stored is None else decide(stored)
                if stored is None or change is None:
                    return stored, False
                if await self._replaced(stored, change, fields[0] or b""):
                    return change.job, True
        raise JobStoreError(
            f"job {job!r}: others changed it {MOST_TURNS} times meanwhile; try again"
        )

    async def events(self, job: str, after: int = 0, most: int = 1_000) -> Sequence[JobEvent]:
        """Give a job's events: see `JobStore`."""
        first = max(after, 0)
        if most <= 0:
            return []
        rows = await self._redis.ask("LRANGE", self._key("events:", job), first, first + most - 1)
        return [event_of(job, first + n, row) for n, row in enumerate(rows, 1)]

    async def jobs(
        self, states: Collection[State] = tuple(State), *, session: str | None = None
    ) -> Sequence[Job]:
        """List jobs: see `JobStore`. One that cannot be read is left out, and logged once."""
        lists = [self._prefix + _list(each, session) for each in states]
        ranges = await self._redis.ask_all(
            [("ZRANGE", each, 0, -1) for each in lists], at_once=True
        )
        names = [name_of(each) for each in {name: None for names in ranges for name in names}]
        found: list[Job] = []
        for start in range(0, len(names), READ_TOGETHER):
            found += await self._readable(names[start : start + READ_TOGETHER])
        listed = [each for each in found if each.state in states]
        return sorted(listed, key=lambda each: (each.created, name_bytes(each.id)))

    async def forget(self, now: float) -> Sequence[str]:
        """Remove the jobs that have been remembered long enough: see `JobStore`."""
        forgotten: list[str] = []
        while True:
            names = await self._script(FORGET, _drawn(), repr(float(now)), FORGET_TOGETHER)
            forgotten += [name_of(each) for each in names]
            self._told.difference_update(forgotten)
            if len(names) < FORGET_TOGETHER:
                return forgotten

    async def close(self) -> None:
        """Let go of the connections; harmless twice."""
        await self._redis.close()

    # -- inside --------------------------------------------------------------------------------

    def _key(self, what: str, job: str) -> bytes:
        return self._prefix + what.encode() + name_bytes(job)

    async def _script(self, script: str, *arguments: Argument) -> Any:
        return await self._redis.ask("EVAL", script, 0, self._prefix, *arguments)

    def _reading(self, job: str) -> Sequence[Argument]:
        return ("HMGET", self._key("job:", job), "version", "body", "payload", "result")

    async def _fields(self, job: str) -> Fields:
        fields: Fields = await self._redis.ask(*self._reading(job))
        return fields

    async def _replaced(self, stored: Job, change: Change, version: bytes) -> bool:
        """Make a change to a version of a job; False when it is of another by then."""
        job = change.job
        is_same = job.made is stored.made
        made = await self._script(
            CHANGE,
            *(name_bytes(stored.id), *_placed(job), version, _drawn(), body_of(job)),
            *(b"" if is_same else part_of(job, job.made), *_told(change)),
        )
        return bool(made)

    async def _readable(self, names: Sequence[str]) -> list[Job]:
        """Read some jobs; leave out those that are gone by now, or damaged."""
        answers = await self._redis.ask_all([self._reading(each) for each in names])
        found: list[Job] = []
        for name, fields in zip(names, answers, strict=True):
            try:
                job = _job(name, fields)
            except JobStoreError as error:
                if name not in self._told:
                    self._told.add(name)
                    log.error("%r: left out of lists: %s", self._redis, error)  # noqa: TRY400  (said whole)
            else:
                found += [job] if job is not None else []
        return found


def _job(name: str, fields: Fields) -> Job | None:
    if all(each is None for each in fields):
        return None
    _, body, payload, result = (each or b"" for each in fields)
    return job_of(name, Record(body, payload, result))


def _placed(job: Job) -> Iterator[Argument]:
    """Give where a job stands: its two lists, its time in them, and when it may be forgotten."""
    forget = forget_time(job)
    yield _list(job.state, None)
    yield _list(job.state, job.session)
    yield repr(float(job.created))
    yield "" if forget is None else repr(float(forget))


def _list(state: State, session: str | None) -> bytes:
    return f"in:{state.value}".encode() + (b"" if session is None else b":" + name_bytes(session))


def _key_field(job: Job) -> str:
    return "" if job.key is None else json.dumps([job.kind, job.key])


def _told(change: Change) -> Iterator[bytes]:
    return (event_record(change.job, each) for each in change.events)


def _drawn() -> str:
    return uuid.uuid4().hex
