"""The server of a recording's pages, asked as a browser asks."""

import asyncio

import pytest

from agent.claude.recording import Recording, RecordingError
from agent.recordings import pages_of
from agent.recordings.serving import PageServer

PAGES = {"index.html": b"<h1>Shop</h1>", "shop.css": b"h1 {}", "shop.js": b"1", "a.bin": b"\0"}


async def asked(server, request):
    """Send bytes; give the head's lines, sorted but for the first, and the body."""
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head.decode().split("\r\n"), body


def get(path, method="GET"):
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/", "text/html", b"<h1>Shop</h1>"),
        ("/index.html?x=1", "text/html", b"<h1>Shop</h1>"),
        ("/shop.css", "text/css", b"h1 {}"),
        ("/shop.js", "text/javascript", b"1"),
        ("/a.bin", "text/plain", b"\0"),
    ],
)
async def test_a_page_is_answered_with_its_type(path, kind, body):
    async with PageServer(PAGES) as server:
        head, found = await asked(server, get(path))
    assert (head, found) == (
        [
            "HTTP/1.1 200 OK",
            f"content-type: {kind}; charset=utf-8",
            f"content-length: {len(body)}",
            "cache-control: no-store",
            "connection: close",
        ],
        body,
    )


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/other.html"), "HTTP/1.1 404 Not Found"),
        (get("/../index.html"), "HTTP/1.1 404 Not Found"),
        (get("/", "POST"), "HTTP/1.1 405 Method Not Allowed"),
    ],
)
async def test_what_is_no_page_is_refused(request_, status):
    async with PageServer(PAGES) as server:
        head, _ = await asked(server, request_)
    assert head[0] == status


@pytest.mark.parametrize("sent", [b"\x16\x03\x01 no HTTP\r\n\r\n", get("/", "HEAD")])
async def test_who_is_no_browser_is_hung_up_on_and_others_are_still_served(sent):
    async with PageServer(PAGES) as server:
        await asked(server, sent)
        _, body = await asked(server, get("/"))
    assert body == b"<h1>Shop</h1>"


async def test_a_connection_that_asks_nothing_ends_with_the_server():
    async with PageServer(PAGES) as server:
        host, port = server.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await asked(server, get("/"))  # so the server knows of the one before
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))
    assert repr(server) == "<PageServer closed, 4 files>"


async def test_an_error_of_the_block_is_raised_as_it_is():
    with pytest.raises(KeyError, match="mine"):
        async with PageServer(PAGES):
            raise KeyError("mine")


def test_pages_that_do_not_ship_are_told():
    with pytest.raises(RecordingError) as caught:
        pages_of(Recording("talk", "A talk", "scripted", "m", "", (), pages="../pages"))
    told = "the recording talk needs the pages '../pages'; those that ship are: small-shop"
    assert str(caught.value) == told
