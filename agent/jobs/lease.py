"""A job's place in the workspace: what conflicts with it waits, in every session of this host.

A lease is a call of the host's scheduler that lasts as long as the attempt does, under the job's
own name: so it waits for what runs, holds back what comes, and stands in the records, where a
session's timeline and certificate name it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from agent.jobs.job import Job
from scheduler import Access, Call, NotRun, Scheduler
from scheduler.call import TaskHome
from tools.file_resources import workspace_resource

LANE: Final = "job"


class Leases:
    """Leases of one workspace.

    Args:
        scheduler: of this event loop.
        tasks: where the calls live.
        workspace: an absolute folder.
    """

    def __init__(self, scheduler: Scheduler, tasks: TaskHome, workspace: Path) -> None:
        self._scheduler = scheduler
        self._tasks = tasks
        self._workspace = workspace

    def __repr__(self) -> str:
        return f"<Leases of {self._workspace}>"

    @asynccontextmanager
    async def hold(self, job: Job) -> AsyncIterator[None]:
        """Hold the workspace for a job; entered when nothing that conflicts runs any more."""
        entered, left = asyncio.Event(), asyncio.Event()

        async def keep(_: Call) -> None:
            entered.set()
            await left.wait()

        held: asyncio.Task[NotRun | None] = self._scheduler.submit(
            self._tasks,
            keep,
            Access(writes=frozenset((workspace_resource(self._workspace),))),
            lane=LANE,
            owner=f"job {job.id}",
            name=f"job {job.kind}",
            moves=True,
        )
        try:
            await _either(held, entered)
            yield
        finally:
            left.set()
            if not entered.is_set():
                held.cancel()


async def _either(held: "asyncio.Task[NotRun | None]", entered: asyncio.Event) -> None:
    """Wait until the call has started, or was ended from outside."""
    waiting = asyncio.ensure_future(entered.wait())
    try:
        await asyncio.wait({held, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if not entered.is_set():
        raise asyncio.CancelledError("the lease was not given")
