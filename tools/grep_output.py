"""How the lines that `grep` found in a file stand on a page."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from tools.grep_lines import Line
from tools.paging import Page

_GAP: Final = "--"
"""Stands between lines that do not follow one another, when lines around matches are shown."""


class FileLines:
    """The lines of one file on a page, below its path."""

    __slots__ = ("_before", "_context", "_last", "_page", "_path", "_until")

    def __init__(self, page: Page, path: str, context: int) -> None:
        self._page = page
        self._path = path
        self._context = context
        self._before: deque[Line] = deque(maxlen=context)
        self._last = 0
        """The last line that is shown."""
        self._until = 0
        """The last line that belongs to a match that is shown."""

    def __repr__(self) -> str:
        return f"<lines of {self._path!r} to {self._last}>"

    def show(self, lines: Iterable[Line]) -> None:
        """Put lines on the page, until it is full."""
        for line in lines:
            if line.span is None:
                self._take_context(line)
            elif self._page.takes(self._item(line)):
                self._last, self._until = line.number, line.number + self._context
            elif self._page.is_full:
                return
            else:  # passed over; it may still stand before one that is shown
                self._before.append(Line(line.number, line.text, None))

    def _take_context(self, line: Line) -> None:
        text = line.shown()
        if line.number <= self._until and self._page.fits(text):
            self._page.add(text)
            self._last = line.number
        else:
            self._before.append(line)

    def _item(self, line: Line) -> str:
        """Give a match with what stands above it: other lines, and its file's path or a gap."""
        first = max(self._last + 1, line.number - self._context)
        before = [each for each in self._before if each.number >= first]
        lines = [each.shown() for each in (*before, line)]
        if not self._last:
            heading = ["", self._path] if self._page.lines else [self._path]
            return "\n".join([*heading, *lines])
        has_gap = self._context and line.number - len(before) > self._last + 1
        return "\n".join([_GAP, *lines] if has_gap else lines)
