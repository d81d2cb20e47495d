"""Waiting for what a page does by itself, for so long at most."""

import asyncio
from typing import Final

from tools.browser.events import Downloaded, DownloadStarted
from tools.browser.session import BrowserSession

BEGIN_SECONDS: Final = 2.0
"""For a download to begin."""

MOST_SECONDS: Final = 45.0
"""For it to be saved."""

_PAUSE: Final = 0.05


async def downloads_over(session: BrowserSession) -> None:
    """Wait until a download has begun and all have ended; or until it takes too long."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    start = session.logs.events.since(0).next
    while loop.time() - begin < MOST_SECONDS:
        happened = session.logs.events.since(max(0, start - 1)).entries
        begun = sum(isinstance(each, DownloadStarted) for each in happened)
        ended = sum(isinstance(each, Downloaded) for each in happened)
        if (begun or ended) and ended >= begun:
            return
        if not begun and loop.time() - begin > BEGIN_SECONDS:
            return
        await asyncio.sleep(_PAUSE)
