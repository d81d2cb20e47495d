"""Which networks and ports are refused: pure.

An explicit table, since the standard library's `is_private` and `is_global` are about something
else: the first misses 100.64.0.0/10, the second takes multicast, and IPv6 addresses that carry an
IPv4 address of this machine. The rules that this file keeps:

- of IPv6, only what is handed out for the global internet (2000::/3) can be reached;
- an address that carries an IPv4 address leads where that one leads.

Sources: IANA's special-purpose address registries; the Fetch standard's "bad ports".
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Ip: TypeAlias = IPv4Address | IPv6Address

_V4: Final[Mapping[str, str]] = {
    "0.0.0.0/8": "this machine",
    "127.0.0.0/8": "this machine (loopback)",
    "10.0.0.0/8": "a private network",
    "172.16.0.0/12": "a private network",
    "192.168.0.0/16": "a private network",
    "100.64.0.0/10": "a provider's shared network (CGNAT)",
    "169.254.0.0/16": "a link-local network, where cloud machines find their credentials",
    "168.63.129.16/32": "a cloud machine's host",
    "192.0.0.0/24": "a network for protocols, where cloud machines find their credentials",
    "192.0.2.0/24": "a network for documentation",
    "198.51.100.0/24": "a network for documentation",
    "203.0.113.0/24": "a network for documentation",
    "192.88.99.0/24": "a relay between IPv6 and IPv4 (6to4)",
    "198.18.0.0/15": "a network for benchmarks",
    "224.0.0.0/4": "multicast",
    "255.255.255.255/32": "broadcast",
    "240.0.0.0/4": "a reserved network",
}

_V6: Final[Mapping[str, str]] = {
    "::/128": "this machine",
    "::1/128": "this machine (loopback)",
    "::/96": "an IPv4 address in a form that is no longer in use (IPv4-compatible)",
    "64:ff9b:1::/48": "a local translation to IPv4 (NAT64)",
    "100::/64": "a network that discards everything",
    "fc00::/7": "a private network (unique local)",
    "fe80::/10": "a link-local network",
    "fec0::/10": "a private network (site-local)",
    "ff00::/8": "multicast",
    "2001::/32": "a tunnel to IPv4 (Teredo)",
    "2001::/23": "a network for protocols",
    "2001:db8::/32": "a network for documentation",
    "3fff::/20": "a network for documentation",
}

_V4_NETWORKS: Final = {IPv4Network(network): what for network, what in _V4.items()}
_V6_NETWORKS: Final = {IPv6Network(network): what for network, what in _V6.items()}

_GLOBAL: Final = IPv6Network("2000::/3")

_CARRIERS: Final = {
    IPv6Network("::ffff:0:0/96"): 0,
    IPv6Network("64:ff9b::/96"): 0,
    IPv6Network("2002::/16"): 80,
}
"""Networks whose addresses carry an IPv4 address, and how many bits stand behind it."""

BAD_PORTS: Final = frozenset(
    {
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87),
        *(95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143),
        *(161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556),
        *(563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190),
        *(5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    }
)
"""Ports of other protocols, which no browser connects to."""


def forms(ip: Ip) -> Iterator[Ip]:
    """Give an address, and the IPv4 address that it carries."""
    yield ip
    if isinstance(ip, IPv6Address):
        for network, behind in _CARRIERS.items():
            if ip in network:
                yield IPv4Address(int(ip) >> behind & 0xFFFFFFFF)


def refused_network(ip: Ip) -> str | None:
    """Say to what kind of network an address belongs that must not be reached; None if it may."""
    *outer, last = forms(ip)
    if isinstance(last, IPv4Address):
        found = next((what for net, what in _V4_NETWORKS.items() if last in net), None)
        return f"{last}, {found}" if found and outer else found
    listed = next((what for net, what in _V6_NETWORKS.items() if last in net), None)
    return listed or (None if last in _GLOBAL else "a network that is not handed out")
