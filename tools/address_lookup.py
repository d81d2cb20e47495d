"""The IP addresses of a name.

Each lookup has a thread of its own, which nobody waits for: the system's may hang for half a
minute, and in the event loop's own threads a few of them would hold up all work with files, and the
end of the program too.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from tools.address_errors import UnresolvedError, shown
from tools.address_hosts import ip_of

LIMIT: Final = 5.0
"""Seconds for which a name is looked up."""

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the IP addresses of a canonical host, for a port. Raises `UnresolvedError`."""

_LOCALHOST: Final = ("127.0.0.1", "::1")
"""What `localhost` and all names below it are, whatever a name server says (RFC 6761)."""


async def resolve(host: str, port: int, limit: float = LIMIT) -> tuple[str, ...]:
    """Give the IP addresses of a canonical host, in the order in which to try them.

    Raises:
        UnresolvedError: it has none, or none was found in time.
    """
    if ip_of(host) is not None:
        return (host,)
    if host == "localhost" or host.endswith(".localhost"):
        return _LOCALHOST
    try:
        async with asyncio.timeout(limit):
            return await _looked_up(host, port)
    except TimeoutError:
        raise UnresolvedError(
            f"The name {shown(host)} was not found within {limit:g} seconds. Try again later, or "
            "use another address."
        ) from None
    except (OSError, UnicodeError):
        raise UnresolvedError(
            f"There is no host {shown(host)}: its name has no address. Check the spelling, or use "
            "another address."
        ) from None


async def _looked_up(host: str, port: int) -> tuple[str, ...]:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, ...]] = loop.create_future()

    def tell(found: tuple[str, ...], error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(found)
        else:
            answer.set_exception(error)

    def look() -> None:
        found, error = _addresses(host, port)
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(tell, found, error)

    threading.Thread(target=look, name=f"lookup of {host}", daemon=True).start()
    return await answer


def _addresses(host: str, port: int) -> tuple[tuple[str, ...], Exception | None]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return (), error
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found)), None
