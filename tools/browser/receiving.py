"""The downloads of one call: how large they become, and when all of them are over."""

import asyncio
from typing import TYPE_CHECKING, Any

from tools.browser.arriving import Arriving
from tools.browser.events import DownloadStarted, Event, Log
from tools.browser.saving import Destination, too_large
from tools.browser.settings import BrowserSettings
from tools.browser.settling import Activity

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Download


class Receiving:
    """The downloads of one call."""

    def __init__(self, to: Destination, events: Log[Event], settings: BrowserSettings) -> None:
        self._to = to
        self._events = events
        self._limits = settings.limits
        self._most = settings.largest_download
        self._begun = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], Arriving] = {}
        self._urls: dict[str, str] = {}
        """By the browser's id of a download."""

    def __repr__(self) -> str:
        left = sum(not task.done() for task in self._tasks)
        return f"<Receiving {self.count} downloads, {left} under way>"

    @property
    def count(self) -> int:
        """How many have begun."""
        return len(self._tasks)

    async def measure(self, session: "CDPSession") -> None:
        """Listen to how large they become."""
        session.on("Page.downloadWillBegin", self._will_begin)
        session.on("Page.downloadProgress", self._grew)
        await session.send("Page.enable")

    def _will_begin(self, told: dict[str, Any]) -> None:
        self._urls[told["guid"]] = told["url"]

    def _grew(self, told: dict[str, Any]) -> None:
        size = int(max(told["receivedBytes"], told["totalBytes"]))
        if size <= self._most:
            return
        url = self._urls.get(told["guid"])
        for one in self._tasks.values():
            if one.download.url == url:
                one.give_up(str(too_large(size, self._most)))

    def receive(self, tab: str, download: "Download") -> None:
        """Save one."""
        one = Arriving(tab, download, self._to, self._most)
        self._events.add(DownloadStarted(tab, one.url, one.name))
        work = one.received(self._events.add, self._limits.close)
        self._tasks[asyncio.create_task(work, name=f"download of {one.name}")] = one
        self._begun.set()

    async def over(self, activity: Activity) -> str | None:
        """Wait until one has begun and all have ended; say so when none has begun.

        For the beginning, as long as the page asks for something, and then a while.
        """
        try:
            async with asyncio.timeout(self._limits.download):
                if not await self._has_begun(activity):
                    return f"no download began within {self._limits.download_begin:g} s"
                while left := [task for task in self._tasks if not task.done()]:
                    await asyncio.wait(left)
        except TimeoutError:
            await self.end(f"it was not done within {self._limits.download:g} s")
        return None

    async def _has_begun(self, activity: Activity) -> bool:
        async def given_up() -> None:
            is_quiet = False
            while not is_quiet:
                await activity.quiet()
                await asyncio.sleep(self._limits.download_begin)
                is_quiet = activity.is_quiet

        tasks = [asyncio.create_task(each) for each in (self._begun.wait(), given_up())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return self._begun.is_set()

    async def end(self, why: str) -> None:
        """Cancel what still goes on, and wait until nothing of it is left. Bounded."""
        for one in self._tasks.values():
            one.give_up(why)
        if self._tasks:
            await asyncio.wait(self._tasks)
