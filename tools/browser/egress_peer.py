"""One end of the proxy: a socket, and what h11 knows of it."""

import asyncio
from dataclasses import dataclass
from typing import Final

import h11

SIZE: Final = 64 * 1024
"""Bytes that are read at once; a reader holds twice as many at most."""


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """What one proxy takes upon itself."""

    connections: int = 512
    """From the browser, at a time; one more is closed at once."""
    head: int = SIZE
    """Bytes of a head that are waited for; what arrives at once may be `SIZE` longer."""
    connect: float = 10.0
    """Seconds for all of a host's addresses together, the look-up not counted."""
    idle: float = 600.0
    """Seconds for which nothing may come."""
    half_closed: float = 30.0
    """The same, once one side of a tunnel has said that it sends no more."""
    parting: float = 5.0
    """Seconds for what was sent to arrive, when a connection is closed."""


class Peer:
    """The browser's end, or the server's; `idle` is in seconds."""

    def __init__(
        self,
        role: type[h11.CLIENT | h11.SERVER],
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        limits: EgressLimits,
    ) -> None:
        self.reader, self.writer = streams
        self.http = h11.Connection(role, max_incomplete_event_size=limits.head)
        self._limits = limits

    def __repr__(self) -> str:
        ours, theirs = self.http.our_state, self.http.their_state
        return f"<Peer we are {ours.__name__}, they are {theirs.__name__}>"

    @property
    def is_free(self) -> bool:
        """Whether one message each way is over, and another can follow."""
        return self.http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}

    @property
    def is_open(self) -> bool:
        """Whether the other side has not closed, as far as is known."""
        return not self.reader.at_eof() and not self.writer.is_closing()

    async def event(self) -> h11.Event | type[h11.PAUSED]:
        """Give the next part of a message.

        Raises:
            h11.RemoteProtocolError: it is no HTTP, or it ends in the middle.
            TimeoutError: nothing came for too long.
            OSError: the connection broke.
        """
        while True:
            event = self.http.next_event()
            if not isinstance(event, type) or event is h11.PAUSED:
                return event
            async with asyncio.timeout(self._limits.idle):
                self.http.receive_data(await self.reader.read(SIZE))

    async def send(self, event: h11.Event) -> None:
        """Send a part of a message, and wait while the other side reads too slowly.

        Raises:
            OSError: the connection broke.
        """
        data = self.http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def closed(self) -> None:
        """Wait until the other side closes; what it sends meanwhile belongs to its next message.

        Raises:
            OSError: the connection broke.
            h11.RemoteProtocolError: it sends too much ahead.
        """
        while data := await self.reader.read(SIZE):
            self.http.receive_data(data)
            if len(self.http.trailing_data[0]) > self._limits.head:
                raise h11.RemoteProtocolError("too many requests ahead of their responses")

    def rest(self) -> bytes:
        """Give the bytes that came behind the last message."""
        return self.http.trailing_data[0]

    def abort(self) -> None:
        """Break the connection off; what was not sent yet is lost."""
        self.writer.transport.abort()
