"""Do a call's work so that its place is kept until the work is really over.

A time limit or a cancellation ends the waiting at once; the work itself may take longer to stop (a
clean-up, a thread). The rules that this file keeps:

- the place is held from before the work starts until it is known to have stopped;
- a thread cannot be stopped: it goes on, is a daemon, and its call lingers.
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from scheduler.call import Call

T = TypeVar("T")


class OutOfTimeError(TimeoutError):
    """Work took longer than the `seconds` that it had."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"over the limit of {seconds:g} s")
        self.seconds = seconds


class ComputingError(Exception):
    """A function in a process failed, or the process did; the text says how."""


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
    try:
        thread.start()
    except RuntimeError:  # no more threads: there is nothing to wait for
        release()
        raise
    return await answer


def describe(error: BaseException) -> str:
    """Name an exception and its text, whatever its own `__str__` does."""
    try:
        text = f"{error}"
    except Exception:  # noqa: BLE001  (a description must not fail)
        text = "(its text cannot be had)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def as_error(raised: BaseException) -> Exception:
    """Give an exception that a future can carry and that stops neither loop nor interpreter."""
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    return RuntimeError(f"it raised {describe(raised)}")


def _seen(task: "asyncio.Task[Any]") -> None:
    """Look at the exception of work that nobody waits for, so that it is not reported as lost."""
    if not task.cancelled():
        task.exception()
