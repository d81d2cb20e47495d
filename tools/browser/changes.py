"""Changes of a page, in rows: `+` is new, `gone` is that, `~` is what something is now.

Each stands below the elements that it is in, as far as these say anything and were not told before;
a part that is gone is told by its outermost element. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tools.browser.aria import Line, ancestors

Span: TypeAlias = tuple[int, int, int, int]
"""Start and end before, start and end after."""

_AROUND: Final = 2
"""Elements above a change that are shown."""
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class _Row:
    mark: str
    depth: int
    text: str


def written(before: tuple[Line, ...], after: tuple[Line, ...], spans: Sequence[Span]) -> list[str]:
    """Write changes; the depth is that of the outermost that is shown."""
    sides = _Sides(before, after, _refs(before), _refs(after))
    rows: list[_Row] = []
    told: set[str] = set()
    for span in spans:
        rows += [_Row(" ", line.depth, _cut(line)) for line in _around(before, after, span, told)]
        rows += _replaced(sides, span)
        told |= _refs(after[span[2] : span[3]])
    least = min((row.depth for row in rows), default=0)
    return [f"{row.mark} {'  ' * (row.depth - least)}{row.text}" for row in rows]


@dataclass(frozen=True, slots=True)
class _Sides:
    """Both snapshots, and the refs in them."""

    before: tuple[Line, ...]
    after: tuple[Line, ...]
    old_refs: set[str]
    new_refs: set[str]


def _refs(lines: Sequence[Line]) -> set[str]:
    return {line.ref for line in lines if line.ref}


def at_rest(line: Line) -> tuple[str, ...]:
    """Give a line's states apart from the focus."""
    return tuple(state for state in line.states if state != "active")


def _replaced(sides: _Sides, span: Span) -> Iterator[_Row]:
    a, b, c, d = span
    old, new = sides.before[a:b], sides.after[c:d]
    if _are_like(old, new, sides):
        for one, other in zip(old, new, strict=True):
            was = f" (was {one.ref})" if one.ref != other.ref and one.ref else ""
            if was or one.content() != other.content():
                yield _Row("~", other.depth, _cut(other) + was)
        return
    yield from _gone(old, sides.new_refs)
    here = _refs(old)
    for at, line in enumerate(new, c):
        if line.ref not in sides.old_refs:
            yield _Row("+", line.depth, _cut(line))
        elif line.ref in here:
            yield _Row("~", line.depth, _cut(line))
        else:
            yield _Row("~", line.depth, f"{_cut(line)} (moved{_place(sides.after, at)})")


def _are_like(old: tuple[Line, ...], new: tuple[Line, ...], sides: _Sides) -> bool:
    """Say whether each line of the one has become that of the other."""
    return len(old) == len(new) and all(
        (one.depth, one.role) == (other.depth, other.role)
        and (
            one.ref == other.ref
            or (one.ref not in sides.new_refs and other.ref not in sides.old_refs)
        )
        for one, other in zip(old, new, strict=True)
    )


def _place(lines: tuple[Line, ...], at: int) -> str:
    """Say behind what a line stands now."""
    for each in range(at - 1, -1, -1):
        line = lines[each]
        if line.depth <= lines[at].depth:
            how = "behind" if line.depth == lines[at].depth else "first in"
            return f", {how} {line.ref}" if line.ref else ""
    return ""


def _gone(old: tuple[Line, ...], lives: set[str]) -> Iterator[_Row]:
    """Tell what is gone, each part by its outermost element and how many it holds."""
    outer: Line | None = None
    inside = 0
    for line in old:
        if line.ref in lives:
            continue
        if outer is not None and line.depth > outer.depth:
            inside += 1
            continue
        if outer is not None:
            yield _part(outer, inside)
        outer, inside = line, 0
    if outer is not None:
        yield _part(outer, inside)


def _part(line: Line, inside: int) -> _Row:
    return _Row("gone", line.depth, _cut(line) + (f" (and {inside:,} in it)" if inside else ""))


def _around(
    before: tuple[Line, ...], after: tuple[Line, ...], span: Span, told: set[str]
) -> list[Line]:
    """Give what a change is in, from the outermost that was not told yet."""
    a, b, c, d = span
    lines, at = after, c
    if c == d or (a < b and before[a].depth > after[c].depth):
        lines, at = before, a
    found: list[Line] = []
    for each in ancestors(lines, at):
        line = lines[each]
        if line.ref in told or len(found) == _AROUND:
            break
        if line.name or line.role != "generic":
            found.append(line)
            told.add(line.ref)
    return found[::-1]


def _cut(line: Line) -> str:
    row = line.written(0).removeprefix("- ")
    return row if len(row) <= _LONGEST else f"{row[:_LONGEST]}..."
