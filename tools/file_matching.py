r"""Where an edit's old text stands in a file, and what to say where it does not stand once.

A line feed in an edit matches the file's line ending, whichever it is at that place, and a text
that is put in takes over the line ending of what it replaces. So what an edit does not name stays
byte for byte, in a file with mixed line endings too.
"""

import difflib
import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from tools.file_text import Text

_LINE_END: Final = r"(?:\r\n|(?<!\r)\n)"

_MOST_COUNTED: Final = 1_000
"""Places that are looked for before an error says that there are many."""

_MOST_NAMED: Final = 10
"""Line numbers that an error names."""

_MOST_COMPARED: Final = 5_000
"""Lines of the file that are compared with one that is not in it."""

_MOST_COMPARED_WELL: Final = 30
_LONGEST_COMPARED: Final = 300
_NEAR_LINES: Final = 3

_NUMBERED: Final = re.compile(r"\s*\d+\t")


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement."""

    old_text: str = field(
        metadata={
            "description": "exactly as in the file, with its indentation, without line numbers; "
            "with enough lines around it that it occurs once."
        }
    )
    new_text: str = field(
        metadata={"description": "what is to stand there instead; empty to remove it."}
    )
    replace_all: bool = field(
        default=False, metadata={"description": "replace every occurrence, if there are several."}
    )


class NoMatchError(ValueError):
    """An edit cannot be applied; the text says why, and what to do."""


def applied(edit: Edit, text: Text) -> tuple[str, int]:
    """Apply an edit; give the new text, and how many places were changed.

    Raises:
        NoMatchError: its old text does not stand there once, or as often as it may.
    """
    if not edit.old_text:
        raise NoMatchError("old_text is empty: give the text to replace, or use file_write.")
    old, new = _plain(edit.old_text), _plain(edit.new_text)
    if old == new:
        raise NoMatchError("old_text and new_text are the same: it would change nothing.")
    pattern = re.compile(re.escape(old).replace("\\\n", _LINE_END))
    starts = [*islice(_overlapping(pattern, text.text), 1 if edit.replace_all else _MOST_COUNTED)]
    if not starts:
        raise NoMatchError(_missing(old, text))
    if len(starts) > 1:
        raise NoMatchError(
            f"old_text occurs {_times(starts)}, in lines {_numbers(starts, text.text)}: add "
            "lines around it until it occurs once, or set replace_all."
        )
    ending = text.ends_lines_with
    return pattern.subn(lambda match: _with_endings(new, match[0], ending), text.text)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _with_endings(new: str, replaced: str, ending: str) -> str:
    if "\n" in replaced:
        ending = "\r\n" if "\r\n" in replaced else "\n"
    return new.replace("\n", ending)


def _overlapping(pattern: re.Pattern[str], text: str) -> Iterator[int]:
    """Find where it starts, those places that overlap with another one too."""
    match = pattern.search(text)
    while match:
        yield match.start()
        match = pattern.search(text, match.start() + 1)


def _times(starts: list[int]) -> str:
    count = len(starts)
    return f"{count} times" if count < _MOST_COUNTED else f"{count:,} times or more"


def _numbers(starts: list[int], text: str) -> str:
    numbers = [str(text.count("\n", 0, start) + 1) for start in starts[:_MOST_NAMED]]
    return ", ".join([*numbers, *["..."] * (len(starts) > _MOST_NAMED)])


# -- what to say of a text that is not there -------------------------------------------------------


def _missing(old: str, text: Text) -> str:
    hints = [*_hints(old, text), "Read the lines again, and copy them exactly."]
    return " ".join(["old_text is not in the file.", *hints])


def _hints(old: str, text: Text) -> Iterator[str]:
    lines = [line for line in old.split("\n") if line.strip()]
    if lines and all(_NUMBERED.match(line) for line in lines):
        yield "It starts with line numbers, which are not in the file: leave them off."
        return
    place = _place_but_for_spaces(lines, text)
    if place:
        yield (
            f"Lines {place} have the same words but other white space: check indentation, tabs, "
            "spaces at the ends of lines and blank lines."
        )
        return
    found = text.text.casefold().find(old.casefold())
    if found >= 0:
        number = text.text.count("\n", 0, found) + 1
        yield f"It is there in other letter case, near line {number}."
        return
    near = _near(lines, text)
    if near:
        yield "Similar lines: " + "; ".join(near) + "."


def _place_but_for_spaces(old: list[str], text: Text) -> str:
    """Give the lines that have the same words as some others, as `first-last`; "" if none have."""
    wanted = [line.split() for line in old]
    numbered = ((number, line.split()) for number, line in enumerate(text.lines(), 1))
    lines = [(number, words) for number, words in numbered if words]
    for start, (first, words) in enumerate(lines):
        if wanted and words == wanted[0]:
            run = lines[start : start + len(wanted)]
            if [each for _, each in run] == wanted:
                return f"{first}-{run[-1][0]}"
    return ""


def _near(old: list[str], text: Text) -> list[str]:
    """Give the lines that are most like the longest one of the old text."""
    line = max(old, key=len, default="").strip()[:_LONGEST_COMPARED]
    if not line:
        return []
    numbers: dict[str, int] = {}
    for number, each in enumerate(islice(text.lines(), _MOST_COMPARED), 1):
        numbers.setdefault(each.strip()[:_LONGEST_COMPARED], number)
    wanted = _pieces(line)
    # Comparing well is slow: only those that have most in common are.
    some = heapq.nlargest(_MOST_COMPARED_WELL, numbers, lambda each: len(wanted & _pieces(each)))
    near = difflib.get_close_matches(line, some, _NEAR_LINES)
    return [f"line {numbers[each]}: {each!r}" for each in near]


def _pieces(line: str) -> set[str]:
    return {line[at : at + 2] for at in range(len(line))}
