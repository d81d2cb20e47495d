"""One attempt of a job, from its beginning in the store to its end there.

The rules that this file keeps:

- the function runs only after the store has the attempt, and the job has ended only after
  everything that the function started has;
- while it runs the store hears of it every `HEARTBEAT` seconds, and of its reports soon; a store
  that cannot be reached does not stop it;
- a cancellation is noticed at once when the host says so (`stop`), and otherwise by the next look;
- when to stop it is worked out anew from what is known, whenever something becomes known.

Whoever cancels `run_attempt` itself takes the attempt away: it is lost.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from agent.jobs import transitions
from agent.jobs.attempt_book import AttemptBook
from agent.jobs.attempt_end import ending
from agent.jobs.attempt_outcomes import Kill, Outcome, Raised, Stop
from agent.jobs.attempt_run import Run
from agent.jobs.attempt_writing import PAUSE, Writing, first_of
from agent.jobs.child_process import ChildProcess
from agent.jobs.engine import GRACE
from agent.jobs.errors import JobInputError, JobStoreError
from agent.jobs.job import Job, State, Terms
from agent.jobs.kinds import Kinds
from agent.jobs.light_run import LightRun
from agent.jobs.store import JobStore
from tools.threads import to_its_end

log = logging.getLogger(__name__)

START_SECONDS: Final = 60.0
"""For a process to come up and to find the function."""

BEGIN_SECONDS: Final = 5.0
"""For a store that cannot be reached when an attempt is to begin."""


async def run_attempt(
    job_id: str,
    *,
    store: JobStore,
    kinds: Kinds,
    worker: str,
    options: Mapping[str, Any],
    stop: asyncio.Event | None = None,
    poll: float | None = 0.2,
    grace: float = GRACE,
    now: Callable[[], float] = time.time,
) -> Job | None:
    """Run the next attempt of a job, if there is one to run.

    Args:
        job_id: the job.
        store: where it is kept.
        kinds: what it may be.
        worker: who runs it.
        options: the arguments of `Agent` for sessions of the job's own.
        stop: set when the job was cancelled.
        poll: seconds between two looks for a cancellation by another process; None for none but
            those that come with each writing.
        grace: seconds for a job that is cancelled to end in good order.
        now: the store's clock.

    Returns:
        The job as it is after the attempt; None if no attempt was begun.

    Raises:
        JobStoreError: the store cannot be reached, even after some time.
    """
    begun = await _begin(job_id, store, worker, now)
    if begun is None:
        return None
    book = AttemptBook(store, begun, now)
    try:
        kind = kinds.get(begun.kind)
    except JobInputError as error:
        await book.finish(ending(Raised(str(error)), None, begun, now))
        return book.job
    where = ChildProcess if kind.is_heavy else LightRun
    run: Run = where(begun, kind, options)
    attempt = _Attempt(run, book, stop or asyncio.Event(), poll=poll, grace=grace, now=now)
    return await attempt.run()


async def _begin(job_id: str, store: JobStore, worker: str, now: Callable[[], float]) -> Job | None:
    """Begin an attempt in the store; None when there is none to begin."""
    began = now()
    deadline = time.monotonic() + BEGIN_SECONDS
    while True:
        try:
            found, was_changed = await store.change(
                job_id, lambda stored: transitions.begin(stored, worker, began)
            )
        except JobStoreError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(PAUSE)
            continue
        # One that went wrong may have come through: then it is ours by worker and time.
        is_ours = found is not None and (found.worker, found.started) == (worker, began)
        runs = found is not None and found.state is State.PROGRESS
        return found if was_changed or (is_ours and runs) else None


class _Limits:
    """When an attempt is to be stopped; its seconds count from the call of its function."""

    def __init__(self, latest: float) -> None:
        self.soft = math.inf
        self.hard = latest
        self._has_begun = False

    def __repr__(self) -> str:
        return f"<_Limits {self.soft:g} {self.hard:g}>"

    def begin(self, now: float, terms: Terms) -> None:
        """Let the seconds count; harmless twice."""
        if not self._has_begun:
            self._has_begun = True
            self.soft = now + terms.soft_seconds
            self.hard = now + terms.hard_seconds

    def shorten(self, latest: float) -> None:
        """Let it end earlier."""
        self._has_begun = True
        self.hard = min(self.hard, latest)


class _Attempt:
    """An attempt that has begun."""

    def __init__(
        self,
        run: Run,
        book: AttemptBook,
        cancelled: asyncio.Event,
        *,
        poll: float | None,
        grace: float,
        now: Callable[[], float],
    ) -> None:
        self._run = run
        self._book = book
        self._job = book.job
        self._writing = Writing(book, run, poll)
        self._cancelled = cancelled
        self._grace = grace
        self._now = now
        self._told: Stop | None = None

    async def run(self) -> Job:
        """Run the function, and write down what came of it."""
        self._writing.start()
        try:
            outcome = await self._outcome()
        except BaseException:
            self._book.hurry()
            await to_its_end(self._lose())
            raise
        finishing = asyncio.ensure_future(self._finish(outcome))
        try:
            await asyncio.shield(finishing)
        except asyncio.CancelledError:
            self._book.hurry()
            await to_its_end(finishing)
            raise
        return self._book.job

    async def _outcome(self) -> Outcome | Kill:
        """Wait until the function has ended, or is to be ended."""
        try:
            await self._run.start()
        except (OSError, ValueError, TypeError, RuntimeError) as error:
            return Raised(f"it could not be started: {error}")
        running = asyncio.create_task(self._run.outcome(), name=f"outcome of {self._run!r}")
        killing = asyncio.create_task(self._until_killed(), name=f"limits of {self._run!r}")
        try:
            await asyncio.wait((running, killing), return_when=asyncio.FIRST_COMPLETED)
            return running.result() if running.done() else killing.result()
        finally:
            running.cancel()
            killing.cancel()

    async def _until_killed(self) -> Kill:
        """Stop the function when it is time, and wait until it is to be killed."""
        clock = asyncio.get_running_loop().time
        limits = _Limits(clock() + START_SECONDS)
        while True:
            self._writing.learned.clear()
            if not self._book.is_ours:
                return Kill.GIVEN_UP
            if self._run.begun.is_set():
                limits.begin(clock(), self._job.terms)
            if self._is_cancelled and self._told is not Stop.CANCEL:
                self._tell(Stop.CANCEL)
                limits.shorten(clock() + self._grace)
            elif clock() >= limits.soft and self._told is None:
                self._tell(Stop.SOFT_LIMIT)
            if clock() >= limits.hard:
                return Kill.CANCELLED if self._told is Stop.CANCEL else Kill.HARD_LIMIT
            until = limits.hard if self._told is not None else min(limits.soft, limits.hard)
            await first_of(*self._news(), seconds=until - clock())

    def _news(self) -> list[asyncio.Event]:
        """Give what may change the limits, or what is known."""
        once = (self._run.begun, self._cancelled)
        return [self._writing.learned, *(each for each in once if not each.is_set())]

    @property
    def _is_cancelled(self) -> bool:
        return self._cancelled.is_set() or self._book.job.cancel_asked

    def _tell(self, stop: Stop) -> None:
        self._told = stop
        self._run.tell(stop)

    async def _finish(self, outcome: Outcome | Kill) -> None:
        """End what still runs, and then the job."""
        await self._run.end()
        await self._writing.end()
        if outcome is not Kill.GIVEN_UP and await self._book.finish(
            ending(outcome, self._told, self._job, self._now)
        ):
            return
        if self._book.job.attempt != self._job.attempt or outcome is Kill.GIVEN_UP:
            log.warning("%r was taken away; what came of it does not count", self._book)

    async def _lose(self) -> None:
        """End what still runs; whoever ran it is to end as well."""
        await self._run.end()
        await self._writing.end()
        number = self._job.attempt
        with suppress(JobStoreError):  # told in the log; it is found when its heart is silent
            await self._book.finish(lambda stored: transitions.lose(stored, number, self._now()))
