"""A site of small pages on this machine, served by threads, whatever the test's loop does."""

import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """What a path is answered with."""

    body: str = ""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    is_held: bool = False
    """Whether it is sent without its end, until the browser goes away or the test is over."""
    is_slow: bool = False
    """Whether nothing is sent before the test says so."""
    seconds: float = 0
    """After which it is sent."""
    is_cut: bool = False
    """Whether the connection breaks off before its end."""


PAGES = {
    "/": Answer("<title>Home</title><button onclick='this.textContent=`clicked`'>press</button>"),
    "/other": Answer("<title>Other</title><p>other</p>"),
    "/alert": Answer("<title>Alert</title><script>alert('on load \x1b[31m')</script>"),
    "/ask": Answer(
        "<button onclick='document.title=String(confirm(`sure?`))'>confirm</button>"
        "<a onclick='document.title=String(prompt(`who?`, `me`))'>prompt</a>"
    ),
    "/stay": Answer(
        "<script>onbeforeunload = event => { event.preventDefault(); return 'stay'; }</script>"
        "<button>press</button>"
    ),
    "/opener": Answer(
        "<button onclick='window.open(`/other`)'>open</button>"
        "<a href='/other' target=_blank rel=noopener>link</a>"
    ),
    "/closing": Answer("<button onclick='window.close()'>close</button>"),
    "/moved": Answer(status=302, headers=(("Location", "/other"),)),
    "/gone": Answer("<title>Gone</title>", status=404),
    "/noisy": Answer(
        "<script>console.warn('a warning \x1b'); setTimeout(() => { throw Error('thrown') })"
        "</script><img src='/gone'><img src='http://127.0.0.1:9/unreachable'>"
    ),
    "/covered": Answer(
        "<button>press</button><div id=cover style='position:fixed;inset:0'>cover</div>"
    ),
    "/file": Answer(
        "the text",
        kind="application/octet-stream",
        headers=(("Content-Disposition", "attachment; filename*=UTF-8''..%2Fa%0Ab%E2%80%AE.txt"),),
    ),
}

HELD = "/held"
"""Answered when the test says so."""

WAIT_SECONDS = 20


class Site(ThreadingHTTPServer):
    """Serves `PAGES`; `requests` are the paths that were asked for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str] = []
        self.pages: dict[str, Answer] = {}
        """What a test has put there, beside `PAGES`."""
        self.left: list[bytes] = []
        """Of held requests whose browser went away first."""
        self.arrived = threading.Event()
        """A held request is there."""
        self.release = threading.Event()
        """A held request may be answered."""
        self.connections: set[socket.socket] = set()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def show(self, html: str, **more: Any) -> str:
        """Serve a page of its own; give its URL."""
        path = f"/page-{len(self.pages)}"
        self.pages[path] = Answer(f"<!doctype html>{html}", **more)
        return self.url(path)

    def held_until_gone(self, connection: socket.socket) -> None:
        """Wait until the other side closes."""
        connection.settimeout(WAIT_SECONDS)
        with suppress(OSError):
            self.left.append(connection.recv(1))

    def get_request(self):
        connection, address = super().get_request()
        self.connections.add(connection)
        return connection, address

    def shutdown_request(self, request) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        """A browser that ends leaves its requests."""

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.release.set()
        self.shutdown()
        self.thread.join()
        for connection in tuple(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        known = {**PAGES, **self.server.pages}
        answer = known.get(self.path, Answer(f"<title>{self.path}</title>"))
        if self.path == HELD or answer.is_slow:
            self.server.arrived.set()
            self.server.release.wait(WAIT_SECONDS)
        time.sleep(answer.seconds)
        body = answer.body.encode()
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Type", answer.kind)
        if answer.is_held:
            self.close_connection = True  # its length is not known
        else:
            self.send_header("Content-Length", str(len(body) + answer.is_cut))
        self.end_headers()
        self.wfile.write(body)
        if answer.is_held:
            self.wfile.flush()
            self.server.arrived.set()
            self.server.held_until_gone(self.connection)

    def log_message(self, *what: object) -> None:
        """Not on the terminal."""
