"""Sites on this machine, for what a browser asks of them."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h11

WEBSOCKET_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class Site:
    """What it has, and what came: a path that it has not gets an empty text."""

    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Path: content type and text."""
    moved: dict[str, str] = field(default_factory=dict)
    """Path: where it went."""
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda _: writer.close())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        with suppress(OSError, h11.ProtocolError):
            while True:
                while (event := http.next_event()) is h11.NEED_DATA:
                    http.receive_data(await reader.read(65536))
                if isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.EndOfMessage):
                    if not self.answer(http, request, writer):
                        writer.write(await reader.read(65536))  # an echo of one frame, still masked
                        return
                    if http.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                        return
                    http.start_next_cycle()
                elif not isinstance(event, h11.Data):
                    return

    def answer(self, http: h11.Connection, request: h11.Request, out: asyncio.StreamWriter) -> bool:
        path = request.target.decode()
        self.requests.append(path)
        headers = dict(request.headers)
        self.hosts.append(headers[b"host"].decode())
        if headers.get(b"upgrade") == b"websocket":
            digest = hashlib.sha1(headers[b"sec-websocket-key"] + WEBSOCKET_KEY).digest()
            said = {
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Accept": base64.b64encode(digest).decode(),
            }
            switch = h11.InformationalResponse(status_code=101, headers=list(said.items()))
            # A frame of its own: the text "hello".
            out.write(http.send(switch) + b"\x81\x05hello")
            return False
        kind, text = self.pages.get(path, ("text/plain", ""))
        body = text.encode()
        said = {"Content-Type": kind, "Content-Length": str(len(body)), **self.headers}
        status = 200
        if path in self.moved:
            status, said["Location"] = 302, self.moved[path]
        response = h11.Response(status_code=status, headers=list(said.items()))
        events = [response, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()]
        for event in events:
            out.write(http.send(event) or b"")
        return True


@asynccontextmanager
async def served(site: Site, *hosts: str, port: int = 0) -> AsyncIterator[Site]:
    """Serve a site on one port of all hosts."""
    servers = []
    for host in hosts or ("127.0.0.1",):
        # One after the other: asked for together, each host would get a port of its own.
        servers.append(await asyncio.start_server(site.connected, host, port))
        port = servers[0].sockets[0].getsockname()[1]
    site.port = port
    try:
        yield site
    finally:
        for server in servers:
            server.close()
        tasks = list(site.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
