"""The SDK, built and translated: the one place that knows its classes.

Everything here is called off the main path or after it was imported there; `anthropic` takes most
of a second to import, so no module imports it at its top.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from agent.claude.profile import Profile
from agent.claude.sse import NotAnEventError
from agent.errors import ApiError, ConfigurationError, ConnectionFailedError, StreamBrokenError

if TYPE_CHECKING:
    import anthropic
    import httpx2

UNUSED_KEY = "unused"
"""For servers that want none, since the SDK does."""

WARMING = b'{"model":"none","max_tokens":1,"messages":[],"stream":true}'


def build(
    base_url: str | None, api_key: str | None, server: Profile, connect: float, keep_alive: float
) -> "Sender":
    """Import the SDK and make a client; takes most of a second, so it belongs in a thread.

    Raises:
        ConfigurationError: the credentials that were found contradict each other.
    """
    import anthropic  # noqa: PLC0415  (slow)
    import httpx2  # noqa: PLC0415  (slow)

    key = api_key
    if key is None and not server.needs_key and not os.environ.get("ANTHROPIC_AUTH_TOKEN"):
        key = os.environ.get("ANTHROPIC_API_KEY") or UNUSED_KEY
    transport = anthropic.DefaultAsyncHttpxClient(
        limits=httpx2.Limits(
            max_connections=1000, max_keepalive_connections=100, keepalive_expiry=keep_alive
        ),
        timeout=httpx2.Timeout(None, connect=connect),
    )
    try:
        client = anthropic.AsyncAnthropic(
            api_key=key, base_url=base_url, max_retries=0, http_client=transport
        )
    except (ValueError, anthropic.AnthropicError) as error:
        raise ConfigurationError(f"the credentials cannot be used: {error}") from error
    asyncio.run(_first_use())
    return Sender(client, transport)


async def _first_use() -> None:
    """Send a request that goes nowhere, so that the first real one finds all paths used."""
    import anthropic  # noqa: PLC0415  (slow)
    import httpx2  # noqa: PLC0415  (slow)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=b"", headers={"content-type": "text/event-stream"})

    transport = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with anthropic.AsyncAnthropic(
        api_key=UNUSED_KEY, base_url="http://127.0.0.1", max_retries=0, http_client=transport
    ) as client:
        response = await Sender(client, transport).post(WARMING, ())
        await response.aclose()


class Sender:
    """Sends requests of ready bytes through the SDK's transport, with its credentials and headers.

    The SDK makes each request anew, which costs a sixth of a turn. Where nothing of a request
    changes but its body, the first one's headers serve for the others: not where credentials are
    fetched and expire, nor where requests are traced.
    """

    def __init__(self, client: "anthropic.AsyncAnthropic", transport: "httpx2.AsyncClient") -> None:
        self.client = client
        self.transport = transport
        self._made: dict[tuple[str, ...], httpx2.Request] = {}

    def __repr__(self) -> str:
        return f"<Sender to {self.client.base_url}>"

    @property
    def has_key(self) -> bool:
        """Whether there is anything to sign requests with."""
        client = self.client
        return any(
            each is not None for each in (client.api_key, client.auth_token, client.credentials)
        )

    async def post(self, body: bytes, betas: tuple[str, ...]) -> "httpx2.Response":
        """Send a request; give its response once the headers are there.

        Raises:
            Exception: the SDK's and the transport's own; see `translated`.
        """
        made = self._made.get(betas)
        if made is not None:
            return await self._post_alike(made, body)
        response = await self._post_anew(body, betas)
        if self._are_alike(response.request):
            self._made[betas] = response.request
        return response

    async def _post_anew(self, body: bytes, betas: tuple[str, ...]) -> "httpx2.Response":
        from anthropic import AsyncStream  # noqa: PLC0415  (slow)

        headers = {"content-type": "application/json"}
        if betas:
            headers["anthropic-beta"] = ",".join(betas)
        stream = await self.client.post(
            "/v1/messages?beta=true" if betas else "/v1/messages",
            content=body,
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
            options={"headers": headers},
        )
        return stream.response

    async def _post_alike(self, made: "httpx2.Request", body: bytes) -> "httpx2.Response":
        import httpx2  # noqa: PLC0415  (imported by `build`)

        headers = made.headers.copy()
        headers["content-length"] = str(len(body))
        request = httpx2.Request("POST", made.url, headers=headers, content=body)
        response = await self.transport.send(request, stream=True)
        if response.is_error:
            raise await _status_error(response)
        return response

    def _are_alike(self, request: "httpx2.Request") -> bool:
        is_traced = "opentelemetry.sdk" in sys.modules or "traceparent" in request.headers
        is_marked = "idempotency-key" in request.headers
        return self.client.credentials is None and not is_traced and not is_marked


async def _status_error(response: "httpx2.Response") -> "anthropic.APIStatusError":
    import anthropic  # noqa: PLC0415  (imported by `build`)

    await response.aread()
    try:
        body = response.json()
    except ValueError:
        body = response.text
    return anthropic.APIStatusError(
        f"Error code: {response.status_code} - {body}", response=response, body=body
    )


@contextmanager
def translated(seconds: float) -> Iterator[None]:
    """Turn what goes wrong before a reply into our errors."""
    import anthropic  # noqa: PLC0415  (imported by `build`)
    import httpx2  # noqa: PLC0415  (imported by `build`)

    try:
        yield
    except anthropic.APIStatusError as error:
        raise _api_error(error) from error
    except TimeoutError as error:
        raise ConnectionFailedError(f"no answer from the server in {seconds:g} s") from error
    except (anthropic.APIConnectionError, httpx2.TransportError) as error:
        reason = error.__cause__ or error
        raise ConnectionFailedError(f"the server could not be reached: {_told(reason)}") from error
    except anthropic.AnthropicError as error:
        raise ConfigurationError(f"the SDK refused the request: {error}") from error


def pieces(response: "httpx2.Response") -> AsyncIterator[bytes]:
    """Give a response's body as it comes; past the layers that decode, when nothing is encoded."""
    if "content-encoding" in response.headers:
        return response.aiter_bytes()
    return aiter(cast("AsyncIterable[bytes]", response.stream))


def in_stream(error: Exception) -> Exception:
    """Turn what goes wrong in the middle of a reply into our one class for it."""
    import httpx2  # noqa: PLC0415  (imported by `build`)

    if isinstance(error, httpx2.TransportError | httpx2.DecodingError):
        return StreamBrokenError(f"the connection broke: {_told(error)}")
    if isinstance(error, NotAnEventError):
        return StreamBrokenError(str(error))
    return error


def _api_error(error: "anthropic.APIStatusError") -> ApiError:
    headers = error.response.headers
    told = {"true": True, "false": False}.get(headers.get("x-should-retry", ""))
    return ApiError(
        error.api_message or error.message,
        status=error.status_code,
        type=error.type or "",
        code=error.error_code or "",
        retry_after=_seconds(headers),
        should_retry=told,
        request_id=error.request_id or "",
    )


def _seconds(headers: "httpx2.Headers") -> float | None:
    """Read how long the server asks to wait."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            return float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
    return None


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
