"""An entry as one line of JSON, and what of a file is whole.

A line is `{"crc":"xxxxxxxx","seq":N,"safe":M,...}` and a newline, `...` being the entry's own
members. The rules:

- `crc` is zlib's CRC-32, in 8 hex digits, of every byte after its own member, up to the newline;
- `seq` counts the entries from 0;
- `safe` says how many entries were known to be on the disk when this one was appended. So it tells
  damage from the traces of a crash: a crash can take any page that was not synced yet, not only the
  last; where a later line claims that an entry was safe, that entry was lost in another way.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Entry: TypeAlias = dict[str, Any]
"""A JSON object with a string for its "type"."""

RESERVED: Final = frozenset({"crc", "seq", "safe"})
"""Members that are the line's and not the entry's."""

_START: Final = b'{"crc":"'
_BODY: Final = len(_START) + 8 + len(b'",')
"""Where a line begins to be covered by its checksum."""

_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_escaped = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode


class NotAnEntryError(ValueError):
    """This cannot be an entry; the text says why, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, decoded."""

    seq: int
    safe: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found in a file."""

    entries: list[Entry]
    """Those before the first damage."""
    good_bytes: int
    """Where the last of them ends."""
    tail: int = 0
    """Bytes of a damaged tail, which may be set aside."""
    damage: int | None = None
    """The line, from 1, at which the file is damaged in its middle."""


def encode(seq: int, safe: int, entry: Entry) -> bytes:
    """Write an entry as a line.

    As in `json`, a tuple becomes a list, a key a string, and two halves of a character that stand
    side by side become that character. A half that stands alone comes back as it was.

    Raises:
        NotAnEntryError: it holds what is not JSON, a reserved member, or no type.
    """
    if not isinstance(entry.get("type"), str) or not RESERVED.isdisjoint(entry):
        raise NotAnEntryError(
            f"an entry has a string for its type, and none of {sorted(RESERVED)}: this one has "
            f"the type {entry.get('type')!r} and the members {[*entry]}",
        )
    body = _body(f'"seq":{seq},"safe":{safe},', entry)
    return b'%b%08x",%b\n' % (_START, zlib.crc32(body), body)


def _body(head: str, entry: Entry) -> bytes:
    try:
        return (head + _plain(entry)[1:]).encode()
    except UnicodeEncodeError:  # Half a character, which UTF-8 cannot hold.
        return (head + _escaped(entry)[1:]).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotAnEntryError(
            f"an entry of type {entry['type']!r} cannot be written as JSON: {error}",
        ) from error


def decode(line: bytes) -> Line | None:
    """Read a line, its newline included; None when it is not whole or not valid."""
    body = line[_BODY:-1]
    if not line.endswith(b"\n") or line[:_BODY] != b'%b%08x",' % (_START, zlib.crc32(body)):
        return None
    try:
        members: Entry = json.loads(b"{" + body)
    except ValueError:
        return None
    match members:
        case {"seq": int(seq), "safe": int(safe), **entry}:
            return Line(seq, safe, entry)
    return None


def scan(data: bytes) -> Scan:
    """Tell a file's whole entries, and what kind of damage ends them; linear in its size.

    A line that is not whole, not valid or not the next is damage. It is a tail that may be set
    aside unless a valid line behind it claims that it was safe.
    """
    entries: list[Entry] = []
    at = 0
    while (end := data.find(b"\n", at) + 1) and (line := decode(data[at:end])):
        if line.seq != len(entries):
            break
        entries.append(line.entry)
        at = end
    if any(line.safe > len(entries) for line in _valid_lines(data, at)):
        return Scan(entries, at, damage=len(entries) + 1)
    return Scan(entries, at, tail=len(data) - at)


def _valid_lines(data: bytes, at: int) -> Iterator[Line]:
    """Find the valid lines from the start of a line on, without a look at the garbage between."""
    while end := data.find(b"\n", at) + 1:
        if line := decode(data[at:end]):
            yield line
        at = data.find(b"\n" + _START, end - 1) + 1
        if not at:
            return
