"""One session's browser: a context of its own, its tabs, and what happened in them.

The rules that this file keeps:

- nothing is opened before it is needed, and one context however many ask at once;
- cookies and storage are this session's alone;
- a tab's id is given once; a page that crashed or hung is replaced under the same id;
- when the browser is gone, so are all tabs, and the next use says so before anything is done.

On the owner's loop only, apart from `name` and `repr`.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from tools.browser.downloads import Downloads
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import (
    Logs,
    TabGone,
    TabOpened,
    TabRefused,
    TabReplaced,
    page_url,
)
from tools.browser.settings import BrowserSettings
from tools.browser.tab import Tab
from tools.browser.waiting import Chores, SingleFlight, done_within
from tools.browser.watching import Watcher
from tools.browser.way_out import WayOut

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

    from tools.browser.running import Running

MOST_TABS: Final = 20
"""Open at a time; a page that opens another one has it closed."""

EMPTY: Final = "about:blank"


class BrowserSession:
    """The tabs of one session."""

    def __init__(self, name: str, settings: BrowserSettings) -> None:
        self.name: Final = name
        self.settings: Final = settings
        self.tabs: dict[str, Tab] = {}
        """Those that are open, by id, in the order in which they were opened."""
        self.logs: Final = Logs()
        """What happened beside what was asked for: events, console, failed requests."""
        self.is_ended = False
        self._chores = Chores()
        self._watcher = Watcher(self.logs, self._chores, self._tab_of, name, settings)
        self._running: Running | None = None
        self._context: BrowserContext | None = None
        self._way_out = WayOut(name, settings.proxy)
        self._open = SingleFlight(self._open_context)
        self._first = SingleFlight(self.new_tab)
        self._replacing = asyncio.Lock()
        self._recent: list[str] = []
        """Ids of open tabs, the active one last."""
        self._vanished: list[Tab] = []
        """Tabs whose pages closed: by themselves or with the browser, which is not known yet."""
        self._count = 0
        self._making = 0
        self._unclaimed: list[Page] = []
        """Pages that came while one of ours was being opened: which is ours is not known yet."""

    def __repr__(self) -> str:
        state = "ended" if self.is_ended else "open" if self._context is not None else "not open"
        return f"<BrowserSession {self.name} {state}, {len(self.tabs)} tabs>"

    @property
    def active(self) -> Tab | None:
        """The tab that is used when none is named; None when none is open."""
        return self.tabs[self._recent[-1]] if self._recent else None

    @property
    def context(self) -> "BrowserContext":
        """Playwright's context; there is one as long as work of this session runs."""
        if self._context is None:
            raise BrowserError(BrowserCode.CANCELLED, "This session's browser is closed.")
        return self._context

    @property
    def downloads(self) -> Downloads:
        """Where a call says that it downloads."""
        return self._watcher.downloads

    def tab(self, tab_id: str) -> Tab:
        """Look a tab up.

        Raises:
            BrowserError: it is not open; the text names those that are.
        """
        if tab_id in self.tabs:
            return self.tabs[tab_id]
        known = ", ".join(f"{each.id} ({each.url})" for each in self.tabs.values()) or "none"
        raise BrowserError(
            BrowserCode.TAB_CLOSED, f"tab={page_url(tab_id)!r} is not open; open are: {known}."
        )

    async def ready(self, running: "Running", tab_id: str | None) -> Tab:
        """Give the tab to work in: the active one if none is named, a new one if none is open.

        Raises:
            BrowserError: it is not open, its page crashed, or the browser that it was in is gone;
                each of the latter is told once.
        """
        if self._running is not running:
            how = "had ended" if self._running is None else self._running.how
            lost = self.forget(self._running)
            self._running = running
            if lost:
                raise restarted(f"The browser {how}. Nothing was done. {lost}")
        await self._open()
        if tab_id is None and not self.tabs:
            return await self._first()
        tab = self._recent[-1] if tab_id is None else tab_id
        return await self._usable(self.tab(tab))

    async def _usable(self, tab: Tab) -> Tab:
        if tab.crashed.is_set():
            url = tab.url
            await self.replace(tab, tab.page)
            raise BrowserError(
                BrowserCode.PAGE_CRASHED,
                f"The page {url} of tab {tab.id} had crashed. Nothing was done.",
            )
        return tab

    def forget(self, running: "Running | None") -> str:
        """Let go of a browser that is gone; say which tabs were lost, if any showed something.

        Nothing is lost, and nothing let go, if another one is used by now.
        """
        if self._running is not running:
            return ""
        tabs = (*self._vanished, *self.tabs.values())
        lost = [f"{tab.id} {tab.url}" for tab in tabs if tab.url != EMPTY]
        self.tabs.clear()
        self._vanished.clear()
        self._recent.clear()
        self._unclaimed.clear()
        self._context = None
        self._running = None
        return f"Tabs that are gone: {', '.join(lost)}." if lost else ""

    async def new_tab(self) -> Tab:
        """Open an empty tab and make it the active one.

        Raises:
            BrowserError: too many are open.
        """
        if len(self.tabs) >= MOST_TABS:
            raise BrowserError(
                BrowserCode.ACTION_FAILED,
                f"{MOST_TABS} tabs are open, the most that may be: close one first.",
            )
        tab = self._add(await self._new_page())
        self.switch(tab.id)
        return tab

    def switch(self, tab_id: str) -> Tab:
        """Make a tab the active one."""
        tab = self.tab(tab_id)
        self._recent.remove(tab_id)
        self._recent.append(tab_id)
        return tab

    async def close_tab(self, tab_id: str) -> None:
        """Close a tab, whether its page answers or not; the one used before it becomes active."""
        tab = self.tab(tab_id)
        self._remove(tab)
        await self._close_page(tab.page)

    async def replace(self, tab: Tab, page: "Page") -> None:
        """Give a tab an empty page for one that crashed or hung, unless it has another by now."""
        async with self._replacing:
            if tab.page is not page:
                return
            url = tab.url
            tab.show(await self._new_page())
            self._watcher.watch_page(tab, self._page_closed)
            self.logs.events.add(TabReplaced(tab.id, url))
        await self._close_page(page)

    def _tab_of(self, page: "Page | None") -> Tab | None:
        """Give the tab that shows a page now."""
        return next((tab for tab in self.tabs.values() if tab.page is page), None)

    def _page_appeared(self, page: "Page") -> None:
        """Take in a page of the context, ours or one that another page opened."""
        if self._making:
            self._unclaimed.append(page)
        elif len(self.tabs) >= MOST_TABS:
            self.logs.events.add(TabRefused(self._active_id(), page_url(page.url)))
            self._chores.add(self._close_page(page), f"closing a page of session {self.name}")
        else:
            tab = self._add(page)
            # In its own event, which comes next, a page tells who opened it.
            self._chores.add(self._tell_opened(tab), f"telling of {tab.id}")

    def _page_closed(self, tab: Tab, page: "Page") -> None:
        """Take note of a page that closed itself, or was closed with its browser."""
        if self.tabs.get(tab.id) is tab and tab.page is page:
            self._remove(tab)
            self._vanished.append(tab)
            self._chores.add(self._tell_gone(tab), f"telling of the end of {tab.id}")

    async def _tell_gone(self, tab: Tab) -> None:
        # A browser that ends closes its pages first; what it took with it is told by `forget`.
        running = self._running
        if running is not None and await running.answers() and tab in self._vanished:
            self._vanished.remove(tab)
            self.logs.events.add(TabGone(tab.id, tab.url))

    async def reset(self, running: "Running | None") -> str:
        """Close the context with all that is in it, so that the next use has a new one.

        Bounded, does not raise; gives what `forget` does, which it is otherwise like.
        """
        context = self._context if self._running is running else None
        lost = self.forget(running)
        limits = self.settings.limits
        if context is None or running is None or await done_within(context.close(), limits.close):
            return lost
        if await running.answers():  # there is much to do: once more
            await done_within(context.close(), limits.open)
        return lost

    async def end(self) -> None:
        """Close what is open, for good. Bounded, does not raise."""
        self.is_ended = True
        await self._open.stop()
        await self._first.stop()
        await self.reset(self._running)
        await self._way_out.close()
        await self._chores.stop()

    async def _open_context(self) -> None:
        running = self._running
        if self._context is not None or running is None:
            return
        proxy = await self._way_out.open()
        size = self.settings.viewport
        context = await running.browser.new_context(
            viewport=None if size is None else {"width": size.width, "height": size.height},
            no_viewport=size is None,
            accept_downloads=True,  # or they could not be told; those not asked for are cancelled
            proxy=proxy,
        )
        if self._running is not running:  # Lost meanwhile, or ended.
            await done_within(context.close(), self.settings.limits.close)
            return
        self._watcher.watch_context(context, self._page_appeared)
        self._context = context

    async def _new_page(self) -> "Page":
        self._making += 1
        page = None
        try:
            page = await self.context.new_page()
        finally:
            self._making -= 1
            if page in self._unclaimed:
                self._unclaimed.remove(page)
            if not self._making:
                others, self._unclaimed = self._unclaimed, []
                for other in others:
                    self._page_appeared(other)
        return page

    def _add(self, page: "Page") -> Tab:
        self._count += 1
        tab = Tab(f"t{self._count}", page)
        self.tabs[tab.id] = tab
        self._recent.insert(0, tab.id)
        self._watcher.watch_page(tab, self._page_closed)
        return tab

    def _remove(self, tab: Tab) -> None:
        del self.tabs[tab.id]
        self._recent.remove(tab.id)

    async def _close_page(self, page: "Page") -> None:
        await done_within(page.close(), self.settings.limits.close)

    async def _tell_opened(self, tab: Tab) -> None:
        self.logs.events.add(TabOpened(tab.id, tab.opener, tab.url))

    def _active_id(self) -> str | None:
        return None if self.active is None else self.active.id


def restarted(message: str) -> BrowserError:
    """Say that a browser is gone."""
    return BrowserError(BrowserCode.BROWSER_RESTARTED, message)
