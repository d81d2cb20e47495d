"""The text of a file, and how it is spelled in bytes: encoding, byte order mark, line endings.

The rules that this file keeps:

- what was decoded here is encoded to the very same bytes again, if nothing was changed;
- a file is text if its byte order mark says so, or if it has no NUL and few control characters;
  what is not UTF-8 then is read as Latin-1, which has a character for every byte;
- a line ends at a line feed, with or without a carriage return before it, and nowhere else.
"""

import codecs
from dataclasses import dataclass
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16 LE with BOM"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16 BE with BOM"),
)

_LOOKED_AT: Final = 8_192
"""Bytes of the start that say whether it is text."""

_CONTROLS: Final = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b") + b"\x7f"
_MOST_CONTROLS: Final = 0.05
"""Share of control characters in what is read as Latin-1."""


class NotTextError(ValueError):
    """Bytes are no text that is known here."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a file says, and how."""

    text: str
    """With the line endings of the file."""
    codec: str = "utf-8"
    encoding: str = "UTF-8"
    """As a person calls it."""
    mark: bytes = b""
    """The byte order mark, which `text` does not hold."""

    @property
    def ends_lines_with(self) -> str:
        r"""`"\r\n"` if most lines end so, otherwise `"\n"`."""
        with_return = self.text.count("\r\n")
        return "\r\n" if 2 * with_return > self.text.count("\n") else "\n"

    def lines(self) -> list[str]:
        """Give the lines, without ends; what follows the last line feed is one if not empty."""
        lines = self.text.split("\n")
        if not lines[-1]:
            lines.pop()
        return [line.removesuffix("\r") for line in lines]

    def encoded(self, text: str) -> bytes:
        """Spell another text in the same way.

        Raises:
            UnicodeEncodeError: the encoding lacks a character.
        """
        return self.mark + text.encode(self.codec)


def decoded(data: bytes) -> Text:
    """Read bytes as text.

    Raises:
        NotTextError: they are none.
    """
    for mark, codec, encoding in _MARKS:
        if data.startswith(mark):
            return _marked(data, mark, codec, encoding)
    if b"\0" in data[:_LOOKED_AT]:
        raise NotTextError
    try:
        return Text(data.decode())
    except UnicodeDecodeError:
        if _is_binary(data[:_LOOKED_AT]):
            raise NotTextError from None
        return Text(data.decode("latin-1"), "latin-1", "Latin-1 (guessed: it is no UTF-8)")


def _marked(data: bytes, mark: bytes, codec: str, encoding: str) -> Text:
    if data.startswith(codecs.BOM_UTF32_LE):
        raise NotTextError
    try:
        return Text(data[len(mark) :].decode(codec), codec, encoding, mark)
    except UnicodeDecodeError:
        raise NotTextError from None


def _is_binary(start: bytes) -> bool:
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return controls > _MOST_CONTROLS * len(start)
