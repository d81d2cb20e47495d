"""The lines of a file that match, with those around them, and how each is shown."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from tools.grep_pattern import Pattern
from tools.text import cleaned

_LONGEST: Final = 500
"""Bytes of a line that are shown."""

_BEFORE: Final = 150
"""Bytes of a long line that are shown before its match."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file."""

    number: int
    """From 1."""
    text: bytes
    span: tuple[int, int] | None
    """Where its first match is; None for a line around one."""

    def shown(self) -> str:
        """Give its number, `:` for a match and `-` for another, and its text, cut if it is long."""
        return f"{self.number}{'-' if self.span is None else ':'}{self._cut()}"

    def _cut(self) -> str:
        if len(self.text) <= _LONGEST:
            return _decoded(self.text)
        first = max(0, (self.span or (0, 0))[0] - _BEFORE)
        first = min(first, len(self.text) - _LONGEST)
        last = first + _LONGEST
        before, after = "[...]" if first else "", "[...]" if last < len(self.text) else ""
        middle = _decoded(_whole_characters(self.text[first:last]))
        return f"{before}{middle}{after} [cut: this line has {len(self.text):,} bytes]"


def _whole_characters(part: bytes) -> bytes:
    """Leave out the parts of UTF-8 characters at both ends."""
    return part.decode(errors="ignore").encode()


def _decoded(text: bytes) -> str:
    return cleaned(text.decode(errors="replace")).replace("\r", "\N{SYMBOL FOR CARRIAGE RETURN}")


def spans(block: bytes, pattern: Pattern, start: int = 0) -> Iterator[tuple[int, int, int]]:
    """Give each line that matches: where it starts, and where its first match starts and ends."""
    while start < len(block):
        span = pattern.span(block, start)
        if span is None:
            return
        begin = block.rfind(b"\n", start, span[0]) + 1 or start
        yield begin, *span
        end = block.find(b"\n", span[1])
        start = len(block) if end < 0 else end + 1


def lines_around(blocks: Iterable[bytes], pattern: Pattern, context: int) -> Iterator[Line]:
    """Give the lines that match and `context` lines before and after each, once, in order."""
    kept, number = (
        b"",
        1,
    )  # the lines before a block that may still be shown, and the first's number
    done, until = 0, 0  # the last line given, and the last one that is due whatever it says
    for block in blocks:
        data = kept + block
        end = number + _count(data)
        hits = _hits(data, pattern, len(kept), number)
        wanted = {near for hit in hits for near in range(hit - context, hit + context + 1)}
        wanted.update(range(done + 1, until + 1))
        numbers = [each for each in sorted(wanted) if done < each and number <= each < end]
        texts = data.split(b"\n") if numbers else []
        for each in numbers:
            yield Line(each, texts[each - number], hits.get(each))
            done = each
        until = max((hit + context for hit in hits), default=until)
        kept = _last_lines(data, context)
        number = end - _count(kept)


def _hits(data: bytes, pattern: Pattern, start: int, number: int) -> dict[int, tuple[int, int]]:
    """Give the matches from a place on by line number, relative to the line's start."""
    hits = {}
    counted = 0
    for begin, first, last in spans(data, pattern, start):
        number += data.count(b"\n", counted, begin)
        counted = begin
        hits[number] = first - begin, last - begin
    return hits


def _count(data: bytes) -> int:
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


def _last_lines(data: bytes, count: int) -> bytes:
    if not count:
        return b""
    lines = data.rsplit(b"\n", count + 1)[-count - 1 : -1]
    return b"".join(line + b"\n" for line in lines)
