"""Looking at what a page shows."""

import asyncio
from typing import Annotated, Final, Literal

from annotated_types import Interval

from tools.base import tool
from tools.browser.acting import ACTION_MS, Hand, look
from tools.browser.browsing import Browsing
from tools.browser.results import head
from tools.browser.session import BrowserSession
from tools.browser.settling import Activity
from tools.browser.snapshot import Snapshot
from tools.browser.tab import Tab
from tools.browser.untrusted import wrapped
from tools.browser.values import read_value
from tools.browser.views import MOST_CHARACTERS, Mode, View, find, fitting, view
from tools.content import Image
from tools.context import ToolContext
from tools.errors import ToolError
from tools.tool_classes import ToolClass

QUALITY: Final = 70
LARGEST_SIDE: Final = 8_000
"""Pixels of a picture that the API takes."""


@tool(ToolClass.BROWSER_READ)
async def browser_read_page(
    context: ToolContext,
    mode: Literal["fitting", "interactive", "full", "text", "value"] = "fitting",
    ref: str | None = None,
    find_text: str | None = None,
    cursor: str | None = None,
    max_chars: Annotated[int, Interval(ge=500, le=50_000)] = MOST_CHARACTERS,
    tab: str | None = None,
) -> str:
    """Show the page, or a part of it.

    Args:
        mode: "fitting": as much as fits; "interactive": what can be acted on; "full": every
            element; "text": what there is to read; "value": the exact value or text of `ref`.
        ref: only what is in this element.
        find_text: only the lines with this text, at most 20, with what stands around them.
        cursor: where to read on, as the last result said.
        max_chars: of the result, 500 to 50,000.
        tab: which tab; the active one if left out.
    """

    async def show(hand: Hand, snapshot: Snapshot) -> View:
        if find_text is not None:
            return find(snapshot, find_text, most=max_chars)
        if mode == "value":
            return await _value(hand, snapshot, ref, cursor or "", max_chars)
        if mode == "fitting" and not cursor:
            return fitting(snapshot, ref=ref or "", most=max_chars)
        chosen = Mode.FULL if mode == "fitting" else Mode(mode)
        return view(snapshot, chosen, ref=ref or "", cursor=cursor or "", most=max_chars)

    return await look(context, show, tab=tab)


async def _value(hand: Hand, snapshot: Snapshot, ref: str | None, cursor: str, most: int) -> View:
    seen = None if ref is None else snapshot.elements.get(ref)
    if ref is None or seen is None:
        raise ToolError(f'ref: mode "value" gives the value of one element; {ref!r} is none')
    return await read_value(hand.tab.page, ref, seen, cursor=cursor, most=most)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_screenshot(
    context: ToolContext, ref: str | None = None, full_page: bool = False, tab: str | None = None
) -> list[str | Image]:
    """Take a picture of what is visible, of an element, or of the whole page.

    Args:
        ref: only this element.
        full_page: the whole page, down to 8,000 pixels.
        tab: which tab; the active one if left out.
    """
    browsing = context.service(Browsing)

    async def work(session: BrowserSession, tab: Tab) -> list[str | Image]:
        hand = Hand(session, tab, browsing.seen.get(tab.page), Activity(tab.page))
        size = 0
        if ref is not None:
            element = await hand.element(ref, for_click=False)
            data = await element.screenshot(type="jpeg", quality=QUALITY, timeout=2 * ACTION_MS)
        else:
            size = await tab.page.evaluate("() => document.documentElement.scrollHeight")
            data = await tab.page.screenshot(
                type="jpeg",
                quality=QUALITY,
                full_page=full_page and size <= LARGEST_SIDE,
                timeout=4 * ACTION_MS,
            )
        where = head(session, tab, await tab.title())
        too_long = full_page and size > LARGEST_SIDE
        note = f"\nthe page is {size:,} pixels high: only what is visible is shown" * too_long
        return [where + note, Image(data)]

    return await browsing.manager.use(context.session, work, timeout=60, tab=tab, call=context.call)


@tool(ToolClass.BROWSER_READ)
async def browser_wait(
    context: ToolContext,
    text: str | None = None,
    gone: str | None = None,
    seconds: Annotated[float, Interval(gt=0, le=20)] = 5.0,
    tab: str | None = None,
) -> str:
    """Wait until a text is on the page, or is gone, or for some seconds; then show the page.

    Args:
        text: wait until this is shown.
        gone: wait until this is not shown any more.
        seconds: how long at most; without a text, how long.
        tab: which tab; the active one if left out.
    """

    async def first(tab: Tab) -> str:
        return await _waited(tab, text, gone, seconds)

    async def show(_: Hand, snapshot: Snapshot) -> View:
        return fitting(snapshot)

    return await look(context, show, tab=tab, first=first)


async def _waited(tab: Tab, text: str | None, gone: str | None, seconds: float) -> str:
    from playwright.async_api import TimeoutError as TooSlow  # noqa: PLC0415  (slow to import)

    if text is None and gone is None:
        await asyncio.sleep(seconds)
        return f"[waited {seconds:g} s]"
    wanted = text if text is not None else gone or ""
    state: Literal["visible", "hidden"] = "visible" if text is not None else "hidden"
    found = tab.page.get_by_text(wanted).first
    try:
        await found.wait_for(state=state, timeout=seconds * 1_000)
    except TooSlow:
        return f"[{wanted!r} did not become {state} within {seconds:g} s]"
    return f"[{wanted!r} is {state}]"


@tool(ToolClass.BROWSER_READ)
async def browser_logs(
    context: ToolContext,
    kind: Literal["console", "network"] = "console",
    since: Annotated[int, Interval(ge=0)] = 0,
) -> str:
    """Show what pages wrote to the console, or the requests that failed; at most 50 lines.

    Args:
        kind: "console" or "network".
        since: the number to read from, as the last result said.
    """
    browsing = context.service(Browsing)

    async def work(session: BrowserSession, _: Tab) -> str:
        log = session.logs.console if kind == "console" else session.logs.network
        found = log.since(since)
        entries = found.entries[:MOST_LINES]
        end = found.next - (len(found.entries) - len(entries))
        lines = [" ".join(str(part) for part in _parts(each)) for each in entries]
        lost = f" ({found.lost} older ones are lost)" if found.lost else ""
        body = wrapped("\n".join(lines) or "(nothing)", kind)
        return f"{len(lines)} lines{lost}; go on with since={end}\n{body}"

    return await browsing.manager.use(context.session, work, timeout=20, call=context.call)


MOST_LINES: Final = 50


def _parts(entry: object) -> list[object]:
    values = [getattr(entry, name) for name in getattr(entry, "__slots__", ())]
    return [value for value in values if value not in {None, ""}]


READING: Final = (browser_read_page, browser_screenshot, browser_wait, browser_logs)
