"""Views of a snapshot, each at most so many characters, with a cursor to read on.

Everything here is pure. A view that does not fit as asked falls to a shorter one and says so:
nothing is left out silently. What a view shows is scrubbed, and not wrapped yet (`untrusted`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from tools.browser.aria import Line, end_of
from tools.browser.errors import BrowserCode, BrowserError
from tools.browser.outline import (
    Shown,
    first_rows,
    interactive,
    interactive_first_rows,
    outline,
    whole,
)
from tools.browser.snapshot import Snapshot
from tools.errors import ToolError
from tools.grep_pattern import Pattern

MOST_CHARACTERS: Final = 12_000
_LEAST_CHARACTERS: Final = 200
_LONGEST_LINE: Final = 1_000
_SHORTEST_LINE: Final = 5
"""Characters of a line that says anything: so many lines cannot fit, and need not be written."""
MOST_MATCHES: Final = 20
_AROUND: Final = 2
"""Lines shown before and after a match."""
_CURSOR: Final = re.compile(r"([a-z]+):(\d+)")

Kept = Callable[[tuple[Line, ...], int, int], list[Shown]]


class Mode(StrEnum):
    """What a view shows."""

    INTERACTIVE = "interactive"
    """What can be acted on, with headings."""
    FULL = "full"
    """Every element."""
    TEXT = "text"
    """What there is to read, without elements and refs."""
    OUTLINE = "outline"
    """How the page is divided, with counts."""


_KEPT: Final[Mapping[Mode, Kept]] = MappingProxyType(
    {Mode.INTERACTIVE: interactive, Mode.FULL: whole, Mode.OUTLINE: outline}
)


@dataclass(frozen=True, slots=True)
class View:
    """A part of what there is to show."""

    text: str
    shown: int
    """Items shown: lines, or characters of a value."""
    total: int
    cursor: str = ""
    """Where to read on; "" at the end."""


def view(
    snapshot: Snapshot,
    mode: Mode = Mode.INTERACTIVE,
    *,
    ref: str = "",
    cursor: str = "",
    most: int = MOST_CHARACTERS,
) -> View:
    """Show a page, or the part of it that is in `ref`, from `cursor` on.

    Raises:
        ToolError: `ref` is not in the snapshot, or `cursor` is none of ours.
    """
    most = max(most, _LEAST_CHARACTERS)
    start, end = _part(snapshot, ref)
    if cursor:
        mode, offset = _position(cursor)
    else:
        offset = 0
    rows = _rows(snapshot.lines, mode, start, end)
    return _paged(rows, offset, mode, most, [] if offset else [*snapshot.notes])


def fitting(snapshot: Snapshot, *, ref: str = "", most: int = MOST_CHARACTERS) -> View:
    """Show a page, or a part, in the richest way that fits as a whole; at last an outline.

    In order: everything; all but the later ones of long runs; what can be acted on; of that all
    but the later ones of long runs; an outline.
    """
    start, end = _part(snapshot, ref)
    lines = snapshot.lines
    tried: Sequence[tuple[Kept, str]] = (
        (whole, ""),
        (first_rows, "long lists are cut to their first items"),
        (interactive, "only what can be acted on is shown"),
        (
            interactive_first_rows,
            "only what can be acted on is shown, of long lists the first items",
        ),
        (outline, "only an outline is shown"),
    )
    for keep, what in tried:
        kept = keep(lines, start, end)
        if len(kept) * _SHORTEST_LINE > most:
            continue
        rows = [_cut(each.written(lines)) for each in kept]
        notes = [*snapshot.notes]
        if what:
            notes.append(_left_out(what, end - start, start, ref))
        size = sum(len(row) + 1 for row in [*rows, *notes])
        if size <= most and rows:
            text = "\n".join([*rows, *[f"[{note}]" for note in notes]])
            cursor = f"{Mode.FULL}:0" if what else ""
            return View(text, len(rows), end - start, cursor)
    return view(snapshot, Mode.OUTLINE, ref=ref, most=most)


def _left_out(what: str, total: int, start: int, ref: str) -> str:
    part = f"ref={ref}, " if ref else ""
    name = "part" if start else "page"
    return (
        f"The {name} has {total:,} lines, too many to show: {what}. Read the rest "
        f"with {part}mode=full and cursor={Mode.FULL}:0, a part with its ref, or search with "
        "find."
    )


def find(
    snapshot: Snapshot, text: str, *, is_regex: bool = False, most: int = MOST_CHARACTERS
) -> View:
    """Show the lines that hold a text or match a regular expression (RE2), without regard to case.

    Each with the element it is in and what stands around it, `MOST_MATCHES` at most.

    Raises:
        ToolError: the expression cannot be understood.
    """
    pattern = Pattern(text, literal=not is_regex, ignore_case=True)
    lines = snapshot.lines
    matches = [at for at, line in enumerate(lines) if _matches(pattern, line)]
    shown: list[str] = []
    last, room = -1, most - _LEAST_CHARACTERS
    told = 0
    for at in matches[:MOST_MATCHES]:
        part = _surroundings(lines, at, last)
        room -= sum(len(row) + 1 for row in part)
        if room < 0:
            break
        told += 1
        shown += part
        last = at + _AROUND
    if told == len(matches):
        shown.append(f"[{told} matching {'line' if told == 1 else 'lines'}]")
    else:
        shown.append(
            f"[{told} of {len(matches):,} matching lines; search for something more exact]"
        )
    return View("\n".join(shown), told, len(matches))


def _matches(pattern: Pattern, line: Line) -> bool:
    texts = (line.name, line.text, line.placeholder, line.url)
    return any(
        pattern.span(each.encode("utf-8", "replace"), 0) is not None
        for text in texts
        if text
        for each in text.split("\n")
    )


def _surroundings(lines: tuple[Line, ...], at: int, last: int) -> list[str]:
    start, end = max(at - _AROUND, last + 1, 0), min(at + _AROUND + 1, len(lines))
    least = min(lines[each].depth for each in range(min(start, at), end))
    rows = ["--"] if last >= 0 and start > last + 1 else []
    return rows + [
        _cut(f"{'>' if each == at else ' '} {lines[each].written(lines[each].depth - least)}")
        for each in range(start, end)
    ]


def page_of(text: str, name: str, cursor: str = "", *, most: int = MOST_CHARACTERS) -> View:
    """Show a part of a long text exactly as it is, from a cursor on; `name` is the cursor's mode.

    Raises:
        ToolError: `cursor` is none of ours.
    """
    offset = _offset(cursor, name) if cursor else 0
    part = text[offset : offset + most]
    end = offset + len(part)
    return View(part, len(part), len(text), f"{name}:{end}" if end < len(text) else "")


def _rows(lines: tuple[Line, ...], mode: Mode, start: int, end: int) -> list[str]:
    if mode is Mode.TEXT:
        return _readable(lines[start:end])
    return [_cut(each.written(lines)) for each in _KEPT[mode](lines, start, end)]


def _readable(lines: tuple[Line, ...]) -> list[str]:
    """Give what there is to read: texts, names of what has no text, and headings marked."""
    rows: list[str] = []
    for line in lines:
        text = line.text or line.name
        if line.role in ("generic", "text", "paragraph", "iframe", "list", "table", "main"):
            text = line.text
        if not text:
            continue
        level = next((state[6:] for state in line.states if state.startswith("level=")), "")
        mark = f"{'#' * int(level)} " if line.role == "heading" and level.isdecimal() else ""
        rows += [f"{mark}{part}" for part in _pieces(text)]
    return rows


def _pieces(text: str) -> list[str]:
    return [text[at : at + _LONGEST_LINE] for at in range(0, len(text), _LONGEST_LINE)]


def _paged(rows: list[str], offset: int, mode: Mode, most: int, notes: list[str]) -> View:
    room = most - _LEAST_CHARACTERS - sum(len(note) + 3 for note in notes)
    end = offset
    while end < len(rows) and (room := room - len(rows[end]) - 1) >= 0:
        end += 1
    # At least one row, or a cursor would never get on.
    end = max(end, min(offset + 1, len(rows)))
    shown = [*rows[offset:end], *[f"[{note}]" for note in notes]]
    if end < len(rows):
        cursor = f"{mode}:{end}"
        shown.append(
            f"[lines {offset + 1:,}-{end:,} of {len(rows):,}; read on with cursor={cursor}]"
        )
        return View("\n".join(shown), end - offset, len(rows), cursor)
    if offset or not rows:
        shown.append(f"[{max(0, end - offset):,} lines, the last of {len(rows):,}]")
    return View("\n".join(shown), max(0, end - offset), len(rows))


def _part(snapshot: Snapshot, ref: str) -> tuple[int, int]:
    if not ref:
        return 0, len(snapshot.lines)
    for at, line in enumerate(snapshot.lines):
        if line.ref == ref:
            return at, end_of(snapshot.lines, at)
    raise BrowserError(BrowserCode.STALE_REF, f"ref: {ref!r} is not on the page.")


def _position(cursor: str) -> tuple[Mode, int]:
    match = _CURSOR.fullmatch(cursor)
    if match is None or match[1] not in Mode.__members__.values():
        raise _no_cursor(cursor)
    return Mode(match[1]), int(match[2])


def _offset(cursor: str, name: str) -> int:
    match = _CURSOR.fullmatch(cursor)
    if match is None or match[1] != name:
        raise _no_cursor(cursor)
    return int(match[2])


def _no_cursor(cursor: str) -> ToolError:
    return ToolError(
        f"cursor: {cursor[:100]!r} is none that this view gave, such as 'full:120': leave it out "
        "to read from the start."
    )


def _cut(row: str) -> str:
    if len(row) <= _LONGEST_LINE:
        return row
    return f"{row[:_LONGEST_LINE]}... [{len(row) - _LONGEST_LINE:,} more characters: mode=value]"
