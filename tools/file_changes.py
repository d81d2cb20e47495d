"""What has changed between two texts, in a few lines with their numbers."""

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Final

_AROUND: Final = 2
"""Unchanged lines that are shown around a change."""

_MOST_COMPARED: Final = 2_000
"""Lines between the first and the last change; beyond that a comparison would take too long."""

_MOST_SHOWN: Final = 60
_LONGEST: Final = 200


def changes(old: list[str], new: list[str]) -> str:
    """Show what changed: `-` lines with their old numbers, the others with their new ones."""
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    if max(len(old), len(new)) - start - end > _MOST_COMPARED:
        return f"(lines {start + 1}-{len(new) - end} changed)"
    first = max(0, start - _AROUND)
    last = max(0, end - _AROUND)
    shown = [
        *islice(
            _rows(old[first : len(old) - last], new[first : len(new) - last], first),
            _MOST_SHOWN + 1,
        )
    ]
    if len(shown) > _MOST_SHOWN:
        shown[-1] = "..."
    return "\n".join(shown) or "(no line changed, only how the last one ends)"


def _same(some: list[str], others: list[str]) -> int:
    """Count the lines at the start that are the same."""
    for count, (one, other) in enumerate(zip(some, others, strict=False)):
        if one != other:
            return count
    return min(len(some), len(others))


def _rows(old: list[str], new: list[str], before: int) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for number, group in enumerate(matcher.get_grouped_opcodes(_AROUND)):
        if number:
            yield "..."
        for kind, old_start, old_end, new_start, new_end in group:
            if kind == "equal":
                yield from _marked(" ", new[new_start:new_end], before + new_start)
            else:
                yield from _marked("-", old[old_start:old_end], before + old_start)
                yield from _marked("+", new[new_start:new_end], before + new_start)


def _marked(mark: str, lines: list[str], before: int) -> Iterator[str]:
    for number, line in enumerate(lines, before + 1):
        cut = line if len(line) <= _LONGEST else f"{line[:_LONGEST]} [cut]"
        yield f"{mark}{number:>6}\t{cut}"
