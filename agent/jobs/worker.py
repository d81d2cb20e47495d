"""`toolloop worker`: runs the jobs that hosts queue, and sees to it that none is forgotten.

A supervisor starts a Celery worker beside itself, and another one when that ends. The rules:

- what a worker of its own ran when it ended is noticed at once, by whoever looks; what others' ran,
  when they are silent for too long;
- at the first signal no job is begun any more, and those that run may end until the patience is
  over; at the second, or then, they are lost, and go to other workers if they may;
- nothing that was started here is left, whatever becomes of the supervisor.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from agent.jobs.celery_app import CelerySettings
from agent.jobs.celery_engine import CeleryEngine
from agent.jobs.celery_names import is_gone, new_supervisor
from agent.jobs.celery_process import WorkerProcess
from agent.jobs.celery_worker import WorkerTerms
from agent.jobs.errors import JobStoreError
from agent.jobs.redis_store import RedisJobStore
from agent.jobs.sweeping import SweepTerms, sweep

log = logging.getLogger(__name__)

LONG: Final = 60.0
"""Seconds that a worker has lived when its end is taken for one of its own, not of its start."""


@dataclass(frozen=True, slots=True)
class SupervisorTerms:
    """What a worker of the command line is started with."""

    celery: CelerySettings
    modules: tuple[str, ...]
    """Which the kinds of jobs are in."""
    concurrency: int = 2
    """How many jobs run at a time."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of `Agent` for jobs."""
    patience: float = 30.0
    """Seconds for which jobs that run may go on after the first signal."""
    sweep_seconds: float = 5.0
    """Between two looks for jobs that nobody carries."""
    stale: float = 30.0
    """Seconds for which a job that is due waits before its message may be lost."""
    pause: float = 0.5
    """Seconds before another worker starts; doubled each time that one ends soon."""
    longest_pause: float = 30.0


class Supervisor:
    """Keeps one worker running. `tell` is told, in a line, what people should know."""

    def __init__(self, terms: SupervisorTerms, tell: Callable[[str], None]) -> None:
        self._terms = terms
        self._tell = tell
        self._name = new_supervisor()
        self._store = RedisJobStore(terms.celery.backend, terms.celery.prefix)
        self._engine = CeleryEngine(terms.celery)
        self._starts = 0
        self._worker: WorkerProcess | None = None
        self._is_ending = asyncio.Event()
        self._ends_now = asyncio.Event()
        self._looks_now = asyncio.Event()

    def __repr__(self) -> str:
        state = "ending" if self._is_ending.is_set() else "running"
        return f"<Supervisor {self._name} {state}, {self._starts} starts, {self._worker!r}>"

    async def run(self) -> None:
        """Work until a signal says that it is enough.

        Raises:
            JobStoreError: Redis cannot be reached at the start.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        try:
            await self._engine.start()
            await self._sweep()
            async with asyncio.TaskGroup() as group:
                sweeping = group.create_task(self._keep_sweeping())
                await self._keep_working()
                sweeping.cancel()
            await self._swept()
        finally:
            await self._engine.close()
            await self._store.close()

    def _end(self) -> None:
        if self._is_ending.is_set():
            self._ends_now.set()
        self._is_ending.set()

    # -- the worker ----------------------------------------------------------------------------

    async def _keep_working(self) -> None:
        pause = self._terms.pause
        while not self._is_ending.is_set():
            began = time.monotonic()
            try:
                how = f"the worker ended by itself ({await self._worked()})"
            except OSError as error:
                how = f"no worker could be started: {error.strerror}"
            if self._is_ending.is_set():
                return
            if time.monotonic() - began > LONG:
                pause = self._terms.pause
            self._tell(f"{how}; another starts in {pause:g} seconds")
            await _first(self._is_ending.wait(), seconds=pause)
            pause = min(2 * pause, self._terms.longest_pause)

    async def _worked(self) -> int | None:
        """Start a worker, and wait for its end; give its exit code, None if it was ended."""
        self._starts += 1
        worker = self._worker = await WorkerProcess.start(self._worker_terms())
        try:
            return await self._over(worker)
        finally:
            await worker.end()
            self._worker = None
            self._looks_now.set()

    async def _over(self, worker: WorkerProcess) -> int | None:
        await _first(worker.wait(), self._is_ending.wait())
        if self._is_ending.is_set():
            patience = self._terms.patience
            self._tell(
                f"no job is begun any more; those that run have {patience:g} seconds. Once more "
                "ends them at once."
            )
            worker.finish()
            await _first(worker.wait(), self._ends_now.wait(), seconds=patience)
            return None
        return await worker.wait()

    def _worker_terms(self) -> WorkerTerms:
        terms = self._terms
        return WorkerTerms(
            terms.celery,
            terms.modules,
            terms.concurrency,
            self._name,
            self._starts,
            alive=-1,
            options=terms.options,
        )

    # -- the jobs ------------------------------------------------------------------------------

    async def _keep_sweeping(self) -> None:
        while True:
            await _first(self._looks_now.wait(), seconds=self._terms.sweep_seconds)
            self._looks_now.clear()
            await self._swept()

    async def _swept(self) -> None:
        try:
            await self._sweep()
        except JobStoreError as error:
            log.warning("jobs could not be looked through: %s", error)

    async def _sweep(self) -> None:
        now = time.time()
        terms = SweepTerms(
            self._name, self._is_gone, silence=self._terms.celery.silence, stale=self._terms.stale
        )
        await sweep(self._store, self._engine, now, terms)
        await self._store.forget(now)

    def _is_gone(self, name: str) -> bool:
        worker = None if self._worker is None else self._worker.pid
        return is_gone(name, self._name, self._starts, worker)


async def _first(*awaited: Awaitable[object], seconds: float | None = None) -> None:
    """Wait for the first of these, or for so long; the others are given up."""
    tasks = [asyncio.ensure_future(each) for each in awaited]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
