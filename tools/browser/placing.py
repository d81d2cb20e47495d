"""Where in a page's tree an element belongs that the tree has no line for.

By boxes, since no more can be known from outside: below the nearest element around it that has a
line, behind what is drawn before it. A page that moves meanwhile puts it somewhere near.
"""

import asyncio
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from tools.browser.aria import Box, Line, end_of
from tools.browser.listeners import DOCUMENT, HINT, MULTILINE, Listening, Sweep

if TYPE_CHECKING:
    from playwright.async_api import Page


async def placed(page: "Page", lines: tuple[Line, ...], found: Sweep) -> tuple[Line, ...]:
    """Put what listens into the tree, whose lines have boxes.

    An element that has a ref already is only marked as clickable; any other becomes the last line
    in the nearest element around it that has one.
    """
    parts = await _parts(page, lines, found)
    marked = set[int]()
    of_lines = set[int]()
    hints: dict[int, str] = {}
    added: dict[int, list[Line]] = {}
    for token, listening in found.listening.items():
        if token not in parts:
            continue
        start, end = parts[token]
        inside = _own(lines, start, end)
        by_box = {lines[at].box: at for at in inside if lines[at].ref}
        for each in listening:
            if each.box in by_box:
                at = by_box[each.box]
                if each.role != HINT:
                    (of_lines if each.role == MULTILINE else marked).add(at)
                if each.name.startswith(("#", ".")) and _says_nothing(lines, at):
                    hints[at] = each.name
            elif each.role not in {MULTILINE, HINT}:
                depth, place = _put(lines, (start, end), each, by_box)
                line = Line(depth, each.role, each.name, ref=each.ref, box=each.box)
                added.setdefault(place, []).append(line)
    shown = [
        _marked(
            replace(line, hint=hints.get(at, "")),
            clickable=at in marked,
            multiline=at in of_lines,
        )
        for at, line in enumerate(lines)
    ]
    return tuple(
        chain.from_iterable(
            [*_deepest_first(added.get(at, [])), *shown[at : at + 1]]
            for at in range(len(lines) + 1)
        )
    )


def _says_nothing(lines: tuple[Line, ...], at: int) -> bool:
    """Say whether nothing in a line, or in those inside it, says what it is."""
    return not any(each.name or each.text for each in lines[at : end_of(lines, at)])


def _marked(line: Line, *, clickable: bool, multiline: bool) -> Line:
    if multiline and line.role == "textbox":
        line = replace(line, states=(*line.states, MULTILINE))
    return replace(line, clickable=True) if clickable else line


def _put(
    lines: tuple[Line, ...],
    document: tuple[int, int],
    each: Listening,
    by_box: dict[Box | None, int],
) -> tuple[int, int]:
    """Give the depth of what has no line, and the index before which it belongs."""
    start, end = document
    if not lines:
        return 0, 0
    around = next((by_box[box] for box in each.around if box in by_box), None)
    if around is None and lines[start].role == "iframe":
        around = start
    if around is None:  # nothing around it has a line: it stands beside the first one
        return lines[start].depth, _place(lines, start, end, each.box)
    return lines[around].depth + 1, _place(lines, around + 1, end_of(lines, around), each.box)


def _place(lines: tuple[Line, ...], first: int, end: int, box: Box) -> int:
    """Give the index before which a line belongs: behind what is drawn before it."""
    middle = box[1] + box[3] / 2
    place = at = first
    while at < end:
        behind = end_of(lines, at)
        there = lines[at].box
        if there is not None:
            x, y, _, height = there
            if y + height > middle and (y > middle or x > box[0]):
                break
            place = behind
        at = behind
    return place if at < end else end


def _deepest_first(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: -line.depth)


def _own(lines: tuple[Line, ...], start: int, end: int) -> list[int]:
    """Give the lines of one document: those of its frames are left out."""
    own, at = [], start
    while at < end:
        own.append(at)
        at = end_of(lines, at) if lines[at].role == "iframe" and at != start else at + 1
    return own


async def _parts(page: "Page", lines: tuple[Line, ...], found: Sweep) -> dict[str, tuple[int, int]]:
    """Say which lines are those of which document."""
    parts = {found.main: (0, len(lines))}
    if set(found.listening) <= set(parts):
        return parts
    frames = [at for at, line in enumerate(lines) if line.role == "iframe" and line.ref]
    tokens = await asyncio.gather(*[_token(page, lines[at].ref) for at in frames])
    for at, token in zip(frames, tokens, strict=True):
        if token:
            parts[token] = (at, end_of(lines, at))
    return parts


async def _token(page: "Page", ref: str) -> str | None:
    from playwright.async_api import Error  # noqa: PLC0415  (slow to import)

    try:
        handle = await page.get_by_ref(ref).element_handle(timeout=500)
        frame = await handle.content_frame()
        token = await frame.evaluate(DOCUMENT) if frame else None
    except Error:
        return None
    return token if isinstance(token, str) else None
