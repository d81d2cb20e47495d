"""Long reading in a thread, which ends soon after nobody waits for it any more.

A thread cannot be cancelled: it looks at a `Stop` between one file (or piece of a file) and the
next. The call keeps its place until the thread has ended.
"""

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import TypeVar

from scheduler.work import in_thread
from tools.context import ToolContext

T = TypeVar("T")


class StoppedError(Exception):
    """Nobody waits for the work any more."""


class Stop:
    """Says to a thread that it should end."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def __repr__(self) -> str:
        return f"<Stop {'set' if self._event.is_set() else 'not set'}>"

    def set(self) -> None:
        """Ask for the end."""
        self._event.set()

    def check(self) -> None:
        """Go on, or end.

        Raises:
            StoppedError: the end was asked for.
        """
        if self._event.is_set():
            raise StoppedError


async def stoppable(context: ToolContext, work: Callable[[Stop], T]) -> T:
    """Do some work in a thread; a cancellation is told to it."""
    stop = Stop()
    try:
        if context.call is None:
            return await asyncio.to_thread(work, stop)
        return await in_thread(context.call, functools.partial(work, stop))
    finally:
        stop.set()
