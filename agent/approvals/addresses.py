"""The addresses in a call's input, for rules about addresses: pure.

An address that programs may read in different ways leads nowhere that could be told: a rule that
allows is not about it, and one that denies may be.
"""

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final
from urllib.parse import urlsplit

from agent.approvals.patterns import Fit, is_like

MEMBERS: Final = ("url", "address", "uri")
"""The parameters that hold an address, or a list of them."""

_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")

_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""The last part of a name that some programs read as an IPv4 address."""

_PATTERN: Final = re.compile(r"(?P<host>\[[0-9a-f:.*]+\]|[a-z0-9_.*-]+)(:(?P<port>[0-9]{1,5}))?")


def addresses_in(call_input: Mapping[str, Any]) -> list[str]:
    """Give the addresses in a call's input."""
    found = (call_input.get(name) for name in MEMBERS)
    listed = (each if isinstance(each, list) else [each] for each in found)
    return [address for each in listed for address in each if isinstance(address, str)]


def host_and_port(address: str) -> tuple[str, int] | None:
    """Give where an address leads; None when programs may read it in different ways.

    An IPv6 address stands in brackets, as in the address.
    """
    is_odd = any(not 0x20 < ord(each) < 0x7F for each in address)  # noqa: PLR2004  (ASCII that is seen)
    if is_odd:
        return None
    try:
        parts = urlsplit(address)
        usual = _PORTS[parts.scheme]
        port = usual if parts.port is None else parts.port
        host = _host(parts.netloc, parts.hostname or "")
    except (KeyError, ValueError):
        return None
    return (host, port) if host and port else None


def _host(netloc: str, name: str) -> str | None:
    """Give a host in the one way in which it is compared. Raises ValueError when it is none."""
    if "@" in netloc:
        return None
    if netloc.startswith("["):
        address = IPv6Address(name)
        if netloc.rpartition("]")[2][:1] not in {"", ":"} or address.scope_id is not None:
            return None
        return str(address.ipv4_mapped or f"[{address.compressed}]")
    name = name.removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return str(IPv4Address(name))
    return name if _NAME.fullmatch(name) else None


def is_pattern(text: str) -> bool:
    """Say whether a text is a host, with `*` for any characters, and a port if one is named."""
    return _PATTERN.fullmatch(text.lower()) is not None


def about(pattern: str, address: str) -> Fit:
    """Say whether an address leads to one of the pattern's hosts.

    A pattern without a port is about all ports.
    """
    wanted, found = _PATTERN.fullmatch(pattern.lower()), host_and_port(address)
    if wanted is None or found is None:
        return Fit.MAYBE
    host, port = found
    is_port = wanted["port"] is None or int(wanted["port"]) == port
    return Fit.SURE if is_port and is_like(wanted["host"].removesuffix("."), host) else Fit.NO
