"""A coroutine into which an exception can be thrown where it waits.

What is thrown is a `JobStopError` and a cancellation in one: a job catches it as what it is, and
what it waits in (`timeout`, `wait_for`, a `TaskGroup`) cleans up after itself as for any
cancellation. The tasks that a job started for itself are cancelled in the usual way.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Final

from agent.jobs.attempt_outcomes import Stop
from agent.jobs.context import JobCancelledError, JobStopError, SoftLimitError


class CancelledWithinError(JobCancelledError, asyncio.CancelledError):
    """Somebody cancelled the job, which waited."""


class SoftLimitWithinError(SoftLimitError, asyncio.CancelledError):
    """The job's time was over, while it waited."""


_WITHIN: Final[dict[Stop, type[JobStopError]]] = {
    Stop.CANCEL: CancelledWithinError,
    Stop.SOFT_LIMIT: SoftLimitWithinError,
}


class StoppableCoroutine:
    """Awaited by one task, once; `stop` is called in that task's loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None
        self._thrown: Stop | None = None
        """What is to be raised at the next step."""

    def __repr__(self) -> str:
        return f"<StoppableCoroutine {self._coroutine!r}, to throw: {self._thrown}>"

    def stop(self, stop: Stop) -> None:
        """Raise inside the coroutine where it waits, or before it begins."""
        self._thrown = stop
        if self._task is not None:
            self._task.cancel()

    def __await__(self) -> Generator[Any, Any, Any]:
        """Run the coroutine."""
        self._task = asyncio.current_task()
        if (early := self._thrown) is not None:
            self._coroutine.close()
            raise self._taken(early)
        error: BaseException | None = None
        while True:
            try:
                if error is None:
                    waited_for = self._coroutine.send(None)
                else:
                    waited_for = self._coroutine.throw(error)
            except StopIteration as end:
                return end.value
            error = None
            try:
                yield waited_for
            except GeneratorExit:
                self._coroutine.close()
                raise
            except asyncio.CancelledError as cancelled:
                thrown = self._thrown
                error = cancelled if thrown is None else self._taken(thrown)
            except BaseException as raised:  # noqa: BLE001  (what was waited for failed: its own)
                error = raised

    def close(self) -> None:
        """Let go of a coroutine that has not begun; harmless after its end."""
        self._coroutine.close()

    def _taken(self, stop: Stop) -> JobStopError:
        self._thrown = None
        if self._task is not None:
            self._task.uncancel()  # what the job still waits for is not cancelled
        return _WITHIN[stop]()
