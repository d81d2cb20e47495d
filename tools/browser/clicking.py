"""Acting on what a page shows."""

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Final, Literal

from annotated_types import Interval

from tools.base import tool
from tools.browser.acting import ACTION_MS, Hand, act
from tools.browser.download_calls import saving, touched
from tools.context import ToolContext
from tools.tool_classes import ToolClass

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Locator, Page, Position

TAB_SECONDS: Final = 3.0
"""For a tab that a click opens to come up."""

DRAG_STEPS: Final = 10
"""Moves of the pointer: lists sort themselves by them."""

Modifier = Literal["Alt", "Control", "Meta", "Shift"]


@tool(ToolClass.BROWSER_MUTATE, access=touched)
async def browser_click(
    context: ToolContext,
    ref: str,
    tab: str | None = None,
    button: Literal["left", "right", "middle"] = "left",
    count: Annotated[int, Interval(ge=1, le=3)] = 1,
    modifiers: list[Modifier] | None = None,
    download: bool = False,
) -> str:
    """Click an element, and show what has changed.

    Args:
        ref: of the element, as in what was shown last.
        tab: which tab; the active one if left out.
        button: "left", "right" or "middle".
        count: 2 is a double click.
        modifiers: keys to hold: "Alt", "Control", "Meta", "Shift".
        download: the click downloads a file: save it in the workspace's folder "downloads". Without
            this, downloads are refused.
    """

    async def click(hand: Hand) -> None:
        element = await hand.element(ref)
        # As a person does: what changes under the pointer has done so before the button goes down.
        await element.hover(timeout=ACTION_MS)
        async with _other_tab(hand.tab.page):
            await element.click(
                button=button,
                click_count=count,
                modifiers=modifiers,
                timeout=ACTION_MS,
                no_wait_after=True,
            )

    return await act(context, saving(context, click) if download else click, tab=tab)


_DEBUGGERS: "weakref.WeakKeyDictionary[Page, CDPSession]" = weakref.WeakKeyDictionary()
"""Made once for each page, and gone with it: letting go of one waits for a page that loads."""


@asynccontextmanager
async def _other_tab(page: "Page") -> AsyncIterator[None]:
    """Wait for the tab that a click opens: it is told of only when it has come up.

    That it will, the browser says before the click is over.
    """
    announced, opened = asyncio.Event(), asyncio.Event()
    if page not in _DEBUGGERS:
        _DEBUGGERS[page] = await page.context.new_cdp_session(page)
        await _DEBUGGERS[page].send("Page.enable")
    debugger = _DEBUGGERS[page]
    note = lambda _: opened.set()  # noqa: E731  (removed by identity)
    announce = lambda _: announced.set()  # noqa: E731  (as above)
    page.context.on("page", note)
    debugger.on("Page.windowOpen", announce)
    try:
        yield
        if announced.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(opened.wait(), TAB_SECONDS)
    finally:
        debugger.remove_listener("Page.windowOpen", announce)
        page.context.remove_listener("page", note)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_hover(context: ToolContext, ref: str, tab: str | None = None) -> str:
    """Move the pointer over an element, and show what has changed.

    Args:
        ref: of the element.
        tab: which tab; the active one if left out.
    """

    async def hover(hand: Hand) -> None:
        await (await hand.element(ref)).hover(timeout=ACTION_MS)

    return await act(context, hover, tab=tab)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_drag(
    context: ToolContext,
    source: str,
    target: str,
    at: Literal["middle", "before", "after"] = "middle",
    tab: str | None = None,
) -> str:
    """Drag an element onto another one, and show what has changed.

    Args:
        source: ref of the element that is dragged.
        target: ref of the one that it is dropped on.
        at: "before" or "after" drops near that edge of the target, to put an entry of a list there.
        tab: which tab; the active one if left out.
    """

    async def drag(hand: Hand) -> None:
        onto = await hand.element(target, for_click=False)
        dragged = await hand.element(source)
        await dragged.drag_to(
            onto,
            timeout=ACTION_MS,
            no_wait_after=True,
            steps=DRAG_STEPS,
            target_position=None if at == "middle" else await _edge(dragged, onto, at),
        )

    return await act(context, drag, tab=tab)


async def _edge(
    dragged: "Locator", onto: "Locator", at: Literal["before", "after"]
) -> "Position | None":
    """Give a place an eighth from an edge of the target, along the longer way of the drag."""
    start, end = await dragged.bounding_box(), await onto.bounding_box()
    if start is None or end is None:
        return None
    share = 0.125 if at == "before" else 0.875
    is_upright = abs(end["y"] - start["y"]) >= abs(end["x"] - start["x"])
    x, y = (0.5, share) if is_upright else (share, 0.5)
    return {"x": end["width"] * x, "y": end["height"] * y}


@tool(ToolClass.BROWSER_MUTATE)
async def browser_scroll(
    context: ToolContext,
    ref: str | None = None,
    dx: int = 0,
    dy: int = 600,
    tab: str | None = None,
) -> str:
    """Scroll the page, or the element under the pointer, and show what has changed.

    Args:
        ref: scroll this element into view, and then by `dx` and `dy` over it.
        dx: pixels to the right.
        dy: pixels down; negative for up.
        tab: which tab; the active one if left out.
    """

    async def scroll(hand: Hand) -> None:
        if ref is not None:
            element = await hand.element(ref, for_click=False)
            await element.scroll_into_view_if_needed(timeout=ACTION_MS)
            await element.hover(timeout=ACTION_MS, force=True)
        await hand.tab.page.mouse.wheel(dx, dy)

    return await act(context, scroll, tab=tab)


@tool(ToolClass.BROWSER_MUTATE)
async def browser_dialog(
    context: ToolContext, accept: bool, text: str | None = None, tab: str | None = None
) -> str:
    """Say how the next dialog of the page (alert, confirm, prompt) is answered.

    Call it before the action that opens the dialog, in the same reply if you like. Dialogs are
    otherwise dismissed at once, and told in the result.

    Args:
        accept: true for OK, false for Cancel.
        text: what to type into a prompt.
        tab: which tab; the active one if left out.
    """

    async def arm(hand: Hand) -> str:
        hand.tab.arm_dialog(accept=accept, text=text)
        return f"the next dialog will be {'accepted' if accept else 'dismissed'}"

    return await act(context, arm, tab=tab, needs_page=False)


CLICKING: Final = (browser_click, browser_hover, browser_drag, browser_scroll, browser_dialog)
