"""Start a browser, or connect to one; or say why there is none, and what to do.

Nothing that fails or is cancelled half way leaves a process.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from tools.browser.driver import Driver
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import page_text
from tools.browser.failures import is_playwrights
from tools.browser.running import Running
from tools.browser.settings import BrowserSettings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
"""Seconds between two tries to connect."""

INSTALL: Final = (
    "Install one: `apt-get install chromium`, or `python -m playwright install chromium`."
)


async def start(settings: BrowserSettings, number: int) -> Running:
    """Start a driver, and a browser or a connection to one.

    Raises:
        BrowserError: there is none to be had; the text says why and what to do.
    """
    driver = Driver()
    opened = False
    try:
        playwright = await driver.start(settings.limits.launch)
        browser = await _browser(driver, playwright, settings)
        opened = True
    except (TimeoutError, OSError, ImportError) as error:
        raise unavailable(error, settings) from error
    except Exception as error:
        if not is_playwrights(error):
            raise
        raise unavailable(error, settings) from error
    finally:
        if not opened:
            await driver.end(settings.limits.close)
    return Running(number, settings, driver, browser)


async def _browser(
    driver: Driver, playwright: "Playwright", settings: BrowserSettings
) -> "Browser":
    if settings.cdp_url is None:
        return await driver.launch(playwright, settings)
    return await connect(playwright, settings.cdp_url, settings.limits.connect)


async def connect(playwright: "Playwright", url: str, seconds: float) -> "Browser":
    """Connect to a browser over CDP; one that is not there yet is waited for.

    Raises:
        playwright.async_api.Error: it was not there in time; the last try's own.
    """
    from playwright.async_api import Error  # noqa: PLC0415  (slow, and imported by now)

    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        left = deadline - time.monotonic()
        try:
            return await playwright.chromium.connect_over_cdp(url, timeout=max(left, 0.1) * 1000)
        except Error:
            if time.monotonic() + pause >= deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def unavailable(error: BaseException, settings: BrowserSettings) -> BrowserError:
    """Say why there is no browser, and what to do about it."""
    log.info("no browser", exc_info=error)
    return BrowserError(BrowserCode.BROWSER_UNAVAILABLE, _why(str(error), settings))


def _why(text: str, settings: BrowserSettings) -> str:
    if settings.cdp_url is not None:
        return (
            f"No browser answered at cdp_url={settings.cdp_url!r} for "
            f"{settings.limits.connect:g} s. Start it with --remote-debugging-port, or correct it."
        )
    if "without --no-sandbox" in text or "No usable sandbox" in text:
        return (
            "The browser's sandbox does not work for this user here. Run as an ordinary user with "
            "user namespaces, or switch it off knowingly (sandbox=False)."
        )
    if "xecutable doesn't exist" in text or "ENOENT" in text:
        named = "" if settings.executable is None else f" at executable={settings.executable}"
        return f"There is no Chromium{named}. {INSTALL}"
    first = next((line for line in text.splitlines() if line.strip()), "it gave no reason")
    return f"The browser did not start: {page_text(first, 300)}."
