"""The patterns of an ignore file, read and matched as git does it (gitignore(5)).

The rules that this file keeps:

- what is asked for is in a folder that is not left out itself; a pattern matches an entry, never
  what is below it;
- a path is matched in time linear in its length (RE2): a repository's patterns are hostile;
- a line that is no pattern is passed over, and patterns beyond what RE2 takes at once are, too.
"""

import functools
import re
from dataclasses import dataclass
from typing import Final

import re2  # type: ignore[import-untyped]  # (it ships no types)

from tools.glob_regex import NotAPatternError, options, regex

_LONGEST: Final = 1_000
"""Characters of a pattern; a longer one is passed over."""

_END: Final = re.compile(r"(?<!\\)(?: +\r?|\r)$")
"""What does not count at the end of a line."""


class IgnoreRules:
    """The patterns of one folder's files; the last one that matches a path has the last word."""

    __slots__ = ("_patterns", "_set")

    def __init__(self, patterns: "list[_Pattern]") -> None:
        """Make one matcher of them; of the first ones, where they are more than RE2 takes."""
        self._patterns = patterns
        while True:
            try:
                self._set = _set(self._patterns)
            except re2.error:
                self._patterns = self._patterns[: len(self._patterns) // 2]
            else:
                return

    def __repr__(self) -> str:
        return f"<{len(self._patterns)} patterns>"

    def leave_out(self, path: str, *, is_folder: bool) -> bool | None:
        """Say what the patterns say of a path; None when they say nothing."""
        for index in sorted(self._set.Match(path) or (), reverse=True):
            pattern = self._patterns[index]
            if is_folder or not pattern.for_folders:
                return not pattern.is_exception
        return None


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A line of an ignore file."""

    regex: str
    is_exception: bool
    for_folders: bool
    """Whether it is for folders only."""


@functools.lru_cache(maxsize=64)
def rules_of(lines: tuple[str, ...]) -> IgnoreRules:
    """Read lines; the same lines are read once."""
    return IgnoreRules([pattern for line in lines if (pattern := _pattern(line)) is not None])


def _set(patterns: list[_Pattern]) -> re2.Set:
    made = re2.Set.FullMatchSet(options())
    for pattern in patterns:
        made.Add(pattern.regex)
    made.Compile()
    return made


def _pattern(line: str) -> _Pattern | None:
    """Read a line; None when it is a comment, or no pattern."""
    if len(line) > _LONGEST or line.startswith("#"):
        return None
    text = _END.sub("", line)
    is_exception = text.startswith("!")
    text = text[is_exception:]
    for_folders = text.endswith("/")
    text = text[: len(text) - for_folders]
    if not text.strip("/"):
        return None
    start = "" if "/" in text else "(?:.*/)?"
    try:
        found = start + regex(text.removeprefix("/").split("/"))
        re2.compile(found, options())
    except (NotAPatternError, re2.error):
        return None
    return _Pattern(found, is_exception, for_folders)
