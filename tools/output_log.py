"""What a running program has written so far, to be read on from anywhere.

A place in the output is a number of bytes from its start. Of a long output the first and the last
part are kept (`CappedBuffer`): the start says what happened first, the end what happens now.
"""

import asyncio
import codecs
from dataclasses import dataclass
from typing import Final

from tools.output import CappedBuffer, Excerpt

KEPT_BYTES: Final = 2_000_000
"""Of each command's output: half of them from its start, half from its end."""


class OutputLog(CappedBuffer):
    """A program's output, with a sign that there is more of it."""

    __slots__ = ("arrived",)

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        super().__init__(limit)
        self.arrived = asyncio.Event()
        """Set when something is written; whoever waits clears it."""

    @property
    def total(self) -> int:
        """Bytes written so far."""
        return self._total

    def feed(self, data: bytes) -> None:
        """Take the output's next bytes."""
        super().feed(data)
        self.arrived.set()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an output."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        """Where the next piece starts."""
        return self.start + len(self.data)


def piece(excerpt: Excerpt, since: int, most: int) -> Piece:
    """Take at most so many bytes from a place on, or from the next place that was kept.

    A character that is not all there is left for the next piece, unless there is nothing else.
    """
    head, tail = _without_gap(excerpt)
    tail_start = excerpt.total - len(tail)
    if since < len(head):
        start, data = since, head[since : since + most]
    else:
        start = max(since, tail_start)
        data = tail[start - tail_start :][:most]
    return Piece(start, _whole_characters(data) or data)


def narrowed(excerpt: Excerpt, limit: int) -> Excerpt:
    """Cut an excerpt down to fewer bytes, half of them from the start, half from the end."""
    if excerpt.total <= limit:
        return excerpt
    head, tail = _without_gap(excerpt)
    at_start, at_end = limit // 2, limit - limit // 2
    return Excerpt(head[:at_start], (tail or head)[-at_end:], excerpt.total, limit)


def _without_gap(excerpt: Excerpt) -> tuple[bytes, bytes]:
    """Give head and tail, or all as the head when nothing is missing between them."""
    whole = excerpt.whole
    return (excerpt.head, excerpt.tail) if whole is None else (whole, b"")


def _whole_characters(data: bytes) -> bytes:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    pending, _ = decoder.getstate()
    return data[: len(data) - len(pending)]
