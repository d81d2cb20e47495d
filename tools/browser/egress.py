"""The one way from the browser to the network: a forward proxy on this machine.

A browser that is told to use it has no other way out: what a page, a frame, a worker, a redirect or
a WebSocket asks for comes here, and goes only where the policy allows. The rules that this package
keeps about it:

- a name is looked up once, all of its addresses are checked, and one of these very addresses is
  connected to, whatever the name means a moment later;
- each session has a port of its own, so a refusal is told to the session that it belongs to;
- a port answers requests to a proxy only: a page in another browser, which can send requests to
  this machine, gets nothing out of it.

A port and no password, since a browser that is given one for its proxy by Playwright stops caching,
and asks for each script and image anew. What else runs on this machine may use the port, and gains
nothing that it could not reach itself.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Final, Self

import h11

from tools.addresses import AddressPolicy, Resolver, resolve
from tools.browser.egress_connection import Connection, Rules
from tools.browser.egress_peer import SIZE, EgressLimits, Peer

__all__ = ["ARGUMENTS", "BYPASS", "EgressLimits", "EgressPort", "EgressProxy"]

BYPASS: Final = "<-loopback>"
"""What a browser may reach without the proxy: nothing, not even this machine."""

ARGUMENTS: Final = ("--disable-quic", "--webrtc-ip-handling-policy=disable_non_proxied_udp")
"""What a browser has to be started with, since UDP does not go through a proxy. Chromium's older
name of the second, with `--force-` before it, is without effect in a headless one."""

_log: Final = logging.getLogger(__name__)


class EgressPort:
    """Where the browser of one session finds the proxy."""

    def __init__(self, token: str, server: asyncio.Server) -> None:
        self.token = token
        self.port: int = server.sockets[0].getsockname()[1]
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<EgressPort {self.url} of {self.token}: {len(self._tasks)} connections>"

    @property
    def url(self) -> str:
        """What the browser is told: Playwright's `new_context(proxy={"server": ...})`."""
        return f"http://127.0.0.1:{self.port}"

    def joined(self, task: asyncio.Task[None]) -> None:
        """Know of a connection, until it has ended."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop listening, break all connections off, and wait until they have ended."""
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.sleep(0)  # so that the loop takes leave of the sockets


class EgressProxy:
    """The proxy; `async with` starts and ends it, on the loop that runs there.

    Args:
        policy: what may be reached.
        on_refused: told of each refusal: the session's token, where to (`host:port`, or what was
            asked for when that is no address), and why not.
        resolver: gives the addresses of a name.
        limits: what it takes upon itself.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        on_refused: Callable[[str, str, str], None],
        *,
        resolver: Resolver = resolve,
        limits: EgressLimits | None = None,
    ) -> None:
        self._policy = policy
        self._on_refused = on_refused
        self._resolver = resolver
        self._limits = limits or EgressLimits()
        self._group = asyncio.TaskGroup()
        self._ports: set[EgressPort] = set()
        self._connections = 0

    def __repr__(self) -> str:
        return f"<EgressProxy {len(self._ports)} ports, {self._connections} connections>"

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close all ports."""
        for port in list(self._ports):
            await self.close(port)
        await self._group.__aexit__(kind, error, trace)

    async def open(self, token: str) -> EgressPort:
        """Open a port for the session that is called so.

        Raises:
            OSError: no port can be had.
        """
        rules = Rules(self._policy, self._resolver, self._limits, partial(self._on_refused, token))
        ports: list[EgressPort] = []

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer(h11.SERVER, (reader, writer), self._limits)
            if self._connections >= self._limits.connections or not ports:
                peer.abort()
                return
            self._connections += 1
            task = self._group.create_task(_serve(Connection(peer, rules)))
            task.add_done_callback(self._ended)
            # One that is cancelled before its first step would never close it.
            task.add_done_callback(lambda _: peer.abort())
            ports[0].joined(task)

        server = await asyncio.start_server(
            connected, "127.0.0.1", 0, limit=SIZE, start_serving=False
        )
        port = EgressPort(token, server)
        ports.append(port)
        self._ports.add(port)
        try:
            await server.start_serving()
        except BaseException:  # cancelled meanwhile: nobody gets the port
            await self.close(port)
            raise
        return port

    async def close(self, port: EgressPort) -> None:
        """Close a port, and all that came through it."""
        self._ports.discard(port)
        await port.close()

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._connections -= 1


async def _serve(connection: Connection) -> None:
    try:
        await connection.serve()
    except Exception:  # noqa: BLE001  (a bug ends one connection, not all)
        _log.exception("%r ended", connection)
