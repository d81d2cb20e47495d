"""Calls of web tools as one session makes them, and a web to call, for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tools import Tool, ToolContext, ToolError
from tools.addresses import AddressPolicy
from tools.web import WEB_TOOLS, Found, Http, Kind, Query, SearchSettings, WebClient
from tools.web.errors import ProviderError

for each in WEB_TOOLS:
    each.definition()  # the schema is made by now, as in a session, and not in the first call

KEYS = {
    "BRAVE_API_KEY": "brave-secret",
    "TAVILY_API_KEY": "tavily-secret",
    "SERPER_API_KEY": "serper-secret",
    "SEARXNG_URL": "http://127.0.0.1:8888",
}

LOOPBACK = AddressPolicy(("127.0.0.1",))

Answer: TypeAlias = Callable[[bytes, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Session:
    """Calls tools with one client."""

    def __init__(self, client: WebClient, name: str = "s") -> None:
        self.client = client
        self.context = ToolContext(name, Path("/"), services={WebClient: client})

    async def call(self, tool: Tool[..., Any], **given: Any) -> str:
        return str(await tool.run(tool.parse(given), self.context))

    async def refusal(self, tool: Tool[..., Any], **given: Any) -> str:
        with pytest.raises(ToolError) as caught:
            await self.call(tool, **given)
        return str(caught.value)


@asynccontextmanager
async def session(client: WebClient) -> AsyncIterator[Session]:
    try:
        yield Session(client)
    finally:
        await client.close()


def asking(*names: str, **settings: Any) -> WebClient:
    """Give a client that asks these of the providers that there are."""
    return WebClient(SearchSettings(KEYS, names).providers(), **settings)


def numbered(listing: str) -> list[str]:
    """Give the titles of a listing, in order."""
    lines = (line.partition(". ") for line in listing.splitlines())
    return [title for number, _, title in lines if number.isdecimal()]


class Fake:
    """A provider that finds what it is given, or fails, when its gate is open."""

    def __init__(
        self,
        name: str,
        found: Sequence[Found] | Exception = (),
        *,
        gate: asyncio.Event | None = None,
        kinds: frozenset[Kind] = frozenset(Kind),
    ) -> None:
        self.name = name
        self.origin = "https://search.example"
        self.kinds = kinds
        self._found = found
        self._gate = gate
        self.asked: list[Query] = []
        self.was_asked = asyncio.Event()
        self.was_cancelled = False

    async def search(self, query: Query, http: Http) -> Sequence[Found]:
        del http
        self.asked.append(query)
        self.was_asked.set()
        try:
            if self._gate is not None:
                await self._gate.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def refused() -> ProviderError:
    return ProviderError("it refuses us (HTTP 403)")


class Site:
    """A server on loopback that answers each path in its own way, and notes what it was asked."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self.asked: list[str] = []
        self.heads: list[str] = []
        self.port = 0
        self.is_quiet = asyncio.Event()
        """Whether no connection is open."""
        self.is_quiet.set()
        self._open = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        self.is_quiet.clear()
        try:
            while head := await _head(reader):
                self.heads.append(head.decode())
                path = head.split(b" ")[1].decode()
                self.asked.append(path)
                await self._answers[path](head, writer)
                await writer.drain()
        except ConnectionError:
            return  # the client left
        finally:
            writer.close()
            self._open -= 1
            if not self._open:
                self.is_quiet.set()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


@asynccontextmanager
async def site(answers: Mapping[str, Answer]) -> AsyncIterator[Site]:
    served = Site(answers)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        async with asyncio.timeout(20):
            await served.is_quiet.wait()


def page(body: bytes | str, kind: str = "text/html; charset=utf-8", *more: str) -> Answer:
    """Answer with a whole body."""
    data = body.encode() if isinstance(body, str) else body

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        said = [f"Content-Type: {kind}"] if kind else []
        lines = ["HTTP/1.1 200 OK", *said, f"Content-Length: {len(data)}", *more, "", ""]
        writer.write("\r\n".join(lines).encode() + data)

    return answer


def status(line: str, *more: str) -> Answer:
    """Answer with a status and no body."""

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        lines = [f"HTTP/1.1 {line}", "Content-Length: 0", *more, "", ""]
        writer.write("\r\n".join(lines).encode())

    return answer


def redirect(to: str) -> Answer:
    return status("302 Found", f"Location: {to}")
