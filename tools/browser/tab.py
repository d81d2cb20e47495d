"""One tab of a session: a page under an id that the model knows."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.browser.events import page_text, page_url

if TYPE_CHECKING:
    from playwright.async_api import Page, Request


@dataclass(frozen=True, slots=True)
class DialogAnswer:
    """What a page's next dialog is answered with."""

    accept: bool
    text: str | None = None
    """For a prompt."""


class Tab:
    """A page and what is known of it. On the owner's loop only.

    The page of a tab changes when it crashed or hung: what belongs to a page (refs, a snapshot) is
    kept by its `page`, not by its tab, best in a `WeakKeyDictionary`.
    """

    def __init__(self, tab_id: str, page: "Page") -> None:
        self.id = tab_id
        """Stable, and never given twice in a session."""
        self.page = page
        self.opener: str | None = None
        """The tab whose page opened this one."""
        self.status: int | None = None
        """Of the document that it shows; None where there is none, as for `about:blank`."""
        self.crashed = asyncio.Event()
        """Set when the page's process has ended."""
        self.armed: DialogAnswer | None = None
        self._awaited: Request | None = None
        self._rests = asyncio.Event()
        self._rests.set()
        self.answered: tuple[str, int] | None = None
        """URL and status of the main document's latest answer; it may not be shown yet."""

    def __repr__(self) -> str:
        state = "crashed" if self.crashed.is_set() else "closed" if self.is_closed else "open"
        return f"<Tab {self.id} {state} {self.url}>"

    @property
    def url(self) -> str:
        """Of the document that it shows, fit to be shown."""
        return page_url(self.page.url)

    @property
    def is_closed(self) -> bool:
        """Whether its page is closed."""
        return self.page.is_closed()

    @property
    def awaits(self) -> str:
        """URL of a document that was asked for and is not there yet; "" when none is.

        Meanwhile a page answers nothing, though it does not hang.
        """
        return "" if self._awaited is None else page_url(self._awaited.url)

    def asked(self, document: "Request") -> None:
        """Take in that another document is asked for."""
        self._awaited = document
        self._rests.clear()

    def stays(self, document: "Request") -> None:
        """Take in that a document will not come: it failed, or is a download."""
        if self._awaited == document:
            self.came()

    def came(self) -> None:
        """Take in that no document is waited for any more."""
        self._awaited = None
        self._rests.set()

    async def rests(self, seconds: float) -> bool:
        """Wait until no document is waited for, so long at most; say whether that is so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rests.wait()
        return self._awaited is None

    async def title(self) -> str:
        """Give the document's title, fit to be shown; it hangs with a page that hangs."""
        return page_text(await self.page.title())

    def show(self, page: "Page") -> None:
        """Go on with another page, of which nothing is known yet."""
        self.page = page
        self.status = self.answered = self.armed = None
        self.crashed = asyncio.Event()
        self.came()

    def arm_dialog(self, *, accept: bool, text: str | None = None) -> None:
        """Have the next dialog answered so; without this it is dismissed.

        One that asks whether to leave the page is always accepted, and does not count.
        """
        self.armed = DialogAnswer(accept, text)
