"""HTTP that goes only where a policy allows, for `httpx.AsyncClient(transport=...)`.

The addresses of a host are checked where the connection is made, and the connection is made to an
address that was checked. So a redirect is checked as the first request is, a name cannot have
another address by then, and the host's name still is what TLS verifies and what `Host` says.
Proxies of the environment are not used: they would connect to whatever they are told.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, cast

import httpcore
import httpx

from tools.addresses import AddressPolicy, Resolver, checked, resolve

_CONNECT_LIMIT: Final = 10.0
"""Seconds for which all addresses of a host are tried, where the request says nothing."""


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Makes connections, to checked addresses only.

    A refused one raises `AddressRefusedError`, which reaches the caller as it is.
    """

    def __init__(self, policy: AddressPolicy, resolver: Resolver = resolve) -> None:
        self._policy = policy
        self._resolver = resolver
        self._inner = httpcore.AnyIOBackend()

    def __repr__(self) -> str:
        return f"<CheckedBackend {self._policy}>"

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (httpcore's own signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; each has its share of the time.

        Raises:
            AddressRefusedError: the policy refuses an address of the host.
            UnresolvedError: the host has none.
            httpcore.ConnectError: none can be connected to; ConnectTimeout: none in time.
        """
        addresses = await checked(host, port, self._policy, self._resolver)
        loop = asyncio.get_running_loop()
        end = loop.time() + (_CONNECT_LIMIT if timeout is None else timeout)
        options = None if socket_options is None else list(socket_options)
        for left in range(len(addresses), 0, -1):
            share = max(end - loop.time(), 0) / left
            try:
                return await self._inner.connect_tcp(
                    addresses[-left], port, share, local_address, options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("a checked host has an address")

    async def sleep(self, seconds: float) -> None:
        """Wait, between attempts."""
        await self._inner.sleep(seconds)


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections to checked addresses."""

    def __init__(self, policy: AddressPolicy, resolver: Resolver = resolve) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=None,  # how many at a time is the lane's business
            max_keepalive_connections=50,
            keepalive_expiry=300.0,
            ssl_context=httpx.create_ssl_context(trust_env=False),
            network_backend=CheckedBackend(policy, resolver),
        )

    def __repr__(self) -> str:
        return f"<CheckedTransport {self._pool!r}>"

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and give the head of its response.

        Raises:
            AddressRefusedError: the policy refuses an address of the host.
            UnresolvedError: the host has none.
            httpx.TransportError: as any transport.
        """
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        sent = httpcore.Request(
            request.method,
            url,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = await self._pool.handle_async_request(sent)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """The body of a response."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx():
            async for piece in cast("AsyncIterator[bytes]", self._answer.stream):
                yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise httpcore's errors as httpx's, which have the same names."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise _named(error)(str(error)) from error
    except (httpcore.UnsupportedProtocol, httpcore.ProxyError) as error:
        raise _named(error)(str(error)) from error


def _named(error: Exception) -> type[httpx.TransportError]:
    return cast("type[httpx.TransportError]", getattr(httpx, type(error).__name__))
