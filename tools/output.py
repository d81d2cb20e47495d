"""What a program wrote, cut to its head and tail and made readable: the one place that does so.

Bytes go in as they arrive (`CappedBuffer.feed`), an `Excerpt` comes out, and `render` turns it
into text. Memory is bounded by the limit, however much is fed.
"""

import codecs
from dataclasses import dataclass
from typing import Final

DEFAULT_LIMIT: Final = 64_000
"""Bytes kept of each stream."""

_LONGEST_CHARACTER: Final = 4
"""Bytes of the longest UTF-8 character."""

_CONTINUATIONS: Final = range(0x80, 0xC0)
"""Bytes that only stand inside a UTF-8 character."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The first and the last bytes of a stream; between them, what was left out."""

    head: bytes
    tail: bytes
    total: int
    """Bytes that there were."""
    limit: int
    """Bytes that were allowed."""

    @property
    def left_out(self) -> int:
        """Bytes between head and tail that were not kept."""
        return self.total - len(self.head) - len(self.tail)

    @property
    def whole(self) -> bytes | None:
        """Every byte of the stream; None when some were left out."""
        return None if self.left_out else self.head + self.tail


class CappedBuffer:
    """A stream's first `limit // 2` bytes and its last ones, `limit` together.

    Invariant: the buffer holds at most `limit` bytes after every `feed`.
    """

    __slots__ = ("_head", "_head_size", "_limit", "_tail", "_tail_size", "_total")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        if limit < 0:
            raise ValueError(f"an output limit is 0 or more bytes, not {limit}")
        self._limit = limit
        self._head_size = limit // 2
        self._tail_size = limit - self._head_size
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0

    def __repr__(self) -> str:
        return f"<CappedBuffer {self.kept} of {self._total} bytes kept, limit {self._limit}>"

    @property
    def kept(self) -> int:
        """Bytes held now."""
        return len(self._head) + len(self._tail)

    def feed(self, data: bytes) -> None:
        """Take the stream's next bytes."""
        self._total += len(data)
        room = self._head_size - len(self._head)
        if room:
            self._head += data[:room]
            data = data[room:]
        self._feed_tail(data)

    def _feed_tail(self, data: bytes) -> None:
        if len(data) >= self._tail_size:
            # Also keeps an endless stream cheap: most of a large chunk is never copied.
            self._tail[:] = data[len(data) - self._tail_size :]
            return
        self._tail += data
        del self._tail[: max(0, len(self._tail) - self._tail_size)]

    def excerpt(self) -> Excerpt:
        """Return what is kept so far; later bytes do not change it."""
        return Excerpt(bytes(self._head), bytes(self._tail), self._total, self._limit)


def render(excerpt: Excerpt) -> str:
    """Turn an excerpt into text that says where it was cut, and by how much.

    Bytes that are not UTF-8 become U+FFFD. A character that the cut went through counts as left
    out, so that no replacement character appears where the stream had none.
    """
    whole = excerpt.whole
    if whole is not None:
        return whole.decode(errors="replace")
    head = _without_torn_end(excerpt.head)
    tail = _without_torn_start(excerpt.tail)
    cut = excerpt.total - len(head) - len(tail)
    notice = f"[... {cut:,} bytes left out: output limit {excerpt.limit:,} bytes ...]"
    return f"{head.decode(errors='replace')}\n{notice}\n{tail.decode(errors='replace')}"


def _without_torn_end(head: bytes) -> bytes:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(head)
    pending, _ = decoder.getstate()
    return head[: len(head) - len(pending)]


def _without_torn_start(tail: bytes) -> bytes:
    start = 0
    while start < min(len(tail), _LONGEST_CHARACTER - 1) and _continues_character(tail[start]):
        start += 1
    return tail[start:]


def _continues_character(byte: int) -> bool:
    return byte in _CONTINUATIONS
