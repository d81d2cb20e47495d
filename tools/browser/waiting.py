"""Waiting on the owner's loop: one run for all who ask, chores that nobody waits for, limits."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """One run of a function however many ask meanwhile; each of them gets its outcome.

    One who is cancelled does not cancel the run. A run that has ended is not remembered.
    """

    def __init__(self, function: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._function = function
        self._task: asyncio.Task[T] | None = None

    def __repr__(self) -> str:
        return f"<SingleFlight {'flying' if self.is_flying else 'idle'}>"

    @property
    def is_flying(self) -> bool:
        """Whether it runs."""
        return self._task is not None and not self._task.done()

    async def __call__(self) -> T:
        """Give the outcome of the run, which is started if there is none."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._function())
            self._task.add_done_callback(_seen)
        return await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Cancel a run, and wait for its end."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,))


class Chores:
    """Tasks that nobody waits for, until all of them are ended."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Chores {len(self._tasks)} running>"

    def add(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start one."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=error)

    async def finish(self) -> None:
        """Wait until none is left; they are bounded."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def stop(self) -> None:
        """Cancel them, and wait for their end."""
        for task in self._tasks:
            task.cancel()
        await self.finish()


async def done_within(work: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Run something for at most so many seconds; say whether it came to a good end.

    For what may fail or hang without consequence, such as a clean-up. An `Exception` counts as no
    good end.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_seen)
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        task.cancel()
    return task.done() and not task.cancelled() and task.exception() is None


def _seen(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
