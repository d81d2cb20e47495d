"""One connection of the loopback server: HTTP/1.1 as h11 knows it."""

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import responses
from typing import Protocol

import h11

from agent.claude.blocks import Json
from agent.claude.checking import CacheUse
from agent.claude.script import HttpError

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""Linger for no time: the close becomes a reset."""

RATES = {
    f"anthropic-ratelimit-{what}-{which}": value
    for what in ("requests", "tokens", "input-tokens", "output-tokens")
    for which, value in (
        ("limit", "4000000"),
        ("remaining", "3999000"),
        ("reset", "2030-01-01T00:00:00Z"),
    )
}


@dataclass(slots=True)
class Received:
    """One request, as it came."""

    number: int
    """Its place among all of the server's requests, from 0."""
    method: str
    path: str
    """Without the query."""
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes
    connection: int
    """Its connection's place among all, from 0."""
    arrived: float
    """By the clock of the server's loop."""
    body: Json = field(default_factory=dict)
    """Empty unless the raw bytes are a JSON object."""
    cache: CacheUse | None = None
    """What the prompt cache would do; None where nothing is checked."""
    is_answered: bool = False
    """Whether the whole answer was sent, the last byte included."""


class Answerer(Protocol):
    """The server that a connection belongs to."""

    @property
    def received(self) -> int:
        """How many requests came so far."""
        ...

    def join(self, connection: "Connection") -> int | None:
        """Take a new connection in; None when the server is closing."""
        ...

    async def answer(self, received: Received, out: "Connection") -> None:
        """Answer a request."""
        ...


class Connection(asyncio.Protocol):
    """One connection: HTTP/1.1 as h11 knows it, and a task that is cancelled when it is lost."""

    def __init__(self, model: Answerer) -> None:
        self.task: asyncio.Task[None] | None = None
        self._model = model
        self._http = h11.Connection(h11.SERVER)
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport
        self._number = 0
        self._is_head = False

    # -- the event loop's side -----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (a TCP server makes no other)
        self._transport = transport
        transport.set_write_buffer_limits(0)
        number = self._model.join(self)
        if number is None:
            transport.abort()
        else:
            self._number = number

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._http.receive_data(data)
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: what it asked for ends."""
        del exc  # whatever it was, the client is gone
        self._writable.set()
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        """The client reads too slowly: wait for it."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()

    # -- requests ------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Answer request after request."""
        try:
            while (received := await self._request()) is not None:
                await self._model.answer(received, self)
                if not self.is_finished or self._http.their_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
            self._transport.close()
        except h11.RemoteProtocolError:
            pass  # not HTTP: nobody is there to be told
        finally:
            if not self._transport.is_closing():
                self._transport.abort()

    async def _request(self) -> Received | None:
        head = await self._event()
        if not isinstance(head, h11.Request):
            return None
        self._is_head = head.method == b"HEAD"
        pieces = []
        while isinstance(piece := await self._event(), h11.Data):
            pieces.append(bytes(piece.data))
        return Received(
            number=0,
            method=head.method.decode(),
            path=head.target.decode().partition("?")[0],
            headers={name.decode(): value.decode("latin-1") for name, value in head.headers},
            raw=b"".join(pieces),
            connection=self._number,
            arrived=asyncio.get_running_loop().time(),
        )

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._arrived.clear()
            await self._arrived.wait()
        return event

    # -- responses -----------------------------------------------------------------------------

    @property
    def is_finished(self) -> bool:
        """Whether the response was sent to its end, and the connection can serve another."""
        return self._http.our_state is h11.DONE

    async def start(self) -> None:
        """Begin a stream of events."""
        await self._send(self._head(200, {"content-type": "text/event-stream; charset=utf-8"}))

    async def write(self, data: bytes) -> None:
        """Send a piece of the stream, as one chunk and one write."""
        await self._send(h11.Data(data=data))

    async def end(self) -> None:
        """End the response, cleanly."""
        await self._send(h11.EndOfMessage())

    async def error(self, error: HttpError) -> None:
        """Answer with an error."""
        told = {"type": error.type, "message": error.message}
        body = {"type": "error", "error": told, "request_id": self._request_id()}
        await self._whole(error.status, error.all_headers(), body)

    async def json(self, body: Json | HttpError) -> None:
        """Answer with JSON, or with an error."""
        if isinstance(body, HttpError):
            await self.error(body)
        else:
            await self._whole(200, {}, body)

    def reset(self) -> None:
        """Break off: what was written is with the client's system, then comes the reset."""
        found = self._transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()

    async def _whole(self, status: int, headers: Mapping[str, str], body: Json) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        sizes = {"content-type": "application/json", "content-length": str(len(data))}
        await self._send(self._head(status, sizes | dict(headers)))
        if not self._is_head:
            await self.write(data)
        await self.end()

    def _head(self, status: int, headers: Mapping[str, str]) -> h11.Response:
        every = {"request-id": self._request_id(), **RATES, **headers}
        return h11.Response(
            status_code=status, headers=list(every.items()), reason=responses.get(status, "")
        )

    def _request_id(self) -> str:
        return f"req_loopback{self._number:04}{self._model.received:06}"

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._transport.write(data)
            await self._writable.wait()
