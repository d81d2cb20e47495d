"""Wait until what an action has set off is over: a frame, and what it started, no longer.

```
async with watched(page) as activity:
    await locator.click()
    await settled(page, activity)
```

What was under way before the action is not waited for, nor what never ends (event streams,
sockets, media): a page that polls is as quick as one that does not.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.async_api import Frame, Page, Request

MOST_SECONDS: Final = 2.0
_FRAME: Final = """() => new Promise(done => {
  let moved = false, drawn = false;
  const watcher = new MutationObserver(() => { moved = true; });
  watcher.observe(document, {subtree: true, attributes: true, attributeFilter: ['style']});
  const end = performance.now() + 500;
  const stop = () => { watcher.disconnect(); done(); };
  const isMoving = () => moved || document.getAnimations().some(each =>
    each.playState === 'running' && each.effect && each.effect.getComputedTiming().endTime < 2000);
  const look = () => { drawn = true;
    if (performance.now() > end || !isMoving()) return stop();
    moved = false; requestAnimationFrame(() => setTimeout(look)); };
  requestAnimationFrame(() => setTimeout(look));
  setTimeout(() => drawn || stop(), 100); })"""
"""A frame, and what moves for a moment after an action, as a part of the page that opens."""
_FRAME_SECONDS: Final = 0.8
"""For that; a page that navigates may never answer."""
_ENDLESS: Final = frozenset(("eventsource", "websocket", "media", "ping", "beacon", "prefetch"))


@dataclass(frozen=True, slots=True)
class Settled:
    """How a page came to rest."""

    is_quiet: bool
    """Whether all that the action started is over."""
    navigated: bool
    """Whether another document, or another address of it, is shown."""
    pending: int
    """Requests that still go on."""


class Activity:
    """What a page has started since a certain moment."""

    def __init__(self, page: "Page") -> None:
        self._page = page
        self._pending: set[Request] = set()
        self._changed = asyncio.Event()
        self.navigated = False
        self._loading = False

    def __repr__(self) -> str:
        state = "loading" if self._loading else "loaded"
        return f"<Activity {len(self._pending)} requests pending, {state}>"

    @property
    def pending(self) -> int:
        """Requests that were started and are not over."""
        return len(self._pending)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing that was started goes on."""
        return not self._pending and not self._loading

    async def quiet(self) -> None:
        """Wait until nothing that was started goes on."""
        while self._pending or self._loading:
            self._changed.clear()
            await self._changed.wait()

    def started(self, request: "Request") -> None:
        """Count a request, if it is one that ends."""
        if request.resource_type in _ENDLESS:
            return
        self._pending.add(request)
        self._changed.set()

    def ended(self, request: "Request") -> None:
        """Count a request's end."""
        self._pending.discard(request)
        self._changed.set()

    def failed(self, request: "Request") -> None:
        """Count a request that ended without an answer; a download also does, for its page."""
        if _is_of_main_document(request):
            self._loading = False
        self.ended(request)

    def moved(self, frame: "Frame") -> None:
        """Take in that a frame shows another document."""
        if frame == self._page.main_frame:
            self.navigated = True
        self._changed.set()

    def loaded(self, _: "Page") -> None:
        """Take in that the document is there."""
        self._loading = False
        self._changed.set()

    def committing(self, request: "Request") -> None:
        """Take in that the main document is being replaced."""
        if _is_of_main_document(request):
            self._loading = True


def _is_of_main_document(request: "Request") -> bool:
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    try:
        return request.is_navigation_request() and request.frame.parent_frame is None
    except Error:
        return False  # It has no frame: a worker's, or that of a page which is not there yet.


@asynccontextmanager
async def watched(page: "Page") -> AsyncIterator[Activity]:
    """Note from now on what a page starts, until the context ends."""
    activity = Activity(page)
    handlers = (
        ("request", activity.started),
        ("request", activity.committing),
        ("requestfinished", activity.ended),
        ("requestfailed", activity.failed),
        ("framenavigated", activity.moved),
        ("domcontentloaded", activity.loaded),
    )
    for event, handler in handlers:
        page.on(event, handler)  # type: ignore[call-overload]  # (overloads want literals)
    try:
        yield activity
    finally:
        for event, handler in handlers:
            page.remove_listener(event, handler)


async def settled(page: "Page", since: Activity, *, seconds: float = MOST_SECONDS) -> Settled:
    """Wait a frame, then until all that was started since is over, at most so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _frame(page)
            while not since.is_quiet:
                await since.quiet()
                await _frame(page)  # What came is drawn, and may ask for more.
    return Settled(since.is_quiet, since.navigated, since.pending)


async def _frame(page: "Page") -> None:
    """Wait until the page has drawn once; a page in between two documents has nothing to draw."""
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    try:
        async with asyncio.timeout(_FRAME_SECONDS):
            await page.evaluate(_FRAME)
    except (Error, TimeoutError):
        return
