"""Do a call's work so that its place is kept until the work is really over.

A time limit or a cancellation ends the waiting at once; the work itself may take longer to stop (a
clean-up, a thread, a process that has to be killed). The rules that this file keeps:

- the place is held from before the work starts until it is known to have stopped;
- a thread cannot be stopped: it goes on, is a daemon, and its call lingers;
- a process of the pool is killed together with the children that it started.
"""

import asyncio
import concurrent.futures
import contextvars
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pebble

from scheduler.call import Call

T = TypeVar("T")


class OutOfTimeError(TimeoutError):
    """Work took longer than the `seconds` that it had."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"over the limit of {seconds:g} s")
        self.seconds = seconds


async def in_time(
    call: Call, work: Coroutine[Any, Any, T], seconds: float | None, patience: float
) -> T:
    """Await work for at most so many seconds; then cancel it, and do not wait for its end.

    A cancellation from outside waits for the end of the cancelled work, `patience` seconds at most.

    Raises:
        OutOfTimeError: the time was over.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(_seen)
    release = call.hold(task)
    task.add_done_callback(lambda _: release())
    try:
        await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task}, timeout=patience)
        raise
    if not task.done() and seconds is not None:
        task.cancel()
        raise OutOfTimeError(seconds)
    return task.result()


async def in_thread(call: Call, function: Callable[[], T]) -> T:
    """Run a function in a thread of its own, with the caller's context variables.

    A thread of its own, not one of a pool: a pool's threads keep the interpreter from exiting, and
    one that hangs would take a place in it for ever.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def finish(value: T | None, error: BaseException | None) -> None:
        release()
        if answer.cancelled():
            return
        if error is None:
            answer.set_result(value)  # type: ignore[arg-type]  # without an error, value is a T
        else:
            answer.set_exception(error)

    def body() -> None:
        value, error = None, None
        try:
            value = context.run(function)
        except BaseException as raised:  # noqa: BLE001  (it crosses to the loop's thread)
            error = as_error(raised)
        try:
            loop.call_soon_threadsafe(finish, value, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            return

    release = call.hold(function)
    thread = threading.Thread(target=body, name=f"call {call.id} {call.name}", daemon=True)
    thread.start()
    return await answer


class ProcessPool:
    """Processes for functions that compute; a function that is cancelled is killed.

    Functions, arguments and results have to be picklable. Workers are started when first needed.
    """

    def __init__(self, workers: int) -> None:
        # A fork would copy the threads' locks, and a fork server would outlive the pool.
        self._pool = pebble.ProcessPool(
            max_workers=workers,
            initializer=_lead_group,
            context=multiprocessing.get_context("spawn"),
        )

    async def run(self, call: Call, function: Callable[..., T], kwargs: dict[str, Any]) -> T:
        """Call a function in a process."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        work = self._pool.schedule(function, kwargs=kwargs)
        release = call.hold(work)

        def notify(callback: Callable[[], None]) -> None:
            try:
                loop.call_soon_threadsafe(callback)
            except RuntimeError:  # the loop is closed: nobody waits any more
                return

        def wake() -> None:
            if not over.done():
                over.set_result(None)

        def killed() -> None:
            # A cancelled future counts as over here once the pool has killed its worker.
            concurrent.futures.wait([work])
            notify(release)

        work.add_done_callback(lambda _: notify(wake))
        try:
            await over
        except asyncio.CancelledError:
            work.cancel()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
            _in_background(killed)
            raise
        release()
        return work.result()

    async def close(self) -> None:
        """End the workers, busy or not."""
        self._pool.stop()  # type: ignore[no-untyped-call]  # pebble leaves it untyped
        await asyncio.to_thread(self._pool.join)


def as_error(raised: BaseException) -> Exception:
    """Give an exception that a future can carry and that stops neither loop nor interpreter."""
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    return RuntimeError(f"it raised {raised!r}")


def _in_background(function: Callable[[], object]) -> None:
    threading.Thread(target=function, daemon=True).start()


def _seen(task: "asyncio.Task[Any]") -> None:
    """Look at the exception of work that nobody waits for, so that it is not reported as lost."""
    if not task.cancelled():
        task.exception()


def _lead_group() -> None:
    """Lead a process group, and take it along when told to end."""
    os.setpgrp()
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
