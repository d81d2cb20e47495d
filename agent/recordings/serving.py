"""The pages of a recording, served on this machine while it is played.

The rules that this file keeps:

- it listens on 127.0.0.1, at any free port, and answers with what was read before it began;
- each connection is answered once, and none outlives the `async with` block.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import PurePath
from types import TracebackType
from typing import Final, Self

import h11

HOST: Final = "127.0.0.1"

INDEX: Final = "index.html"
"""What is answered where a folder is asked for."""

KINDS: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
"""Types by the endings of names."""

SIZE: Final = 65_536


class PageServer:
    """The server; `async with` starts and ends it, on the loop that runs there.

    Args:
        pages: what it has, by the names of the files.
    """

    def __init__(self, pages: Mapping[str, bytes]) -> None:
        self.address = ""
        """Host and port, while it serves."""
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<PageServer {self.address or 'closed'}, {len(self._pages)} files>"

    @property
    def url(self) -> str:
        """Where its pages are, without a slash at the end."""
        return f"http://{self.address}"

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: no port can be had.
        """
        self._server = await asyncio.start_server(self._connected, HOST, 0)
        await self._group.__aenter__()
        self.address = f"{HOST}:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop listening, and break off what is still connected."""
        self.address = ""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)  # an error of the block's is raised as it is
        await asyncio.sleep(0)  # so that the loop takes leave of the connections

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.address:
            writer.transport.abort()
            return
        task = self._group.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # One that is cancelled before its first step would never close it.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        with suppress(OSError, h11.ProtocolError):  # whoever asked is gone, or is no browser
            while (event := http.next_event()) is h11.NEED_DATA:
                http.receive_data(await reader.read(SIZE))
            if isinstance(event, h11.Request):
                writer.write(_sent(http, *self._answer(event)))
                await writer.drain()

    def _answer(self, request: h11.Request) -> tuple[HTTPStatus, str, bytes]:
        """Give the status, the type and the content that answer a request."""
        path = request.target.decode("ascii", "replace").partition("?")[0]
        name = path.removeprefix("/") or INDEX
        if request.method != b"GET":
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"Pages are only read here.\n"
        if name not in self._pages:
            return HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.\n"
        return HTTPStatus.OK, KINDS.get(PurePath(name).suffix, "text/plain"), self._pages[name]


def _sent(http: h11.Connection, status: HTTPStatus, kind: str, content: bytes) -> bytes:
    headers = [
        ("content-type", f"{kind}; charset=utf-8"),
        ("content-length", str(len(content))),
        ("cache-control", "no-store"),
        ("connection", "close"),
    ]
    head = h11.Response(status_code=status, headers=headers, reason=status.phrase)
    parts = (head, h11.Data(data=content), h11.EndOfMessage())
    return b"".join(http.send(part) or b"" for part in parts)
