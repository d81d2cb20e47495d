"""What an error of Playwright's means, read from its text: pure, and no more than a table.

The text is in the versions that are supported; what matches nothing is told as it is.
"""

import re
from typing import Final

from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.events import page_text

_CALL: Final = re.compile(r"^\w+\.\w+: ")
"""Such as "Page.goto: "."""

_LOG: Final = "\nCall log:"

_COVER: Final = re.compile(r"- (<.*>)(?: from <.*> subtree)? intercepts pointer events")

_PATTERNS: Final = (
    (re.compile(r"net::ERR_BLOCKED_BY_|net::ERR_NETWORK_ACCESS"), BrowserCode.BLOCKED_BY_POLICY),
    (re.compile(r"net::ERR_|NS_ERROR_|interrupted by another"), BrowserCode.NAV_FAILED),
    (re.compile(r"invalid URL|Unsupported protocol"), BrowserCode.NAV_FAILED),
)
"""The first that is found in an error's text says its code."""

_CRASHED: Final = re.compile(r"(Page|Target) crashed")


def is_playwrights(error: BaseException) -> bool:
    """Say whether an exception is Playwright's own, without importing it."""
    return type(error).__module__.startswith("playwright.")


def is_time_limit(error: BaseException) -> bool:
    """Say whether it is a time limit: Playwright's, or one that the work has set itself."""
    return isinstance(error, TimeoutError) or (
        is_playwrights(error) and type(error).__name__ == "TimeoutError"
    )


def is_closed_target(error: BaseException) -> bool:
    """Say whether page, context, browser or driver was gone."""
    return is_playwrights(error) and type(error).__name__ == "TargetClosedError"


def says_crashed(error: BaseException) -> bool:
    """Say whether the page's process had ended."""
    return bool(_CRASHED.search(str(error)))


def translated(error: BaseException) -> BrowserError:
    """Say what an error means of which the page and the browser are no reason."""
    text = str(error)
    said = page_text(_CALL.sub("", text.partition(_LOG)[0]).strip())
    if cover := _COVER.search(text):
        return BrowserError(BrowserCode.COVERED_BY, f"{page_text(cover[1], 200)} is in the way.")
    if is_time_limit(error):
        return BrowserError(BrowserCode.TIMEOUT, _sentence(said or "The page took too long"))
    found = (code for pattern, code in _PATTERNS if pattern.search(said))
    return BrowserError(next(found, BrowserCode.ACTION_FAILED), _sentence(said))


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
