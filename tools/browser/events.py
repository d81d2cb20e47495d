"""What happens in a session's browser beside what was asked for, remembered in bounded logs.

All text comes from pages: it is cleaned and cut before it gets here (`page_text`).
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeAlias, TypeVar

from tools.browser.untrusted import scrubbed

MOST_TEXT: Final = 500
"""Characters of one text of a page, such as a dialog's message."""

MOST_URL: Final = 2000

MOST_EVENTS: Final = 200
MOST_LINES: Final = 500
"""Of the console, and of the network, in a session."""


class DialogKind(StrEnum):
    """What a page may ask."""

    ALERT = "alert"
    CONFIRM = "confirm"
    PROMPT = "prompt"
    BEFOREUNLOAD = "beforeunload"


@dataclass(frozen=True, slots=True)
class DialogAnswered:
    """A page showed a dialog, which was answered at once."""

    tab: str
    kind: DialogKind
    message: str
    accepted: bool
    text: str | None = None
    """What a prompt was answered with."""


@dataclass(frozen=True, slots=True)
class TabOpened:
    """A page opened another one; it is a tab, and not the active one."""

    tab: str
    opener: str | None
    url: str


@dataclass(frozen=True, slots=True)
class TabRefused:
    """A page opened another one when there were too many; it was closed."""

    opener: str | None
    url: str


@dataclass(frozen=True, slots=True)
class TabGone:
    """A tab was closed by its page, or from outside."""

    tab: str
    url: str


@dataclass(frozen=True, slots=True)
class TabCrashed:
    """The process of a tab's page ended."""

    tab: str
    url: str


@dataclass(frozen=True, slots=True)
class TabReplaced:
    """A tab whose page crashed or hung has an empty page now; its id is the same."""

    tab: str
    url: str
    """What it showed."""


@dataclass(frozen=True, slots=True)
class Navigated:
    """A tab shows another document, or another part of one."""

    tab: str
    url: str
    status: int | None
    """Of HTTP; None where there is none."""


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A download is over."""

    tab: str
    url: str
    name: str
    path: str | None
    """Where it was saved, relative to the workspace; None when it was not."""
    size: int = 0
    """Bytes."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DownloadStarted:
    """A download has begun; `Downloaded` follows."""

    tab: str
    url: str
    name: str


Event: TypeAlias = (
    DialogAnswered
    | TabOpened
    | TabRefused
    | TabGone
    | TabCrashed
    | TabReplaced
    | Navigated
    | DownloadStarted
    | Downloaded
)


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """What a page wrote to its console, or an error that it did not catch (level `pageerror`)."""

    tab: str
    level: str
    text: str
    source: str = ""
    """URL and line."""


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request without an answer, or with one of status 400 or more."""

    tab: str
    method: str
    url: str
    status: int | None
    error: str | None = None


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Since(Generic[T]):
    """What a log took in since a certain number."""

    entries: tuple[T, ...]
    next: int
    """The number to ask from the next time."""
    lost: int = 0
    """Older entries that made room."""


class Log(Generic[T]):
    """The latest entries, each with a number that counts from 0 and is never given twice."""

    def __init__(self, most: int) -> None:
        self._entries: deque[T] = deque(maxlen=most)
        self._count = 0
        self._told = 0

    def __repr__(self) -> str:
        return f"<Log {len(self._entries)} of {self._count}, {self._told} told>"

    def add(self, entry: T) -> None:
        """Take an entry in; the oldest makes room."""
        self._entries.append(entry)
        self._count += 1

    def since(self, number: int) -> Since[T]:
        """Give what came with this number or later."""
        first = self._count - len(self._entries)
        start = max(0, number)
        skipped = max(0, start - first)
        lost = max(0, first - start)
        return Since(tuple(self._entries)[skipped:], self._count, lost)

    def news(self) -> Since[T]:
        """Give what came since this was last asked."""
        news = self.since(self._told)
        self._told = self._count
        return news


class Logs:
    """What happened in one session."""

    def __init__(self) -> None:
        self.events: Log[Event] = Log(MOST_EVENTS)
        self.console: Log[ConsoleLine] = Log(MOST_LINES)
        self.network: Log[FailedRequest] = Log(MOST_LINES)

    def __repr__(self) -> str:
        return f"<Logs events {self.events!r}, console {self.console!r}, network {self.network!r}>"


def page_text(text: str, most: int = MOST_TEXT) -> str:
    """Make a page's text fit to be shown: cleaned, and cut with a mark."""
    text = scrubbed(text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 1]}…"


def page_url(url: str) -> str:
    """Make a page's URL fit to be shown; a `data:` URL is long."""
    return page_text(url, MOST_URL)
