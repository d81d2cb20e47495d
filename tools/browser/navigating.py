"""Going to pages, and between tabs."""

from typing import TYPE_CHECKING, Annotated, Final, Literal

from annotated_types import Interval

from tools.addresses import WEB, parse
from tools.base import tool
from tools.browser.acting import Hand, act, look
from tools.browser.banners import dismiss
from tools.browser.browsing import Browsing
from tools.browser.download_calls import saving, touched
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.recovery import stop_loading
from tools.browser.snapshot import Snapshot
from tools.browser.views import View
from tools.context import ToolContext
from tools.tool_classes import ToolClass

if TYPE_CHECKING:
    from playwright.async_api import Response

LOAD_MS: Final = 5_000
"""Milliseconds for what a page loads after its document is there."""

_FORBIDDEN: Final = 403

_IS_FILE: Final = "Download is starting"
"""In an error of Playwright's."""
_IS_ERROR_PAGE: Final = 'interrupted by another navigation to "chrome-error:'

_MOVES: Final = ("back", "forward", "reload")


@tool(ToolClass.BROWSER_MUTATE, access=touched)
async def browser_navigate(
    context: ToolContext,
    url: str,
    tab: str | None = None,
    timeout_seconds: Annotated[float, Interval(gt=0, le=50)] = 20.0,
    download: bool = False,
) -> str:
    """Go to an address, and show the page. Cookie banners and overlays in the way are closed.

    Elements are shown with a ref, such as [ref=e12], by which the other tools take them. Addresses
    on this machine and in private networks are refused, unless the user has allowed them.

    Args:
        url: http or https; or "back", "forward", "reload".
        tab: which tab; the active one if left out.
        timeout_seconds: for the document, at most 50; what it loads gets 5 seconds more.
        download: the address is a file: save it in the workspace's folder "downloads". Without
            this, downloads are refused.
    """
    if url not in _MOVES:
        parse(url, WEB)

    async def go(hand: Hand) -> str | None:
        page = hand.tab.page
        response = await _gone(hand, url, timeout_seconds * 1_000, download=download)
        if response is not None and response.status == _FORBIDDEN:
            _check_allowed(context, page.url)
        await _loaded(hand)
        closed = await dismiss(page)
        return f"closed: {', '.join(map(str, closed))}" if closed else None

    return await act(
        context, saving(context, go) if download else go, tab=tab, shows_all=True, needs_page=False
    )


def _check_allowed(context: ToolContext, url: str) -> None:
    """Tell a refusal of ours from one of the server."""
    target = parse(url, WEB)
    for refused in context.service(Browsing).refusals(context.session):
        where, _, why = refused.partition(": ")
        if where in {f"{target.host}:{target.port}", f"[{target.host}]:{target.port}"}:
            raise BrowserError(BrowserCode.BLOCKED_BY_POLICY, why)


async def _gone(hand: Hand, url: str, milliseconds: float, *, download: bool) -> "Response | None":
    """Go somewhere; an address that is a file leaves the tab where it is."""
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)
    from playwright.async_api import TimeoutError as TooSlow  # noqa: PLC0415  (as above)

    for is_last in (False, True):
        try:
            return await _go(hand, url, milliseconds)
        except TooSlow:
            await stop_loading(hand.tab.page)
            raise BrowserError(
                BrowserCode.TIMEOUT,
                f"{url} sent no document within {milliseconds / 1000:g} s; loading was stopped.",
            ) from None
        except Error as error:
            if _IS_FILE in str(error):
                break
            # The error page of the navigation before came in between.
            if is_last or _IS_ERROR_PAGE not in str(error):
                raise
    if not download:
        raise BrowserError(
            BrowserCode.ACTION_FAILED,
            "The address is a file to be downloaded, and was not saved: say download=true for it. "
            "The tab shows what it did before.",
        )
    return None


async def _go(hand: Hand, url: str, milliseconds: float) -> "Response | None":
    page = hand.tab.page
    match url:
        case "back":
            response = await page.go_back(timeout=milliseconds, wait_until="domcontentloaded")
        case "forward":
            response = await page.go_forward(timeout=milliseconds, wait_until="domcontentloaded")
        case "reload":
            return await page.reload(timeout=milliseconds, wait_until="domcontentloaded")
        case _:
            return await page.goto(url, timeout=milliseconds, wait_until="domcontentloaded")
    if response is None and not hand.activity.navigated:
        raise BrowserError(
            BrowserCode.ACTION_FAILED, f"There is no page to go {url} to in {hand.tab.id}."
        )
    return response


async def _loaded(hand: Hand) -> None:
    from playwright.async_api import TimeoutError as TooSlow  # noqa: PLC0415  (slow to import)

    try:
        await hand.tab.page.wait_for_load_state("load", timeout=LOAD_MS)
    except TooSlow:
        return  # a page that never ends loading is shown as far as it is


@tool(ToolClass.BROWSER_MUTATE)
async def browser_tab(
    context: ToolContext, action: Literal["new", "switch", "close"], tab: str | None = None
) -> str:
    """Open an empty tab, or switch to a tab, or close one; then show the active tab.

    Args:
        action: "new", "switch" or "close".
        tab: which one, such as "t2"; for "close" the active one if left out.
    """

    async def change(hand: Hand) -> str:
        session = hand.session
        chosen = tab or hand.tab.id
        match action:
            case "new":
                return f"opened {(await session.new_tab()).id}"
            case "switch":
                return f"switched to {session.switch(chosen).id}"
            case "close":
                await session.close_tab(chosen)
                if session.active is None:
                    await session.new_tab()
                return f"closed {chosen}"

    return await act(context, change, shows_all=True, needs_page=False)


@tool(ToolClass.BROWSER_READ)
async def browser_tabs(context: ToolContext) -> str:
    """List the open tabs with their addresses; the active one is marked."""

    async def show(hand: Hand, _: Snapshot) -> View:
        active = hand.session.active
        lines = [
            f"{'*' if each is active else ' '} {each.id} {each.url}"
            for each in hand.session.tabs.values()
        ]
        return View("\n".join(lines), len(lines), len(lines))

    return await look(context, show)


NAVIGATING: Final = (browser_navigate, browser_tab, browser_tabs)
