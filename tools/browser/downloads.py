"""A session's downloads: refused, apart from those of a call that has said where they go.

The rules that this file keeps:

- a call waits for what it has set going, told by the driver and never by looking again and again;
- when the call is over, so are its downloads: one that still goes on is cancelled, nothing of it
  is left, and that is told. So nothing is ever written for a call that has given up its place;
- one that grows beyond the limit is cancelled as soon as the browser tells; a page that is opened
  for a download alone tells nothing, and its file is measured at the end.

On the owner's loop only.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from tools.browser.download_names import file_name
from tools.browser.events import Downloaded, Event, Log, page_url
from tools.browser.receiving import Receiving
from tools.browser.saving import Destination
from tools.browser.settings import BrowserSettings
from tools.browser.waiting import Chores, done_within

if TYPE_CHECKING:
    from playwright.async_api import Download, Page

MOST: Final = 20
"""Downloads of one call."""

REFUSED: Final = (
    "downloads are refused, unless browser_click or browser_navigate says download=true"
)


class Downloads:
    """Takes in a session's downloads."""

    def __init__(self, events: Log[Event], chores: Chores, settings: BrowserSettings) -> None:
        self._events = events
        self._chores = chores
        self._settings = settings
        self._receiving: Receiving | None = None

    def __repr__(self) -> str:
        return f"<Downloads {self._receiving or 'refused'}>"

    def came(self, tab: str, download: "Download") -> None:
        """Take in one that has begun."""
        if self._receiving is None:
            self._refuse(tab, download, REFUSED)
        elif self._receiving.count >= MOST:
            self._refuse(tab, download, f"one call saves {MOST} at most")
        else:
            self._receiving.receive(tab, download)

    def _refuse(self, tab: str, download: "Download", why: str) -> None:
        name, url = file_name(download.suggested_filename), page_url(download.url)
        self._events.add(Downloaded(tab, url, name, None, error=why))
        self._chores.add(self._cancel(download), f"refusing a download in {tab}")

    async def _cancel(self, download: "Download") -> None:
        await done_within(download.cancel(), self._settings.limits.close)

    @asynccontextmanager
    async def allowed(self, page: "Page", to: Destination) -> AsyncIterator[Receiving]:
        """Save what is downloaded from now on, until the context ends."""
        receiving = Receiving(to, self._events, self._settings)
        self._receiving = receiving
        session = await page.context.new_cdp_session(page)
        try:
            await receiving.measure(session)
            yield receiving
        finally:
            self._receiving = None
            await receiving.end("the call ended before it was done")
            await done_within(session.detach(), self._settings.limits.close)
