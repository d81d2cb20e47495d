"""The engine that needs no server: jobs of this host, run by it.

The rules that this file keeps:

- at most `most` attempts run at once; whenever something changes it is worked out anew who goes;
- a job that touches the workspace waits for its lease when its turn comes, one such job at a time.
  It takes no place meanwhile, is PENDING and can be cancelled; once it has the lease it takes the
  next place that is free, before all others, and gives the lease back when all of it has ended;
- light functions that do not stop when they are to are left alone, and their places given to
  others, up to `most` of them; those beyond that take up places for as long as they run;
- when the engine is closed, what it ran is lost, as it would be if the host had died; what waited
  still waits in the store.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from agent.jobs.attempt import run_attempt
from agent.jobs.engine import GRACE
from agent.jobs.errors import JobInputError, JobStoreError
from agent.jobs.in_process_queue import JobQueue
from agent.jobs.job import Job, State
from agent.jobs.kinds import Kinds
from agent.jobs.light_run import left_alone
from agent.jobs.store import JobStore
from tools.child import in_thread
from tools.guard import GUARD

log = logging.getLogger(__name__)

Lease: TypeAlias = Callable[[Job], AbstractAsyncContextManager[None]]

AGAIN_SECONDS: Final = 1.0
"""Before another try, when something that is needed cannot be had."""


@dataclass(eq=False, slots=True)
class _Carried:
    """A job whose turn has come."""

    job: Job
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    place: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it may run."""
    task: asyncio.Task[None] | None = None


class InProcessEngine:
    """A `JobEngine` in this process.

    Args:
        store: where the jobs are kept.
        kinds: what they may be.
        worker: the name of this process, by which others can tell whether it is gone.
        most: attempts at once.
        options: the arguments of `Agent` for sessions of the jobs' own.
        lease: what a job holds that touches the workspace; None for nothing.
        poll: seconds between two looks for what other processes did to a job that runs.
        grace: seconds for a job that is cancelled to end in good order.
        now: the store's clock.
    """

    def __init__(
        self,
        store: JobStore,
        kinds: Kinds,
        worker: str,
        *,
        most: int = 4,
        options: Mapping[str, Any] = MappingProxyType({}),
        lease: Lease | None = None,
        poll: float | None = 0.2,
        grace: float = GRACE,
        now: Callable[[], float] = time.time,
    ) -> None:
        if most < 1:
            raise JobInputError(f"most={most}: at least one job runs at once")
        self._store = store
        self._kinds = kinds
        self._most = most
        self._lease = lease
        self._now = now
        self._attempt = partial(
            run_attempt,
            store=store,
            kinds=kinds,
            worker=worker,
            options=options,
            poll=poll,
            grace=grace,
            now=now,
        )
        self._queue = JobQueue()
        self._carried: dict[str, _Carried] = {}
        self._leasing: _Carried | None = None
        self._leased: deque[_Carried] = deque()
        """Those that have their lease, and wait for a place."""
        self._running = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return (
            f"<InProcessEngine {state}, {self._running} of {self._most} run, "
            f"{len(self._queue)} wait>"
        )

    async def start(self) -> None:
        """Begin to run jobs: see `JobEngine`."""
        GUARD.open(self)

    async def carry(self, job: Job) -> None:
        """Have a job's next attempt begun: see `JobEngine`."""
        if job.id not in self._carried and not self._is_closed:
            self._queue.put(job, needs_lease=self._needs_lease(job))
            self._assign()

    async def stop(self, job: Job) -> None:
        """End a job that was cancelled: see `JobEngine`."""
        self._queue.drop(job.id)
        carried = self._carried.get(job.id)
        if carried is None:
            return
        carried.cancelled.set()
        if not carried.place.is_set() and carried.task is not None:
            carried.task.cancel()

    async def close(self) -> None:
        """End what runs: see `JobEngine`."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        tasks = [each.task for each in self._carried.values() if each.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await in_thread(partial(GUARD.close, self))

    # -- whose turn it is ----------------------------------------------------------------------

    def _assign(self) -> None:
        """Give the places that are free to those whose turn it is."""
        if self._is_closed:
            return
        while self._running < self._places():
            if self._leased:
                self._let_run(self._leased.popleft())
                continue
            job = self._queue.take(self._now(), with_lease=self._leasing is None)
            if job is None:
                break
            self._begin(_Carried(job))
        self._set_timer()

    def _places(self) -> int:
        return self._most - max(0, left_alone() - self._most)

    def _needs_lease(self, job: Job) -> bool:
        try:
            return self._lease is not None and self._kinds.get(job.kind).uses_workspace
        except JobInputError:
            return False  # its attempt tells that there is no such kind

    def _begin(self, carried: _Carried) -> None:
        job = carried.job
        self._carried[job.id] = carried
        if self._needs_lease(job):
            self._leasing = carried
        else:
            self._let_run(carried)
        carried.task = asyncio.create_task(self._run(carried), name=f"carrying {job.id}")
        carried.task.add_done_callback(partial(self._ended, carried))

    def _let_run(self, carried: _Carried) -> None:
        carried.place.set()
        self._running += 1

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._queue.next_due()
        seconds = [] if due is None else [due - self._now()]
        if self._places() < self._most:  # nobody tells when a function that was left alone ends
            seconds.append(AGAIN_SECONDS)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, min(seconds)), self._assign) if seconds else None

    # -- one job -------------------------------------------------------------------------------

    async def _run(self, carried: _Carried) -> None:
        if carried.place.is_set() or self._lease is None:
            await self._run_attempt(carried)
            return
        async with self._lease(carried.job):
            self._leasing = None
            self._leased.append(carried)
            self._assign()
            await carried.place.wait()
            await self._run_attempt(carried)

    async def _run_attempt(self, carried: _Carried) -> None:
        job = await self._attempt(carried.job.id, stop=carried.cancelled)
        if job is None or not job.is_ended:
            job = await self._store.get(carried.job.id)
        if job is not None and job.state is State.PENDING:
            self._put_back(job)

    def _put_back(self, job: Job) -> None:
        self._queue.put(job, needs_lease=self._needs_lease(job))

    def _ended(self, carried: _Carried, task: asyncio.Task[None]) -> None:
        """Tidy up: in a callback, since a task cancelled early never reaches its own `finally`."""
        del self._carried[carried.job.id]
        if carried.place.is_set():
            self._running -= 1
        elif carried in self._leased:
            self._leased.remove(carried)
        if self._leasing is carried:
            self._leasing = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(carried.job, error)
        self._assign()

    def _failed(self, job: Job, error: BaseException) -> None:
        if isinstance(error, JobStoreError):
            log.error("job %s (%s) is tried again: %s", job.id, job.kind, error)
        else:
            log.error("job %s (%s) could not be run", job.id, job.kind, exc_info=error)
        self._put_back(replace(job, due=self._now() + AGAIN_SECONDS))
