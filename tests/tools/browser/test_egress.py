"""The egress proxy on the wire: what it passes on, what it refuses, and that nothing is left."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from tools.addresses import AddressPolicy, Resolver, UnresolvedError, resolve
from tools.browser.egress import EgressLimits, EgressProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Server:
    """A server that does with each connection what a test says."""

    def __init__(self, play: Play | None) -> None:
        self.play = play or self.answering
        self.connections = 0
        self.received = b""
        self.ended = asyncio.Event()
        self.port = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            await self.play(reader, writer)
        writer.close()
        self.ended.set()

    async def answering(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.received += head
            writer.write(OK)


@asynccontextmanager
async def serving(play: Play | None = None) -> AsyncIterator[Server]:
    found = Server(play)
    server = await asyncio.start_server(found.connected, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    async with server:
        yield found


Told = list[tuple[str, str, str]]


@asynccontextmanager
async def proxied(
    *allowed: str,
    told: Told | None = None,
    limits: EgressLimits | None = None,
    resolver: Resolver = resolve,
) -> AsyncIterator[Streams]:
    """Give a connection to a proxy."""

    def tell(token: str, target: str, why: str) -> None:
        if told is not None:
            told.append((token, target, why))

    policy = AddressPolicy(allowed or ("127.0.0.1/32",))
    async with EgressProxy(policy, tell, limits=limits, resolver=resolver) as proxy:
        port = await proxy.open("one")
        streams = await asyncio.open_connection("127.0.0.1", port.port)
        yield streams
        streams[1].close()


async def response(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Give a response's head, and its body if its length is said."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    body = await reader.readexactly(int(length[0].partition(b":")[2])) if length else b""
    return head, body


def get(server: Server, path: str = "/", *lines: str, host: str = "127.0.0.1") -> bytes:
    head = [f"GET http://{host}:{server.port}{path} HTTP/1.1", "Host: elsewhere", *lines, "", ""]
    return "\r\n".join(head).encode()


async def test_a_request_goes_on_as_one_to_the_server_without_what_was_for_the_proxy():
    async with serving() as server, proxied() as (reader, writer):
        writer.write(
            get(
                server,
                "/a?b=c#d",
                "Proxy-Connection: keep-alive",
                "Proxy-Authorization: Basic eA==",
                "Connection: keep-alive, X-Mine, content-length, host",
                "X-Mine: 1",
                "X-Theirs: 2",
                "TE: trailers",
                "Upgrade: h2c",
            )
        )
        head, body = await response(reader)
    assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 200 OK", b"hello")
    where = f"Host: 127.0.0.1:{server.port}\r\n".encode()
    assert server.received == b"GET /a?b=c HTTP/1.1\r\n" + where + b"X-Theirs: 2\r\n\r\n"


async def test_a_response_comes_without_what_was_for_the_proxy():
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
            b"HTTP/1.1 201 Made\r\nConnection: X-Mine\r\nX-Mine: 1\r\nSet-Cookie: a\r\n"
            b"Keep-Alive: x\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok"
        )

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(get(server))
        told = await response(reader)
    assert told == (
        b"HTTP/1.1 201 Made\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 2\r\n\r\n",
        b"ok",
    )


async def test_a_body_said_in_chunks_by_the_server_whose_length_lies_is_framed_anew():
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;x=y\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"
        )

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(get(server))
        told = await reader.readuntil(b"0\r\n\r\n")
    assert told == b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        "Connection: content-length\r\nContent-Length: 5\r\n\r\nhello",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
async def test_a_request_s_body_goes_on(framing):
    got = asyncio.get_running_loop().create_future()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        got.set_result(await reader.readuntil(b"hello"))
        writer.write(OK)

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(
            f"POST http://127.0.0.1:{server.port}/ HTTP/1.1\r\nHost: x\r\n{framing}".encode()
        )
        _, body = await response(reader)
    assert body == b"hello"
    assert (await got).endswith(b"hello")


async def test_a_response_to_head_has_no_body():
    async with serving() as server, proxied() as (reader, writer):
        server.play = head_only
        writer.write(get(server).replace(b"GET", b"HEAD"))
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(get(server).replace(b"GET", b"HEAD"))
        second = await reader.readuntil(b"\r\n\r\n")
    assert first == second == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


async def head_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(OK.removesuffix(b"hello"))


async def test_requests_to_one_host_share_a_connection_and_another_host_gets_its_own():
    async with serving() as one, serving() as other, proxied() as (reader, writer):
        for server in (one, one, other, one):
            writer.write(get(server))
            assert (await response(reader))[1] == b"hello"
    assert (one.connections, other.connections) == (2, 1)


async def test_a_connection_that_the_server_has_closed_is_not_used_again():
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)

    async with serving(once) as server, serving() as other, proxied() as (reader, writer):
        for _ in range(3):
            writer.write(get(server))
            assert (await response(reader))[1] == b"hello"
            await server.ended.wait()
            server.ended.clear()
            # By the time that another answer is there, the loop has seen the end of this one.
            aside, asking = await asyncio.open_connection("127.0.0.1", other.port)
            asking.write(get(other))
            await response(aside)
            asking.close()
    assert server.connections == 3


async def test_a_name_is_looked_up_anew_for_each_connection_and_never_in_between():
    looked_up: list[str] = []

    async def names(host: str, port: int) -> tuple[str, ...]:
        del port
        looked_up.append(host)
        return ("127.0.0.1",) if len(looked_up) == 1 else ("127.0.0.2",)

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK.replace(b"OK", b"OK\r\nConnection: close"))

    told: Told = []
    async with serving(once) as server, proxied(told=told, resolver=names) as (reader, writer):
        writer.write(get(server, host="a.test"))
        assert (await response(reader))[1] == b"hello"
        writer.write(get(server, host="a.test"))
        head, _ = await response(reader)
    assert head.startswith(b"HTTP/1.1 403 Forbidden")
    assert (server.connections, looked_up) == (1, ["a.test", "a.test"])
    assert [each[:2] for each in told] == [("one", f"a.test:{server.port}")]


async def test_a_refusal_is_a_page_that_says_why_and_is_told():
    told: Told = []
    async with serving() as server, proxied("a.test", told=told) as (reader, writer):
        writer.write(get(server))
        head, body = await response(reader)
        writer.write(get(server))
        again, _ = await response(reader)
    where = f"127.0.0.1:{server.port}"
    why = AddressPolicy().refusal("127.0.0.1", "127.0.0.1", server.port)
    assert head.startswith(b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\n")
    assert b"<h1>Forbidden</h1><p>" + f"{where} is refused: it is this machine".encode() in body
    assert b"&quot;" in body
    assert told == [("one", where, why)] * 2
    assert (server.connections, head) == (0, again)


async def test_a_tunnel_is_refused_and_told_too():
    told: Told = []
    async with serving() as server, proxied("a.test", told=told) as (reader, writer):
        writer.write(f"CONNECT localhost:{server.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _ = await response(reader)
    assert head.startswith(b"HTTP/1.1 403 Forbidden")
    assert (server.connections, [each[1] for each in told]) == (0, [f"localhost:{server.port}"])


@pytest.mark.parametrize(
    ("request_line", "lines", "status"),
    [
        ("GET / HTTP/1.1", "", 400),
        ("OPTIONS * HTTP/1.1", "", 400),
        ("GET ftp://a.test/ HTTP/1.1", "", 403),
        ("GET https://a.test/ HTTP/1.1", "", 403),
        ("GET http://user@a.test/ HTTP/1.1", "", 403),
        ("GET http://a.test:22/ HTTP/1.1", "", 403),
        ("GET http://a\\@b.test/ HTTP/1.1", "", 403),
        ("CONNECT a.test HTTP/1.1", "", 403),
        ("CONNECT a.test:0 HTTP/1.1", "", 403),
        ("CONNECT a.test:25 HTTP/1.1", "", 403),
        ("CONNECT http://a.test/ HTTP/1.1", "", 403),
        ("GET http://a.test/ HTTP/1.1", "Host: b\r\n", 400),
        ("POST http://a.test/ HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n", 400),
        ("POST http://a.test/ HTTP/1.1", "Content-Length: -1\r\n", 400),
        (
            "POST http://a.test/ HTTP/1.1",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            400,
        ),
        ("POST http://a.test/ HTTP/1.1", "Transfer-Encoding: xchunked\r\n", 501),
        ("POST http://a.test/ HTTP/1.1", "Transfer-Encoding: chunked, chunked\r\n", 501),
        ("GET http://a.test/ HTTP/1.1", "Space : x\r\n", 400),
        ("GET  http://a.test/ HTTP/1.1", "", 400),
        ("\x16\x03\x01", "", 400),
    ],
)
async def test_what_is_no_request_to_a_proxy_goes_nowhere(request_line, lines, status):
    async def nowhere(host: str, port: int) -> tuple[str, ...]:
        raise AssertionError(f"looked up {host}:{port}")

    async with proxied(resolver=nowhere) as (reader, writer):
        writer.write(f"{request_line}\r\nHost: x\r\n{lines}\r\n".encode("latin-1"))
        writer.write_eof()
        head, _ = await response(reader)
    assert int(head.split()[1]) == status


async def test_a_head_that_is_too_long_is_refused():
    async with serving() as server, proxied(limits=EgressLimits(head=1000)) as (reader, writer):
        writer.write(get(server, "/", f"X-Long: {'x' * 2000}").removesuffix(b"\r\n"))
        head, _ = await response(reader)
    assert head.startswith(b"HTTP/1.1 431 ")
    assert server.connections == 0


async def test_a_name_without_an_address_is_a_bad_gateway_and_no_refusal():
    async def none(host: str, port: int) -> tuple[str, ...]:
        raise UnresolvedError(f"There is no host {host}:{port}.")

    told: Told = []
    async with proxied(told=told, resolver=none) as (reader, writer):
        writer.write(b"GET http://nothing.test/ HTTP/1.1\r\nHost: x\r\n\r\n")
        head, body = await response(reader)
    assert head.startswith(b"HTTP/1.1 502 Bad Gateway")
    assert b"There is no host nothing.test:80." in body
    assert told == []


async def test_the_next_address_is_tried_and_a_host_where_nobody_listens_is_a_bad_gateway():
    async def two(host: str, port: int) -> tuple[str, ...]:
        del port
        return ("127.0.0.2", "127.0.0.1") if host == "two.test" else ("127.0.0.2",)

    async with serving() as server, proxied("127.0.0.0/8", resolver=two) as (reader, writer):
        writer.write(get(server, host="two.test"))
        assert (await response(reader))[1] == b"hello"
        writer.write(get(server, host="none.test"))
        head, body = await response(reader)
    assert head.startswith(b"HTTP/1.1 502 Bad Gateway")
    assert b"cannot be connected to" in body


async def test_a_host_that_takes_no_connection_in_time_is_a_gateway_timeout():
    with socket.socket() as full, socket.socket() as one, socket.socket() as two:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (one, two):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        port = full.getsockname()[1]
        async with proxied(limits=EgressLimits(connect=0.05)) as (reader, writer):
            writer.write(f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head, body = await response(reader)
    assert head.startswith(b"HTTP/1.1 504 Gateway Timeout")
    assert f"127.0.0.1:{port} does not answer.".encode() in body


@pytest.mark.parametrize(
    ("said", "status"), [(b"", b"502"), (b"SSH-2.0-x\r\n\r\n", b"502"), (None, b"504")]
)
async def test_a_server_that_gives_no_answer_is_told(said, status):
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if said is None:
            await reader.read()
        else:
            writer.write(said)

    async with serving(play) as server, proxied(limits=EgressLimits(idle=0.2)) as (reader, writer):
        writer.write(get(server))
        head, _ = await response(reader)
    assert head.split()[1] == status


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 9\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n5\r\n"]
)
async def test_a_response_that_breaks_off_never_looks_whole(framing):
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"half")

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(get(server))
        await reader.readuntil(b"half")
        with suppress(OSError):
            assert await reader.read() in {b"", b"\r\n"}  # no last chunk


async def test_an_answer_before_the_end_of_an_upload_arrives():
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK.replace(b"200 OK", b"413 Big"))

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(
            get(server, "/", "Content-Length: 99999999").replace(b"GET", b"POST") + b"x" * 99999
        )
        head, body = await response(reader)
    assert (head.split()[1], body) == (b"413", b"hello")


async def test_a_tunnel_carries_bytes_both_ways_and_each_side_ends_for_itself():
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"first\n")
        writer.write(b"all: " + await reader.read())

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\nHost: x\r\n\r\nearly ".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        first = await reader.readline()
        writer.write(b"late")
        writer.write_eof()
        rest = await reader.read()
    assert (head.split()[1], first, rest) == (b"200", b"first\n", b"all: early late")


async def test_a_tunnel_in_which_nothing_comes_is_closed():
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        await reader.read()

    limits = EgressLimits(idle=0.05)
    async with serving(play) as server, proxied(limits=limits) as (reader, writer):
        writer.write(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        with suppress(OSError):
            assert await reader.read() == b""
        await server.ended.wait()


@pytest.mark.parametrize("answer", [b"101 Switching", b"426 No"])
async def test_a_websocket_is_asked_for_without_a_tunnel_too(answer):
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.received = await reader.readuntil(b"\r\n\r\n")
        if answer.startswith(b"426"):
            writer.write(OK.replace(b"200 OK", answer))
            return
        writer.write(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(b"Sec-WebSocket-Accept: x\r\n\r\nframe ")
        writer.write(await reader.readexactly(4))

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(get(server, "/s", "Connection: Upgrade", "Upgrade: websocket"))
        head = await reader.readuntil(b"\r\n\r\n")
        if answer.startswith(b"101"):
            writer.write(b"echo")
            assert await reader.readexactly(10) == b"frame echo"
    assert head.startswith(b"HTTP/1.1 " + answer)
    assert b"Connection: Upgrade\r\nUpgrade: websocket\r\n" in server.received


async def test_a_slow_browser_slows_the_server_down():
    held_up = asyncio.Event()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        sent = 0
        while sent < 256:
            writer.write(b"x" * 2**20)
            sent += 1
            task = asyncio.ensure_future(writer.drain())
            done, _ = await asyncio.wait({task}, timeout=0.5)
            if not done:
                held_up.set()
                await task
        writer.write(b"end")

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(get(server))
        await held_up.wait()
        last = b""
        while data := await reader.read(2**20):
            last = (last + data)[-20:]
            if last.endswith(b"0\r\n\r\n"):
                break
    assert b"end" in last


async def test_what_a_browser_asked_for_ends_when_the_browser_goes_away():
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await reader.read()

    async with serving(play) as server, proxied() as (reader, writer):
        writer.write(get(server))
        await reader.readuntil(b"data: 1\n\n")
        writer.close()
        await server.ended.wait()


async def test_one_connection_too_many_is_closed_at_once():
    async with serving() as server:
        limits = EgressLimits(connections=1)
        async with EgressProxy(AddressPolicy(("127.0.0.1",)), print, limits=limits) as proxy:
            port = await proxy.open("one")
            reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
            writer.write(get(server))
            await response(reader)
            other, closing = await asyncio.open_connection("127.0.0.1", port.port)
            with suppress(OSError):
                assert await other.read() == b""
            writer.write(get(server))
            assert (await response(reader))[1] == b"hello"
            assert repr(proxy) == "<EgressProxy 1 ports, 1 connections>"
            writer.close()
            closing.close()


async def test_nothing_is_left_when_a_port_is_closed_in_the_middle_of_everything():
    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await reader.read()

    async with (
        serving(play) as server,
        EgressProxy(AddressPolicy(("127.0.0.1",)), print) as proxy,
    ):
        before = asyncio.all_tasks()
        port = await proxy.open("one")
        streams = [await asyncio.open_connection("127.0.0.1", port.port) for _ in range(3)]
        streams[0][1].write(get(server))
        streams[1][1].write(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await streams[0][0].readuntil(b"half")
        await streams[1][0].readuntil(b"half")
        await proxy.close(port)
        assert repr(proxy) == "<EgressProxy 0 ports, 0 connections>"
        for reader, writer in streams:
            with suppress(OSError):
                assert await reader.read() in {b"", b"\r\n"}
            writer.close()
        await server.ended.wait()
        with pytest.raises(OSError, match=r"."):
            await asyncio.open_connection("127.0.0.1", port.port)
        left = {each for each in asyncio.all_tasks() - before if not each.done()}
        assert [each for each in left if "egress" in repr(each)] == []


async def test_a_bug_in_one_connection_ends_that_one_only_and_is_logged(caplog):
    def broken(*_: str) -> None:
        raise LookupError("a bug")

    async with serving() as server, EgressProxy(AddressPolicy(("localhost",)), broken) as proxy:
        port = await proxy.open("one")
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        other, sending = await asyncio.open_connection("127.0.0.1", port.port)
        with caplog.at_level(logging.ERROR):
            writer.write(get(server))
            with suppress(OSError):
                assert await reader.read() == b""
        sending.write(get(server, host="localhost"))
        assert (await response(other))[1] == b"hello"
        writer.close()
        sending.close()
    assert "LookupError: a bug" in caplog.text
