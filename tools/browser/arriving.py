"""One download on its way from the browser into the workspace."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tools.browser.download_names import file_name
from tools.browser.events import Downloaded, Event, page_text, page_url
from tools.browser.failures import is_playwrights
from tools.browser.saving import Destination, Saved, save
from tools.browser.waiting import done_within
from tools.child import in_thread
from tools.errors import ToolError
from tools.stoppable import Stop, StoppedError

if TYPE_CHECKING:
    from playwright.async_api import Download


class Arriving:
    """One download on its way into the workspace."""

    def __init__(self, tab: str, download: "Download", to: Destination, most: int) -> None:
        self.download = download
        self.name = file_name(download.suggested_filename)
        self.url = page_url(download.url)
        self._tab = tab
        self._to = to
        self._most = most
        self._stop = Stop()
        self._stopped = asyncio.Event()
        self._why = ""

    def __repr__(self) -> str:
        return f"<Arriving {self.name!r} {'given up' if self._why else 'under way'}>"

    def give_up(self, why: str) -> None:
        """Have it end soon, for a reason; one that has ended is not touched."""
        self._why = self._why or why
        self._stop.set()
        self._stopped.set()

    async def received(self, tell: Callable[[Event], None], seconds: float) -> None:
        """Save it, and tell how it went; `seconds` bound the clean-up. Does not raise."""
        saved, error = await self._outcome(seconds)
        path = None if saved is None else saved.path
        size = 0 if saved is None else saved.size
        name = self.name if path is None else path.rpartition("/")[2]
        tell(Downloaded(self._tab, self.url, name, path, size, error))
        await done_within(self.download.delete(), seconds)

    async def _outcome(self, seconds: float) -> tuple[Saved | None, str | None]:
        source = await self._source()
        if source is None:
            return None, await self._reason(seconds)
        try:
            return await in_thread(lambda: self._save(source)), None
        except StoppedError:
            return None, self._why
        except ToolError as error:
            return None, str(error)
        except OSError as error:
            return None, f"it cannot be read: {error.strerror}"

    async def _source(self) -> Path | None:
        """Wait until the browser has all of it; None when that fails or is given up."""
        arrived = asyncio.ensure_future(self.download.path())
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait((arrived, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrived.cancel()
            stopped.cancel()
        if not arrived.done():
            return None
        error = arrived.exception()
        if error is not None and not is_playwrights(error):
            raise error
        return None if error is not None or self._why else arrived.result()

    async def _reason(self, seconds: float) -> str:
        """Say why it was not saved; end it if it still goes on."""
        reasons: list[str | None] = []

        async def ask() -> None:
            reasons.append(await self.download.failure())

        await done_within(self.download.cancel(), seconds)
        if not self._why:
            await done_within(ask(), seconds)
        found = reasons[0] if reasons else None
        return self._why or page_text(found or "the browser gave it up, without a reason")

    def _save(self, source: Path) -> Saved:
        return save(source, self.name, self._to, most=self._most, stop=self._stop)
