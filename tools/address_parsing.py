"""Where a URL leads: pure.

The rule that this file keeps: what programs read in different ways leads nowhere. So user names,
backslashes, control characters and missing slashes are refused, where one program would go to one
host and another to another.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tools.address_errors import AddressRefusedError, shown
from tools.address_hosts import bracketed, canonical_host
from tools.address_table import BAD_PORTS

WEB: Final[Mapping[str, int]] = {"http": 80, "https": 443}
"""Schemes that a page is fetched by, with their usual ports."""

SOCKETS: Final[Mapping[str, int]] = {"ws": 80, "wss": 443}

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.IGNORECASE | re.DOTALL)
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LAST_PORT: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads."""

    scheme: str
    host: str
    """In its one form (`canonical_host`); an IPv6 address without brackets."""
    port: int

    def __str__(self) -> str:
        return host_and_port(self.host, self.port)


def host_and_port(host: str, port: int) -> str:
    """Give a canonical host and a port as they stand in an address."""
    return f"{bracketed(host)}:{port}"


def parse(url: str, schemes: Mapping[str, int] = WEB) -> Target:
    """Read where a URL leads.

    Raises:
        AddressRefusedError: it is no URL of these schemes, or programs may read it in different
            ways; the text says what to write.
    """
    if any(each.isspace() or not each.isprintable() for each in url):
        raise _refused(
            url, "it has a space or a character that cannot be seen; write a space as %20"
        )
    found = _SCHEME.fullmatch(url)
    scheme, rest = (found[1].lower(), found[2]) if found else ("", url)
    if scheme not in schemes:
        known = " or ".join(f"{each}://" for each in schemes)
        raise _refused(url, f"it has to start with {known}")
    if not rest.startswith("//") or rest[2:3] == "/":
        raise _refused(url, f"write {scheme}:// and the host right behind it")
    before = re.split("[?#]", rest, maxsplit=1)[0]
    if "\\" in before:
        raise _refused(url, "it has a backslash; write / in a path, or %5C")
    authority = before[2:].partition("/")[0]
    if "@" in authority:
        raise _refused(url, "a user name or a password stands before the host; leave it out")
    host, port = split_authority(authority, schemes[scheme])
    return Target(scheme, host, port)


def split_authority(text: str, usual_port: int | None) -> tuple[str, int]:
    """Give the canonical host and the port of `host`, `host:port` or `[IPv6]:port`.

    Raises:
        AddressRefusedError: a part of it is missing or wrong, or no browser connects to the port.
    """
    end = text.find("]") + 1
    host, colon, port = text[:end], text[end : end + 1], text[end + 1 :]
    if not end:
        host, colon, port = text.partition(":")
    if not host or (end and not text.startswith("[")) or colon not in {"", ":"}:
        raise _refused(text, "it names no host; write a host, and a port behind a colon")
    number = usual_port if not port else _number(port)
    if number is None or not 0 < number <= _LAST_PORT:
        raise _refused(text, f"its port has to be a number from 1 to {_LAST_PORT}")
    if number in BAD_PORTS:
        raise _refused(text, f"no browser connects to port {number}, which is another protocol's")
    return canonical_host(host), number


def _number(port: str) -> int | None:
    return int(port) if _PORT.fullmatch(port) else None


def _refused(text: str, why: str) -> AddressRefusedError:
    return AddressRefusedError(f"The address {shown(text)} is refused: {why}.")
