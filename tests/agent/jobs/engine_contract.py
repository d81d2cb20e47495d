"""What the tests of engines run on: one bench for each engine, all alike.

To add an engine, put a function into `ENGINES` that makes a bench of it. It gets the test's
request, for fixtures of a wider scope, and a folder of the test's own.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.jobs.in_process import InProcessEngine
from agent.jobs.job import Job, JobEvent, State
from agent.jobs.jobs import Jobs
from agent.jobs.sqlite_store import SqliteJobStore
from agent.jobs.sweeping import SweepTerms
from agent.jobs.watching import Watched
from agent.jobs.workers import is_gone, worker_name
from tests.agent.jobs.kinds_for_tests import all_kinds
from tools.process_members import living_process

GRACE = 1.0
"""More than a job gets else, since the machine may do much else when it is to give up."""

LONGEST = 60.0
"""Seconds for anything to happen, on a machine that does much else."""


@dataclass
class Bench:
    """An engine at work, and a folder."""

    jobs: Jobs
    folder: Path
    most: int
    """Attempts at once."""

    @property
    def go(self) -> str:
        """The file that jobs wait for."""
        return str(self.folder / "go")

    def let_go(self) -> None:
        Path(self.go).touch()

    async def submit(self, kind: str, payload: Any = None, **options: Any) -> Job:
        return await self.jobs.submit(kind, payload, **options)

    async def ended(self, job: Job) -> Job:
        async with asyncio.timeout(LONGEST):
            return await self.jobs.wait(job.id)

    async def run(self, kind: str, payload: Any = None, **options: Any) -> Job:
        return await self.ended(await self.submit(kind, payload, **options))

    async def event(self, job: Job, is_it: Callable[[JobEvent], bool]) -> JobEvent:
        """Wait for an event of a job."""
        async with asyncio.timeout(LONGEST):
            async for event in self.jobs.follow(job.id):
                if is_it(event):
                    return event
        raise AssertionError(f"it ended without: {await self.jobs.get(job.id)}")

    async def ready(self, job: Job) -> Job:
        """Wait until a job is under way."""
        await self.event(job, lambda event: event.name == "progress")
        return await self.jobs.get(job.id)

    async def begun(self, kind: str, payload: Any = None, **options: Any) -> Job:
        """Submit a job that says when it is under way; wait for that."""
        return await self.ready(await self.submit(kind, payload, **options))

    async def stages(self, job: Job) -> list[str]:
        events = await self.jobs.events(job.id)
        return [event.data["stage"] for event in events if event.name == "progress"]

    async def names(self, job: Job) -> list[str]:
        """Give the names of a job's events, those of progress left out."""
        events = await self.jobs.events(job.id)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        return [event.name for event in events if event.name != "progress"]

    async def members(self, job: Job) -> list[int]:
        """Give the processes that a `family` names; they all live."""
        event = await self.event(job, lambda event: event.name == "progress")
        found: list[int] = json.loads(event.data["stage"])
        assert len(found) == 4
        return found

    async def states(self, jobs: list[Job]) -> list[State]:
        return [(await self.jobs.get(job.id)).state for job in jobs]


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so that nobody tells of."""
    async with asyncio.timeout(LONGEST):
        while not is_so():  # noqa: ASYNC110  (as said)
            await asyncio.sleep(0.005)


async def survivors(pids: list[int]) -> list[int]:
    """Give those that still run."""

    def living() -> list[int]:
        return [pid for pid in pids if living_process(pid) is not None]

    return await asyncio.to_thread(living)


@asynccontextmanager
async def in_process(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Bench]:
    """A bench in this process, without a server."""
    del request
    most = 2
    kinds = all_kinds()
    store = Watched(SqliteJobStore(folder / "jobs.sqlite"))
    me = await asyncio.to_thread(worker_name)
    engine = InProcessEngine(store, kinds, me, most=most, grace=GRACE)
    jobs = Jobs(store, engine, kinds, SweepTerms(me, is_gone))
    await jobs.start()
    try:
        yield Bench(jobs, folder, most)
    finally:
        await jobs.close()


ENGINES: dict[str, Callable[[pytest.FixtureRequest, Path], AbstractAsyncContextManager[Bench]]] = {
    "in_process": in_process
}
