"""Work that a cancellation does not leave half done.

What runs in a thread cannot be cancelled: a call that is answered while its thread still renames a
file would let the next call see neither the old state nor the new one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(work: Awaitable[T]) -> T:
    """Await some work; when cancelled meanwhile, wait until the work is done, then be cancelled.

    For work that ends soon by itself: one file read, or written.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            await _until_done(task)
        if not task.cancelled():
            task.exception()  # seen: the cancellation is what counts
        raise


async def in_thread(work: Callable[[], T]) -> T:
    """Run some work in a thread, to its end."""
    return await to_its_end(asyncio.to_thread(work))


async def _until_done(task: asyncio.Future[T]) -> None:
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        return  # cancelled once more: the caller raises it, when the work is done
