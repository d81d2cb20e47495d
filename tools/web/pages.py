"""The part of a page that one call shows, and how to read on.

The rule that this file keeps: reading on goes on with the text that was shown, not with what the
address gives now; where that is no longer kept, it is fetched again and the result says so.
"""

from dataclasses import dataclass
from typing import Final

from cachetools import TTLCache

from tools.errors import ToolError
from tools.web.visible import untrusted

KEPT_SECONDS: Final = 900.0
KEPT_CHARACTERS: Final = 20_000_000
"""Of all pages together."""

MOST_BYTES: Final = 50_000
"""Of text that one call shows, below the limit at which any result is cut."""

_NEAR_END: Final = 0.8
"""From where on in a piece a line's end is looked for, to cut there."""


@dataclass(frozen=True, slots=True)
class Readable:
    """The text of what was fetched, without what nobody sees."""

    url: str
    """Where it came from in the end."""
    kind: str
    text: str
    title: str = ""
    notes: tuple[str, ...] = ()


class PageMemory:
    """The texts that were read last, by session and address."""

    def __init__(self) -> None:
        self._pages: TTLCache[tuple[str, str], Readable] = TTLCache(
            KEPT_CHARACTERS, KEPT_SECONDS, getsizeof=lambda page: 1_000 + len(page.text)
        )

    def __repr__(self) -> str:
        return f"<PageMemory {len(self._pages)} pages, {self._pages.currsize:,.0f} characters>"

    def keep(self, session: str, url: str, page: Readable) -> None:
        """Keep a page for reading on, unless it is larger than all that is kept."""
        if self._pages.getsizeof(page) <= self._pages.maxsize:
            self._pages[session, url] = page

    def get(self, session: str, url: str) -> Readable | None:
        """Give a page, if it is still kept."""
        return self._pages.get((session, url))


def shown(page: Readable, start: int, most: int) -> str:
    """Give a part of a page with what there is to say about it.

    Raises:
        ToolError: it starts behind the end.
    """
    total = len(page.text)
    if start and start >= total:
        raise ToolError(f"start: {start} is behind the end: the text has {total:,} characters.")
    piece = _piece(page.text[start : start + most], is_last=start + most >= total)
    end = start + len(piece)
    head = [f"{page.url} ({page.kind}, {total:,} characters of text)"]
    head += [f"[{note}]" for note in page.notes]
    title = f"Title: {page.title}\n\n" if page.title and not start else ""
    body = untrusted(f"{title}{piece}" or "(no text)", "text of the page")
    rest = [f"[characters {start:,}-{end:,} of {total:,}; read on with start={end}]"]
    return "\n".join([*head, body, *(rest if end < total else [])])


def _piece(text: str, *, is_last: bool) -> str:
    """Cut a text to the bytes that there are, at the end of a line where there is one near."""
    fitting = text.encode()[:MOST_BYTES].decode(errors="ignore")
    if is_last and len(fitting) == len(text):
        return text
    at = fitting.rfind("\n", int(_NEAR_END * len(fitting)))
    return fitting[: at + 1] if at >= 0 else fitting
