"""The part of a long list that one call shows, and how to see the next one."""

from typing import Final

MOST_BYTES: Final = 50_000
"""Of text that one call shows, below the limit at which any result is cut."""


class Page:
    """What a call shows of a list: `limit` items from `offset` on, as far as the bytes go.

    At least one item is shown, however long it is.
    """

    __slots__ = ("_bytes", "is_full", "limit", "lines", "offset", "shown", "total")

    def __init__(self, offset: int, limit: int) -> None:
        self.offset = offset
        self.limit = limit
        self.total = 0
        """Items that there were so far."""
        self.shown = 0
        self.lines: list[str] = []
        self._bytes = 0
        self.is_full = False
        """Whether there was an item that it had no room for."""

    def __repr__(self) -> str:
        return f"<Page {self.shown} of {self.total} items from {self.offset}>"

    def takes(self, text: str) -> bool:
        """Count the next item; show it as a line, if it is in the page's part."""
        self.total += 1
        if self.total <= self.offset or self.is_full:
            return False
        if self.shown >= self.limit or not self.fits(text):
            self.is_full = True
            return False
        self.shown += 1
        self.add(text)
        return True

    def fits(self, text: str) -> bool:
        """Say whether there is room for a line."""
        return not self.shown or self._bytes + _size(text) <= MOST_BYTES

    def add(self, text: str) -> None:
        """Show a line that is no item."""
        self.lines.append(text)
        self._bytes += _size(text)

    def notice(self, items: str) -> list[str]:
        """Say which part this is, when it is not everything; `total` is that of all items."""
        last = self.offset + self.shown
        if self.is_full:
            part = f"{self.offset + 1:,}-{last:,} of {self.total:,} {items}"
            return [f"[{part}; read on with offset={last}]"]
        return self._end(items)

    def open_notice(self, items: str) -> list[str]:
        """Say which part this is, when nobody counted what follows."""
        last = self.offset + self.shown
        if self.is_full:
            return [f"[{items} {self.offset + 1:,}-{last:,}; more follow: offset={last}]"]
        return self._end(items)

    def _end(self, items: str) -> list[str]:
        if not self.offset:
            return []
        if not self.shown:
            return [f"[offset={self.offset} is behind the end: there are {self.total:,} {items}]"]
        first, last = self.offset + 1, self.offset + self.shown
        return [f"[{first:,}-{last:,} of {self.total:,} {items}; the end]"]


def _size(text: str) -> int:
    return len(text.encode(errors="replace")) + 1
