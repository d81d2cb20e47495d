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


async def downloads_over(session: BrowserSession, since: int) -> None:
    """Wait until a download has begun and all have ended; or until it takes too long.

    `since` is the number of the first event that counts.
    """
    loop = asyncio.get_running_loop()
    begin = loop.time()
    while loop.time() - begin < MOST_SECONDS:
        happened = session.logs.events.since(since).entries
        begun = sum(isinstance(each, DownloadStarted) for each in happened)
        ended = sum(isinstance(each, Downloaded) for each in happened)
        if (begun or ended) and ended >= begun:
            return
        if not begun and loop.time() - begin > BEGIN_SECONDS:
            return
        await asyncio.sleep(_PAUSE)
