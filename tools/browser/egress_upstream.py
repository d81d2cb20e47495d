"""A connection to an address that was checked."""

import asyncio

import h11

from tools.addresses import AddressPolicy, Resolver, UnresolvedError, checked
from tools.browser.egress_heads import Asked
from tools.browser.egress_peer import SIZE, EgressLimits, Peer


class UnreachableError(Exception):
    """Nothing answers at a host's addresses; the text says so."""


async def connect(
    to: Asked, policy: AddressPolicy, resolver: Resolver, limits: EgressLimits
) -> Peer:
    """Look a host up once, check all its addresses, and connect to the first that answers.

    Each address has its share of the time.

    Raises:
        AddressRefusedError: the policy refuses one of them.
        UnreachableError: there is none, or none answers.
        TimeoutError: none answers in time.
    """
    try:
        addresses = await checked(to.host, to.port, policy, resolver)
    except UnresolvedError as error:
        raise UnreachableError(str(error)) from None
    loop = asyncio.get_running_loop()
    end = loop.time() + limits.connect
    for left in range(len(addresses), 0, -1):
        now = loop.time()
        try:
            async with asyncio.timeout_at(now + max(end - now, 0) / left):
                streams = await asyncio.open_connection(addresses[-left], to.port, limit=SIZE)
            return Peer(h11.CLIENT, streams, limits)
        except TimeoutError:
            if left == 1:
                raise TimeoutError(f"{to.where} does not answer.") from None
        except OSError:
            if left == 1:
                raise UnreachableError(f"{to.where} cannot be connected to.") from None
    raise AssertionError("a checked host has an address")
