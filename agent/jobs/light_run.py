"""A light job's function, in the host itself: a task of its loop, or a thread.

It cannot be killed. One that does not stop when it is to is left alone: its job has ended, what it
reports or returns comes to nothing, and `left_alone` counts it for as long as it runs.
"""

import asyncio
import inspect
import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

from agent.jobs.attempt_coroutine import StoppableCoroutine
from agent.jobs.attempt_outcomes import STOP_ERRORS, Outcome, Raised, Returned, Stop
from agent.jobs.attempt_reports import Reports
from agent.jobs.attempt_text import described, is_giving_up
from agent.jobs.context import JobStopError, context_of
from agent.jobs.job import Job
from agent.jobs.kinds import JobKind
from agent.jobs.payload import MOST_RESULT, encoded
from tools.threads import in_thread

log = logging.getLogger(__name__)

END_SECONDS: Final = 0.1
"""For a function that was given up to end."""

_LEFT_ALONE: Final[set["LightRun"]] = set()


def left_alone() -> int:
    """Count the functions of this process that run on although their jobs have ended."""
    return len(_LEFT_ALONE)


class LightRun:
    """A `Run` in this process."""

    def __init__(self, job: Job, kind: JobKind, options: Mapping[str, Any]) -> None:
        self.news = asyncio.Event()
        self.begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.reports = Reports(lambda: self._on_loop(self.news.set))
        self._job = job
        self._kind = kind
        self._context = context_of(job, self, options)
        self._coroutine: StoppableCoroutine | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked: Stop | None = None
        self._ended = asyncio.Event()
        self._outcome: Outcome = Raised("it has not ended")

    def __repr__(self) -> str:
        state = "ended" if self._ended.is_set() else "not ended"
        return f"<LightRun {self._kind.reference} {state}>"

    async def start(self) -> None:
        """Begin: see `Run`."""
        self.begun.set()
        if inspect.iscoroutinefunction(self._kind.function):
            self._coroutine = StoppableCoroutine(self._kind.function(self._context))
            self._task = asyncio.create_task(self._as_task(), name=f"job {self._job.id}")
            # In a callback, since a task cancelled early never reaches its own end.
            self._task.add_done_callback(lambda _: self._end_with(self._outcome))
            return
        # A daemon: what cannot be stopped must not hold up the interpreter's exit.
        threading.Thread(target=self._as_thread, daemon=True, name=f"job {self._job.id}").start()

    async def outcome(self) -> Outcome:
        """Wait for what comes of it: see `Run`."""
        await self._ended.wait()
        return self._outcome

    def tell(self, stop: Stop) -> None:
        """Raise inside a coroutine; a plain function asks for it."""
        self._asked = stop
        if self._coroutine is not None:
            self._coroutine.stop(stop)

    async def end(self) -> None:
        """Wait a moment for the function's end, and leave it alone if it does not end."""
        if self._task is not None:
            self._task.cancel()
        elif self._asked is None and not self._ended.is_set():
            self._asked = Stop.CANCEL
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), END_SECONDS)
        if not self._ended.is_set():
            _LEFT_ALONE.add(self)
            log.warning("%r does not stop; what it does goes on", self)

    # -- the job's side ------------------------------------------------------------------------

    def report(self, percent: float | None, stage: str | None) -> None:
        """Take a report: see `Reporter`."""
        self.reports.add(percent, stage)

    @property
    def stop(self) -> JobStopError | None:
        """What the job is to be ended with: see `Reporter`."""
        return None if self._asked is None else STOP_ERRORS[self._asked]()

    # -- inside --------------------------------------------------------------------------------

    async def _as_task(self) -> None:
        if self._coroutine is None:
            raise RuntimeError("it is a plain function")
        outcome: Outcome
        try:
            outcome = await in_thread(partial(_checked, await self._coroutine))
        except BaseException as error:  # noqa: BLE001  (a job's own end is not the host's)
            outcome = self._raised(error)
        self._end_with(outcome)

    def _as_thread(self) -> None:
        outcome: Outcome
        try:
            outcome = _checked(self._kind.function(self._context))
        except BaseException as error:  # noqa: BLE001  (as above)
            outcome = self._raised(error)
        self._on_loop(self._end_with, outcome)
        _LEFT_ALONE.discard(self)

    def _raised(self, error: BaseException) -> Outcome:
        if self._asked is not None and is_giving_up(error):
            return Raised("")
        log.info("job %s (%s) failed", self._job.id, self._job.kind, exc_info=error)
        return Raised(described(error, self._context.options))

    def _end_with(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._ended.set()
        if self._coroutine is not None:
            self._coroutine.close()
        _LEFT_ALONE.discard(self)

    def _on_loop(self, callback: Callable[..., object], *args: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody there asks any more
            self._loop.call_soon_threadsafe(callback, *args)


def _checked(result: Any) -> Outcome:
    """Give a result as it will be read from the store, in a thread.

    Raises:
        ValueError: it is no JSON, or too much.
    """
    return Returned(json.loads(encoded(result, MOST_RESULT, "the result")))
