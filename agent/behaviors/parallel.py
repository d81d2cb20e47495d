"""Several batches at once, and no more of them made than are worked at."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sized
from typing import TypeVar

T = TypeVar("T", bound=Sized)


async def each(
    batches: Iterable[T],
    do: Callable[[T], Awaitable[None]],
    *,
    most: int,
    report: Callable[[int], None] = lambda _: None,
) -> None:
    """Do something for each batch, so many at once; the next is taken when there is room for it.

    Args:
        batches: made as they are taken.
        do: what is done.
        most: how many at once.
        report: told how many things the batches had that are done, after each.

    Raises:
        BaseException: the first that comes of a batch, or of reporting; it ends the others.
    """
    waiting = iter(batches)
    done = 0

    async def draw() -> None:
        nonlocal done
        for batch in waiting:
            await do(batch)
            done += len(batch)
            report(done)

    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(most):
                tasks.create_task(draw())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
