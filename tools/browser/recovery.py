"""Run work in a tab within its time, and find out what became of page and browser when it fails.

The order of the questions: was the session ended; is the browser gone; did the page crash, close
itself, or does it not answer any more; and only then, what the error itself says.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import page_url
from tools.browser.failures import (
    is_closed_target,
    is_playwrights,
    is_time_limit,
    says_crashed,
    translated,
)
from tools.browser.running import Running
from tools.browser.session import BrowserSession, restarted
from tools.browser.tab import Tab
from tools.browser.waiting import done_within

if TYPE_CHECKING:
    from playwright.async_api import Page

log = logging.getLogger(__name__)

T = TypeVar("T")

_UNKNOWN = "Whether the action took effect is not known."


@dataclass(frozen=True, slots=True)
class _Shown:
    """A tab with what it showed when the work began: another call may have replaced it since."""

    tab: Tab
    page: "Page"
    crashed: asyncio.Event


class Recovery:
    """For one use of one session in one browser."""

    def __init__(
        self, session: BrowserSession, running: Running, lose: Callable[[Running], None]
    ) -> None:
        self._session = session
        self._running = running
        self._lose = lose
        self._limits = session.settings.limits

    def __repr__(self) -> str:
        return f"<Recovery of {self._session!r} in {self._running!r}>"

    async def open(self, tab_id: str | None) -> Tab:
        """Give the tab to work in, opened if need be.

        Raises:
            BrowserError: there is none; nothing was done.
        """
        try:
            async with asyncio.timeout(self._limits.open):
                return await self._session.ready(self._running, tab_id)
        except TimeoutError:
            raise await self._not_opened(f"it took over {self._limits.open:g} s") from None
        except Exception as error:
            if not is_playwrights(error):
                raise
            raise await self._not_opened(translated(error).message) from error

    async def _not_opened(self, why: str) -> BrowserError:
        self._check_session()
        answers = await self._running.answers()
        lost = await self._session.reset(self._running)
        if answers:
            return BrowserError(
                BrowserCode.BROWSER_UNAVAILABLE,
                f"No page could be opened: {why.rstrip('.')}. Nothing was done. {lost}".rstrip(),
            )
        self._lose(self._running)
        return restarted(f"The browser had ended. Nothing was done. {lost}".rstrip())

    async def run(self, work: Coroutine[Any, Any, T], tab: Tab, seconds: float) -> T:
        """Run work within its time.

        Raises:
            BrowserError: it failed, or the time was over.
        """
        shown = _Shown(tab, tab.page, tab.crashed)
        task = asyncio.create_task(work)
        try:
            await _first_of(task, shown.crashed.wait(), seconds)
        except asyncio.CancelledError:
            await self._stop(task, shown)
            raise
        if not task.done():
            answers = await self._stop(task, shown)
            raise await self._out_of_time(shown, seconds, answers=answers)
        try:
            return task.result()
        except Exception as error:
            if not is_playwrights(error) and not _is_late(error):
                raise
            raise await self._explained(error, shown) from error

    async def _stop(self, task: "asyncio.Task[Any]", shown: "_Shown") -> bool:
        """End work and what it set going; say whether the page answered.

        A navigation goes on without the call that began it, until it is told to stop.
        """
        task.cancel()
        await asyncio.wait((task,), timeout=self._limits.settle)
        answers = not shown.crashed.is_set() and await done_within(
            stop_loading(shown.page), self._limits.settle
        )
        if not task.done():
            log.error("%r does not end when it is cancelled", task)
        else:
            _seen(task)
        return answers

    async def _out_of_time(self, shown: "_Shown", seconds: float, *, answers: bool) -> BrowserError:
        problem = None if answers else await self._problem(shown, answers=False)
        return problem or BrowserError(
            BrowserCode.TIMEOUT, f"It was not done within {seconds:g} s in tab {shown.tab.id}."
        )

    async def _explained(self, error: BaseException, shown: "_Shown") -> BrowserError:
        self._check_session()
        if says_crashed(error):
            shown.crashed.set()
        suspicious = is_closed_target(error) or _is_late(error) or shown.crashed.is_set()
        problem = await self._problem(shown) if suspicious else None
        return problem or (error if isinstance(error, BrowserError) else translated(error))

    async def _problem(
        self, shown: "_Shown", *, answers: bool | None = None
    ) -> BrowserError | None:
        """Say what became of session, browser and page; None when all of them are well."""
        self._check_session()
        if not await self._running.answers():
            self._lose(self._running)
            lost = self._session.forget(self._running)
            return restarted(f"The browser ended meanwhile. {_UNKNOWN} {lost}".rstrip())
        tab, page, url = shown.tab, shown.page, page_url(shown.page.url)
        if shown.crashed.is_set():
            await self._replace(shown)
            return _lost_page(BrowserCode.PAGE_CRASHED, tab, url, "crashed")
        if page.is_closed():
            return BrowserError(
                BrowserCode.TAB_CLOSED, f"Tab {tab.id} ({url}) closed meanwhile. {_UNKNOWN}"
            )
        if not (await self._answers(shown) if answers is None else answers):
            await self._replace(shown)
            return _lost_page(BrowserCode.PAGE_HUNG, tab, url, "does not answer any more")
        return None

    async def _answers(self, shown: "_Shown") -> bool:
        """Say whether the page answers; one that waits for another document does when told to stop.

        Apart from that it would look like one that hangs, and be replaced.
        """
        page, limits = shown.page, self._limits
        if await done_within(page.evaluate("1"), limits.probe):
            return True
        is_stopped = bool(shown.tab.awaits) and await done_within(stop_loading(page), limits.settle)
        return is_stopped and await done_within(page.evaluate("1"), limits.probe)

    async def _replace(self, shown: "_Shown") -> None:
        if not await done_within(self._session.replace(shown.tab, shown.page), self._limits.open):
            self._lose(self._running)

    def _check_session(self) -> None:
        if self._session.is_ended:
            raise BrowserError(BrowserCode.CANCELLED, "This session's browser was closed.")


def _is_late(error: BaseException) -> bool:
    """Say whether time was over, so that page or browser may not answer any more."""
    return is_time_limit(error) or (
        isinstance(error, BrowserError) and error.code is BrowserCode.TIMEOUT
    )


def _lost_page(code: BrowserCode, tab: Tab, url: str, how: str) -> BrowserError:
    return BrowserError(code, f"The page {url} of tab {tab.id} {how}. {_UNKNOWN}")


async def _first_of(
    task: "asyncio.Task[Any]", other: Coroutine[Any, Any, object], seconds: float
) -> None:
    """Wait for the task or for something else, so long at most."""
    beside = asyncio.create_task(other)
    try:
        await asyncio.wait((task, beside), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        beside.cancel()


def _seen(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()


async def stop_loading(page: "Page") -> None:
    """Give up what a page loads."""
    session = await page.context.new_cdp_session(page)
    await session.send("Page.stopLoading")
    await session.detach()
