"""Which addresses may be reached: for whatever of ours connects where a model or a page says.

The rules that this file keeps:

- public addresses may be reached; all others only where the user allowed it (`AddressPolicy`);
- a name is judged by the addresses that it has, and all of them have to be allowed: one that mixes
  addresses of this machine with others is a trick or a mistake, and which one is tried first is not
  ours to say;
- whoever connects does so to an address that `checked` gave, never to the name again: the name may
  have another address by then (DNS rebinding).

Read `address_errors`, `address_table`, `address_hosts`, `address_parsing` and `address_lookup`
first.
"""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from tools.address_errors import AddressError, AddressRefusedError, UnresolvedError, shown
from tools.address_hosts import canonical_host, ip_of
from tools.address_lookup import LIMIT, Resolver, resolve
from tools.address_parsing import SOCKETS, WEB, Target, host_and_port, parse, split_authority
from tools.address_table import BAD_PORTS, forms, refused_network

__all__ = [
    "LIMIT",
    "SOCKETS",
    "WEB",
    "AddressError",
    "AddressPolicy",
    "AddressRefusedError",
    "Resolver",
    "Target",
    "UnresolvedError",
    "canonical_host",
    "checked",
    "host_and_port",
    "parse",
    "resolve",
    "split_authority",
]


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """What may be reached besides the public addresses.

    Raises:
        ValueError: an entry is none; the text says which, and what it may be.
    """

    allowed: tuple[str, ...] = ()
    """Each a `host`, a `host:port` or a network such as `10.0.0.0/8`. A host is allowed as it is
    asked for, whatever address it has; a network by address, whatever name led there: so a network
    lets any page in the world lead there by a name of its own, which a host does not."""
    _hosts: frozenset[tuple[str, int | None]] = field(init=False, repr=False, compare=False)
    _networks: tuple[IPv4Network | IPv6Network, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        networks = [entry for entry in self.allowed if "/" in entry]
        hosts = [entry for entry in self.allowed if "/" not in entry]
        object.__setattr__(self, "_networks", tuple(_network(entry) for entry in networks))
        object.__setattr__(self, "_hosts", frozenset(_host(entry) for entry in hosts))

    def refusal(self, host: str, ip: str, port: int) -> str | None:
        """Say why a canonical host that has this address may not be reached; None if it may."""
        where = host_and_port(host, port)
        if port in BAD_PORTS:
            return f"{where} is refused: no browser connects to port {port}."
        if {(host, port), (host, None)} & self._hosts:
            return None
        found = list(forms(ip_address(ip.partition("%")[0])))
        if any(each in network for each in found for network in self._networks):
            return None
        what = refused_network(found[0])
        if what is None:
            return None
        leads = f"is {what}" if ip == host else f"leads to {ip}, {what}"
        return (
            f"{where} is refused: it {leads}. Only public addresses can be reached. If it is meant "
            f'to be, the user has to add "{where}" to the allowed addresses; do not try another '
            "spelling of it."
        )


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise ValueError(f"allowed address {entry!r} is no network: {error}; {_FORMS}") from None


def _host(entry: str) -> tuple[str, int | None]:
    try:
        if ip_of(entry) is not None:
            return canonical_host(entry), None
        has_port = ":" in entry.rpartition("]")[2]
        host, port = split_authority(entry, None if has_port else WEB["http"])
    except AddressRefusedError as error:
        raise ValueError(f"allowed address {entry!r} is none: {error} {_FORMS}") from None
    return host, port if has_port else None


_FORMS: Final = "Write a host (localhost), host:port (127.0.0.1:8000) or a network (10.0.0.0/8)."


async def checked(
    host: str, port: int, policy: AddressPolicy, resolver: Resolver = resolve
) -> tuple[str, ...]:
    """Give the IP addresses of a host that may be connected to: all that it has, or none.

    Raises:
        AddressRefusedError: one of them may not be reached.
        UnresolvedError: it has none.
    """
    name = canonical_host(host)
    found = tuple(await resolver(name, port))
    if not found:
        raise UnresolvedError(f"There is no host {shown(name)}: its name has no address.")
    for ip in found:
        why = policy.refusal(name, ip, port)
        if why is not None:
            raise AddressRefusedError(why)
    return found
