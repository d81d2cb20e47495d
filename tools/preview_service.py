"""What an agent has of previews: a window for each session, where the latest page wins.

`Previews` is passed to the tools as a service, and ended with the agent, before the browser. A
preview has a browser session of its own, under a name that no session of an agent has: its context,
cookies and way out to the network are shared with nobody, and no browser tool reaches it.
"""

import asyncio
import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from tools.browser.browsing import Browsing
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.settings import BrowserSettings
from tools.preview_frame import Draft
from tools.preview_page import Displayed, NotShown, PreviewPage
from tools.preview_queue import LatestWins
from tools.threads import to_its_end

MOST_SHOWN: Final = 4_000_000
"""Characters of a page that is shown; more would take a browser many seconds."""

PATIENCE: Final = 0.5
"""Seconds that a page which loads slowly has when a later one waits."""

LONGEST: Final = 90.0
"""Seconds for showing one version; its own limits come before."""


def window_settings(
    variables: Mapping[str, str], given: BrowserSettings | None = None
) -> BrowserSettings | None:
    """Give the settings of a browser that a person watches; None where there is no display."""
    has_display = variables.get("DISPLAY") or variables.get("WAYLAND_DISPLAY")
    if not has_display and sys.platform != "darwin":
        return None
    return replace(
        given or BrowserSettings(),
        headless=False,
        viewport=None,
        dialogs="leave",
        idle_seconds=math.inf,
    )


class Preview:
    """One session's window. On the agent's loop."""

    def __init__(self, session: str, browsing: Browsing) -> None:
        self.turn: Final = asyncio.Lock()
        """Held while a file is written and put in here, so that file and window agree."""
        self._name: Final = f"preview of {session}"
        self._browsing = browsing
        self._last: Draft | None = None
        """What was shown last: it is shown again when the window has to be a new one."""
        self._page = PreviewPage(partial(browsing.refusals, self._name))
        self._queue: LatestWins[Draft, Displayed | NotShown] = LatestWins(self._show, PATIENCE)

    def __repr__(self) -> str:
        return f"<Preview {self._name!r} {self._queue!r}>"

    def put(self, draft: Draft) -> "asyncio.Future[Displayed | NotShown | None]":
        """Have a page shown; gives what came of it, or None when a later one took its place."""
        return self._queue.put(draft)

    async def close(self) -> None:
        """Close the window, for good."""
        await self._queue.stop()
        await self._browsing.end_session(self._name)

    async def _show(self, draft: Draft) -> Displayed | NotShown:
        if len(draft.html) > MOST_SHOWN:
            return NotShown(
                f"it has {len(draft.html):,} characters, and at most {MOST_SHOWN:,} are shown"
            )
        shown = await self._tried_twice(draft)
        if isinstance(shown, Displayed):
            self._last = draft
        elif self._last is not None and self._browsing.manager.is_running:
            # What keeps a page from getting whole keeps its process, and so the page before it.
            await self._browsing.end_session(self._name)
            await self._tried_twice(self._last)
        return shown

    async def _tried_twice(self, draft: Draft) -> Displayed | NotShown:
        try:
            return await self._shown(draft)
        except BrowserError as error:
            if self._is_final(error):
                return NotShown(error.message.rstrip("."))
        try:
            # Whatever ailed the window goes with its context.
            await self._browsing.end_session(self._name)
            return await self._shown(draft)
        except BrowserError as error:
            return NotShown(error.message.rstrip("."))

    def _is_final(self, error: BrowserError) -> bool:
        """Say whether a second try would go the same way."""
        has_none = not self._browsing.manager.is_running
        return error.code is BrowserCode.CANCELLED or (
            error.code is BrowserCode.BROWSER_UNAVAILABLE and has_none
        )

    async def _shown(self, draft: Draft) -> Displayed | NotShown:
        work = self._browsing.manager.use(
            self._name, partial(self._page.show, draft), timeout=LONGEST
        )
        try:
            return await work
        finally:
            # Else the next one would begin on a page that this one still works on.
            await to_its_end(work.settled())


class Previews:
    """The previews of an agent's sessions."""

    def __init__(self, browsing: Browsing) -> None:
        self._browsing = browsing
        self._previews: dict[str, Preview] = {}

    def __repr__(self) -> str:
        return f"<Previews of {len(self._previews)} sessions>"

    @property
    def are_watched(self) -> bool:
        """Whether they are shown in a window that a person can see."""
        settings = self._browsing.manager.settings
        return not settings.headless or settings.cdp_url is not None

    def of(self, session: str) -> Preview:
        """Give a session's preview; nothing is opened."""
        if session not in self._previews:
            self._previews[session] = Preview(session, self._browsing)
        return self._previews[session]

    async def end_session(self, session: str) -> None:
        """Close a session's window; harmless where there is none."""
        preview = self._previews.pop(session, None)
        if preview is not None:
            await preview.close()

    async def close(self) -> None:
        """Close all windows."""
        await asyncio.gather(*(self.end_session(each) for each in tuple(self._previews)))
