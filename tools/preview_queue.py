"""A queue that works on the latest of what is put in.

The rules that this file keeps:

- one run at a time; the next begins when the one before it has really ended;
- what is put in while a run goes on waits, and takes the place of what waited;
- the last that was put in always gets its run, whoever has stopped waiting for it;
- a run that holds up a later one is cut short, but only when it has had some time: so a stream of
  puts without a pause still lets some of them through.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, TypeVar

from tools.browser.idle import CallLater, Timer, call_later

T = TypeVar("T")
R = TypeVar("R")


class LatestWins(Generic[T, R]):
    """Runs a function on what is put in. On one event loop.

    Args:
        work: a coroutine function; it may be cancelled at any await, and cleans up then.
        seconds: that a run has when something later waits for it.
    """

    def __init__(
        self,
        work: Callable[[T], Coroutine[Any, Any, R]],
        seconds: float,
        *,
        later: CallLater = call_later,
    ) -> None:
        self._work = work
        self._seconds: Final = seconds
        self._later = later
        self._waiting: tuple[T, asyncio.Future[R | None]] | None = None
        self._runs: asyncio.Task[None] | None = None
        """Invariant: there is one as long as anything runs or waits."""
        self._run: asyncio.Task[R] | None = None
        self._began = 0.0
        self._timer: Timer | None = None
        self._is_stopped = False

    def __repr__(self) -> str:
        running = "idle" if self._run is None else "running"
        return f"<LatestWins {running}, {'one' if self._waiting else 'none'} waiting>"

    def put(self, item: T) -> "asyncio.Future[R | None]":
        """Have the work done on something; gives what it returns, or None when a later one won.

        A cancelled future changes nothing but what its owner learns.
        """
        future: asyncio.Future[R | None] = asyncio.get_running_loop().create_future()
        self._skip()
        if self._is_stopped:
            future.set_result(None)
            return future
        self._waiting = (item, future)
        if self._runs is None:
            self._runs = asyncio.create_task(self._run_all(), name="preview queue")
        elif self._run is not None and self._timer is None:
            had = asyncio.get_running_loop().time() - self._began
            self._timer = self._later(max(0.0, self._seconds - had), self._cut_short)
        return future

    async def stop(self) -> None:
        """Cut short what runs, drop what waits, and take nothing any more."""
        self._is_stopped = True
        self._skip()
        self._cut_short()
        if self._runs is not None:
            await asyncio.wait((self._runs,))

    async def _run_all(self) -> None:
        while self._waiting is not None:
            (item, future), self._waiting = self._waiting, None
            self._began = asyncio.get_running_loop().time()
            self._run = asyncio.create_task(self._work(item), name="preview")
            try:
                await asyncio.wait((self._run,))
            finally:
                _tell(future, self._run)
                self._run = None
                self._stop_timer()
        self._runs = None  # Without an await since the look at what waits: nothing is overlooked.

    def _skip(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting[1].done():
            waiting[1].set_result(None)

    def _cut_short(self) -> None:
        if self._run is not None:
            self._run.cancel()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _tell(future: "asyncio.Future[R | None]", run: "asyncio.Task[R]") -> None:
    """Hand on how a run ended."""
    error = None if run.cancelled() or not run.done() else run.exception()
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
        future.exception()  # Seen: who asked may have stopped waiting.
    else:
        future.set_result(None if run.cancelled() or not run.done() else run.result())
