"""Bytes that go through the proxy as they are, both ways."""

import asyncio
from collections.abc import Callable

from tools.browser.egress_peer import SIZE, EgressLimits, Peer


async def tunnel(one: Peer, other: Peer, limits: EgressLimits) -> None:
    """Carry bytes both ways, until both sides have closed, one breaks off or nothing comes.

    One that sends no more can still receive. What came behind the heads goes first.
    """
    loop = asyncio.get_running_loop()
    seconds = limits.idle
    try:
        async with asyncio.timeout(seconds) as limit, asyncio.TaskGroup() as tasks:

            def moved() -> None:
                if not limit.expired():
                    limit.reschedule(loop.time() + seconds)

            async def carry(here: Peer, there: Peer) -> None:
                nonlocal seconds
                await _carry(here, there, moved)
                seconds = min(seconds, limits.half_closed)
                moved()

            tasks.create_task(carry(one, other))
            tasks.create_task(carry(other, one))
    except* (OSError, TimeoutError):
        one.abort()
        other.abort()


async def _carry(here: Peer, there: Peer, moved: Callable[[], None]) -> None:
    data = here.rest()
    while data or (data := await here.reader.read(SIZE)):
        moved()
        there.writer.write(data)
        await there.writer.drain()
        data = b""
    there.writer.write_eof()
