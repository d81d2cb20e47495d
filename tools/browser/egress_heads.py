"""What the proxy makes of the heads of requests and responses: pure.

The rules that this file keeps:

- what is said between two neighbours (hop-by-hop) is not handed on, and how long a body is, is
  said anew by h11, hence by one rule only: nobody can be led to read one request as two;
- `Host` says where the request is sent, whatever the browser's said.
"""

import html
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import responses
from typing import Final, TypeAlias

import h11

from tools.addresses import AddressRefusedError, host_and_port, parse, split_authority

Headers: TypeAlias = list[tuple[bytes, bytes]]

_OWN: Final = frozenset({b"host", b"content-length"})
"""What `Connection` cannot take away."""

_BETWEEN_NEIGHBOURS: Final = frozenset(
    {
        *(b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
        *(b"expect", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"),
    }
)

_SCHEMES: Final = {"http": 80, "ws": 80}
"""What is asked for without a tunnel."""

_CHUNKED: Final = (b"Transfer-Encoding", b"chunked")
_WEBSOCKET: Final = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
_SWITCHED: Final = 101


class NotForProxyError(Exception):
    """A request is not one to a proxy; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asks of the proxy."""

    host: str
    """In its one form."""
    port: int
    path: bytes
    """With the query; empty for a tunnel."""
    is_websocket: bool = False

    @property
    def is_tunnel(self) -> bool:
        """Whether bytes go through as they are."""
        return not self.path

    @property
    def where(self) -> str:
        """The host and the port, as in an address."""
        return host_and_port(self.host, self.port)


def asked(request: h11.Request) -> Asked:
    """Read what a request asks of the proxy.

    Raises:
        NotForProxyError: it is one to a server, or its body's length is said twice.
        AddressRefusedError: programs may read its address in different ways.
    """
    target = request.target.decode("ascii")
    if request.method == b"CONNECT":
        return Asked(*split_authority(target, None), b"")
    if target.startswith("/") or "://" not in target:
        raise NotForProxyError("This is a proxy of one browser, not a server.")
    names = {name for name, _ in request.headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        raise NotForProxyError("The request says in two ways how long its body is.")
    found = parse(target, _SCHEMES)
    rest = request.target.partition(b"://")[2]
    start = min((at for each in (b"/", b"?", b"#") if (at := rest.find(each)) >= 0), default=None)
    path = b"" if start is None else rest[start:].partition(b"#")[0]
    path = path if path.startswith(b"/") else b"/" + path
    return Asked(found.host, found.port, path, _is_websocket(request))


def to_server(request: h11.Request, to: Asked) -> h11.Request:
    """Give a request as it goes on."""
    where = to.where.removesuffix(":80").encode()
    headers: Headers = [(b"Host", where), *_end_to_end(request, {b"host"})]
    if _is_chunked(request):
        headers.append(_CHUNKED)
    if to.is_websocket:
        headers += _WEBSOCKET
    return h11.Request(method=request.method, target=to.path, headers=headers)


def to_browser(response: h11.Response) -> h11.Response:
    """Give a response as it goes on."""
    without = {b"content-length"} if _is_chunked(response) else set[bytes]()
    return h11.Response(
        status_code=response.status_code,
        headers=_end_to_end(response, without),
        reason=response.reason,
    )


def switched(response: h11.InformationalResponse) -> h11.InformationalResponse:
    """Give the response that turns a connection into a WebSocket, as it goes on."""
    headers = _end_to_end(response, set()) + _WEBSOCKET
    return h11.InformationalResponse(status_code=_SWITCHED, headers=headers, reason=response.reason)


def is_switch(response: h11.InformationalResponse) -> bool:
    """Say whether a response turns a connection into a WebSocket."""
    return response.status_code == _SWITCHED


def page(status: int, text: str) -> tuple[h11.Response, bytes]:
    """Give a response of the proxy's own: a small page that says what happened."""
    title = responses[status]
    body = (
        f"<!doctype html><title>{title}</title><h1>{title}</h1><p>{html.escape(text)}</p>\n"
    ).encode()
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Content-Security-Policy", "default-src 'none'"),
        ("Cache-Control", "no-store"),
    ]
    return h11.Response(status_code=status, headers=headers, reason=title), body


def status_of(error: Exception) -> int:
    """Give the status of the page that tells of an error."""
    if isinstance(error, NotForProxyError):
        return 400
    if isinstance(error, AddressRefusedError):
        return 403
    return 504 if isinstance(error, TimeoutError) else 502


def _end_to_end(
    head: h11.Request | h11.Response | h11.InformationalResponse, also: set[bytes]
) -> Headers:
    listed = _tokens(value for name, value in head.headers if name == b"connection") - _OWN
    dropped = _BETWEEN_NEIGHBOURS | listed | also
    return [(raw, value) for raw, value in head.headers.raw_items() if raw.lower() not in dropped]


def _is_chunked(head: h11.Request | h11.Response) -> bool:
    return any(name == b"transfer-encoding" for name, _ in head.headers)


def _is_websocket(request: h11.Request) -> bool:
    asked_for = _tokens(value for name, value in request.headers if name == b"upgrade")
    return request.method == b"GET" and asked_for == {b"websocket"}


def _tokens(values: Iterable[bytes]) -> frozenset[bytes]:
    return frozenset(each.strip().lower() for value in values for each in value.split(b","))
