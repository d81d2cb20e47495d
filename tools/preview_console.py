"""What a previewed page complains about while it loads, in lines for whoever wrote it."""

from typing import TYPE_CHECKING, Final

from tools.browser.events import page_text, page_url
from tools.preview_frame import ORIGIN, Version, is_of_another, line_of

if TYPE_CHECKING:
    from playwright.async_api import ConsoleMessage, Error

MOST_LINES: Final = 20

_MOST_TEXT: Final = 300
"""Characters of a line."""

_TOLD: Final = frozenset({"error", "warning", "assert"})
"""Kinds of console messages that are worth telling."""


class Complaints:
    """Errors and warnings of one version, the first ones; each is told once."""

    def __init__(self, version: Version) -> None:
        self._version = version
        self.lines: list[str] = []
        self.left_out = 0

    def __repr__(self) -> str:
        return f"<Complaints of version {self._version.number}: {len(self.lines)}>"

    def message(self, message: "ConsoleMessage") -> None:
        """Take in what a page wrote to its console."""
        where = message.location
        at = f"{where['url']}:{where['lineNumber'] + 1}" if where["url"] else ""
        if message.type in _TOLD and not is_of_another(self._version, f"{at} {message.text}"):
            at = line_of(self._version, at) or at.removeprefix(ORIGIN)
            self._add(f"{message.type}: {message.text}", at)

    def error(self, error: "Error") -> None:
        """Take in an error that a page did not catch."""
        stack = error.stack or ""
        if not is_of_another(self._version, stack):
            text = f"uncaught {error.name or 'exception'}: {error.message}"
            self._add(text, line_of(self._version, stack))

    def _add(self, text: str, at: str) -> None:
        line = f"{page_text(text, _MOST_TEXT)} ({page_url(at)})" if at else page_text(text)
        line = " ".join(line.split())
        if line in self.lines:
            return
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)
        else:
            self.left_out += 1
