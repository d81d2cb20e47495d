"""What changed between two snapshots, in lines that a model can act on.

The rules that this file keeps:

- an element keeps its ref as long as it lives, so what lives on is compared with itself, and only
  what is new with what is gone: a part that was built anew and looks the same is no change, and a
  short note says which refs it has now;
- the focus is no change, which every click moves: it is told where one types into it;
- when much has changed, the page is shown instead;
- time is bounded: lines that occur once on either side divide the page (patience), and what they
  do not divide is compared only if it is small.
"""

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, TypeAlias

from tools.browser.aria import Line
from tools.browser.changes import Span, at_rest, written
from tools.browser.snapshot import EDITABLE, Snapshot
from tools.browser.views import MOST_CHARACTERS, fitting

_TOO_MUCH: Final = 0.4
"""Share of the lines that changed from which on the whole page is shown."""
_FEW: Final = 8
"""Changed lines that are always shown as such, however small the page is."""
_SMALL: Final = 250_000
"""Pairs of lines that are compared with each other."""
_MOST_RENUMBERED: Final = 60

Key: TypeAlias = tuple[str, str]


def difference(before: Snapshot, after: Snapshot, *, most: int = MOST_CHARACTERS) -> str:
    """Say what changed; show the whole page when that is shorter to read."""
    if before.url.partition("#")[0] != after.url.partition("#")[0]:
        return _whole("Another page is shown now", after, most)
    changes = [*_changes(_keys(before.lines, after.elements), _keys(after.lines, before.elements))]
    gone = sum(span[1] - span[0] for span in changes)
    come = sum(span[3] - span[2] for span in changes)
    size = max(len(before.lines), len(after.lines), 1)
    if max(gone, come) > max(_TOO_MUCH * size, _FEW):
        return _whole("Much of the page changed", after, most)
    rows = written(before.lines, after.lines, changes)
    rows += _renumbered(before.lines, after.lines, changes)
    rows += _focus(before.lines, after.lines, rows)
    text = "\n".join(rows)
    if len(text) > most:
        return _whole("Much of the page changed", after, most)
    return text or "No element of the page changed."


def _whole(what: str, after: Snapshot, most: int) -> str:
    return f"{what}; this is all of it:\n{fitting(after, most=most - 100).text}"


def _keys(lines: Sequence[Line], others: Collection[str]) -> list[Key]:
    """Say what makes each line what it is: its content, and its ref if the other side has it."""
    return [
        (line.ref if line.ref in others else "", replace(line, states=at_rest(line)).content())
        if "active" in line.states
        else (line.ref if line.ref in others else "", line.content())
        for line in lines
    ]


def _changes(before: list[Key], after: list[Key]) -> Iterator[Span]:
    """Give the parts that differ, in order."""
    waiting: list[Span] = [(0, len(before), 0, len(after))]
    while waiting:
        a, b, c, d = _trimmed(before, after, waiting.pop())
        if a == b and c == d:
            continue
        anchors = _anchors(before[a:b], after[c:d]) if a < b and c < d else []
        if anchors:
            starts = [(a - 1, c - 1), *[(a + i, c + j) for i, j in anchors], (b, d)]
            gaps = [
                (i + 1, k, j + 1, m)
                for (i, j), (k, m) in zip(starts, islice(starts, 1, None), strict=False)
            ]
            waiting += reversed(gaps)
        elif (b - a) * (d - c) in range(1, _SMALL):
            matcher = difflib.SequenceMatcher(None, before[a:b], after[c:d], autojunk=False)
            for tag, i, j, k, m in matcher.get_opcodes():
                if tag != "equal":
                    yield a + i, a + j, c + k, c + m
        else:
            yield a, b, c, d


def _trimmed(before: list[Key], after: list[Key], span: Span) -> Span:
    a, b, c, d = span
    while a < b and c < d and before[a] == after[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and before[b - 1] == after[d - 1]:
        b, d = b - 1, d - 1
    return a, b, c, d


def _anchors(before: list[Key], after: list[Key]) -> list[tuple[int, int]]:
    """Give the longest rising row of lines that occur once in either part."""
    there, here = Counter(before), Counter(after)
    place = {key: at for at, key in enumerate(before) if there[key] == 1}
    pairs = [(place[key], at) for at, key in enumerate(after) if here[key] == 1 and key in place]
    ends: list[int] = []
    last: list[int] = []
    previous = [-1] * len(pairs)
    for number, (at, _) in enumerate(pairs):
        where = bisect_left(ends, at)
        previous[number] = last[where - 1] if where else -1
        ends[where : where + 1] = [at]
        last[where : where + 1] = [number]
    row, number = [], last[-1] if last else -1
    while number >= 0:
        row.append(pairs[number])
        number = previous[number]
    return row[::-1]


def _renumbered(
    before: tuple[Line, ...], after: tuple[Line, ...], changes: list[Span]
) -> list[str]:
    """Say which refs of what did not change are others now."""
    pairs: list[tuple[str, str]] = []
    i = j = 0
    for a, b, c, d in [*changes, (len(before), len(before), len(after), len(after))]:
        pairs += [
            (old.ref, new.ref)
            for old, new in zip(before[i:a], after[j:c], strict=True)
            if old.ref != new.ref and new.ref
        ]
        i, j = b, d
    if not pairs:
        return []
    named = [f"{old or 'none'} is {new}" for old, new in pairs[:_MOST_RENUMBERED]]
    more = len(pairs) - len(named)
    rest = f"; and {more:,} more: read the page again before you use others" if more else ""
    return [f"[Same as before, with new refs: {', '.join(named)}{rest}]"]


def _focus(before: Sequence[Line], after: Sequence[Line], rows: Sequence[str]) -> list[str]:
    """Say what is typed into now, when no row does."""
    was, now = (
        [line.ref for line in lines if "active" in line.states and line.role in EDITABLE]
        for lines in (before, after)
    )
    is_told = any(" [active]" in row for row in rows)
    return [f"[focus: {now[0]}]"] if now and now != was and not is_told else []
