"""Patterns for paths: `*`, `?`, `[...]`, `{a,b}` and `**`, as shells and editors have them.

The rules that this file keeps:

- `*`, `?` and `[...]` match no slash; `**` as a whole part of the path matches any number of
  folders, none included; names that start with a dot are names like any other;
- a pattern without a slash is for names in any folder, as in .gitignore; `./` before it holds it in
  the folder itself;
- case counts; a backslash takes its meaning from what follows it;
- it is matched in time linear in the path (RE2), whatever the pattern.
"""

from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any, Final

import re2  # type: ignore[import-untyped]  # (it ships no types)

from tools.errors import ToolError
from tools.glob_regex import NotAPatternError, alternatives, matchable, options, regex
from tools.workspace_errors import shown

_LONGEST: Final = 1_000
"""Characters of a pattern."""

_MOST_ALTERNATIVES: Final = 100

_MAGIC: Final = frozenset("*?[\\")


@dataclass(frozen=True, slots=True)
class _Reach:
    """In which folders a pattern without braces may match."""

    first: tuple[str, ...] = ()
    """Names of the folders that every match lies in."""
    depth: int | None = None
    """Names in the path of every match; None when there may be any number."""

    def includes(self, parts: list[str]) -> bool:
        """Say whether something below a folder may match."""
        if self.depth is not None and len(parts) >= self.depth:
            return False
        return all(one == other for one, other in zip(parts, self.first, strict=False))


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern for the paths below a folder."""

    pattern: str
    _regex: Any
    _reaches: tuple[_Reach, ...]

    def matches(self, path: str) -> bool:
        """Say whether a path, relative to the folder, matches."""
        return self._regex.fullmatch(matchable(path)) is not None

    def may_be_below(self, path: str) -> bool:
        """Say whether something below a folder, whose path is relative, may match."""
        parts = path.split("/")
        return any(reach.includes(parts) for reach in self._reaches)


def compiled(pattern: str, field: str) -> Glob:
    """Read a pattern; `field` is what errors call it.

    Raises:
        ToolError: it cannot be understood, or would never match.
    """
    _check(pattern, field)
    try:
        each = list(islice(alternatives(pattern), _MOST_ALTERNATIVES + 1))
        if len(each) > _MOST_ALTERNATIVES:
            raise _wrong(pattern, field, f"its braces make more than {_MOST_ALTERNATIVES} patterns")
        matcher = re2.compile("|".join(map(_regex, each)), options())
    except NotAPatternError as error:
        raise _wrong(pattern, field, str(error)) from None
    except re2.error:
        raise _wrong(pattern, field, "it is too large or has a range like [z-a]") from None
    return Glob(pattern, matcher, tuple(map(_reach, each)))


def _regex(pattern: str) -> str:
    return ("" if "/" in pattern else "(?:.*/)?") + regex(_parts(pattern))


def _reach(pattern: str) -> _Reach:
    if "/" not in pattern:
        return _Reach()
    parts = _parts(pattern)
    first = takewhile(lambda part: not _MAGIC.intersection(part), parts[:-1])
    return _Reach(tuple(first), None if "**" in parts else len(parts))


def _parts(pattern: str) -> list[str]:
    return [part for part in pattern.split("/") if part != "."]


def _check(pattern: str, field: str) -> None:
    if not pattern.strip("./"):
        raise _wrong(pattern, field, "it names nothing")
    if len(pattern) > _LONGEST:
        raise ToolError(
            f"{field}: {len(pattern):,} characters are too many: it may have {_LONGEST:,} at most."
        )
    if pattern.startswith("/"):
        raise _wrong(pattern, field, "it is relative to `path`: give the folder there")
    if ".." in pattern.split("/"):
        raise _wrong(pattern, field, "`..` leads nowhere in it: give another folder as `path`")
    if pattern.endswith("/"):
        raise _wrong(pattern, field, f"it is for files: write {pattern + '**'!r} for all below")


def _wrong(pattern: str, field: str, why: str) -> ToolError:
    examples = "'**/*.py', 'src/*.{ts,tsx}', 'test_[a-m]*'"
    return ToolError(f"{field}: {shown(pattern)}: {why}. Examples: {examples}.")
