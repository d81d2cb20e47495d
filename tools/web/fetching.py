"""Getting what is at an address: pure HTTP, without reading it.

The rules that this file keeps:

- every address on the way is parsed and checked as the first one is; no more than five redirects,
  and none to another host: who allowed a host has not allowed where it leads;
- whatever the server does, this ends within the time limit and holds no more than the size limit;
  what has arrived by then is given, with a note that it is not all;
- what is no text is refused before its body is read.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from tools.addresses import WEB, Target, parse
from tools.errors import ToolError
from tools.web.bodies import ACCEPTED, Body, EncodingError
from tools.web.media import MediaType, media_type
from tools.web.sending import USER_AGENT
from tools.web.visible import one_line

MOST_REDIRECTS: Final = 5

_HEADERS: Final = {
    "User-Agent": USER_AGENT,
    "Accept": "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.1",
    "Accept-Encoding": ACCEPTED,
}

_SHOWN: Final = 300
"""Characters of an address that a text shows."""

_DIGITS: Final = 16
"""Of a length that could be one."""

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_HINTS: Final = {
    401: "It needs a login.",
    402: "It wants to be paid.",
    403: "It refuses programs, or needs a login; a browser may be let in.",
    404: "Check the address, or search for the page.",
    410: "It is gone for good; search for another.",
    429: "It was asked too often; try later, or another source.",
}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long fetching may take, in seconds, and how much is read, in bytes."""

    seconds: float = 20.0
    size: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came from an address."""

    url: str
    """Where it came from in the end."""
    media: MediaType
    body: bytes
    notes: tuple[str, ...] = ()
    """What the body alone does not show."""


async def fetch(client: httpx.AsyncClient, url: str, limits: FetchLimits) -> Fetched:
    """Get what is at an address.

    Raises:
        ToolError: it may not be reached, does not answer, or is no text; the text says which.
    """
    end = asyncio.get_running_loop().time() + limits.seconds
    with _failures_told(url, limits):
        async with asyncio.timeout_at(end):
            response = await _followed(client, url)
    try:
        media = media_type(response.headers.get("content-type", ""))
        _check(response, media)
        body = _body_of(response, limits)
        cut = await _read(body, response, end, limits)
    finally:
        await response.aclose()
    final = str(response.url)
    return Fetched(final, media, body.data, (*_way(url, final), *cut))


async def _followed(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """Give the head of the response that the redirects lead to; its body is to be read."""
    asked = parse(url)
    for _ in range(MOST_REDIRECTS + 1):
        request = client.build_request("GET", url, headers=_HEADERS)
        response = await client.send(request, stream=True)
        following = response.next_request
        if response.status_code not in _REDIRECTS or following is None:
            return response
        await response.aclose()
        before, url = url, str(following.url)
        if not _is_same_site(asked, parse(url)):
            raise ToolError(
                f"{_named(before)} redirects to another host, which was not asked: fetch "
                f"{_named(url)} if that is what you want."
            )
    raise ToolError(
        f"{_named(url)} was reached after {MOST_REDIRECTS} redirects and redirects again: they may "
        "go round in a circle. Fetch another address."
    )


@contextmanager
def _failures_told(url: str, limits: FetchLimits) -> Iterator[None]:
    """Say why there is no response."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        why = f"gave no answer within {limits.seconds:g} s. Try again later, or another source."
    except httpx.ConnectError as error:
        why = _not_connected(error)
    except httpx.TransportError:
        why = "broke the connection, or does not speak HTTP. Try again later, or another source."
    except httpx.InvalidURL:
        why = "is no address that can be used, or redirects to one. Check it."
    else:
        return
    raise ToolError(f"{_named(url)} {why}")


def _not_connected(error: httpx.ConnectError) -> str:
    if "certificate" in str(error).lower():
        return "has no certificate that can be trusted, so it is not read. Use another source."
    return "cannot be connected to. Check host and port, try again later, or use another source."


def _check(response: httpx.Response, media: MediaType) -> None:
    """Refuse an error, and what is no text."""
    status, where = response.status_code, _named(str(response.url))
    if status != httpx.codes.OK:
        phrase = httpx.codes.get_reason_phrase(status)
        said = f"HTTP {status} ({phrase})" if phrase else f"HTTP {status}"
        hint = _HINTS.get(status, "Try again later, or another source.")
        raise ToolError(f"{where} answered {said}. {hint}")
    if not media.is_text:
        raise ToolError(f"{where} {not_text(media, response.headers.get('content-length', ''))}")


def not_text(media: MediaType, length: str) -> str:
    """Say that something cannot be read, and what could be done."""
    size = f" of {int(length):,} bytes" if length.isdecimal() and len(length) < _DIGITS else ""
    return (
        f"is {media.name}{size}, which web_fetch does not read: it reads HTML, plain text, JSON "
        "and XML. Get the file with a shell command, and use a program that knows its format."
    )


def _body_of(response: httpx.Response, limits: FetchLimits) -> Body:
    try:
        return Body(limits.size, response.headers.get("content-encoding", ""))
    except EncodingError as error:
        raise ToolError(f"{_named(str(response.url))} cannot be read: {error}.") from None


async def _read(
    body: Body, response: httpx.Response, end: float, limits: FetchLimits
) -> tuple[str, ...]:
    """Read a body; give notes about what of it is missing."""
    where = _named(str(response.url))
    try:
        async with asyncio.timeout_at(end):
            await body.read(response.aiter_raw())
    except EncodingError as error:
        raise ToolError(f"{where} cannot be read: {error}.") from None
    except TimeoutError:
        why = f"it was still coming after {limits.seconds:g} s"
    except httpx.TransportError:
        why = "the connection broke before its end"
    else:
        why = f"of it, the first {limits.size:,} bytes were read" if body.is_cut else ""
    if why and not body.data:
        raise ToolError(f"{where} gave nothing: {why}. Try again later, or another source.")
    return (f"this is not all of the page: {why}",) if why else ()


def _is_same_site(asked: Target, other: Target) -> bool:
    """Say whether a redirect stays with who was asked; to HTTPS and from or to `www.` it does."""
    same_host = asked.host.removeprefix("www.") == other.host.removeprefix("www.")
    usual = set(WEB.values())
    return same_host and (asked.port == other.port or {asked.port, other.port} <= usual)


def _way(asked: str, final: str) -> tuple[str, ...]:
    """Tell of redirects."""
    is_elsewhere = httpx.URL(asked) != httpx.URL(final)
    return (f"{_named(asked)} redirects here",) if is_elsewhere else ()


def _named(url: str) -> str:
    """Give an address as a text shows it."""
    return one_line(url, _SHOWN)
