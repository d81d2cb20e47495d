"""Patterns for paths as regular expressions for RE2, for globs and for ignore files.

The rules that this file keeps:

- `*`, `?` and `[...]` match no slash; `**` as a whole part of the path matches any number of
  folders, none included, and at the end all that is below; elsewhere it is `*`;
- a backslash takes its meaning from what follows it.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import re2  # type: ignore[import-untyped]  # (it ships no types)

from tools.text import is_whole

_CLASS: Final = re.compile(r"\[([!^]?)(\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]", re.DOTALL)

_TOKEN: Final = re.compile(rf"\\.|{_CLASS.pattern}|.", re.DOTALL)
"""What stands together, so that a brace in a class or behind a backslash is none."""

_DEEPER: Final = {"{": 1, "}": -1, ",": 0}

_WILD: Final = {"*": "[^/]*", "?": "[^/]"}

_IN_CLASS: Final = re.compile(r"(\[:[a-z]+:\])|\\(.)|([\[\]^&~|])", re.DOTALL)


class NotAPatternError(ValueError):
    """A pattern cannot be understood; the text says why."""


def regex(parts: list[str]) -> str:
    """Translate a pattern, given by the parts between its slashes.

    Raises:
        NotAPatternError: something in it is not closed.
    """
    found = []
    for at, part in enumerate(parts):
        is_last = at == len(parts) - 1
        if part == "**":
            found.append(".*" if is_last else "(?:.*/)?")
        else:
            found.append(_part(part) + ("" if is_last else "/"))
    return "".join(found)


def alternatives(pattern: str) -> Iterator[str]:
    """Give the patterns without braces that one with `{a,b}` stands for.

    Raises:
        NotAPatternError: a brace is not closed.
    """
    marks = [(found.start(), found[0]) for found in _TOKEN.finditer(pattern) if found[0] in "{,}"]
    first = next((at for at, char in marks if char == "{"), None)
    if first is None:
        yield pattern
        return
    cuts = _cuts(marks, first)
    for start, end in pairwise(cuts):
        yield from alternatives(
            pattern[:first] + pattern[start + 1 : end] + pattern[cuts[-1] + 1 :]
        )


def _cuts(marks: list[tuple[int, str]], first: int) -> list[int]:
    """Give where the brace at `first` opens, its own commas, and where it closes."""
    cuts, depth = [], 0
    for at, char in marks:
        if at < first:
            continue
        depth += _DEEPER[char]
        if at == first or (depth == 1 and char == ","):
            cuts.append(at)
        if depth == 0:
            return [*cuts, at]
    raise NotAPatternError(r"a `{` is never closed (`\{` is the brace)")


def _part(part: str) -> str:
    found, at = [], 0
    while at < len(part):
        text, at = _next(part, at)
        found.append(text)
    return "".join(found)


def _next(part: str, at: int) -> tuple[str, int]:
    """Translate what stands at a place; give where to go on."""
    char = part[at]
    if char == "[":
        return _class(part, at)
    if char == "\\":
        if at + 1 == len(part):
            raise NotAPatternError(r"a `\` stands at the end of a name")
        return re2.escape(part[at + 1]), at + 2
    return _WILD.get(char) or re2.escape(char), at + 1


def _class(part: str, at: int) -> tuple[str, int]:
    found = _CLASS.match(part, at)
    if found is None:
        raise NotAPatternError(r"a `[` is never closed (`\[` is the bracket)")
    inner = _IN_CLASS.sub(_class_item, found[2])
    return f"[{'^/' if found[1] else ''}{inner}]", found.end()


def _class_item(found: re.Match[str]) -> str:
    return found[1] or re2.escape(found[2] or found[3])


def options() -> re2.Options:
    """Give what a regular expression of here is compiled with."""
    chosen = re2.Options()
    chosen.dot_nl = True
    chosen.never_capture = True
    chosen.log_errors = False
    return chosen


def matchable(path: str) -> str:
    """Give a path that RE2 takes: bytes of a name that are not UTF-8 become U+FFFD."""
    if is_whole(path):
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
