"""One connection of the browser to the proxy: request after request.

The rules that this file keeps:

- a connection of the browser has at most one to a server. A next request to the same host and port
  uses it again when both messages before are over and it is open; else it is closed and another is
  made, which is checked again. When it breaks before an answer, the browser's is broken off too,
  so that the browser knows as much as it would without a proxy;
- a body is carried piece by piece, and never held;
- a response that breaks off never looks whole: the browser's connection is broken off;
- when the browser goes away, what it asked for ends.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import h11

from tools.addresses import AddressPolicy, AddressRefusedError, Resolver
from tools.browser.egress_heads import (
    Asked,
    NotForProxyError,
    asked,
    is_switch,
    page,
    status_of,
    switched,
    to_browser,
    to_server,
)
from tools.browser.egress_peer import SIZE, EgressLimits, Peer
from tools.browser.egress_tunnel import tunnel
from tools.browser.egress_upstream import UnreachableError, connect

BROKEN: Final = (OSError, h11.ProtocolError, TimeoutError)
"""What a connection that breaks, stands still or speaks no HTTP raises."""

_SKIPPED: Final = 1024 * 1024
"""Bytes of a body that are read though nobody wants them, so that the answer can be read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a connection is served by."""

    policy: AddressPolicy
    resolver: Resolver
    limits: EgressLimits
    refused: Callable[[str, str], None]
    """Told where to, and why not."""


class Connection:
    """A connection of the browser, and the one to a server that it has."""

    def __init__(self, browser: Peer, rules: Rules) -> None:
        self._browser = browser
        self._rules = rules
        self._server: Peer | None = None
        self._where = ""
        self._is_used = False
        """Whether the one to a server has carried a request before."""

    def __repr__(self) -> str:
        return f"<Connection {self._browser!r} to {self._where or 'nowhere yet'}>"

    async def serve(self) -> None:
        """Answer request after request; afterwards both connections are closed."""
        try:
            while isinstance(request := await self._request(), h11.Request):
                await self._answer(request)
                if not self._browser.is_free:
                    break
                self._browser.http.start_next_cycle()
            await self._part()
        except BROKEN:
            pass  # nobody is there to be told
        finally:
            self._browser.abort()
            self._leave()

    async def _request(self) -> object:
        try:
            return await self._browser.event()
        except h11.RemoteProtocolError as error:
            await self._page(error.error_status_hint, "This is no request to a proxy.")
            return None

    async def _part(self) -> None:
        """Close, once both sides have what was sent to them.

        What the browser still sends is read: closing before would take the answer away from it.
        """
        async with asyncio.timeout(self._rules.limits.parting):
            if self._server is not None:
                self._server.writer.close()
                await self._server.writer.wait_closed()
            if not self._browser.writer.is_closing():
                self._browser.writer.write_eof()
            while await self._browser.reader.read(SIZE):
                pass

    async def _answer(self, request: h11.Request) -> None:
        try:
            to = asked(request)
        except (NotForProxyError, AddressRefusedError) as error:
            await self._tell(request, request.target.decode("ascii"), error)
            return
        try:
            server = await self._reach(to)
        except (AddressRefusedError, UnreachableError, TimeoutError) as error:
            await self._tell(request, to.where, error)
            return
        if to.is_tunnel:
            await self._browser.send(h11.Response(status_code=200, headers=[]))
            await tunnel(self._browser, server, self._rules.limits)
        else:
            await self._exchange(request, to, server)

    async def _reach(self, to: Asked) -> Peer:
        """Give a connection to where a request leads."""
        server = self._server
        self._is_used = server is not None and self._where == to.where and server.is_free
        if server is not None and self._is_used and server.is_open:
            server.http.start_next_cycle()
            return server
        self._leave()
        self._is_used = False
        rules = self._rules
        self._server = server = await connect(to, rules.policy, rules.resolver, rules.limits)
        self._where = to.where
        return server

    def _leave(self) -> None:
        if self._server is not None:
            self._server.abort()
            self._server = None

    # -- one request ---------------------------------------------------------------------------

    async def _exchange(self, request: h11.Request, to: Asked, server: Peer) -> None:
        async with asyncio.TaskGroup() as tasks:
            upload = tasks.create_task(self._upload(to_server(request, to), server))
            download = tasks.create_task(self._download(request, server))
            await asyncio.wait((upload, download), return_when=asyncio.FIRST_COMPLETED)
            upload.cancel()
            download.cancel()
        if server.http.our_state is h11.SWITCHED_PROTOCOL:
            await tunnel(self._browser, server, self._rules.limits)

    async def _upload(self, head: h11.Request, server: Peer) -> None:
        """Carry a request; end when the browser has gone."""
        try:
            is_read = await _sent(server, head)
            while isinstance(event := await self._browser.event(), h11.Data):
                is_read = is_read and await _sent(server, event)
            if is_read:
                await _sent(server, h11.EndOfMessage())
            await self._browser.closed()
        except BROKEN:
            pass
        self._browser.abort()

    async def _download(self, request: h11.Request, server: Peer) -> None:
        """Carry the response."""
        try:
            head = await _head(server)
        except BROKEN as error:
            await self._unanswered(request, error)
            return
        try:
            if isinstance(head, h11.InformationalResponse):
                await self._browser.send(switched(head))
                return
            await self._browser.send(to_browser(head))
            while isinstance(event := await server.event(), h11.Data):
                await self._browser.send(event)
            await self._browser.send(h11.EndOfMessage())
        except BROKEN:
            self._browser.abort()

    # -- answers of the proxy's own ------------------------------------------------------------

    async def _unanswered(self, request: h11.Request, error: Exception) -> None:
        """Tell that a server gave no response.

        Where it may just have closed, the browser sees the same, and asks again.
        """
        if self._is_used:
            self._browser.abort()
            return
        is_late = isinstance(error, TimeoutError)
        text = f"{self._where} {'gives no answer' if is_late else 'gave no answer that is HTTP'}."
        await self._page(504 if is_late else 502, text, request)

    async def _tell(self, request: h11.Request, where: str, error: Exception) -> None:
        """Tell why a request went nowhere."""
        if isinstance(error, AddressRefusedError):
            self._rules.refused(where, str(error))
        with suppress(*BROKEN):
            async with asyncio.timeout(self._rules.limits.parting):
                await self._skip_body()
        await self._page(status_of(error), str(error), request)

    async def _skip_body(self) -> None:
        left = _SKIPPED
        while left > 0 and self._browser.http.their_state is h11.SEND_BODY:
            event = await self._browser.event()
            left -= len(event.data) if isinstance(event, h11.Data) else 0

    async def _page(self, status: int, text: str, request: h11.Request | None = None) -> None:
        if self._browser.http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        response, body = page(status, text)
        await self._browser.send(response)
        if request is None or request.method != b"HEAD":
            await self._browser.send(h11.Data(data=body))
        await self._browser.send(h11.EndOfMessage())


async def _sent(server: Peer, event: h11.Event) -> bool:
    """Send a part of a request; a server that reads no more may have answered already."""
    try:
        await server.send(event)
    except OSError:
        return False
    return True


async def _head(server: Peer) -> h11.Response | h11.InformationalResponse:
    """Give the head of a response, or of the switch to a WebSocket."""
    while True:
        event = await server.event()
        if isinstance(event, h11.Response):
            return event
        if not isinstance(event, h11.InformationalResponse):
            raise h11.RemoteProtocolError("the server closed without a response")
        if is_switch(event):
            return event
