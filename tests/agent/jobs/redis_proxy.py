"""Something between a store and its Redis, which loses and delays what passes."""

import asyncio
from contextlib import suppress
from enum import Enum
from typing import Self


class Fate(Enum):
    """What becomes of a request that runs a script."""

    LOSE_REQUEST = "lose the request, and the connection with it"
    LOSE_ANSWER = "have Redis carry it out, and lose the answer with the connection"
    HOLD = "lose the connection, and let Redis have the request later: see `let_go`"


class RedisProxy:
    """A server in front of another; `async with` starts and ends it.

    Requests that run a script meet the fates in their order; when there are none left, they pass.
    """

    def __init__(self, port: int) -> None:
        self.fates: list[Fate] = []
        self.met = asyncio.Event()
        """Set when a request has met its fate."""
        self.port = 0
        self._redis = port
        self._held: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def let_go(self) -> bytes:
        """Let Redis have the first request that is held; give its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._redis)
        writer.write(self._held.pop(0))
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._pass(reader, writer)))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        others, to_redis = await asyncio.open_connection("127.0.0.1", self._redis)
        try:
            with suppress(ConnectionError):
                while (request := await reader.read(1 << 20)) and await self._meets(
                    request, others, to_redis
                ):
                    writer.write(await others.read(1 << 20))
        finally:
            writer.close()
            to_redis.close()

    async def _meets(
        self, request: bytes, others: asyncio.StreamReader, to_redis: asyncio.StreamWriter
    ) -> bool:
        """Give a request to Redis, if that is its fate; say whether the connection goes on."""
        fate = self.fates.pop(0) if self.fates and b"EVAL" in request else None
        if fate is Fate.HOLD:
            self._held.append(request)
        if fate in {None, Fate.LOSE_ANSWER}:
            to_redis.write(request)
        if fate is Fate.LOSE_ANSWER:
            await others.read(1 << 20)
        if fate is not None:
            self.met.set()
        return fate is None
