"""Text that every reader takes: no half characters, no control characters."""

import re
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction in which text is shown."""

_DELETE: Final = 0x7F
_SYMBOLS: Final = 0x2400
"""Where Unicode has the symbols of the control characters."""


def cleaned(text: str) -> str:
    """Show control characters as their symbols, and half characters as U+FFFD.

    New line, carriage return and tab stay. Symbols and not nothing, so that a reader sees that
    there was something, and an escape sequence does not act on anybody's terminal.
    """
    if not is_whole(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub(_symbol, text)


def _symbol(control: re.Match[str]) -> str:
    code = ord(control[0])
    return "\N{SYMBOL FOR DELETE}" if code == _DELETE else chr(_SYMBOLS + code)


def is_whole(text: str) -> bool:
    """Say whether a text holds no half of a character (a lone surrogate), which UTF-8 has not."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def visible(text: str) -> str:
    """Clean a text for a terminal: neither its direction nor a lone carriage return acts there."""
    lines = cleaned(text).replace("\r\n", "\n").replace("\r", "\N{SYMBOL FOR CARRIAGE RETURN}")
    return _DIRECTION.sub(lambda found: f"<U+{ord(found[0]):04X}>", lines)
