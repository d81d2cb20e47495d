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
from tools.browser.refs import check
from tools.browser.session import BrowserSession
from tools.browser.settling import settled, watched
from tools.browser.snapshot import Snapshot, take
from tools.browser.tab import Tab
from tools.browser.untrusted import wrapped
from tools.browser.views import View, fitting
from tools.context import ToolContext

if TYPE_CHECKING:
    from playwright.async_api import Locator

ACTION_MS: Final = 5_000
"""Milliseconds for one action of Playwright's; what cannot be acted on is told at once."""

SECONDS: Final = 60.0
"""For the work of one call."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A tab that is worked in, and what the model saw last of its page."""

    session: BrowserSession
    tab: Tab
    seen: Snapshot | None

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


Action: TypeAlias = Callable[[Hand], Awaitable[str | None]]
"""Does something in a tab; gives what else is to be told."""


async def act(
    context: ToolContext, action: Action, *, tab: str | None = None, shows_all: bool = False
) -> str:
    """Do something in a tab, and give what came of it; `shows_all` shows the whole page."""
    browsing = context.service(Browsing)

    async def work(session: BrowserSession, tab: Tab) -> str:
        seen = browsing.seen.get(tab.page)
        async with watched(tab.page) as activity:
            told = await action(Hand(session, tab, seen))
            tab = session.active or tab
            rest = await settled(tab.page, activity)
        if not rest.is_quiet:
            told = f"{told or ''}\nthe page still loads".strip()
        return await answer(browsing, session, tab, told, seen=None if shows_all else seen)

    return await browsing.manager.use(
        context.session, work, timeout=SECONDS, tab=tab, call=context.call
    )


async def look(
    context: ToolContext,
    show: Callable[[Hand, Snapshot], Awaitable[View]],
    *,
    tab: str | None = None,
) -> str:
    """Look at a tab, and give a part of what it shows."""
    browsing = context.service(Browsing)

    async def work(session: BrowserSession, tab: Tab) -> str:
        snapshot = await take(tab.page)
        view = await show(Hand(session, tab, snapshot), snapshot)
        browsing.seen[tab.page] = snapshot
        return told(browsing, session, tab, snapshot, view.text)

    return await browsing.manager.use(
        context.session, work, timeout=SECONDS, tab=tab, call=context.call
    )


async def answer(
    browsing: Browsing,
    session: BrowserSession,
    tab: Tab,
    done: str | None,
    *,
    seen: Snapshot | None,
) -> str:
    """Say what came of an action: what has changed, or all of a page that was not seen before."""
    snapshot = await take(tab.page)
    is_known = seen is not None and browsing.seen.get(tab.page) is seen
    shown = difference(seen, snapshot) if is_known and seen else fitting(snapshot).text
    browsing.seen[tab.page] = snapshot
    text = told(browsing, session, tab, snapshot, shown)
    return f"{done}\n{text}" if done else text


def told(
    browsing: Browsing, session: BrowserSession, tab: Tab, snapshot: Snapshot, shown: str
) -> str:
    """Put together where it is, what happened, and what the page shows."""
    happened = results.news(session.logs.events.news().entries, browsing.refusals(session.name))
    lines = [results.head(session, tab, snapshot.title), *happened, *snapshot.notes]
    return "\n".join([*lines, wrapped(shown, tab.url)])
