"""What a browser tool answers: where it is, what happened, and what the page shows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from tools.browser import events
from tools.browser.session import BrowserSession
from tools.browser.tab import Tab
from tools.browser.untrusted import scrubbed

_FINE: Final = 200


def _dialog(event: events.DialogAnswered) -> str:
    how = "accepted" if event.accepted else "dismissed"
    typed = f" with {event.text!r}" if event.text is not None else ""
    return f"{event.tab}: {event.kind} {event.message!r} was {how}{typed}"


def _download(event: events.Downloaded) -> str:
    if event.path is None:
        return f"{event.tab}: download of {event.name!r} was not saved: {event.error}"
    return f"{event.tab}: downloaded {event.path} ({event.size:,} bytes)"


WORDS: Final[Mapping[type[events.Event], Callable[[Any], str]]] = {
    events.DialogAnswered: _dialog,
    events.TabOpened: lambda event: f"{event.tab} was opened by {event.opener}: {event.url}",
    events.TabRefused: lambda event: f"a page was not opened, too many tabs are: {event.url}",
    events.TabGone: lambda event: f"{event.tab} closed itself: {event.url}",
    events.TabCrashed: lambda event: f"{event.tab} crashed: {event.url}",
    events.TabReplaced: lambda event: f"{event.tab} is empty now; it showed {event.url}",
    events.Navigated: lambda event: f"{event.tab} went to {event.url}",
    events.DownloadStarted: lambda _: "",
    events.Downloaded: _download,
}
"""Each event in a line; none for what needs no telling."""


def head(session: BrowserSession, tab: Tab, title: str) -> str:
    """Say where it is: the tab, its address and status, its title, and the other tabs."""
    status = f" (HTTP {tab.status})" if tab.status not in {None, _FINE} else ""
    others = [each.id for each in session.tabs.values() if each is not tab]
    more = f"; other tabs: {', '.join(others)}" if others else ""
    return f"{tab.id} {scrubbed(tab.url)}{status} {scrubbed(title)!r}{more}"


def news(happened: Iterable[events.Event], refusals: Sequence[str]) -> list[str]:
    """Say in a line each what happened beside what was asked for."""
    lines = [line for event in happened if (line := WORDS[type(event)](event))]
    return [*lines, *(f"refused by the policy: {scrubbed(each)}" for each in refusals)]
