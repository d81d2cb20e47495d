"""The thread and event loop that a browser's objects belong to, and work that is sent there.

Playwright's objects belong to one loop, and a loop that does other work delays all of them. So:

- there is one thread for them, a daemon with a loop of its own, started with the first work;
- work comes in as a coroutine function and its arguments, from any thread and any loop;
- a cancellation of whoever waits crosses to the work; the waiter is free at once, the work is
  settled when its task has ended, and both can be waited for (`Work`);
- nothing that blocks runs there: work that had to wait for the loop is told in a warning.
"""

import asyncio
import concurrent.futures
import logging
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

from tools.browser.errors import BrowserCode, BrowserError
from tools.child import in_thread

log = logging.getLogger(__name__)

T = TypeVar("T")

SLOW_START: Final = 1.0
"""Seconds; work that waits longer for the loop shows that something blocks it."""

_END_SECONDS: Final = 5.0
"""For tasks that are left when the loop ends."""

_DRIVER_GONE: Final = "Connection closed while reading from the driver"


class Work(Generic[T]):
    """Something that runs on the owner's loop, seen from any other loop.

    `await work` gives its result; a cancellation meanwhile is raised at once, and crosses. Whoever
    has to know when it has really stopped uses `settled` or `when_settled`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._loop = loop
        self._name = name
        self._task: asyncio.Task[T] | None = None
        # Never cancelled by who waits, so that it says when the task has really ended.
        self._over: concurrent.futures.Future[T] = concurrent.futures.Future()

    def __repr__(self) -> str:
        return f"<Work {self._name} {'settled' if self.is_settled else 'pending'}>"

    def __await__(self) -> Generator[Any, None, T]:
        return self.result().__await__()

    @property
    def is_settled(self) -> bool:
        """Whether its task has ended."""
        return self._over.done()

    async def result(self) -> T:
        """Wait for the result; a cancellation crosses to the work and is raised at once.

        Raises:
            BrowserError: the owner was closed meanwhile; else, whatever the work raises.
        """
        try:
            await self.settled()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self._over.result()

    async def settled(self) -> None:
        """Wait until it has stopped, however; a cancellation ends only the waiting."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.when_settled(lambda: None if waiter.done() else waiter.set_result(None))
        await waiter

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Have something called on the running loop when it has stopped.

        Made for `Call.hold`: `work.when_settled(call.hold(work))`.
        """
        loop = asyncio.get_running_loop()
        self._over.add_done_callback(lambda _: _tell(loop, callback))

    def cancel(self) -> None:
        """Ask it to stop. Thread-safe; `settled` says when it has."""
        if not self.is_settled:
            _tell(self._loop, self._cancel)

    def _cancel(self) -> None:
        # Once: a second one would cut its clean-up short.
        if self._task is not None and not self._task.cancelling():
            self._task.cancel()

    def begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Start it; called on the owner's loop, once."""
        self._task = self._loop.create_task(work, name=self._name)
        self._task.add_done_callback(self._ended)
        return self._task

    def abandon(self) -> None:
        """Settle it although it has not started or not ended, since its loop is gone."""
        if not self.is_settled:
            self._over.set_exception(_closed())

    def _ended(self, task: "asyncio.Task[T]") -> None:
        if self.is_settled:
            return
        if task.cancelled():
            # Not a CancelledError: whoever waits may not have been cancelled.
            self._over.set_exception(_closed())
        elif (error := task.exception()) is not None:
            self._over.set_exception(error)
        else:
            self._over.set_result(task.result())


class Owner:
    """One daemon thread with one event loop. Thread-safe."""

    def __init__(self, name: str = "browser") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self._works: set[Work[Any]] = set()
        self._thread: threading.Thread | None = None
        self._ending = threading.Lock()

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "not started" if self._loop is None else "running"
        return f"<Owner {self._name} {state}>"

    @property
    def is_started(self) -> bool:
        """Whether anything has been submitted."""
        return self._loop is not None

    def submit(
        self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: object, name: str = ""
    ) -> Work[T]:
        """Run a coroutine function on the owner's loop; give what stands for its run.

        Raises:
            BrowserError: the owner is closed.
        """
        with self._lock:
            if self._is_closed:
                raise _closed()
            if self._loop is None:
                self._loop = self._start()
            work: Work[T] = Work(self._loop, name or getattr(function, "__name__", "work"))
            sent = time.monotonic()
            self._works.add(work)
            self._loop.call_soon_threadsafe(self._begin, work, function, arguments, sent)
        return work

    async def run(self, function: Callable[..., Coroutine[Any, Any, T]], *arguments: object) -> T:
        """Run a coroutine function on the owner's loop to its end; a cancellation crosses."""
        return await self.submit(function, *arguments)

    def _begin(
        self,
        work: Work[T],
        function: Callable[..., Coroutine[Any, Any, T]],
        arguments: tuple[object, ...],
        sent: float,
    ) -> None:
        if self._is_closed:
            return
        waited = time.monotonic() - sent
        if waited > SLOW_START:
            log.warning(
                "%r waited %.1f s for the browser's loop: something blocks it", work, waited
            )
        work.begin(function(*arguments)).add_done_callback(lambda _: self._works.discard(work))

    def _start(self) -> asyncio.AbstractEventLoop:
        loop = _new_loop()
        loop.set_exception_handler(_report)
        self._thread = threading.Thread(
            target=loop.run_forever, name=f"toolloop-{self._name}", daemon=True
        )
        self._thread.start()
        return loop

    async def close(self) -> None:
        """End the loop and its thread; what still runs there is cancelled. Harmless twice."""
        with self._lock:
            self._is_closed = True
            started = self._loop is not None
        if started:
            await in_thread(self._end)

    def _end(self) -> None:
        """End the loop, in another thread; bounded."""
        with self._ending:
            loop, thread = self._loop, self._thread
            if loop is None or thread is None or loop.is_closed():
                return
            ended = asyncio.run_coroutine_threadsafe(_end_all(), loop)
            concurrent.futures.wait((ended,), timeout=2 * _END_SECONDS)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(_END_SECONDS)
            if thread.is_alive():
                log.error("the browser's thread hangs; it is left behind")
            else:
                loop.close()
            for work in tuple(self._works):
                work.abandon()


def _new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop that can start processes, whatever loops the host uses."""
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop()
    # The host's policy: its child watcher has to know the loop.
    return asyncio.new_event_loop()


async def _end_all() -> None:
    """Cancel what is left on the loop, and wait for it a while."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_END_SECONDS)
    loop = asyncio.get_running_loop()
    await loop.shutdown_asyncgens()
    # Threads of the pool end by themselves: what is done in them is bounded.
    await loop.shutdown_default_executor()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what went wrong on the loop, apart from what Playwright leaves behind as a rule."""
    if not is_known_noise(context):
        loop.default_exception_handler(context)


def is_known_noise(context: dict[str, Any]) -> bool:
    """Say whether this is the answer to a call of Playwright's that nobody waits for any more.

    Calls in flight fail together when a browser ends, and those that were cancelled are among
    them (playwright-python issues 1210 and 2426).
    """
    error = context.get("exception")
    forgotten = "exception was never retrieved" in context.get("message", "")
    is_playwrights = type(error).__module__.startswith("playwright.")
    is_drivers_end = type(error) is Exception and str(error) == _DRIVER_GONE
    return forgotten and (is_playwrights or is_drivers_end)


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # The loop is closed: nobody there asks any more.
        loop.call_soon_threadsafe(callback)


def _closed() -> BrowserError:
    return BrowserError(BrowserCode.CANCELLED, "The browser was closed before this was done.")
