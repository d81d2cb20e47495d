"""Requests to providers over one client, with their failures in a few words.

The rules that this file keeps: redirects are not followed, since a key would go with them; an
answer has a largest size; no text has an address, a header or what a server wrote in it.
"""

from collections.abc import Callable
from typing import Final

import httpx

from tools.addresses import AddressError
from tools.web.bodies import ACCEPTED, Body, EncodingError
from tools.web.errors import ProviderError, UnreadableError
from tools.web.providers import Request

LARGEST_ANSWER: Final = 4_000_000
"""Bytes, unpacked."""

USER_AGENT: Final = "Mozilla/5.0 (compatible; toolloop)"

_TOO_MANY: Final = 429
_LONGEST_WAIT: Final = 20
"""Characters of a `Retry-After` that are shown."""

_FAILURES: Final[dict[type[Exception], str]] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.PoolTimeout: "no connection in time",
    httpx.TimeoutException: "no answer in time",
    httpx.ConnectError: "it cannot be reached",
    httpx.TransportError: "the connection broke",
    httpx.InvalidURL: "its address cannot be used",
    AddressError: "its host cannot be reached: there is none of that name, or it is refused",
}
"""The first that fits is told."""


class Sender:
    """Sends the requests of all providers; `client` decides what may be reached."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    def __repr__(self) -> str:
        return f"<Sender {'closed' if self._client.is_closed else 'open'}>"

    async def send(self, request: Request) -> bytes:
        """Give the body of a good answer.

        Raises:
            ProviderError: there is none.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED, **request.headers}
        method = "GET" if request.json is None else "POST"
        try:
            async with self._client.stream(
                method,
                request.url,
                params=dict(request.params) or None,
                json=request.json,
                headers=headers,
            ) as response:
                _check(response, request)
                return await _body(response)
        except tuple(_FAILURES) as error:
            raise ProviderError(_told(error)) from error

    async def open_connection(self, origin: str) -> None:
        """Open a connection that later requests use, with a request that costs nothing.

        Raises:
            ProviderError: it cannot be opened.
        """
        try:
            await self._client.head(origin, headers={"User-Agent": USER_AGENT})
        except tuple(_FAILURES) as error:
            raise ProviderError(_told(error)) from error


def _told(error: Exception) -> str:
    return next(text for kind, text in _FAILURES.items() if isinstance(error, kind))


def _check(response: httpx.Response, request: Request) -> None:
    """Refuse what is no good answer."""
    status = response.status_code
    if status == httpx.codes.OK:
        return
    said = request.refusals.get(status) or _meaning(status, response.headers.get)
    raise ProviderError(f"{said} (HTTP {status})")


def _meaning(status: int, header: Callable[[str], str | None]) -> str:
    if status == _TOO_MANY:
        after = header("retry-after") or ""
        # Only a number of seconds is shown: the rest is the server's own words.
        is_told = after.isdecimal() and len(after) <= _LONGEST_WAIT
        return "too many requests" + (f", try again after {after} s" if is_told else "")
    if httpx.codes.is_redirect(status):
        return "it redirects elsewhere, which is not followed"
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return "it refuses us"
    if httpx.codes.is_server_error(status):
        return "it has a failure of its own"
    return "no answer that can be used"


async def _body(response: httpx.Response) -> bytes:
    try:
        body = Body(LARGEST_ANSWER, response.headers.get("content-encoding", ""))
        await body.read(response.aiter_raw())
    except EncodingError as error:
        raise UnreadableError(str(error)) from None
    if body.is_cut:
        raise UnreadableError(f"its answer has more than {LARGEST_ANSWER:,} bytes")
    return body.data
