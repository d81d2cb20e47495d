"""Threads for what blocks: a few that write and sync for all journals, one for each opening.

All are daemons, since a disk that hangs must not keep the interpreter from exiting. They serve
every event loop of the process. The writers start with the first journal, so that handing them
work later cannot fail.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")
_Job: TypeAlias = Callable[[], object]

THREADS: Final = 2
"""Two, so that one slow disk does not stop the journals on another."""


class Writers:
    """The threads of this process that write."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        """Begin anew; a forked child has none of its parent's threads."""
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Writers {len(self._threads)} threads>"

    def start(self) -> None:
        """Have the threads running; not on an event loop, since it may wait."""
        with self._lock:
            for number in range(len(self._threads), THREADS):
                thread = threading.Thread(
                    target=_serve, args=(self._jobs,), name=f"journals {number}", daemon=True
                )
                thread.start()
                self._threads.append(thread)

    def submit(self, work: Callable[[], T], done: Callable[[T], object]) -> None:
        """Have work done that never raises, and then `done(result)` called on this event loop."""
        loop = asyncio.get_running_loop()
        self._jobs.put(lambda: _tell(loop, done, work()))


def _serve(jobs: "SimpleQueue[_Job]") -> None:
    while True:
        jobs.get()()  # Without a name: one would keep the last job's journal alive.


WRITERS: Final = Writers()


async def in_thread(work: Callable[[], T], *, unwanted: Callable[[T], object]) -> T:
    """Do work in a thread of its own; a cancellation ends the waiting at once.

    A result that nobody waits for any more is given to `unwanted`, in a thread too.
    """
    answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    _thread(lambda: _answer(answer, work, unwanted))
    try:
        return await answer
    except asyncio.CancelledError:
        if not answer.cancelled() and answer.exception() is None:  # It came at the same moment.
            _thread(lambda: unwanted(answer.result()))
        raise


def _answer(
    answer: "asyncio.Future[T]", work: Callable[[], T], unwanted: Callable[[T], object]
) -> None:
    """Do the work, in its thread."""
    loop = answer.get_loop()
    try:
        result = work()
    except Exception as error:  # noqa: BLE001  (it crosses to the loop's thread)
        _tell(loop, _fail, answer, error)
        return
    if not _tell(loop, _finish, answer, result, unwanted):
        unwanted(result)


def _fail(answer: "asyncio.Future[T]", error: Exception) -> None:
    if not answer.cancelled():
        answer.set_exception(error)


def _finish(answer: "asyncio.Future[T]", result: T, unwanted: Callable[[T], object]) -> None:
    if answer.cancelled():
        _thread(lambda: unwanted(result))
    else:
        answer.set_result(result)


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *args: object) -> bool:
    """Call back on a loop; False when it is closed, so that nobody there asks any more."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        return False
    return True


def _thread(body: _Job) -> None:
    threading.Thread(target=body, name="journal", daemon=True).start()
