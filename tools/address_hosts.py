"""The host of an address in the one form in which it is compared: pure.

As the URL standard (WHATWG) reads it, hence as a browser does: other letters' digits and full stops
are ours, a name whose last part is a number is an IPv4 address in decimal, octal or hexadecimal,
with its last parts together if it likes (`127.1`). What that standard reads and others do not
(percent signs, most signs) is refused.
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import idna

from tools.address_errors import AddressRefusedError, shown
from tools.address_table import Ip

_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}")
_LONGEST: Final = 253

_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""The last part of a name that is read as an IPv4 address."""

_DIGITS: Final = {16: re.compile(r"[0-9a-f]*"), 8: re.compile("[0-7]+"), 10: re.compile("[0-9]+")}

_MOST_PARTS: Final = 4


def canonical_host(text: str) -> str:
    """Give a host in its one form: a lower-case ASCII name without a last dot, or an IP address.

    An IPv6 address may come in brackets, and is given without.

    Raises:
        AddressRefusedError: it is no host, or programs may read it in different ways.
    """
    if text.startswith("[") or ":" in text:
        return _ipv6(text)
    name = _ascii(text).removesuffix(".")
    if len(name) > _LONGEST:
        raise _refused(text, f"a name has at most {_LONGEST} characters")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(text, labels)
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise _refused(text, f"{shown(label)} is no part of a name")
    return name


def ip_of(host: str) -> Ip | None:
    """Give the IP address that a canonical host is; None when it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def bracketed(host: str) -> str:
    """Give a canonical host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _ipv6(text: str) -> str:
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in inside:
        raise _refused(text, "an address with a zone is one of this machine's own links")
    try:
        return IPv6Address(inside).compressed
    except ValueError:
        raise _refused(text, "it is no IPv6 address") from None


def _ascii(text: str) -> str:
    """Give a name in lower case and ASCII, as it is looked up."""
    if text.isascii():
        return text.lower()
    try:
        mapped = idna.uts46_remap(text, std3_rules=False, transitional=False)
        return ".".join(_label(each) for each in mapped.split("."))
    except ValueError:
        raise _refused(text, "a character in it may not stand in a name") from None


def _label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"


def _ipv4(text: str, parts: list[str]) -> str:
    value = _joined([_number(part) for part in parts])
    if value is None:
        raise _refused(text, "its last part is a number, and it is no IPv4 address")
    return str(IPv4Address(value))


def _joined(numbers: list[int | None]) -> int | None:
    """Give the address of its parts, the last of which may stand for several; None if wrong."""
    known = [each for each in numbers if each is not None]
    if len(known) < len(numbers) or len(known) > _MOST_PARTS:
        return None
    *first, last = known
    behind = 8 * (_MOST_PARTS - len(first))
    if last >> behind or any(each >> 8 for each in first):
        return None
    return int.from_bytes(bytes(first), "big") << behind | last


def _number(part: str) -> int | None:
    """Read a part of an IPv4 address; None when it is no number."""
    base, digits = 10, part
    if part.startswith("0x"):
        base, digits = 16, part[2:]
    elif len(part) > 1 and part.startswith("0"):
        base, digits = 8, part[1:]
    return int(digits or "0", base) if _DIGITS[base].fullmatch(digits) else None


def _refused(text: str, why: str) -> AddressRefusedError:
    return AddressRefusedError(
        f"The host {shown(text)} is refused: {why}. Write a plain name such as "
        "docs.example.org, or an IP address such as 93.184.215.14."
    )
