"""What a body is, by what its server and its first bytes say; and its text: pure.

A server's word is not enough: many leave the type out, or say text of what is none. For the
encoding, text that decodes as UTF-8 is UTF-8, whatever is declared; else what is declared counts,
in the header before in the page, where the text decodes so; else it is guessed.
"""

import codecs
import re
from dataclasses import dataclass
from email.message import Message
from typing import Final

_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})

_TEXT: Final = frozenset(
    f"application/{name}"
    for name in (
        *("xml", "javascript", "ecmascript", "x-javascript", "yaml", "x-yaml", "toml"),
        *("x-ndjson", "ndjson", "jsonl", "sql", "graphql", "x-sh", "x-tex", "rtf"),
    )
)

_MARKUP: Final = re.compile(
    rb"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)

_DECLARED: Final = re.compile(
    rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?([\w:.-]+)", re.IGNORECASE
)
_DECLARED_WITHIN: Final = 4_096

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_NOT_FOR_PAGES: Final = frozenset(
    {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "utf-7"}
)
"""Codecs of Python that no page is in; some of them take very long."""

_WIDE: Final = ("utf-16", "utf-32", "ucs-2")
"""Encodings whose text may have zeros."""

_WRONG: Final = 1_000
"""One character of so many may be wrong: a page with a slip in it, or cut in one."""

_LONGEST_NAME: Final = 100
_GUESSED_FROM: Final = 64_000
"""Bytes."""

_FIRST_ODD: Final = 0x80
_FEWEST_ODD: Final = 40
"""Bytes that are not ASCII; a guess from fewer is worse than what most such pages are in."""


@dataclass(frozen=True, slots=True)
class MediaType:
    """A content type, as it is declared."""

    name: str
    """Lower-case, without parameters; a general one when none is declared."""
    charset: str = ""

    @property
    def is_html(self) -> bool:
        """Whether it is said to be a page."""
        return self.name in _HTML

    @property
    def is_json(self) -> bool:
        """Whether it is said to be JSON."""
        return self.name in {"application/json", "text/json"} or self.name.endswith("+json")

    @property
    def is_text(self) -> bool:
        """Whether it may be text; only the bytes can say, where nothing is declared."""
        is_said = self.name.startswith("text/") or self.name in _TEXT or self.name == UNKNOWN
        return is_said or self.is_html or self.is_json or self.name.endswith("+xml")


UNKNOWN: Final = "of no declared type"


def media_type(header: str) -> MediaType:
    """Read a `Content-Type`."""
    message = Message()
    message["content-type"] = header[:_LONGEST_NAME]
    if not header.strip():
        return MediaType(UNKNOWN)
    charset = message.get_content_charset() or ""
    return MediaType(ascii(message.get_content_type())[1:-1], charset)


def is_page(data: bytes) -> bool:
    """Say whether bytes begin as an HTML page does."""
    return _MARKUP.match(data[:_DECLARED_WITHIN]) is not None


def is_binary(data: bytes, media: MediaType) -> bool:
    """Say whether bytes are no text; what says to be in wide characters may have zeros."""
    is_wide = media.charset.startswith(_WIDE) or _mark(data) != ""
    return not is_wide and b"\0" in data[:_GUESSED_FROM]


def decoded(data: bytes, media: MediaType) -> str:
    """Give the text of bytes. May take a while: for a thread."""
    found = _DECLARED.search(data[:_DECLARED_WITHIN])
    in_page = found[1].decode("ascii", "replace").lower() if found else ""
    in_page = "" if in_page.startswith(_WIDE) else in_page  # it was read a byte a character
    odd = (*_odd(media.charset), *_odd(in_page))
    for charset in (_mark(data), *odd, "utf-8", media.charset, in_page):
        text = _sound(data, charset)
        if text is not None:
            return text
    return _sound(data, _guessed(data)) or data.decode("cp1252", "replace")


def _mark(data: bytes) -> str:
    return next((name for mark, name in _MARKS if data.startswith(mark)), "")


def _odd(charset: str) -> tuple[str, ...]:
    """Give an encoding whose bytes pass for UTF-8: these are believed first."""
    return (charset,) if charset.startswith((*_WIDE, "iso-2022", "hz")) else ()


def _sound(data: bytes, charset: str) -> str | None:
    """Decode bytes; None where they are not in that encoding, or there is no such."""
    try:
        codec = codecs.lookup(charset).name if charset else ""
        if not codec or codec in _NOT_FOR_PAGES or codec == "ascii":
            return None
        text = data.decode(codec, "replace")
    except (LookupError, UnicodeError, ValueError):
        return None
    wrong = text.count("\N{REPLACEMENT CHARACTER}")
    # A cut may go through the last character.
    return text if max(wrong - 1, 0) * _WRONG <= len(text) else None


def _guessed(data: bytes) -> str:
    """Guess an encoding; none, where there is too little to guess from."""
    if sum(byte >= _FIRST_ODD for byte in data[:_GUESSED_FROM]) < _FEWEST_ODD:
        return ""
    from charset_normalizer import from_bytes  # noqa: PLC0415  (slow to import, and rarely needed)

    best = from_bytes(data[:_GUESSED_FROM]).best()
    return best.encoding if best else ""
