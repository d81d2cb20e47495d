"""What can go wrong with a browser, as fixed codes that a model can act on.

```
ToolError
└── BrowserError       one of the codes below; its text is "code: what was wrong. What to do next."
```

The codes are a closed table: each says whether the same call may be tried again, and what to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tools.errors import ToolError


class BrowserCode(StrEnum):
    """What went wrong."""

    STALE_REF = "stale_ref"
    """The ref is not on the page any more."""
    REF_CHANGED = "ref_changed"
    """The element behind the ref is not what the model saw."""
    COVERED_BY = "covered_by"
    """Another element would have received the click."""
    BLOCKED_BY_POLICY = "blocked_by_policy"
    """The address may not be reached from here."""
    DIALOG_OPEN = "dialog_open"
    """A dialog of the page is in the way."""
    NAV_FAILED = "nav_failed"
    """The address did not load."""
    ACTION_FAILED = "action_failed"
    """The page refused the action, such as text for a button."""
    TIMEOUT = "timeout"
    """The time was over; the page still answers."""
    TAB_CLOSED = "tab_closed"
    """The tab is not open, or closed meanwhile."""
    PAGE_CRASHED = "page_crashed"
    """The page's process ended."""
    PAGE_HUNG = "page_hung"
    """The page did not answer any more, and was closed."""
    BROWSER_RESTARTED = "browser_restarted"
    """The browser ended, and its tabs with it."""
    BROWSER_UNAVAILABLE = "browser_unavailable"
    """There is no browser to be had."""
    CANCELLED = "cancelled"
    """The session or the browser was closed meanwhile."""


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What a code says about the call."""

    retryable: bool
    """Whether the same call may do better at once, without anything else done before it."""
    hint: str
    """What to do next."""


_LOOK: Final = "Read the page again before you go on"
_EMPTY: Final = "Go to the address again and look at what was done before you repeat anything"

MEANINGS: Final[Mapping[BrowserCode, CodeMeaning]] = MappingProxyType(
    {
        BrowserCode.STALE_REF: CodeMeaning(
            retryable=False, hint=f"{_LOOK}, and use a ref of the new text."
        ),
        BrowserCode.REF_CHANGED: CodeMeaning(
            retryable=False, hint=f"{_LOOK}: the element may do something else now."
        ),
        BrowserCode.COVERED_BY: CodeMeaning(
            retryable=False, hint="Close or answer what covers it first, or scroll."
        ),
        BrowserCode.BLOCKED_BY_POLICY: CodeMeaning(
            retryable=False, hint="Do not try it in another way; tell the user, who can allow it."
        ),
        BrowserCode.DIALOG_OPEN: CodeMeaning(retryable=False, hint="Answer the dialog first."),
        BrowserCode.NAV_FAILED: CodeMeaning(
            retryable=True, hint="Check the address; try once more, or use another one."
        ),
        BrowserCode.ACTION_FAILED: CodeMeaning(
            retryable=False, hint=f"{_LOOK}, and act on another element or in another way."
        ),
        BrowserCode.TIMEOUT: CodeMeaning(
            retryable=False, hint=f"{_LOOK}: part of the action may have happened."
        ),
        BrowserCode.TAB_CLOSED: CodeMeaning(
            retryable=False, hint="Use one of the open tabs, or open a new one."
        ),
        BrowserCode.PAGE_CRASHED: CodeMeaning(
            retryable=False, hint=f"The tab is open again and empty. {_EMPTY}."
        ),
        BrowserCode.PAGE_HUNG: CodeMeaning(
            retryable=False, hint=f"The tab is open again and empty. {_EMPTY}."
        ),
        BrowserCode.BROWSER_RESTARTED: CodeMeaning(
            retryable=False,
            hint=f"Its tabs and logins are gone; the next call starts a new browser. {_EMPTY}.",
        ),
        BrowserCode.BROWSER_UNAVAILABLE: CodeMeaning(
            retryable=True, hint="Go on without a browser, or tell the user."
        ),
        BrowserCode.CANCELLED: CodeMeaning(
            retryable=False, hint="Whether it took effect is not known."
        ),
    }
)
"""Each code: whether to try again, and what to do."""


class BrowserError(ToolError):
    """Something about the browser that the model should read."""

    def __init__(self, code: BrowserCode, message: str) -> None:
        meaning = MEANINGS[code]
        super().__init__(f"{code}: {message} {meaning.hint}")
        self.code: Final = code
        self.message: Final = message
        """What was wrong, in a sentence."""
        self.retryable: Final = meaning.retryable
        self.hint: Final = meaning.hint

    def __repr__(self) -> str:
        return f"<BrowserError {self.code}: {self.message}>"
