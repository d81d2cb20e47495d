"""Text for a terminal of some width, wrapped at words: pure.

The rules that this file keeps:

- what follows a line's break is as far indented as the line is;
- a word that is wider than the terminal is left to it, so that it can be copied whole;
- the lines of a fenced block of code are left as they are.
"""

from collections.abc import Iterator
from typing import Final

from prompt_toolkit.utils import get_cwidth

NARROWEST: Final = 20
"""Columns; a terminal that has fewer wraps by itself."""

FENCE: Final = "```"


def wrapped(line: str, columns: int) -> list[str]:
    """Break a line at its spaces; one that fits is given as it is."""
    columns = max(columns, NARROWEST)
    if get_cwidth(line) <= columns:
        return [line]
    return [*_rows(line, columns)]


def _rows(line: str, columns: int) -> Iterator[str]:
    words = line.lstrip(" ")
    begin = line[: len(line) - len(words)]
    indent = begin if len(begin) <= columns // 2 else ""
    first, *rest = words.split(" ")
    row = begin + first
    for word in rest:
        longer = f"{row} {word}"
        if get_cwidth(longer) > columns:
            yield row
            longer = indent + word
        row = longer
    yield row


class Wrapping:
    """A model's text, which comes in pieces, as lines of a terminal."""

    def __init__(self) -> None:
        self._line = ""
        """What came since the last line that was given."""
        self._is_code = False

    def __repr__(self) -> str:
        return f"<Wrapping {self._line!r}>"

    def feed(self, text: str, columns: int) -> list[str]:
        """Take a piece in; give the lines that are whole by now."""
        *ended, self._line = f"{self._line}{text}".split("\n")
        whole = [row for line in ended for row in self._ended(line, columns)]
        *rows, self._line = self._broken(self._line, columns)
        return [*whole, *rows]

    def rest(self, columns: int) -> list[str]:
        """Give the line that has no end yet, in as many rows as it takes; none when it is empty."""
        return _cut(self._line, columns) if self._line else []

    def end(self) -> list[str]:
        """End the text; give its last line, if that had no end."""
        line, self._line, self._is_code = self._line, "", False
        return [line] if line else []

    def _ended(self, line: str, columns: int) -> list[str]:
        if line.lstrip().startswith(FENCE):
            self._is_code = not self._is_code
            return [line]
        return self._broken(line.rstrip(" "), columns)

    def _broken(self, line: str, columns: int) -> list[str]:
        return [line] if self._is_code else wrapped(line, columns)


def _cut(line: str, columns: int) -> list[str]:
    """Break a line where the terminal does."""
    rows, row, width = [], "", 0
    for each in line:
        wide = get_cwidth(each)
        if width + wide > max(columns, 1):
            rows.append(row)
            row, width = "", 0
        row, width = row + each, width + wide
    return [*rows, row]
