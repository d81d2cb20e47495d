"""The way of every browser tool: to the page through the manager, and back with what it shows.

The rules that this file keeps:

- before an action the element is checked to be what the model saw last (`refs`); when it saw
  nothing of the page, it is told to look first;
- after one, the result is what has changed since that, and what else happened;
- what is told of a page counts as seen.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tools.browser import results
from tools.browser.browsing import Browsing
from tools.browser.difference import difference
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import Navigated
from tools.browser.fields import Field, field_of
from tools.browser.refs import check
from tools.browser.session import BrowserSession
from tools.browser.settling import Activity, settled, watched
from tools.browser.snapshot import Element, Snapshot, take
from tools.browser.tab import Tab
from tools.browser.untrusted import wrapped
from tools.browser.views import View, fitting
from tools.context import ToolContext

if TYPE_CHECKING:
    from playwright.async_api import Locator

ACTION_MS: Final = 5_000
"""Milliseconds for one action of Playwright's; what cannot be acted on is told at once."""

SECONDS: Final = 100.0
"""For the work of one call; each step of it has its own limit."""

READ_SECONDS: Final = 25.0
"""For reading a page; one of thousands of rows takes two on a machine that does nothing else."""

LOAD_SECONDS: Final = 15.0
"""For a document that was asked for to begin to come: meanwhile a page answers nothing."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A tab that is worked in, and what the model saw last of its page."""

    session: BrowserSession
    tab: Tab
    seen: Snapshot | None
    activity: Activity
    """What the page has started since."""

    async def element(self, ref: str, *, for_click: bool = True) -> "Locator":
        """Give the element of a ref, if it is what the model saw.

        Raises:
            BrowserError: it is not; the code says in which way.
        """
        element = self.seen.elements.get(ref) if self.seen is not None else None
        if element is None:
            raise BrowserError(
                BrowserCode.STALE_REF,
                f"ref {ref!r} was not in what you saw last of {self.tab.id}; nothing was done.",
            )
        return await check(self.tab.page, ref, element, for_click=for_click)

    async def field(self, ref: str) -> "tuple[Locator, Field]":
        """Give the element of a ref, and what it takes.

        Raises:
            BrowserError: as `element`.
        """
        locator = await self.element(ref)
        seen = self.seen.elements[ref] if self.seen is not None else Element("", "")
        return locator, await field_of(locator, ref, seen)


Action: TypeAlias = Callable[[Hand], Awaitable[str | None]]
"""Does something in a tab; gives what else is to be told."""


async def act(
    context: ToolContext,
    action: Action,
    *,
    tab: str | None = None,
    shows_all: bool = False,
    needs_page: bool = True,
) -> str:
    """Do something in a tab, and give what came of it; `shows_all` shows the whole page.

    `needs_page` waits first for a document that the page waits for.
    """
    browsing = context.service(Browsing)

    async def work(session: BrowserSession, tab: Tab) -> str:
        from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

        if needs_page:
            await rested(tab)
        seen, active = browsing.seen.get(tab.page), session.active
        async with watched(tab.page) as activity:
            told = await action(Hand(session, tab, seen, activity))
            if session.active is not active or tab.is_closed:
                tab = session.active or tab
            rest = await settled(tab.page, activity)
            if tab.awaits and await tab.rests(LOAD_SECONDS):
                rest = await settled(tab.page, activity)
        if tab.awaits:
            return _unanswered(browsing, session, tab, told)
        if not rest.is_quiet:
            told = f"{told or ''}\nthe page still loads".strip()
        try:
            return await answer(browsing, session, tab, told, seen=None if shows_all else seen)
        except Error:
            if not tab.is_closed:
                raise
        tab = session.active or await session.new_tab()  # what was done has closed its own tab
        return await answer(browsing, session, tab, told, seen=None)

    return await browsing.manager.use(
        context.session, work, timeout=SECONDS, tab=tab, call=context.call
    )


async def look(
    context: ToolContext,
    show: Callable[[Hand, Snapshot], Awaitable[View]],
    *,
    tab: str | None = None,
    first: Callable[[Tab], Awaitable[str]] | None = None,
) -> str:
    """Look at a tab, and give a part of what it shows; `first` waits for something before that."""
    browsing = context.service(Browsing)

    async def work(session: BrowserSession, tab: Tab) -> str:
        await rested(tab)
        came = "" if first is None else await first(tab)
        snapshot = await taken(tab)
        view = await show(Hand(session, tab, snapshot, Activity(tab.page)), snapshot)
        browsing.seen[tab.page] = snapshot
        return told(browsing, session, tab, snapshot, f"{came}\n{view.text}" if came else view.text)

    return await browsing.manager.use(
        context.session, work, timeout=SECONDS, tab=tab, call=context.call
    )


async def taken(tab: Tab) -> Snapshot:
    """Take a snapshot of what a tab shows.

    Raises:
        BrowserError: that takes too long.
    """
    try:
        return await take(tab.page, seconds=READ_SECONDS)
    except TimeoutError:
        raise BrowserError(
            BrowserCode.TIMEOUT,
            f"{tab.id} could not be read within {READ_SECONDS:g} s, so what it shows is not known.",
        ) from None


async def rested(tab: Tab) -> None:
    """Wait for a document that a page waits for.

    Raises:
        BrowserError: it does not come.
    """
    if not await tab.rests(LOAD_SECONDS):
        raise BrowserError(
            BrowserCode.TIMEOUT,
            f"{tab.id} still waits for {tab.awaits}, and shows nothing meanwhile. Nothing was "
            "done: wait, go elsewhere, or use another tab.",
        )


def _unanswered(browsing: Browsing, session: BrowserSession, tab: Tab, done: str | None) -> str:
    """Say what came of an action when the page waits for a document that does not come yet."""
    waits = f"{tab.id} waits for {tab.awaits}, and shows nothing meanwhile: wait, or go elsewhere"
    return "\n".join(filter(None, (done, *_above(browsing, session, tab, ""), waits)))


async def answer(
    browsing: Browsing,
    session: BrowserSession,
    tab: Tab,
    done: str | None,
    *,
    seen: Snapshot | None,
) -> str:
    """Say what came of an action: what has changed, or all of a page that was not seen before."""
    snapshot = await taken(tab)
    is_known = seen is not None and browsing.seen.get(tab.page) is seen
    shown = difference(seen, snapshot) if is_known and seen else fitting(snapshot).text
    browsing.seen[tab.page] = snapshot
    text = told(browsing, session, tab, snapshot, shown)
    return f"{done}\n{text}" if done else text


def told(
    browsing: Browsing, session: BrowserSession, tab: Tab, snapshot: Snapshot, shown: str
) -> str:
    """Put together where it is, what happened, and what the page shows."""
    lines = [*_above(browsing, session, tab, snapshot.title), *snapshot.notes]
    return "\n".join([*lines, wrapped(shown)])


def _above(browsing: Browsing, session: BrowserSession, tab: Tab, title: str) -> list[str]:
    """Say where it is, and what happened."""
    entries = [
        event
        for event in session.logs.events.news().entries
        if not (isinstance(event, Navigated) and (event.tab, event.url) == (tab.id, tab.url))
    ]
    happened = results.news(entries, browsing.refusals(session.name))
    return [results.head(session, tab, title), *happened]
