"""The page on which a session's previews are shown, and how one takes the place of another.

The rules that this file keeps:

- the next version loads where nobody sees it, and is shown in one step when its document is whole;
  until then, and if it never is, the one before it stays;
- the place to which a person has scrolled stays, as long as it is the same file;
- whatever became of the page (closed, crashed, led away), the next version is shown on a good one.

On the owner's loop only.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import DialogAnswered, page_text
from tools.browser.failures import is_closed_target, is_playwrights
from tools.browser.session import EMPTY, BrowserSession
from tools.browser.tab import Tab
from tools.browser.waiting import done_within
from tools.preview_console import Complaints
from tools.preview_frame import (
    BEGIN,
    HEADERS,
    LATER,
    ORIGIN,
    OURS,
    OUTER,
    SCROLL,
    SHOW,
    SHOWN,
    WHERE,
    Draft,
    Version,
    outer_page,
)

if TYPE_CHECKING:
    from playwright.async_api import (
        ConsoleMessage,
        ElementHandle,
        Error,
        Frame,
        Page,
        Route,
    )

T = TypeVar("T")

WHOLE_SECONDS: Final = 45.0
"""For a document to be whole; after that it is given up."""

LOAD_SECONDS: Final = 2.0
"""For images and the like of a whole document, before it is shown without them."""

ANSWER_SECONDS: Final = 2.0
"""For a page to answer something simple."""

_PICTURE_SECONDS: Final = 10.0
_QUALITY: Final = 70


@dataclass(frozen=True, slots=True)
class Displayed:
    """A version that is, or was, shown."""

    title: str
    complaints: tuple[str, ...] = ()
    left_out: int = 0
    """Further complaints."""
    dialogs: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    """Addresses that it asked for and may not reach, each with the reason."""
    is_loading: bool = False
    """Whether it was shown before all that it loads was there."""
    hangs: bool = False
    """Whether it does not answer since it was shown."""
    picture: bytes | None = None
    """JPEG."""


@dataclass(frozen=True, slots=True)
class NotShown:
    """A version that nobody is shown, and why."""

    why: str


class PreviewPage:
    """One window's page."""

    def __init__(self, refusals: Callable[[], list[str]]) -> None:
        self._refusals = refusals
        self._page: Page | None = None
        self._count = 0
        self._shown: Version | None = None
        self._coming: Version | None = None
        self._complaints: Complaints | None = None
        """Of the version that is coming; None when nobody would be told."""

    def __repr__(self) -> str:
        shown = None if self._shown is None else self._shown.number
        return f"<PreviewPage shows {shown} of {self._count}>"

    async def show(self, draft: Draft, session: BrowserSession, tab: Tab) -> Displayed | NotShown:
        """Show a version in place of the one before.

        Raises:
            BrowserError: `page_hung`: the page that is shown keeps the next one from loading.
            playwright.async_api.Error: the page, or the browser, ended meanwhile.
        """
        page = await self._ready(session, tab)
        place = await self._place(page, draft)
        version = self._next(draft, session)
        holder, frame = await _begin(page, version)
        if not await _becomes_whole(frame):
            return NotShown(
                f"the document was not whole after {WHOLE_SECONDS:g} s: does a script of it not "
                "end, or wait for something that does not come?"
            )
        has_loaded = await _loads(frame)
        if place is not None:
            with suppress(TimeoutError):
                await _answer(frame.evaluate(SCROLL, place))
        # Before the step itself, which may be done although this is cancelled meanwhile.
        self._shown = version
        await holder.evaluate(SHOW, draft.name)
        title, hangs = await _title(frame)
        complaints, self._complaints = self._complaints, None
        return Displayed(
            title=title,
            complaints=tuple(complaints.lines) if complaints else (),
            left_out=complaints.left_out if complaints else 0,
            dialogs=_dialogs(session),
            refused=tuple(self._refusals()),
            is_loading=not has_loaded,
            hangs=hangs,
            picture=await _picture(page) if draft.with_picture else None,
        )

    def _next(self, draft: Draft, session: BrowserSession) -> Version:
        """Begin a version; what was noted before is not its doing."""
        self._count += 1
        self._coming = Version(self._count, draft)
        self._complaints = Complaints(self._coming)
        self._refusals()
        session.logs.events.news()
        return self._coming

    async def _ready(self, session: BrowserSession, tab: Tab) -> "Page":
        """Give the outer page, opened if it is not."""
        page = self._page
        if page is None or page.is_closed() or page.context is not session.context:
            page = await self._open(session, tab)
        if page.url != OUTER:
            self._shown = None
            await page.goto(OUTER, wait_until="domcontentloaded")
        return page

    async def _open(self, session: BrowserSession, tab: Tab) -> "Page":
        page = (tab if tab.url == EMPTY else await session.new_tab()).page
        await page.route(OURS, self._serve)
        page.on("console", self._wrote)
        page.on("pageerror", self._threw)
        self._page = page
        return page

    def _wrote(self, message: "ConsoleMessage") -> None:
        if self._complaints is not None:
            self._complaints.message(message)

    def _threw(self, error: "Error") -> None:
        if self._complaints is not None:
            self._complaints.error(error)

    async def _serve(self, route: "Route") -> None:
        """Answer a request for one of our addresses; there is nothing but the page itself."""
        url = route.request.url.partition("#")[0]
        body = outer_page(self._shown) if url == OUTER else self._html(url)
        answer = partial(route.fulfill, headers=HEADERS)
        # A request that is broken off meanwhile cannot be answered.
        await done_within(
            answer(status=404, body="") if body is None else answer(body=body), WHOLE_SECONDS
        )

    def _html(self, url: str) -> str | None:
        for version, exactly in ((self._coming, True), (self._shown, False)):
            if version is not None and version.answers(url, exactly=exactly):
                return version.draft.html
        return None

    async def _place(self, page: "Page", draft: Draft) -> list[float] | None:
        """Give where a person has scrolled to; None when this means nothing for the next page."""
        holder = await page.query_selector(SHOWN)
        frame = None if holder is None else await holder.content_frame()
        if frame is None or self._shown is None:
            return None
        try:
            place = await _answer(frame.evaluate(WHERE))
        except TimeoutError:
            why = "The page that is shown does not answer."
            raise BrowserError(BrowserCode.PAGE_HUNG, why) from None
        is_same = frame.url.startswith(ORIGIN) and self._shown.draft.name == draft.name
        return cast("list[float] | None", place) if is_same else None


async def _begin(page: "Page", version: Version) -> "tuple[ElementHandle, Frame]":
    """Have a version loaded where nobody sees it."""
    holder = (await page.evaluate_handle(BEGIN, version.url)).as_element()
    frame = None if holder is None else await holder.content_frame()
    if holder is None or frame is None:
        raise BrowserError(BrowserCode.NAV_FAILED, "The preview's page was closed meanwhile.")
    return holder, frame


async def _becomes_whole(frame: "Frame") -> bool:
    from playwright.async_api import TimeoutError as TooSlow  # noqa: PLC0415  (slow to import)

    try:
        # Any address: a script of it may have changed it by now.
        await frame.wait_for_url(
            lambda url: url != EMPTY,
            wait_until="domcontentloaded",
            timeout=WHOLE_SECONDS * 1_000,
        )
    except TooSlow:
        return False
    return True


async def _loads(frame: "Frame") -> bool:
    from playwright.async_api import TimeoutError as TooSlow  # noqa: PLC0415  (slow to import)

    try:
        await frame.wait_for_load_state("load", timeout=LOAD_SECONDS * 1_000)
    except TooSlow:
        return False
    return True


async def _answer(question: Coroutine[Any, Any, T]) -> T | None:
    """Ask a page something; None when it is on its way to another document.

    Raises:
        TimeoutError: it does not answer.
    """
    try:
        return await asyncio.wait_for(question, ANSWER_SECONDS)
    except Exception as error:
        if not is_playwrights(error) or is_closed_target(error):
            raise
        return None


async def _title(frame: "Frame") -> tuple[str, bool]:
    """Give a document's title a moment later, and whether it hangs."""
    try:
        return page_text(str(await _answer(frame.evaluate(LATER)) or "")), False
    except TimeoutError:
        return "", True


async def _picture(page: "Page") -> bytes | None:
    from playwright.async_api import TimeoutError as TooSlow  # noqa: PLC0415  (slow to import)

    milliseconds = _PICTURE_SECONDS * 1_000
    try:
        return await page.screenshot(type="jpeg", quality=_QUALITY, timeout=milliseconds)
    except TooSlow:
        return None


def _dialogs(session: BrowserSession) -> tuple[str, ...]:
    events = session.logs.events.news().entries
    return tuple(f"{e.kind} {e.message!r}" for e in events if isinstance(e, DialogAnswered))
