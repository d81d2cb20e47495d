r"""What `grep` searches for: a regular expression that is matched line by line, in linear time.

The syntax is RE2's, which is that of Perl and Python without look-around and back-references; so no
expression, however it is written, takes more than linear time. A match never goes beyond its line:
a pattern that could only match several lines, or whose meaning depends on where a file starts, is
refused with a text that says so.
"""

import re
from typing import Final

import re2  # type: ignore[import-untyped]  # (it ships no types)

from tools.errors import ToolError
from tools.workspace_errors import shown

_LONGEST: Final = 2_000
"""Characters of a pattern."""

_LARGEST: Final = 50_000
"""Instructions of a compiled pattern; a larger one is slow for each byte."""

_CLASS: Final = re.compile(r"(?<!\\)((?:\\\\)*)\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_FLAGS: Final = re.compile(r"\(\?[a-zA-Z]*-?[a-zA-Z]*m")

_REFUSED: Final = {
    "n": r"a line never holds \n: search for one of the lines, with context_lines",
    "A": r"lines are searched: write ^ for a line's start",
    "z": r"lines are searched: write $ for a line's end",
    "Z": r"lines are searched: write $ for a line's end",
    "C": r"\C (a byte) is not supported: write . for any character",
    "Q": r"\Q is not supported: use literal=true",
}
"""By what follows a backslash outside of a class."""

_PLAIN: Final = "for text as it stands use literal=true"


class Pattern:
    """What is searched for in lines of UTF-8."""

    __slots__ = ("_regex", "text")

    def __init__(self, text: str, *, literal: bool = False, ignore_case: bool = False) -> None:
        """Read a pattern.

        Raises:
            ToolError: it cannot be understood, or would never match.
        """
        self.text = text
        _check(text, literal=literal)
        options = re2.Options()
        options.literal = literal
        options.case_sensitive = not ignore_case
        options.never_nl = True
        options.never_capture = True
        options.log_errors = False
        try:
            self._regex = re2.compile(text if literal else f"(?m){text}", options)
        except re2.error as error:
            raise _refused(text, error) from None
        if self._regex.programsize > _LARGEST:
            raise _wrong(text, "it is too large when its repetitions are written out")

    def __repr__(self) -> str:
        return f"<Pattern {self.text!r}>"

    def span(self, lines: bytes, start: int) -> tuple[int, int] | None:
        """Give where the first match is, from the start of a line on; None when there is none."""
        found = self._regex.search(lines, start)
        if found is None:
            return None
        first, end = found.span()
        if first == len(lines) and lines.endswith(b"\n"):
            return None  # nothing, after the last line
        return first, end


def _check(text: str, *, literal: bool) -> None:
    if not text:
        raise ToolError("pattern: it is empty: say what to search for, or list files with glob.")
    if len(text) > _LONGEST:
        raise ToolError(
            f"pattern: {len(text):,} characters are too many: it may have {_LONGEST:,} at most."
        )
    if "\n" in text:
        raise _wrong(text, "it holds a line break, and each line is searched by itself")
    if literal:
        return
    outside = _CLASS.sub(r"\1", text)
    for escape in _ESCAPE.findall(outside):
        if escape in _REFUSED:
            raise _wrong(text, _REFUSED[escape])
    if _FLAGS.search(outside):
        raise _wrong(text, "(?m) cannot be set: ^ and $ always are a line's start and end")


def _refused(text: str, error: Exception) -> ToolError:
    """Say what RE2 did not take."""
    why = b"".join(part for part in error.args if isinstance(part, bytes)).decode(errors="replace")
    if why.startswith("invalid perl operator: (?") or re.search(r"\\[1-9]$", why):
        return _wrong(text, f"{why} (there is no look-around and no back-reference)")
    return _wrong(text, f"{why.replace('(?m)', '')} ({_PLAIN})")


def _wrong(text: str, why: str) -> ToolError:
    return ToolError(f"pattern: {shown(text)}: {why}.")
